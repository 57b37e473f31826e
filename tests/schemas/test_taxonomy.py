"""The loader promises: what it lets through has a reason to be there, and what it refuses is named."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import yaml

from schemas.bounds import Bounded, Bounds
from schemas.config import parse
from schemas.matchers import plain
from schemas.questions import Terms
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy, example, load, observable

CATEGORIES = {
    "AVL": 8, "PRF": 3, "FMT": 6, "GRD": 4, "RTV": 4, "TSK": 4, "TOL": 6, "AGT": 4, "SAF": 6, "SEC": 4, "CAL": 2,
}  # fmt: skip
"""Modes of each of the eleven categories: the 49 of the design, `TSK.NON_ANSWER` and `TOL.UNSAFE_SQL`."""


def mode(**changes: Any) -> dict[str, Any]:
    """Make a mode that loads; each test breaks one thing of it."""
    return {
        "id": "X.BUSY", "words": "busy", "severity": "sev-3", "tier": "T0", "counts": "failure",
        "rules": [{"http_status": {"one_of": [429]}}],
        "examples": {"takes": [{"http_status": 429}], "leaves": [{"http_status": 200}]},
    } | changes  # fmt: skip


def text(*modes: dict[str, Any], **aliases: list[str]) -> str:
    return yaml.safe_dump({"aliases": aliases, "modes": list(modes)})


def refusal(*modes: dict[str, Any], **aliases: list[str]) -> str:
    with pytest.raises(ConfigError) as refused:
        load(text(*modes, **aliases))
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_the_shipped_taxonomy_has_all_modes_by_category_and_the_unknown_last() -> None:
    *ids, last = (mode.id for mode in Taxonomy.load_default().modes)
    assert Counter(one.partition(".")[0] for one in ids) == CATEGORIES
    assert list(dict.fromkeys(one.partition(".")[0] for one in ids)) == list(CATEGORIES)
    assert last == "UNK.UNCLASSIFIED"


def test_what_cannot_be_seen_yet_says_why() -> None:
    assert [mode.id for mode in Taxonomy.load_default().modes if not mode.observable] == []


def test_an_unknown_mode_has_no_severity() -> None:
    with pytest.raises(KeyError, match=r"AVL\.NOTHING"):
        Taxonomy.load_default().severity_of("AVL.NOTHING")


def test_the_mode_that_the_tests_break_is_whole() -> None:
    assert len(load(text(mode())).rules) == 1


BROKEN: list[tuple[dict[str, Any], list[str]]] = [
    ({"rules": [{"http_statu": {"one_of": [429]}}]}, ["no field `http_statu`", "rules[0].http_statu", "http_status"]),
    ({"rules": [{"http_status": {"oneof": [429]}}]}, ["unknown key `oneof`", "modes[0].rules[0]", "one_of", "regex"]),
    ({"rules": [{"http_status": {}}]}, ["expected one matcher, got none", "modes[0].rules[0].http_status", "one_of"]),
    ({"rules": [{"retries": {"at_least": 1, "absent": False}}]}, ["at_least and absent"]),
    ({"rules": [{"http_status": {"one_of": []}}]}, ["at least one value"]),
    ({"rules": [{"http_status": {"one_of": [429, "503"]}}]}, ["'503'", "modes[0].rules[0].http_status"]),
    ({"rules": [{"status": {"one_of": ["eror"]}}]}, ["'eror'", "`status`"]),
    ({"rules": [{"error_type": {"at_least": 3}}]}, ["`error_type`"]),
    ({"rules": [{"retries": {"at_least": 3, "at_most": 2}}]}, ["at_least 3 lies above at_most 2"]),
    ({"rules": [{"retries": {"regex": "x"}}]}, ["`retries`"]),
    ({"rules": [{"route": {"regex": "("}}]}, ["no regular expression", "rules[0].route.regex"]),
    ({"rules": [{"error_type": {"alias": "bussy"}}]}, ["no alias `bussy`", "aliases: busy"]),
    ({"rules": [{"latency_ms": {"at_least_field": "deadline"}}]}, ["no field `deadline`", "deadline_ms"]),
    ({"rules": [{"latency_ms": {"at_least_field": "route"}}]}, ["`route`", "rules[0].latency_ms"]),
    ({"rules": [{"language": {"other_language_than": "turn"}}]}, ["`turn`", "rules[0].language"]),
    ({"rules": [{"retrieval.m": {"at_least": 1}}]}, ["no field `retrieval.m`", "retrieval.n", "attributes.NAME"]),
    ({"rules": [{"outcome.corect": {"one_of": [False]}}]}, ["no field `outcome.corect`", "outcome.correct"]),
    ({"rules": [{"tools": {"any": {"okay": {"one_of": [False]}}}}]}, ["no field `okay`", "rules[0].tools.any.okay"]),
    ({"rules": [{"tools": {"any": {"error": {"absent": True}}}}]}, ["at least one field must be needed", "tools.any"]),
    ({"rules": [{"tools": {"any": {}}}]}, ["at least one field must be needed"]),
    ({"rules": [{"tools": {"any": {"ok": {"one_of": [False]}}, "times": 0}}]}, ["at least 1, got 0", "tools.times"]),
    ({"rules": [{"tools": {"times": 2}}]}, ["expected one matcher, got times"]),
    ({"rules": [{"steps": {"any": {"ok": {"one_of": [False]}}}}]}, ["`steps` cannot be asked `any`", "tools"]),
    ({"rules": [{"evals": {"repeats": 3}}]}, ["`evals` cannot be asked `repeats`", "that is for: tools"]),
    ({"rules": [{"tools": {"repeats": 1}}]}, ["at least 2, got 1"]),
    ({"rules": [{"input_tokens": {"over_budget": True}}]}, ["`input_tokens` cannot be asked `over_budget`", "steps"]),
    ({"rules": [{"latency_ms": {"under_budget": True}}]}, ["cannot be asked `under_budget`", "retrieval.top_score"]),
    ({"rules": [{"latency_ms": {"over_budget": False}}]}, ["expected true", "latency_ms.over_budget"]),
    ({"rules": [{"sql": {"unsafe": ["dll"]}}]}, ["no statement is `dll`", "ddl"]),
    ({"rules": [{"route": {"unsafe": ["ddl"]}}]}, ["`route` cannot be asked `unsafe`"]),
    ({"rules": [{"evals": {"any": {"name": {"alias": "bussy"}}}}]}, ["no alias `bussy`", "evals.any.name"]),
    ({"rules": [{"cost_usd": {"at_least": 1, "above": 1}}]}, ["the same end of a range"]),
    ({"rules": [{"cost_usd": {"at_least": 1, "below": 1}}]}, ["leaves nothing below"]),
    ({"rules": [{"http_status": {"one_of": [1]}, "outcome.correct": {"one_of": [True]}}]},
     ["over an exchange or over an outcome", "modes[0].rules[0]"]),
    ({"evidence": ["htp_status"]}, ["nothing can carry `htp_status`", "modes[0].evidence[0]", "http_status"]),
    ({"examples": {"takes": [{"outcome": {"corect": False}}], "leaves": [{}]}}, ["no field `corect`", "takes[0]"]),
    ({"examples": {"takes": [{"outcome": {}, "status": "ok"}], "leaves": [{}]}}, ["`status`", "beside an outcome"]),
    ({"examples": {"takes": [{"http_status": 429, "bounds": {"stepps": 1}}], "leaves": [{}]}}, ["stepps", "bounds"]),
    ({"rules": [{"finish_reason": {"absent": True}}]}, ["must need at least one field", "modes[0].rules[0]"]),
    ({"rules": [{}]}, ["must need at least one field", "modes[0].rules[0]"]),
    ({"rules": []}, ["needs at least one", "modes[0].rules"]),
    ({"examples": {"takes": [], "leaves": [{}]}}, ["needs at least one", "examples.takes"]),
    ({"examples": {"takes": [{"http_status": 429}]}}, ["needs at least one", "examples.leaves"]),
    ({"examples": {"takes": [{"http_status": 500}], "leaves": [{}]}}, ["no rule of `X.BUSY` takes", "takes[0]"]),
    ({"examples": {"takes": [{"http_status": 429}], "leaves": [{"http_status": 429}]}}, ["should leave", "leaves[0]"]),
    ({"examples": {"takes": [{"http_statu": 429}], "leaves": [{}]}}, ["no field `http_statu`", "takes[0]"]),
    ({"examples": {"takes": [{"http_status": "429"}], "leaves": [{}]}}, ["Expected", "http_status", "takes[0]"]),
    ({"observable": False}, ["reason"]),
    ({"reason": "because"}, ["reason"]),
    ({"observable": False, "reason": "not sent"}, ["is not observable and has none", "modes[0].rules"]),
    ({"severity": "sev-5"}, ["'sev-5'", "sev-1, sev-2, sev-3, sev-4", "modes[0].severity"]),
    ({"counts": "both"}, ["degradation, failure", "modes[0].counts"]),
    ({"id": "busy"}, ["modes[0].id"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "named"), BROKEN)
def test_what_is_wrong_is_refused_by_name(change: dict[str, Any], named: list[str]) -> None:
    said = refusal(mode(**change), busy=["Busy"])
    for part in named:
        assert part in said


def test_the_same_id_twice_is_refused() -> None:
    assert "`X.BUSY` is there twice - at `modes[1].id`" in refusal(mode(), mode())


def test_a_name_under_two_aliases_is_refused_however_it_is_spelled() -> None:
    said = refusal(mode(), busy=["RateLimitError"], other=["rate_limit"])
    assert "`rate_limit` already stands under `busy` - at `aliases.other[0]`" in said


def test_two_last_resorts_are_refused() -> None:
    assert "X.A and X.B" in refusal(mode(id="X.A", last_resort=True), mode(id="X.B", last_resort=True))


def test_an_example_that_another_mode_takes_is_refused_with_both_names() -> None:
    graver = mode(id="X.GRAVE", severity="sev-1")
    assert "`X.GRAVE` takes this example of `X.BUSY`" in refusal(mode(), graver)


SHADOWS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "by an earlier rule of its mode": lambda: [
        mode(rules=[{"http_status": {"at_least": 400}}, {"http_status": {"one_of": [429]}}])
    ],
    "by two rules together": lambda: [
        mode(
            rules=[{"http_status": {"at_most": 450}}, {"http_status": {"at_least": 450}}, {"retries": {"at_least": 1},
                   "http_status": {"absent": False}}],
            examples={"takes": [{"http_status": 1}, {"http_status": 500}, {"http_status": 2, "retries": 1}],
                      "leaves": [{}]},
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", SHADOWS)
def test_a_rule_that_never_wins_is_refused(case: str) -> None:
    said = refusal(*SHADOWS[case]())
    assert "no example of `X.BUSY` is won by this rule" in said
    assert "shadows it - at `modes[0].rules[" in said


def test_the_last_resort_yields_to_failures_but_not_to_degradations() -> None:
    last = mode(
        id="X.LAST", last_resort=True, rules=[{"status": {"one_of": ["error"]}}],
        examples={"takes": [{"status": "error"}], "leaves": [{"status": "ok"}]},
    )  # fmt: skip
    both = {"takes": [{"status": "error", "http_status": 429}], "leaves": [{}]}
    assert load(text(mode(examples=both), last)).modes
    assert load(text(mode(counts="degradation", severity="sev-4"), last | {"examples": both})).modes
    assert "`X.BUSY` takes this example of `X.LAST`" in refusal(mode(), last | {"examples": both})


def test_the_fingerprint_changes_with_what_decides_and_only_with_it() -> None:
    plain_text = load(text(mode(), busy=["Busy"])).fingerprint()
    assert load(text(mode(words="at work", maps=["OWASP"]), busy=["busy_error"])).fingerprint() == plain_text
    for changed in (
        text(mode(severity="sev-2"), busy=["Busy"]),
        text(mode(counts="degradation"), busy=["Busy"]),
        text(mode(id="X.OTHER"), busy=["Busy"]),
        text(mode(rules=[{"http_status": {"one_of": [429, 430]}}]), busy=["Busy"]),
        text(mode(), busy=["Busy", "Occupied"]),
        text(mode(), mode(id="X.B", rules=[{"steps": {"at_least": 9}}],
                          examples={"takes": [{"steps": 9}], "leaves": [{}]}), busy=["Busy"]),
    ):  # fmt: skip
        assert load(changed).fingerprint() != plain_text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("java.net.SocketTimeoutException", "sockettimeout"),
        ("_OTHER", "other"),
        ("Errno::ECONNRESET", "econnreset"),
        ("DEADLINE_EXCEEDED", plain("google.api_core.exceptions.DeadlineExceeded")),
        ("rate_limit_error", plain("litellm.RateLimitError")),
    ],
)
def test_all_spellings_of_a_vendors_name_are_one(written: str, read: str) -> None:
    assert plain(written) == read


OWN: dict[str, Any] = {
    "id": "X.LOW_BASKET2", "words": "too little", "severity": "sev-3", "tier": "T1", "counts": "failure",
    "rules": [{"attributes.basket": {"below": 5}}],
    "examples": {"takes": [{"attributes": {"basket": 4}}], "leaves": [{"attributes": {"basket": 5}}, {}]},
}  # fmt: skip


def own(*modes: dict[str, Any], **more: Any) -> Taxonomy:
    return Taxonomy.of_config(parse(yaml.safe_dump({"failures": {"modes": list(modes), **more}})))


def test_own_modes_stand_behind_the_shipped_and_are_judged_like_them() -> None:
    known = own(OWN)
    assert [mode.id for mode in known.modes][-1] == "X.LOW_BASKET2"
    assert [mode.id for mode in known.modes][:-1] == [mode.id for mode in Taxonomy.load_default().modes]
    held = known.matching(example({"attributes": {"basket": 4.5}}))
    assert [rule.mode.id for rule in held] == ["X.LOW_BASKET2"]
    assert known.matching(example({"attributes": {"basket": "small"}})) == ()
    assert known.fingerprint() != Taxonomy.load_default().fingerprint()
    assert observable(known, ["attributes.basket"]) == {"X.LOW_BASKET2"}


def test_a_severity_in_place_of_the_shipped_one_decides_which_mode_is_primary() -> None:
    both = example({"status": "error", "http_status": 429, "error_type": "insufficient_quota"})
    assert Taxonomy.load_default().matching(both)[0].mode.id == "AVL.QUOTA"
    changed = own(severities={"AVL.RATE_LIMIT": "sev-1"})
    assert changed.severity_of("AVL.RATE_LIMIT") == "sev-1"
    assert changed.matching(both)[0].mode.id == "AVL.RATE_LIMIT"


def test_own_words_join_a_shipped_alias() -> None:
    said = example({"evals": [{"name": "our_truth_2", "value": 0.1}]})
    assert Taxonomy.load_default().matching(said) == ()
    assert own(aliases={"groundedness": ["our_truth_2"]}).matching(said)[0].mode.id == "GRD.UNFAITHFUL"


def test_a_config_that_says_nothing_of_failures_means_the_shipped_taxonomy() -> None:
    assert Taxonomy.of_config(parse("")) is Taxonomy.load_default()


@pytest.mark.parametrize(
    ("modes", "more", "said"),
    [
        ([OWN | {"id": "BIZ.LOW"}], {}, ["begins with `X.`", "failures.modes[0].id"]),
        ([OWN, OWN], {}, ["`X.LOW_BASKET2` is there twice", "failures.modes[1].id"]),
        ([], {"severities": {"AVL.TIMOUT": "sev-1"}}, ["no mode `AVL.TIMOUT`", "did you mean `AVL.TIMEOUT`"]),
        ([], {"aliases": {"mine": ["RateLimitError"]}}, ["stands under `rate_limit`", "failures.aliases.mine[0]"]),
        (
            [OWN | {"rules": [{"http_status": {"one_of": [429]}}],
                    "examples": {"takes": [{"http_status": 429}], "leaves": [{}]}}],
            {}, ["`AVL.RATE_LIMIT` takes this example of `X.LOW_BASKET2`", "failures.modes[0].examples.takes[0]"],
        ),
        (
            [OWN | {"rules": [*OWN["rules"], {"attributes.basket": {"below": 1}}]}], {},
            ["won by this rule", "failures.modes[0].rules[1]"],
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_with_the_shipped_taxonomy_stops_the_start(
    modes: list[dict[str, Any]], more: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        own(*modes, **more)
    for part in said:
        assert part in str(refused.value)


def test_budgets_of_a_workflow_decide_and_those_of_others_do_not() -> None:
    terms = Terms(Bounded({("shop", None): Bounds(latency_ms=500), ("shop", "refunds"): Bounds(latency_ms=100)}))
    for workflow, latency, slow in (("refunds", 101, True), ("refunds", 100, False), ("search", 101, False)):
        said = example({"service": "shop", "workflow": workflow, "latency_ms": latency})
        found = [rule.mode.id for rule in Taxonomy.load_default().matching(said, terms)]
        assert found == (["PRF.SLOW"] if slow else [])


SILENT = [
    {"missing_fields": ["iban"]}, {"prohibited": ["hate"]}, {"retrieval": {"citations_valid": False}},
    {"schema_valid": False}, {"tools": [{"name": "t", "known": False}]},
    {"tools": [{"name": "t", "authorized": False}]}, {"sql": "DELETE FROM a"},
    {"outcome": {"business_outcome": "reversed"}},
    {"outcome": {"correct": False, "confidence": 0.9}}, {"evals": [{"name": "noncommittal", "value": 1.0}]},
    {"retrieval": {"newest_age_days": 31}, "bounds": {"document_age_days": 30}},
]  # fmt: skip


@pytest.mark.parametrize("said", SILENT)
def test_a_passing_status_hides_no_silent_failure(said: dict[str, Any]) -> None:
    bounds = msgspec.convert(said.get("bounds", {}), Bounds)
    passing = said if "outcome" in said else said | {"status": "ok", "http_status": 200, "finish_reason": "stop"}
    held = Taxonomy.load_default().matching(example(passing), Terms(Bounded({("example", None): bounds})))
    assert held
    assert held[0].mode.counts == "failure"

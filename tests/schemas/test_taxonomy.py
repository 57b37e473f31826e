"""The loader promises: what it lets through has a reason to be there, and what it refuses is named."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from schemas.matchers import plain
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy, load

IDS = {
    "AVL.RATE_LIMIT", "AVL.QUOTA", "AVL.OVERLOADED", "AVL.TIMEOUT", "AVL.SERVER_ERROR", "AVL.AUTH_CONFIG",
    "AVL.NO_RESPONSE", "AVL.STREAM_ABORT", "FMT.TRUNCATED", "FMT.CONTEXT_OVERFLOW", "FMT.EMPTY", "FMT.SCHEMA_INVALID",
    "FMT.MISSING_FIELD", "FMT.WRONG_LANGUAGE", "UNK.UNCLASSIFIED",
}  # fmt: skip


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


def test_the_shipped_taxonomy_has_every_mode_of_its_families() -> None:
    assert {mode.id for mode in Taxonomy.load_default().modes} == IDS


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

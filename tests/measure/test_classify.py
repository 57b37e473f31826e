"""The classifier promises: nothing that a rule could take escapes the screen, and every example gets its mode."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import Bounded, Bounds
from schemas.events import Exchange, Outcome, Response
from schemas.matchers import plain
from schemas.questions import Terms
from schemas.taxonomy import Taxonomy, example, load, observable
from streams.measure.classify import Judged, compile

TAXONOMY = Taxonomy.load_default()
CLASSIFIER = compile(TAXONOMY)
UNK = "UNK.UNCLASSIFIED"

TAKEN = [(mode.id, fields) for mode in TAXONOMY.modes for fields in mode.examples.takes]
LEFT = [(mode.id, fields) for mode in TAXONOMY.modes for fields in mode.examples.leaves]

names = st.sampled_from(sorted(word for words in TAXONOMY.aliases.values() for word in words)) | st.text(max_size=8)
languages = st.none() | st.sampled_from(["en", "en-GB", "EN", "fr", "de_DE"])
durations = st.none() | st.floats(0, 1e5)
fields = st.fixed_dictionaries(
    {
        "status": st.sampled_from([None, "ok", "ok", "error", "timeout", "aborted", "filtered"]),
        "http_status": st.none() | st.sampled_from([200, 399, 400, 429, 500, 503, 599, 600]) | st.integers(0, 1000),
        "error_type": st.none() | names,
        "finish_reason": st.none() | st.sampled_from(["stop", "length", "max_tokens", "content_filter"]),
        "output_tokens": st.none() | st.integers(0, 3),
        "answered": st.none() | st.booleans(),
        "schema_valid": st.none() | st.booleans(),
        "missing_fields": st.sampled_from([(), ("iban",)]),
        "tools": st.sampled_from([(), ({"name": "search"},)]),
        "ttft_ms": durations,
        "latency_ms": durations,
        "deadline_ms": durations,
        "language": languages,
        "expected_language": languages,
    }
)


flags = st.none() | st.booleans()
scores = st.none() | st.sampled_from([0.0, 0.49, 0.5, 1.0, 4.0])
labels = st.none() | st.sampled_from(["pass", "Fail", "incorrect", "yes", "no", "Medium", "unsafe", "B"])
tool = {
    "name": st.sampled_from(["search", "refund"]), "known": flags, "ok": flags, "authorized": flags,
    "error": st.none() | names, "args_valid": flags, "args_hash": st.sampled_from([None, "x", "y"]),
}  # fmt: skip
guardrail = {"name": st.just("g"), "fired": flags, "category": st.none() | names, "responded": flags}
retrieval = {
    "n": st.none() | st.integers(0, 2), "top_score": scores, "newest_age_days": durations, "citations_valid": flags,
}  # fmt: skip
listed = {
    "tools": st.lists(st.fixed_dictionaries(tool), max_size=5),
    "guardrails": st.lists(st.fixed_dictionaries(guardrail), max_size=3),
    "evals": st.lists(st.fixed_dictionaries({"name": names, "value": scores, "label": labels}), max_size=4),
    "prohibited": st.lists(names, max_size=2),
    "retrieval": st.none() | st.fixed_dictionaries(retrieval),
    "sql": st.sampled_from([None, None, "SELECT 1", "DELETE FROM a", "SELECT * FROM b", "x"]),
    "steps": st.none() | st.integers(0, 40),
    "refused": flags,
    "fallback": flags,
    "confidence": st.none() | st.sampled_from([0.1, 0.8, 1.0]),
    "workflow": st.sampled_from([None, "refunds"]),
    "service": st.sampled_from(["shop", "bank"]),
}
everything = st.builds(lambda one, other: one | other, fields, st.fixed_dictionaries({}, optional=listed))
SAID = (
    "correct", "critical_fields_ok", "rule_ok", "accepted", "resolved", "escalated", "escalation_correct",
    "repeat_contact",
)  # fmt: skip
judgements = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(SAID, flags)
    | {
        "confidence": st.none() | st.sampled_from([0.1, 0.8, 1.0]),
        "business_outcome": st.none() | names,
        "mode": st.sampled_from([None, "GRD.FABRICATED", "PRF.SLOW", "NO.SUCH"]),
    },
)

BOUNDED = Bounded(
    {
        ("shop", None): Bounds(latency_ms=500, steps=20, document_age_days=30, top_score=0.5, tools=("search",)),
        ("shop", "refunds"): Bounds(output_tokens=2, ttft_ms=100, tables=("a",)),
    }
)
STRICT = compile(TAXONOMY, BOUNDED)
ASKED = TAXONOMY.questions(Terms(BOUNDED))


def made(said: dict[str, Any], kind: type[Exchange] | type[Response] = Exchange) -> Exchange | Response:
    exchange = example(said)
    assert isinstance(exchange, Exchange)
    if kind is Exchange:
        return exchange
    return Response(**{name: getattr(exchange, name) for name in Response.__struct_fields__})


def judged(said: dict[str, Any], kind: type[Exchange] | type[Response] = Exchange) -> tuple[list[int], Judged]:
    """What the screen and the classifier say of an example, under the bounds that it carries."""
    bounds = msgspec.convert(said.get("bounds", {}), Bounds)
    classifier = compile(TAXONOMY, Bounded({("example", None): bounds}))
    event = example(said)
    if isinstance(event, Outcome):
        return classifier.outcome_suspects([event]), classifier.judge_outcome(event) or Judged(None)
    exchange = made(said, kind)
    return classifier.suspects([exchange]), classifier.judge(exchange)


@pytest.mark.parametrize(("mode", "said"), TAKEN)
@pytest.mark.parametrize("kind", [Exchange, Response])
def test_an_example_passes_the_screen_and_gets_its_mode(
    mode: str, said: dict[str, Any], kind: type[Exchange] | type[Response]
) -> None:
    known = TAXONOMY.of(mode)
    assert known is not None
    suspects, found = judged(said, kind)
    assert suspects == [0]
    assert mode == found.primary if known.counts == "failure" else mode in found.others


@pytest.mark.parametrize(("mode", "said"), LEFT)
def test_what_a_mode_leaves_it_does_not_take(mode: str, said: dict[str, Any]) -> None:
    _, found = judged(said)
    assert mode not in (found.primary, *found.others)


@given(st.lists(everything, max_size=4))
def test_whoever_is_outside_the_screen_matches_no_rule(chunk: list[dict[str, Any]]) -> None:
    served = [made(said) for said in chunk]
    suspects = STRICT.suspects(served)
    for i, exchange in enumerate(served):
        if i not in suspects:
            assert not any(one.holds(exchange) for one in ASKED if not one.of_outcome)
    assert suspects == sorted(set(suspects))


@given(everything)
def test_the_fast_way_judges_as_the_slow_one(said: dict[str, Any]) -> None:
    exchange = made(said)
    held = [rule.mode for rule in TAXONOMY.matching(exchange, Terms(BOUNDED))]
    failures = [mode.id for mode in held if mode.counts == "failure"]
    found = STRICT.judge(exchange)
    assert found.primary == (failures[0] if failures else None)
    assert {*found.others, found.primary} - {None} == {mode.id for mode in held}


@given(judgements)
def test_an_outcome_is_judged_as_the_rules_say_and_a_mode_that_it_names_counts(said: dict[str, Any]) -> None:
    outcome = example({"outcome": said})
    assert isinstance(outcome, Outcome)
    found = CLASSIFIER.judge_outcome(outcome)
    held = {rule.mode.id for rule in TAXONOMY.matching(outcome)}
    named = said.get("mode")
    if named:
        held.add(named if TAXONOMY.of(named) else UNK)
    assert (set() if found is None else {*found.others, found.primary} - {None}) == held
    assert (found.unknown if found else "") == ("NO.SUCH" if named == "NO.SUCH" else "")
    if found:
        assert CLASSIFIER.outcome_suspects([outcome]) == [0]


def test_an_unknown_name_of_a_mode_is_kept_and_cut() -> None:
    outcome = Outcome(service="s", release="r", at=0, about="1", mode="N" * 100)
    assert CLASSIFIER.judge_outcome(outcome) == Judged(UNK, (), "N" * 64)


def test_what_is_carried_says_what_could_be_seen() -> None:
    ran = made(
        {"status": "ok", "tools": [{"name": "search", "ok": True}], "evals": [{"name": "faithfulness"}],
         "latency_ms": 9.0, "service": "shop"}
    )  # fmt: skip
    carried = STRICT.carried(ran)
    assert carried == tuple(sorted(carried))
    assert {"status", "tools.ok", "evals:groundedness", "bounds.latency_ms", "bounds.tools"} == set(carried)
    seen = observable(TAXONOMY, carried)
    assert {"PRF.SLOW", "TOL.EXEC_ERROR", "GRD.UNFAITHFUL", "TOL.UNAUTHORIZED", "AVL.TIMEOUT", UNK} <= seen
    assert not {"TSK.WRONG", "TOL.UNKNOWN_TOOL", "SAF.HARMFUL", "RTV.STALE"} & seen


def test_without_a_budget_nothing_says_that_it_is_kept() -> None:
    assert "bounds.latency_ms" not in CLASSIFIER.carried(made({"status": "ok", "latency_ms": 9e9}))


SIGNED: list[tuple[dict[str, Any], str]] = [
    ({"status": "error", "http_status": 418}, "http=418"),
    ({"status": "error"}, "status=error"),
    ({"status": "error", "error_type": "a b\nc"}, "error=a_b\\nc"),
    ({"status": "error", "error_type": "x" * 300}, "error=" + "x" * 48),
    ({"evals": [{"name": "z", "label": "fail"}, {"name": "a", "value": 0.1}, {"name": "toxicity", "value": 0.0}]},
     "evals=a,z"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "signature"), SIGNED)
def test_a_signature_is_short_printable_and_names_who_disapproves(said: dict[str, Any], signature: str) -> None:
    assert CLASSIFIER.signature(made(said)) == signature


def test_the_digest_changes_with_all_that_decides() -> None:
    digests = {CLASSIFIER.digest, STRICT.digest, compile(TAXONOMY, BOUNDED, "postgres").digest}
    assert len(digests) == 3
    assert compile(TAXONOMY, BOUNDED).digest == STRICT.digest


@given(fields)
def test_modes_come_gravest_first_and_then_in_the_order_of_the_file(said: dict[str, Any]) -> None:
    order = [mode.id for mode in TAXONOMY.modes]
    modes = CLASSIFIER.modes(made(said))
    assert list(modes) == sorted(set(modes), key=lambda mode: (TAXONOMY.severity_of(mode), order.index(mode)))


@given(fields)
def test_a_failure_is_the_gravest_mode_that_counts_as_one(said: dict[str, Any]) -> None:
    counts = {mode.id: mode.counts for mode in TAXONOMY.modes}
    exchange = made(said)
    failures = [mode for mode in CLASSIFIER.modes(exchange) if counts[mode] == "failure"]
    assert CLASSIFIER.failure(exchange) == (failures[0] if failures else None)


@given(fields)
def test_whatever_failed_has_a_mode_and_unknown_stands_alone_among_failures(said: dict[str, Any]) -> None:
    exchange = made(said)
    modes = CLASSIFIER.modes(exchange)
    failures = {mode.id for mode in TAXONOMY.modes if mode.counts == "failure"} & set(modes)
    if exchange.status not in (None, "ok") or (exchange.http_status or 0) >= 400:
        assert failures
    if UNK in modes:
        assert failures == {UNK}


def test_a_degradation_does_not_keep_an_unknown_failure_from_being_counted() -> None:
    exchange = made({"http_status": 418, "language": "fr", "expected_language": "en"})
    assert CLASSIFIER.modes(exchange) == (UNK, "FMT.WRONG_LANGUAGE")
    assert CLASSIFIER.failure(exchange) == UNK


def test_a_degradation_alone_is_no_failure() -> None:
    exchange = made({"status": "ok", "language": "fr", "expected_language": "en"})
    assert CLASSIFIER.modes(exchange) == ("FMT.WRONG_LANGUAGE",)
    assert CLASSIFIER.failure(exchange) is None


def test_a_page_of_text_is_no_name_of_an_error_and_is_not_kept() -> None:
    kept = plain.cache_info().currsize
    assert CLASSIFIER.failure(made({"status": "error", "error_type": "x." * 200 + "RateLimitError"})) == UNK
    assert plain.cache_info().currsize == kept


def test_healthy_traffic_passes_without_a_closer_look() -> None:
    healthy = made(
        {"status": "ok", "http_status": 200, "finish_reason": "stop", "output_tokens": 80, "schema_valid": True,
         "latency_ms": 900.0, "deadline_ms": 8000.0, "language": "en", "expected_language": "en"}
    )  # fmt: skip
    assert CLASSIFIER.suspects([healthy] * 3) == []


BARE = (
    "{{id: X.{id}, words: w, severity: sev-3, tier: T0, counts: failure, rules: [{rule}], "
    "examples: {{takes: [{takes}], leaves: [{{status: ok}}]}}}}"
)


@pytest.mark.parametrize(
    ("rule", "takes", "leaves"),
    [
        ("{retries: {at_least: 3}}", {"retries": 3}, {"retries": 2}),
        ("{retries: {at_most: 1}}", {"retries": 0}, {"retries": 2}),
        ("{cost_usd: {at_least: 0.5, at_most: 1}}", {"cost_usd": 1.0}, {"cost_usd": 1.5}),
        ("{route: {regex: '^eu-'}}", {"route": "eu-west"}, {"route": "us-eu-1"}),
        ("{fallback: {one_of: [true]}}", {"fallback": True}, {"fallback": False}),
        ("{tools: {absent: false}}", {"tools": [{"name": "t"}]}, {"tools": []}),
        ("{model_served: {absent: true}, steps: {absent: false}}", {"steps": 0}, {"steps": 0, "model_served": "m"}),
    ],
)
def test_a_rule_of_any_kind_is_screened_and_matched(rule: str, takes: dict[str, Any], leaves: dict[str, Any]) -> None:
    classifier = compile(load(f"modes: [{BARE.format(id='A', rule=rule, takes=takes)}]"))
    both = [made(leaves), made(takes)]
    assert 1 in classifier.suspects(both)
    assert [classifier.failure(exchange) for exchange in both] == [None, "X.A"]


def test_rules_on_one_field_share_one_look_at_it() -> None:
    rules = ["{retries: {at_least: 9}}", "{retries: {one_of: [5]}}", "{retries: {at_most: 1}}"]
    takes = ["{retries: 9}", "{retries: 5}", "{retries: 0}"]
    modes = [BARE.format(id="ABC"[i], rule=rules[i], takes=takes[i]) for i in range(3)]
    classifier = compile(load(f"modes: [{', '.join(modes)}]"))
    served = [made({"retries": n}) for n in (0, 1, 5, 9, 10)] + [made({})]
    assert set(classifier.suspects(served)) >= {0, 1, 2, 3, 4}
    assert 5 not in classifier.suspects(served)
    assert [classifier.failure(exchange) for exchange in served] == ["X.C", "X.C", "X.B", "X.A", "X.A", None]


def test_without_rules_nothing_is_suspect() -> None:
    assert compile(load("")).suspects([made({"status": "error"})]) == []

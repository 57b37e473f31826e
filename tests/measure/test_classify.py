"""The classifier promises: nothing that a rule could take escapes the screen, and every example gets its mode."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Exchange, Response
from schemas.matchers import plain
from schemas.taxonomy import Taxonomy, example, load
from streams.measure.classify import compile

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


def made(said: dict[str, Any], kind: type[Exchange] | type[Response] = Exchange) -> Exchange | Response:
    exchange = example(said)
    if kind is Exchange:
        return exchange
    return Response(**{name: getattr(exchange, name) for name in Response.__struct_fields__})


@pytest.mark.parametrize(("mode", "said"), TAKEN)
@pytest.mark.parametrize("kind", [Exchange, Response])
def test_an_example_passes_the_screen_and_gets_its_mode(
    mode: str, said: dict[str, Any], kind: type[Exchange] | type[Response]
) -> None:
    exchange = made(said, kind)
    assert CLASSIFIER.suspects([exchange]) == [0]
    assert CLASSIFIER.modes(exchange)[0] == mode


@pytest.mark.parametrize(("mode", "said"), LEFT)
def test_what_a_mode_leaves_it_does_not_take(mode: str, said: dict[str, Any]) -> None:
    assert mode not in CLASSIFIER.modes(made(said))


@given(st.lists(fields, max_size=8))
def test_whoever_is_outside_the_screen_matches_no_rule(chunk: list[dict[str, Any]]) -> None:
    served = [made(said) for said in chunk]
    suspects = CLASSIFIER.suspects(served)
    for i, exchange in enumerate(served):
        if i not in suspects:
            assert not any(rule.holds(exchange) for rule in TAXONOMY.rules)
    assert suspects == sorted(set(suspects))


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
    exchange = made({"status": "filtered", "language": "fr", "expected_language": "en"})
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

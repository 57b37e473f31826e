"""The scorecard of a release: every field of the operating model, and every KPI, with what it is held against."""

from typing import Any

import msgspec

from schemas.scorecards import Field, Scorecard
from tests.watch.assess.test_held import HELD, served
from tests.watch.story import Story, story
from tests.watch.traffic import Values, rate

SAFE = """
        - name: unsafe
          layer: governance
          measures: {stat: share, signal: refused}
          window: 1m
          direction: lower_is_better
          target: 1
          bands: {yellow: {value: 2, for_windows: 1}, red: {value: 50}}
          by: workflow
          owner: risk
          runbook: https://runbooks.example/unsafe
          lineage: {benchmark_set: bot-v7, approved_by: ana}
"""
TWO = HELD.replace("  policies:", SAFE.lstrip("\n") + "  policies:")


def told(words: str = HELD, **fields: Any) -> Story:
    return story(words).at("14:00").every("2s", until="14:06").flush(20, refused=rate(2), **fields).expects()


def field(card: Scorecard, name: str) -> Field:
    return {one.name: one for one in card.fields}[name]  # type: ignore[index]


def test_a_card_says_what_the_verdict_of_the_same_moment_does() -> None:
    of = served(40, "14:06", served(2, "14:03").expects()).expects()
    verdict, card = of.verdicts()[-1], of.scorecard()
    assert (card.id, card.status, card.reasons, card.score) == (
        verdict.id, "fail", verdict.reasons, verdict.score
    )  # fmt: skip
    [kpi] = card.kpis
    assert (kpi.target, kpi.yellow, kpi.red, kpi.critical, kpi.owner) == (5, 10, 20, True, "me")
    [stood] = kpi.stands
    [entry] = verdict.kpis
    assert (stood.band, stood.value, stood.interval, stood.action) == (
        "red",
        entry.observed,
        entry.interval,
        "rollback",
    )
    assert stood.since == 1_795_478_400_000 + (14 * 60 + 5) * 60_000, "red from the end of the second bad minute on"


def test_every_field_is_there_and_what_no_kpi_measures_is_of_the_last_hour() -> None:
    """All take 300 ms, cost 0.002 dollars and are of one model."""
    card = told(latency_ms=Values((300.0,)), cost_usd=Values((0.002,)), model_served=Values(("m-1",))).scorecard()
    assert card.models == ("m-1",)
    assert [one.name for one in card.fields] == [
        "offline_score", "p95", "cost_per_1k", "safety_violation_rate", "drift", "failure_diversity"
    ]  # fmt: skip
    p95, cost = field(card, "p95"), field(card, "cost_per_1k")
    assert p95.value is not None
    assert cost.value is not None
    assert abs(p95.value / 300 - 1) <= 0.09, "a cell is nine percent wide"
    assert abs(cost.value / 2.0 - 1) <= 0.045, "a mean is off by half a cell at most"
    assert (p95.unit, cost.unit, p95.band, p95.target) == ("ms", "USD/1k", None, None)
    for name in ("offline_score", "drift"):
        assert (field(card, name).band, field(card, name).value) == ("no_data", None)


def test_violations_of_safety_are_a_share_of_all_exchanges() -> None:
    """Of ten answers one had to be stopped, says a guardrail; it went out all the same, but for one in 50 of them."""
    harm, none = ([{"name": "g", "fired": fired, "category": "harmful"}] for fired in (True, False))
    card = told(guardrails=Values((harm, *[none] * 9))).scorecard()
    found = field(card, "safety_violation_rate")
    assert (found.unit, found.n) == ("%", 3000), "of the five minutes that are over, ten a second"
    assert found.value is not None
    assert abs(found.value - 10) <= 0.2
    diversity = field(card, "failure_diversity")
    assert (diversity.value, diversity.unit) == (1.0, "modes")


def test_without_data_a_field_is_no_data_and_never_zero() -> None:
    card = told().scorecard()
    for name in ("p95", "cost_per_1k", "failure_diversity"):
        assert (field(card, name).value, field(card, name).band) == (None, "no_data")


def test_a_kpi_by_slice_has_a_line_for_each_and_what_its_set_says_of_it_once() -> None:
    card = told(TWO, workflow=Values(("a", "b"))).scorecard()
    kpi = card.kpis[1]
    assert [one.slice for one in kpi.stands] == ["a", "b"]
    assert (kpi.by, kpi.owner, kpi.runbook, kpi.lineage.approved_by) == (
        "workflow", "risk", "https://runbooks.example/unsafe", "ana"
    )  # fmt: skip
    assert card.benchmark_sets == ("bot-v7",)
    assert (card.use_case, card.owners.accountable) == ("a bot", "me")


def test_a_field_is_the_kpi_that_measures_it_with_its_threshold_and_of_several_slices_the_worst() -> None:
    slow = """
        - name: slow
          layer: performance
          measures: {stat: drift, signal: refused}
          window: 1m
          direction: lower_is_better
          target: 1
          bands: {yellow: {value: 2, for_windows: 1}, red: {value: 50}}
"""
    card = told(HELD.replace("  policies:", slow.lstrip("\n") + "  policies:")).scorecard()
    drift = field(card, "drift")
    assert (drift.kpi, drift.target, drift.yellow, drift.red) == ("slow", 1, 2, 50)


def test_a_card_is_what_its_bytes_say() -> None:
    card = told().scorecard()
    assert msgspec.json.decode(msgspec.json.encode(card), type=Scorecard) == card


def test_a_card_says_what_is_left_of_what_a_kpi_promises() -> None:
    """One in a hundred may be refused, and two are: the budget is used up twice, and less than nothing is left."""
    promised = HELD.replace("          target: 5\n", "          target: 5\n          slo: {target_percent: 99}\n")
    [budget] = told(promised).scorecard().budgets
    assert (budget.kpi, budget.promised_percent, budget.period) == ("refused", 99.0, "30d")
    assert budget.left_percent == -100.0
    assert budget.interval is not None
    assert budget.interval[0] < budget.left_percent < budget.interval[1]
    assert budget.said.startswith("used up 2 times")
    assert told().scorecard().budgets == ()

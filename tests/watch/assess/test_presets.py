"""Every KPI of every preset: green -> yellow -> red -> green, by its own input alone, from events to bands.

An hour of traffic in which all is well, then the one knob of the KPI is turned a little, then far, then back. All
windows are an hour long here, so that two days and two weeks are a few hours; all else is the preset's own.
"""

from functools import cache
from importlib.resources import files
from typing import Final

import pytest

from schemas.config import parse
from schemas.kpi_sets import PRESETS, preset
from schemas.kpis import Kpi, Shown
from schemas.tallies import Flush
from tests.watch.assess.hours import Hours, hourly, measured
from tests.watch.assess.traffic import Knobs, hour

WELL: Final[dict[str, Knobs]] = {
    "knowledge-assistant": {"correct": 95.0, "bad_citations": 1.0, "cost": 0.008, "escalated": 12.0},
    "workflow-agent": {"rule_ok": 99.0, "tool_error": 1.0, "failed": 7.0, "resolved": 95.0, "cost": 0.15},
    "compliance-copilot": {},
    "developer-copilot": {"accepted": 40.0, "schema_invalid": 0.5, "cost": 0.004, "slowest": 5000},
    "support-bot": {"resolved": 80.0, "repeat_contact": 8.0, "escalated": 12.0, "cost": 0.03},
}
"""What is otherwise than usual in an hour in which all is well."""

TURNED: Final[dict[str, dict[str, tuple[Knobs, Knobs]]]] = {
    "knowledge-assistant": {
        "answer_accuracy": ({"correct": 80.0}, {"correct": 60.0}),
        "citation_validity": ({"bad_citations": 5.0}, {"bad_citations": 20.0}),
        "unfounded": ({"modes": {"GRD.UNFAITHFUL": 88}}, {"modes": {"GRD.UNFAITHFUL": 400}}),
        "stale_retrieval": ({"stale": 11.0}, {"stale": 30.0}),
        "retrieval_coverage": ({"coverage": 0.66}, {"coverage": 0.3}),
        "abstention_precision": ({"modes": {"CAL.BAD_ABSTAIN": 110}}, {"modes": {"CAL.BAD_ABSTAIN": 240}}),
        "calibration_error": ({"stated": 0.875}, {"stated": 0.625}),
        "latency_p95": ({"slowest": 4000}, {"slowest": 9000}),
        "cost_per_1k": ({"cost": 0.0135}, {"cost": 0.03}),
    },
    "workflow-agent": {
        "task_success": ({"rule_ok": 91.0}, {"rule_ok": 70.0}),
        "wrong_actions": ({"unauthorized": 0.3}, {"unauthorized": 1.5}),
        "tool_errors": ({"tool_error": 6.5}, {"tool_error": 20.0}),
        "steps_p95": ({"steps": 20}, {"steps": 60}),
        "retried": ({"retried": 11.0}, {"retried": 30.0}),
        "fast_path": ({"fast": 45.0}, {"fast": 20.0}),
        "cost_per_task": ({"cost": 0.27}, {"cost": 0.6}),
        "successes": ({"judged": 600}, {"judged": 200}),
        "failure_diversity": (
            {"modes": dict.fromkeys(("AGT.LOOP", "AGT.DERAIL", "RTV.NOT_USED", "TOL.BAD_ARGS", "FMT.EMPTY"), 250)},
            {
                "modes": dict.fromkeys(
                    (
                        "AGT.LOOP",
                        "AGT.DERAIL",
                        "RTV.NOT_USED",
                        "TOL.BAD_ARGS",
                        "FMT.EMPTY",
                        "AGT.CASCADE",
                        "FMT.TRUNCATED",
                        "AVL.QUOTA",
                        "AVL.OVERLOADED",
                        "GRD.INCONSISTENT",
                        "TSK.NON_ANSWER",
                        "AVL.NO_RESPONSE",
                    ),
                    250,
                )
            },
        ),
        "failure_concentration": ({"failed_in_a": 75}, {"failed_in_a": 100}),
    },
    "compliance-copilot": {
        "critical_fields": ({"fields_ok": 97.75}, {"fields_ok": 94.0}),
        "weighted_accuracy": ({"correct": 96.5}, {"correct": 88.0}),
        "policy_violations": ({"rule_ok": 99.85}, {"rule_ok": 99.0}),
        "refusal_correctness": ({"modes": {"SAF.OVER_REFUSAL": 30}}, {"modes": {"SAF.OVER_REFUSAL": 160}}),
        "calibration_error": ({"stated": 0.875}, {"stated": 0.625}),
        "overconfidence": ({"right": 920}, {"right": 865}),
        "missing_fields": ({"missing_fields": 2.2}, {"missing_fields": 10.0}),
        "critical_modes": (
            {"modes": dict.fromkeys(("TOL.UNSAFE_SQL", "SAF.HARMFUL"), 2)},
            {"modes": dict.fromkeys(("TOL.UNSAFE_SQL", "SAF.HARMFUL", "AGT.DERAIL", "AVL.QUOTA"), 2)},
        ),
        "latency_p95": ({"slowest": 6800}, {"slowest": 16000}),
    },
    "developer-copilot": {
        "accepted": ({"accepted": 28.0}, {"accepted": 10.0}),
        "unsafe_output": ({"unsafe": 0.15}, {"unsafe": 0.8}),
        "valid_output": ({"schema_invalid": 3.5}, {"schema_invalid": 20.0}),
        "first_token_p95": ({"ttft": 800}, {"ttft": 2000}),
        "latency_p50": ({"latency": 1100}, {"latency": 3000}),
        "latency_p99": ({"slowest": 10_000}, {"slowest": 30_000}),
        "failed": ({"failed": 2.5}, {"failed": 12.0}),
        "cost_per_1k": ({"cost": 0.0067}, {"cost": 0.02}),
    },
    "support-bot": {
        "resolved": ({"resolved": 69.0}, {"resolved": 58.0}),
        "repeat_contact": ({"repeat_contact": 13.8}, {"repeat_contact": 30.0}),
        "policy_violations": ({"rule_ok": 99.7}, {"rule_ok": 98.0}),
        "latency_p95": ({"slowest": 2000}, {"slowest": 4000}),
        "escalated": ({"escalated": 21.0}, {"escalated": 40.0}),
        "refusal_correctness": ({"modes": {"SAF.OVER_REFUSAL": 42}}, {"modes": {"SAF.OVER_REFUSAL": 160}}),
        "fallback": ({"fallback": 11.0}, {"fallback": 30.0}),
        "throughput": ({"served": 2160}, {"served": 800}),
        "cost_per_resolved": ({"cost": 0.056}, {"cost": 0.2}),
        "intent_drift": ({"intents": (33, 30, 37)}, {"intents": (15, 15, 70)}),
    },
}
"""The knob of each KPI: how it makes it yellow, and how it makes it red."""

MOVES_ALSO: Final = {
    ("compliance-copilot", "overconfidence"): {"calibration_error"},
    ("developer-copilot", "valid_output"): {"failed"},
}
"""What is the same thing said twice: who is too sure is badly calibrated, and what breaks its schema has failed."""

EVERY: Final = [(name, kpi) for name in PRESETS for kpi in preset(name).kpis]


@cache
def well(name: str) -> list[Flush]:
    return measured(hourly(preset(name)), [*hour(**WELL[name])])


def turned(name: str, knobs: Knobs) -> list[Flush]:
    return measured(hourly(preset(name)), [*hour(**(WELL[name] | knobs))])


def until(hours: Hours, flushes: list[Flush], kpi: str, band: Shown, most: int) -> list[dict[str, Shown]]:
    """Let hours pass until a KPI is in a band, and give the bands of all after each."""
    seen: list[dict[str, Shown]] = []
    while not seen or seen[-1][kpi] != band:
        assert len(seen) < most, [one.why for one in hours.stands if one.kpi == kpi]
        hours.serve(flushes)
        seen.append(hours.bands())
    return seen


@pytest.mark.parametrize(("name", "kpi"), EVERY, ids=[f"{name}-{kpi.name}" for name, kpi in EVERY])
def test_every_kpi_goes_green_yellow_red_green_by_its_own_input_alone(name: str, kpi: Kpi) -> None:
    """In just as many windows as its bands say; whatever else is in the set stays where it was."""
    drifts = kpi.measures.stat == "drift"  # which needs a baseline: the first hours are learned from
    hours = Hours(hourly(preset(name), baseline_events=2000 if drifts else 100_000_000))
    yellow, red = (turned(name, knobs) for knobs in TURNED[name][kpi.name])
    if drifts:
        hours.serve(well(name))
    seen = until(hours, well(name), kpi.name, "green", 2)
    before = seen[-1]
    assert set(before.values()) <= {"green", "no_data"}
    bands = kpi.bands
    parts: tuple[tuple[list[Flush], Shown, int], ...] = (
        (yellow, "yellow", bands.yellow.for_windows),
        (red, "red", bands.red.for_windows),
        (well(name), "green", 2 * bands.clear.for_windows),
    )
    for flushes, band, windows in parts:
        part = until(hours, flushes, kpi.name, band, windows)
        assert len(part) == windows
        seen += part
    for other in before.keys() - {kpi.name} - MOVES_ALSO.get((name, kpi.name), set()):
        assert {one[other] for one in seen} == {before[other]}, other


@pytest.mark.parametrize("name", PRESETS)
def test_every_kpi_of_every_preset_has_a_knob(name: str) -> None:
    assert TURNED[name].keys() == {kpi.name for kpi in preset(name).kpis}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_as_it_is_shipped_has_data_after_an_hour(name: str) -> None:
    """Even what is held over a week; but for what counts a whole day, and for drift, which waits for a baseline."""
    file = f"{files('schemas')}/presets/{name}.yaml"
    hours = Hours(config := parse(f"topics: {{tallies_partitions: 1}}\nreleases: {{kpi_files: [{file}]}}"))
    assert config.releases.kpi_sets == (preset(name),)
    hours.serve(measured(config, [*hour(**WELL[name])]))
    seen = {one.kpi for one in hours.stands if one.standing.seen_at is not None}
    assert seen == {kpi.name for kpi in preset(name).kpis if kpi.measures.stat not in ("drift", "successes")}
    assert {one.standing.held for one in hours.stands} == {"green"}

"""An incident's alarms and what came since its onset -> how exchanges failed: modes, examples, guardrails, spread."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from math import inf
from typing import Final, Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from detectors.describe.hill import hill
from schemas.incidents import Concentrated, Exemplar, Fired, Interval, ModeCount, Spread
from schemas.signals import FAILING, GUARDRAIL, JUDGED
from streams.watch.baseline import Baseline
from streams.watch.cases import Alarm
from streams.watch.detector import Detector
from streams.watch.failing import of_slices
from streams.watch.plan import Plan
from streams.watch.rules import critical, tally, untold, worst_of
from streams.watch.severity import grew, grown_modes
from streams.watch.state import State
from streams.watch.window import After, add, events

MOST_MODES: Final = 8
MOST_EXEMPLARS: Final = 3
MOST_GUARDRAILS: Final = 8


class Figures(NamedTuple):
    """How exchanges failed since an onset; empty where an incident is about something else.

    Attributes
    ----------
    exchanges : since the onset
    modes : those that grew, the gravest first
    exemplars : of these
    guardrails : those that fire more often than before
    diversity, concentration : as they were and are
    """

    exchanges: int = 0
    modes: tuple[ModeCount, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    guardrails: tuple[Fired, ...] = ()
    diversity: Spread | None = None
    concentration: Concentrated | None = None


def figures(
    plan: Plan, detector: Detector, state: State, alarms: Sequence[Alarm], seen: Mapping[str, After]
) -> Figures:
    """Say how exchanges failed since an incident's onset.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    alarms : of the incident
    seen : release -> what came of it since the onset
    """
    assert state.baseline is not None
    baseline = state.baseline
    n = sum(events(one.kept) for one in seen.values())
    times = n / max(baseline.events, 1)
    guardrails = _guardrails(baseline, seen, times)
    if not any(alarm.signal in FAILING or _judged(detector, alarm) for alarm in alarms):
        return Figures(n, guardrails=guardrails)
    told = {alarm.about: untold(state, alarm.about) for alarm in alarms if critical(alarm)}
    modes = _modes(plan, state, baseline, seen, times, told)
    failing = any(alarm.signal in FAILING for alarm in alarms)
    return Figures(
        n, modes, _exemplars(state, modes), guardrails, _spread(baseline, seen) if failing else None,
        _concentration(detector, baseline, seen) if failing else None,
    )  # fmt: skip


def _judged(detector: Detector, alarm: Alarm) -> bool:
    return alarm.signal in detector.signals and detector.signals[alarm.signal].source == "outcome"


def _modes(
    plan: Plan, state: State, baseline: Baseline, seen: Mapping[str, After], times: float, told: Mapping[str, int]
) -> tuple[ModeCount, ...]:
    """List the modes that grew; of those that are told as new all that was seen counts, not what the window holds."""
    before = dict(baseline.modes)
    after = _together(names for one in seen.values() for names in (one.modes, one.marks.get(JUDGED, {})))
    after |= {mode: max(n, after.get(mode, 0)) for mode, n in told.items()}
    add(before, baseline.marks.get(JUDGED, {}))
    known = {mode: n for mode, n in after.items() if plan.taxonomy.of(mode)}  # the rest lies beyond a cap
    return tuple(
        replace(mode, exemplars=tuple(one.id for one in state.exemplars.get(mode.mode, ())))
        for mode in grown_modes(plan.taxonomy, known, before, times)[:MOST_MODES]
    )


def _exemplars(state: State, modes: Sequence[ModeCount]) -> tuple[Exemplar, ...]:
    """Choose failing exchanges to look at: the first of each mode, the gravest first, then the second of each."""
    by_mode = [state.exemplars.get(mode.mode, ()) for mode in modes]
    in_turn = [one for nth in zip_longest(*by_mode) for one in nth if one is not None]
    return tuple(in_turn[:MOST_EXEMPLARS])


def _guardrails(baseline: Baseline, seen: Mapping[str, After], times: float) -> tuple[Fired, ...]:
    fired, before = _together(one.marks.get(GUARDRAIL, {}) for one in seen.values()), baseline.marks.get(GUARDRAIL, {})
    grown = [
        Fired(name, n, round(expected, 2))
        for name, n in fired.items()
        if grew(n, expected := before.get(name, 0) * times)
    ]
    return tuple(sorted(grown, key=lambda one: (-one.n, one.guardrail))[:MOST_GUARDRAILS])


def _spread(baseline: Baseline, seen: Mapping[str, After]) -> Spread | None:
    after = _together(one.modes for one in seen.values())
    if not after:
        return None
    was, now = effective(baseline.modes), effective(after)
    return Spread(was, now, sum(baseline.modes.values()), sum(after.values()))


def _together(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = dict[str, int]()
    for one in counts:
        add(total, one)
    return total


def effective(modes: Mapping[str, int], q: Literal[1, 2] = 1) -> Interval | None:
    """Say the effective number of modes; None if too little failed to say."""
    counts = tally(modes)
    return interval(hill(counts, q)) if len(counts) else None


def interval(figure: Sequence[float]) -> Interval | None:
    """Round a figure and its interval for people; None where nothing is known of it from above."""
    value, low, high = (round(float(one), 4) for one in figure)
    return Interval(value, low, high) if high < inf else None


def _concentration(detector: Detector, baseline: Baseline, seen: Mapping[str, After]) -> Concentrated | None:
    if not seen:
        return None
    slices = np.sum([of_slices(detector, one.kept) for one in seen.values()], axis=0)
    worst = next(iter(worst_of(baseline.alphabet, slices)), None)
    if worst is None or worst.failures.low <= worst.worst.traffic:
        return None
    return Concentrated(worst.dimension, worst.name, worst.failures, round(worst.worst.traffic, 4))

"""How a service fails -> alarms by rule: a new critical mode, failures that are more diverse, or in one place; KPIs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from detectors.describe.concentration import Worst, concentration
from detectors.describe.diversified import diversified
from schemas.incidents import Interval
from schemas.signals import (
    ALSO,
    ERROR_BUDGET,
    FAILURE_CONCENTRATION,
    FAILURE_DIVERSITY,
    FAILURE_MODE,
    JUDGED,
    NEW_CRITICAL_MODE,
)
from schemas.tallies import OTHER
from schemas.taxonomy import observable
from streams.watch import burning
from streams.watch.alphabet import first_slices
from streams.watch.arrays import Ints
from streams.watch.assess import beyond
from streams.watch.assess.beyond import KPI
from streams.watch.baseline import Alphabet, Baseline
from streams.watch.cases import Alarm
from streams.watch.clock import end_ms
from streams.watch.detector import Detector
from streams.watch.failing import of_slices
from streams.watch.plan import PAGED, Plan
from streams.watch.state import Bucket, Failing, State
from streams.watch.window import After, after, events

DIVERSE: Final = -3
CONCENTRATED: Final = -4
CRITICAL: Final = -10
"""Monitors that a rule is in place of: -1 is silence, -2 traffic. A critical mode has `CRITICAL` less its place in the
taxonomy, so that each is an alarm of its own; those of KPIs come after them, and then those of error budgets."""


def raised(plan: Plan, detector: Detector, state: State, alarms: Sequence[Alarm], over: int) -> list[Alarm]:
    """Ask the rules in the second that closes.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    alarms : of that second, by bets
    over : the last second that is over
    """
    assert state.baseline is not None
    books = (*state.pending, *state.cases, *state.shadow.pending, *state.shadow.cases)
    known = [*alarms, *(alarm for case in books for alarm in case.alarms)]
    found = [*_critical(plan, state, state.baseline, known, over), *beyond.raised(plan, state, known, over)]
    due = (over + 1) % plan.config.measure.bucket_s == 0
    for alarm in known if due else alarms:
        found += _consequent(plan, detector, state, state.baseline, [*known, *found], alarm, over)
    found += burning.raised(plan, state, known, over)
    return found


def well(plan: Plan, detector: Detector, state: State, alarm: Alarm, span_s: int) -> bool:
    """Ask whether what a rule raised is over.

    Of a mode that is that it was not seen, though exchanges came; of a KPI, that it is green; of an error budget, that
    it burns no more than was planned; of the others, that the rule would not raise it.
    """
    assert state.baseline is not None
    if alarm.signal == ERROR_BUDGET.name:
        return burning.well(state, alarm)
    if alarm.monitor <= KPI:
        return beyond.well(plan, state, alarm, span_s)
    stream = state.streams.get(alarm.release)
    if stream is None or not stream.buckets:
        return True
    seen = after(stream, max(stream.buckets) - span_s, plan.config.measure.bucket_s)
    if seen is None or not events(seen.kept):
        return False
    if critical(alarm):
        return not count(seen, alarm.about)
    if alarm.monitor == DIVERSE:
        return not _diversified(state.baseline, seen)
    worst = _worst(plan, detector, state.baseline, seen)
    return worst is None or worst.place != alarm.about


def ended(state: State, alarms: Iterable[Alarm]) -> State:
    """Take note of what was told of critical modes: they are raised again when they are seen so often again."""
    modes = {alarm.about for alarm in alarms if critical(alarm)}
    if not modes:
        return state
    return replace(state, critical={**state.critical, **{mode: _total(state, mode) for mode in sorted(modes)}})


def _critical(plan: Plan, state: State, baseline: Baseline, known: Sequence[Alarm], over: int) -> Iterator[Alarm]:
    """Raise modes of sev-1 and sev-2 that were never seen while the service was learned, once they are repeated."""
    seen = {name for stream in state.streams.values() for names in _named(stream.failing) for name in names}
    new = seen.difference(baseline.modes, *(baseline.marks.get(column, {}) for column in (JUDGED, ALSO)))
    if not new:  # which is so nearly always
        return
    new.difference_update(alarm.about for alarm in known if critical(alarm))
    observed = observable(plan.taxonomy, baseline.carried)
    for place, mode in enumerate(plan.taxonomy.modes):
        if mode.id not in new or mode.severity not in PAGED:
            continue
        if untold(state, mode.id) < plan.config.failures.repeated:
            continue
        stream = max(state.streams.values(), key=lambda one: (count(one.failing, mode.id), one.release))
        begins = [at for at, bucket in stream.buckets.items() if count(bucket, mode.id)]
        if not begins:  # it was seen too long ago to be tonight's matter
            continue
        since = min(begins) * 1000
        # Where an evaluator or a judge came later than the baseline, nobody knows what is new: that wakes nobody.
        newly = mode.tier in ("T2", "T3") and mode.id not in observed
        yield Alarm(
            monitor=CRITICAL - place, bet=0, signal=NEW_CRITICAL_MODE.name, release=stream.release,
            severity=mode.severity, notify="ticket" if newly else "page", since=since, since_low=since,
            since_high=since + plan.config.measure.bucket_s * 1000, alarmed_at=end_ms(over), false_per_week=0.0,
            about=mode.id,
        )  # fmt: skip


def critical(alarm: Alarm) -> bool:
    """Say whether an alarm is of a new critical mode."""
    return KPI < alarm.monitor <= CRITICAL


def of_failures(alarm: Alarm) -> bool:
    """Whether a rule of this file raised an alarm: a critical mode, more diverse failures, or failures in one place."""
    return KPI < alarm.monitor <= DIVERSE


def untold(state: State, mode: str) -> int:
    """Count how often a mode was seen, of all releases, since it was last told as new."""
    return _total(state, mode) - state.critical.get(mode, 0)


def _total(state: State, mode: str) -> int:
    return sum(count(stream.failing, mode) for stream in state.streams.values())


def _named(seen: Failing | Bucket | After) -> Iterator[Mapping[str, int]]:
    """Give what names modes: exchanges by their primary one, outcomes by theirs, and both by all others."""
    yield seen.modes
    yield from (seen.marks.get(column, {}) for column in (JUDGED, ALSO))


def count(seen: Failing | Bucket | After, mode: str) -> int:
    """Count exchanges and outcomes that were in a mode."""
    return sum(names.get(mode, 0) for names in _named(seen))


def _consequent(
    plan: Plan, detector: Detector, state: State, baseline: Baseline, known: Sequence[Alarm], alarm: Alarm, over: int
) -> Iterator[Alarm]:
    """Say what else an alarm of the bets means: only where one of these is, so that their promise is that of the bets.

    Of such an alarm, by the figures since its onset.
    """
    monitor = {FAILURE_MODE: DIVERSE, "failed": CONCENTRATED}.get(alarm.signal)
    stream = state.streams.get(alarm.release)
    if monitor is None or alarm.monitor < 0 or stream is None:
        return
    if any(one.monitor == monitor and one.release == alarm.release for one in known):
        return
    seen = after(stream, alarm.since // 1000, plan.config.measure.bucket_s)
    if seen is None:
        return
    if monitor == DIVERSE:
        if grew := _diversified(baseline, seen):
            yield _meant(alarm, DIVERSE, FAILURE_DIVERSITY.name, " and ".join(grew), over)
    elif (worst := _worst(plan, detector, baseline, seen)) is not None:
        yield _meant(alarm, CONCENTRATED, FAILURE_CONCENTRATION.name, worst.place, over)


def _meant(alarm: Alarm, monitor: int, signal: str, about: str, over: int) -> Alarm:
    """Make the alarm of what another one means; it shares its onset, and so its incident."""
    return Alarm(
        monitor=monitor, bet=0, signal=signal, release=alarm.release, severity="sev-3", notify="ticket",
        since=alarm.since, since_low=alarm.since_low, since_high=alarm.since_high, alarmed_at=end_ms(over),
        false_per_week=alarm.false_per_week, about=about,
    )  # fmt: skip


class Place(NamedTuple):
    """The slice of any dimension that has most more of the failures than of the traffic, by its name."""

    dimension: str
    name: str
    worst: Worst

    @property
    def place(self) -> str:
        """Name it."""
        return f"{self.dimension}={self.name}"

    @property
    def failures(self) -> Interval:
        """Say its share of the failures."""
        return Interval(*(round(figure, 4) for figure in self.worst.failures))


def _worst(plan: Plan, detector: Detector, baseline: Baseline, seen: After) -> Place | None:
    """Find the slice where failures are concentrated, surely and more than when the service was learned."""
    least = plan.config.failures.concentration_percent / 100
    before = {one.place: one for one in worst_of(baseline.alphabet, of_slices(detector, detector.usual))}
    for one in worst_of(baseline.alphabet, of_slices(detector, seen.kept)):
        was = before.get(one.place)
        excess = one.worst.failures.low - one.worst.traffic
        if excess >= least and (was is None or one.worst.failures.low > was.worst.failures.high):
            return one
    return None


def worst_of(alphabet: Alphabet, slices: Ints) -> list[Place]:
    """Find the worst slice of each dimension, the most concentrated first.

    Parameters
    ----------
    slices : (slices, 2) served and failed, as of `streams.watch.failing.of_slices`
    """
    found = []
    for field, names, first in zip(alphabet.dimensions, alphabet.slices, first_slices(alphabet), strict=True):
        served, failed = slices[first : first + len(names) + 1].T
        if (worst := concentration(failed, served)) is not None:
            found.append(Place(field, (*names, OTHER)[worst.slice], worst))
    return sorted(found, key=lambda one: one.worst.traffic - one.worst.failures.value)


def _diversified(baseline: Baseline, seen: After) -> tuple[str, ...]:
    """Say which figure of diversity is surely higher than when the service was learned.

    None if nothing failed then or now.
    """
    was, now = (tally(modes) for modes in (baseline.modes, seen.modes))
    return diversified(was, now).which if len(was) and len(now) else ()


def tally(modes: Mapping[str, int]) -> Ints:
    """Lay counts of modes out, in the order of their names, without those of which nothing was seen."""
    return np.array([n for _, n in sorted(modes.items()) if n > 0], np.int64)

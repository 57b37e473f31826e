"""What arrives at a service that is watched -> what its baseline takes in of it, once that was quiet for a day.

Each exchange waits for one day of UTC at least, and for two at most (`detectors.growth`). Limits are made anew when as
much was taken in as there was before, and when all weekdays, or both days of a weekend, are there for the first time.
"""

from typing import Final

import numpy as np
from msgspec.structs import replace

from detectors.growth import Quarantine, due, keep, quiet
from detectors.limits.season import HOURS, hour_of_week, pools_of
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline, Derived, Growth, Taken, Waiting
from streams.watch.detector import Detector
from streams.watch.drift import drifts
from streams.watch.packed import packed, unpacked
from streams.watch.plan import Plan
from streams.watch.state import State
from streams.watch.window import events

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S


def came(state: State) -> Ints | None:
    """Say what arrived in the second that closes of what the service is meant to be; None if nothing.

    That is the release that was promoted, or all of them while no fact says which. Where more names came than there is
    room for, some are counted as what they are not, and nothing is learned from that.

    Parameters
    ----------
    state : of the service; what arrived is still pending
    """
    arrived = [
        stream.pending
        for stream in state.streams.values()
        if stream.pending is not None and not stream.overflowed and state.present in ("", stream.release)
    ]
    return sum(arrived[1:], arrived[0]) if arrived else None


def grown(plan: Plan, detector: Detector, state: State, counts: Ints | None) -> State:
    """Keep what arrived in the second that closes apart, and take in what has waited for long enough.

    If any monitor of the service has any evidence, or an incident is open, all that waits may be what made it, and is
    forgotten.

    Parameters
    ----------
    detector : by which the second was decided
    state : of the service, after it was
    counts : what `came` said of it
    """
    assert state.baseline is not None
    hour = state.second // HOUR_S
    known = state.growth or Growth(hour)
    # After a clock was set back nobody knows which day what waits belongs to.
    if hour < known.hour or not _calm(detector, state):
        if known.arrived is None and known.waits is None:
            return state
        return replace(state, growth=replace(known, hour=hour, arrived=None, waits=None))
    if counts is None:
        return state
    if known.arrived is None or known.hour == hour:
        known = replace(known, hour=hour, arrived=counts if known.arrived is None else known.arrived + counts)
    else:
        turned = _turned(plan, detector, state, known)
        if plan.config.watch.season_percent and _knows_days(turned) and not _knows_days(known):
            # What was taken for a dependence until now was the season, and is known for one from here on.
            state = replace(state, blocks=None, unfinished=None)
        known = replace(turned, hour=hour, arrived=counts)
    return replace(state, growth=known)


def _knows_days(growth: Growth) -> bool:
    return growth.derived is not None and bool(pools_of(growth.derived.days).any())


def _calm(detector: Detector, state: State) -> bool:
    """Whether nothing speaks against the baseline."""
    if state.cases or state.pending or state.shadow.cases or state.shadow.pending:
        return False
    begins = detector.accumulators.begins
    return all(
        not stream.fired and quiet(np.add.reduceat(stream.evidence, begins, dtype=np.float64))
        for stream in state.streams.values()
    )


def _turned(plan: Plan, detector: Detector, state: State, known: Growth) -> Growth:
    """Lay an hour that is over to those that wait, and take in the day that has."""
    assert known.arrived is not None
    assert state.baseline is not None
    whole, began = detector.whole, known.hour * HOUR_S
    counts = np.zeros(HOURS * len(whole) + detector.kept_size, np.int64)
    counts[hour_of_week(began) * len(whole) :][: len(whole)] = known.arrived[whole]
    counts[HOURS * len(whole) :] = known.arrived
    waits = known.waits or Waiting(began - began % DAY_S, b"", b"")
    held = Quarantine(waits.began, unpacked(waits.current, len(counts)), unpacked(waits.older, len(counts)))
    held, taken = keep(held, counts, True, began, DAY_S)
    known = replace(known, waits=Waiting(held.began, packed(held.current), packed(held.older)))
    if taken is None:
        return known
    of_hours, sums = taken[: -detector.kept_size].reshape(HOURS, -1), taken[-detector.kept_size :]
    return _took(plan, state.service, state.baseline, known, of_hours, sums)


def _took(plan: Plan, service: str, baseline: Baseline, known: Growth, of_hours: Ints, sums: Ints) -> Growth:
    """Take in a day; compare the week before it with the first version, and make limits anew when that is due."""
    week = (known.hour - hour_of_week(known.hour * HOUR_S)) // HOURS
    before = known.taken or Taken(b"", 0, np.zeros_like(sums), week, np.zeros_like(sums))
    if week != before.week:
        told = drifts(plan, baseline, service, before.weekly, before.compared + 1)
        known = replace(known, drifts=told)
        before = replace(before, week=week, weekly=np.zeros_like(sums), compared=before.compared + 1)
    every = unpacked(before.hours, of_hours.size) + of_hours.ravel()
    days = sum(1 << day for day in np.flatnonzero(of_hours.reshape(7, -1).any(axis=1)).tolist())
    taken = Taken(
        packed(every), before.days | days, before.sums + sums, week, before.weekly + sums, before.compared
    )  # fmt: skip
    number, seen, at = 1, 0, 0
    if known.derived is not None:
        number, seen, at = known.derived.number, known.derived.days, events(known.derived.sums)
    whole = pools_of(taken.days).sum() > pools_of(seen).sum()
    if whole or due(baseline.events + events(taken.sums), baseline.events + at):
        return replace(known, taken=taken, derived=Derived(number + 1, taken.hours, taken.days, taken.sums))
    return replace(known, taken=taken)

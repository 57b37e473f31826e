"""Closed buckets of a service's exchanges -> what a bucket of some hour of the week may hold."""

from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from detectors.growth import LOUD
from detectors.limits.season import HOURS, apart, hour_of_week
from detectors.limits.traffic import NOTHING, Moments, Traffic, fit_moments
from detectors.shares import WEEK_S, level
from streams.watch import state as known
from streams.watch.plan import Plan
from streams.watch.state import State

fit: Final = lru_cache(maxsize=4096)(fit_moments)
"""Of a sample that is the same for hundreds of buckets."""
FEWEST: Final = 30
"""Closed buckets, at least, that limits are made of for the first time."""
SEASON_PERCENT: Final = 60.0
"""How far traffic may be off some middle in any hour of the week, while that hour was not learned itself."""


def learned(plan: Plan, held: known.Traffic) -> known.Traffic:
    """Take in what leaves the window, and make limits anew when there is twice as much.

    What is taken in is that old, and no evidence speaks against it: nothing that led to an alarm is in it. Limits are
    made at the first `FEWEST` buckets or at the 128th part of a week, whichever is more, at each doubling, and at a
    week; the i-th time at ``6 / (pi i)^2`` of the level.
    """
    bucket_s = plan.config.measure.bucket_s
    old = [start for start in held.closed if start <= held.until - plan.window_s]
    if not old:
        return held
    samples = dict(held.learned)
    if not held.fired and sum(held.evidence) < LOUD:
        for start in old:
            if start >= held.skips:
                hour = hour_of_week(start)
                samples[hour] = Moments(*samples.get(hour, ())).add(held.closed[start])
    closed = {start: n for start, n in held.closed.items() if start not in old}
    held = replace(held, closed=closed, learned=samples)
    week, now = WEEK_S / bucket_s, _all(samples).buckets
    last = _all(held.known).buckets
    due = 2 * last if last >= week else min(max(2 * last, FEWEST, week / 128), max(week, FEWEST))
    return replace(held, known=samples, derived=held.derived + 1) if now >= due else held


def usual(plan: Plan, held: known.Traffic, start: int) -> tuple[Moments, bool]:
    """Find the sample that a bucket is compared with, and whether it is of that hour of the week alone.

    It is once a week was learned; before, and of an hour of which nothing was, it is all hours together.
    """
    every = _all(held.known)
    if every.buckets * plan.config.measure.bucket_s >= WEEK_S:
        own = Moments(*held.known.get(hour_of_week(start), ()))
        if own.buckets >= 2 and own.events:
            return own, True
    return every, False


def bounds(plan: Plan, state: State, start: int) -> Traffic:
    """Say what a bucket may hold: the narrowest of what is known of it.

    All hours together say it, moved by as far as two hours may lie apart; and its own hour, once a week was learned.
    Either is moved by `traffic_percent`. Where they exclude each other, its own hour is right.
    """
    held, allowed = state.traffic, plan.traffic(state.service)
    if not (held.derived and allowed):
        return NOTHING
    sample, own = usual(plan, held, start)
    risk = plan.config.watch.learning_risk_percent / 100
    part = level(allowed, plan.tickets(state.service).per_week, held.derived, risk)
    least = 1 + plan.config.watch.traffic_percent / 100
    every = fit(_all(held.known), part / (HOURS + 1), least * apart(SEASON_PERCENT)[1])
    if not own:
        return every
    mine = fit(sample, part / (HOURS + 1), least)
    lo, hi = max(mine.lo, every.lo), min(mine.hi, every.hi)
    return Traffic(lo, hi, max(mine.size, every.size)) if lo <= hi else mine


def _all(learned: dict[int, tuple[int, int, int]]) -> Moments:
    return Moments(*map(sum, zip(*learned.values(), strict=True)))

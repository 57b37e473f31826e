"""Limits by hour of the week hold in all hours at once, and keep the budget that one limit for all breaks."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors import delay, esr
from detectors.arrays import Bools, Counts, Floats
from detectors.bets import number
from detectors.bets.indicator import indicators
from detectors.limits import mean, moved, season
from detectors.limits.season import HOURS, Allowed, apart, hour_of_week, outward, pools_of
from schemas.cells import CELLS, MISSING

YES = np.array([[0.0, 1.0, np.nan]])
NOTHING = np.zeros(3, np.int64)
WEEK = 0b1111111
PERCENT = 60.0
HOUR = np.arange(HOURS)
DAILY = 1 + 0.6 * np.sin(2 * np.pi * HOUR / 24)
WEEKLY = 1 + 0.6 * np.sin(2 * np.pi * HOUR / HOURS)
FLAT = np.ones(HOURS)
SEASONS = {"daily": DAILY, "weekly": WEEKLY, "none": FLAT}


def week(rng: np.random.Generator, p: Floats, events: Floats) -> Counts:
    """No, yes, missing by hour of one week."""
    n = np.asarray(events, np.int64)
    yes = rng.binomial(n, p)
    return np.stack([n - yes, yes, 0 * yes], axis=1)


def allowed(tally: Counts, level: float, percent: float = PERCENT, days: int = WEEK) -> Allowed:
    """Bound the share of yes in every hour."""
    at = np.array([level])
    return season.limits(YES, tally, at, season.shares(YES, tally, NOTHING, at, percent, pools_of(days)), HOUR)


def outside(found: Allowed, p: Floats) -> Bools:
    return np.asarray((p < found.lower[:, 0]) | (p > found.upper[:, 0]))


@pytest.mark.parametrize("traffic", ["daily", "none"])
@pytest.mark.parametrize("name", SEASONS)
def test_the_limits_of_all_hours_hold_together(name: str, traffic: str) -> None:
    """Both sides of 168 hours at 10 % each, in 300 weeks; also where traffic weighs the hours."""
    rng, level, weeks, p = np.random.default_rng(61), 0.1, 300, 0.05 * SEASONS[name]
    wrong = 0
    for _ in range(weeks):
        found = allowed(week(rng, p, 200 * SEASONS[traffic]), level)
        wrong += bool(outside(found, p).any())
    assert wrong / weeks <= 2 * level + 3 * np.sqrt(2 * level / weeks)


def test_a_part_of_a_week_that_was_learned_at_night_leaves_room_for_the_day() -> None:
    """20,000 events of six hours around the lowest: nothing else is known, and the highest is four times as high."""
    rng, p = np.random.default_rng(62), 0.05 * DAILY
    at_night = np.where((HOUR >= 15) & (HOUR < 21), 3333, 0)
    wrong = [outside(allowed(week(rng, p, at_night), 0.01, days=0), p).any() for _ in range(100)]
    assert np.mean(wrong) <= 0.02 + 3 * np.sqrt(0.02 / 100)


def test_a_week_without_a_weekend_says_nothing_of_one() -> None:
    """A twentieth of the share at weekends: what weekdays say of it, they say by as far as hours may lie apart."""
    rng = np.random.default_rng(72)
    tally = week(rng, 0.05 * FLAT, np.where(HOUR < 5 * 24, 4000, 0))
    found, whole = allowed(tally, 1e-3, days=0b0011111), allowed(tally, 1e-3)
    assert (found.upper[:120] < 0.09).all()
    assert (found.upper[120:] > 0.19).all()
    assert (found.upper == whole.upper).all()  # pools without events say nothing, whole or not


def test_what_was_learned_at_an_hour_that_nobody_knows_speaks_for_none_of_them() -> None:
    """A first baseline of 20,000 events at the lowest hour narrows what all may be, and hides no hour of the day."""
    rng, p, at = np.random.default_rng(71), 0.05 * DAILY, np.array([0.01])
    first = week(rng, p[18:19], np.array([20_000]))[0]
    tally = np.zeros((HOURS, 3), np.int64)
    found = season.limits(YES, tally, at, season.shares(YES, tally, first, at, PERCENT, pools_of(0)), HOUR)
    assert not outside(found, p).any()
    assert found.upper.max() < 0.2


def test_a_season_larger_than_was_said_is_told_and_the_hours_own_limits_stand() -> None:
    rng, p = np.random.default_rng(63), 0.05 * DAILY
    found = allowed(week(rng, p, 20_000 * FLAT), 1e-6, percent=10)
    assert found.refuted.any()
    assert not outside(found, p)[found.refuted[:, 0]].any()


def test_with_enough_events_an_hours_limits_are_its_own() -> None:
    tally = week(np.random.default_rng(64), 0.05 * FLAT, 5000 * FLAT)
    found = allowed(tally, 1e-6)
    own = mean.limits(YES, tally, np.array([1e-6]) / 3 / HOURS)
    assert (np.stack(own) == np.stack([found.lower, found.upper])).all()


def false_alarms(lower: Floats, upper: Floats, p: Floats, monitors: int, weeks: int, budget: float) -> int:
    """Run monitors through so many weeks, with 100 events an hour; limits are (168, 1) or (168, monitors)."""
    rng, alarms = np.random.default_rng(65), 0
    evidence = np.zeros((monitors, 8), np.float32)
    for hour in np.tile(HOUR, weeks):
        lo, hi = (np.broadcast_to(limit[hour], monitors)[:, None] for limit in (lower, upper))
        bets = indicators(["yes"], [1], [False], [1.0], lo, hi, 3)
        yes = rng.binomial(100, p[hour], monitors)
        growth = bets.growth(np.stack([100 - yes, yes, 0 * yes], axis=1))
        evidence = esr.advance(evidence, growth, bets.weights, np.full(monitors, budget / monitors / weeks / HOURS))
        fired = esr.fired(evidence)
        evidence[fired] = 0
        alarms += int(fired.sum())
    return alarms


@pytest.mark.parametrize("name", ["daily", "weekly"])
def test_hours_of_the_week_keep_the_budget_that_one_limit_breaks(name: str) -> None:
    """100 monitors, 8 weeks after two that were learned of 100 events an hour."""
    rng, monitors, p, budget = np.random.default_rng(66), 100, 0.05 * SEASONS[name], 8.0
    tallies = [week(rng, p, 200 * FLAT) for _ in range(monitors)]
    level = np.array([0.05 / monitors])
    found = [allowed(tally, 0.05 / monitors) for tally in tallies]
    lower, upper = (np.concatenate([getattr(one, side) for one in found], axis=1) for side in ("lower", "upper"))
    assert false_alarms(lower, upper, p, monitors, 8, budget) <= stats.poisson.isf(1e-3, budget)
    whole = [mean.limits(YES, tally.sum(axis=0, keepdims=True), level) for tally in tallies]
    lower, upper = (np.tile(np.concatenate([one[side] for one in whole], axis=1), (HOURS, 1)) for side in (0, 1))
    assert false_alarms(lower, upper, p, monitors, 8, budget) > 10 * budget


def events_to_alarm(lower: float, upper: float, share: float) -> float:
    bets = indicators(["yes"], [1], [False], [1.0], np.array([[lower]]), np.array([[upper]]), 3)
    return delay.events(bets, 0, np.array([1 - share, share, 0.0]), 1e-7)


def test_a_change_at_night_is_found_that_the_whole_week_would_hide() -> None:
    """From 2 to 8 %, as days have. Limits of the week that allow for the season never find it; those of the hour do
    within a night hour's thousand events, once eight weeks were learned."""
    tally = week(np.random.default_rng(67), 0.05 * DAILY, 8000 * FLAT)
    level, night = np.array([1e-6]), 18
    found = allowed(tally, 1e-6)
    lo, hi = mean.limits(YES, tally.sum(axis=0, keepdims=True), level)
    lo, hi = outward(lo, hi, 0.4, 1.6)
    assert np.isinf(events_to_alarm(lo[0, 0], hi[0, 0], 0.08))
    at_night = events_to_alarm(found.lower[night, 0], found.upper[night, 0], 0.08)
    assert at_night < 1000


@pytest.mark.parametrize("share", [0.05, 0.97])
def test_slices_that_have_the_season_of_the_whole_inherit_it(share: float) -> None:
    """40 slices of shares from a third to twice that of the whole, counted over all hours only; all hours of all."""
    rng, level, slices = np.random.default_rng(70), 0.01, 40
    rare = min(share, 1 - share) * DAILY
    of_slices = np.linspace(0.33, 2, slices)[:, None] * rare
    p = of_slices if share < 0.5 else 1 - of_slices
    tally = week(rng, rare if share < 0.5 else 1 - rare, 2000 * FLAT)
    found, every = allowed(tally, level), mean.limits(YES, tally.sum(axis=0, keepdims=True), np.array([level]))
    counted = np.stack([week(rng, one, 100 * FLAT).sum(axis=0) for one in p])
    lo, hi = mean.limits(YES, counted, np.array([level / slices]))
    whole = (every[0][0], every[1][0])
    wrong = np.zeros((slices, HOURS), np.bool_)
    for hour in HOUR:
        low, high = season.inherited(lo, hi, whole, (found.lower[hour], found.upper[hour]))
        assert ((low >= 0) & (low <= high) & (high <= 1)).all()
        wrong[:, hour] = (p[:, hour] < low[:, 0]) | (p[:, hour] > high[:, 0])
    assert not wrong.any()


def test_a_slice_of_what_never_came_inherits_nothing() -> None:
    never, some = (np.array([0.0]), np.array([0.001])), (np.array([0.0]), np.array([0.01]))
    lo, hi = season.inherited(np.array([[0.0]]), np.array([[0.02]]), never, some)
    assert (lo[0, 0], hi[0, 0]) == (0.0, 1.0)


# Numbers: what an hour's own few events leave open is narrowed by the same distribution at other scales.


def distributions(scale: Floats) -> Floats:
    """Lognormal latencies, in cells, by hour."""
    edges = np.log(np.exp2(-5 + np.arange(MISSING - 1) / 8))
    below = stats.norm.cdf(edges, 7 + np.log(scale)[:, None], 0.6)
    zero, one = np.zeros((len(scale), 1)), np.ones((len(scale), 1))
    return np.concatenate([np.diff(np.concatenate([zero, below, one], axis=1), axis=1), zero], axis=1)


def learned(tally: Counts, level: float) -> tuple[Floats, Allowed]:
    """Features in cells, and their limits by hour; ranks and bins from all hours together."""
    every = tally.sum(axis=0)
    bets = number.table(every[None], np.array([level]))
    features = bets.values(0)[[bets.feature.index(name) for name in number.FEATURES[:-1]]]
    bins = bets.bins[0]
    binned = np.stack([np.bincount(bins, hour, minlength=number.BINS) for hour in tally]).astype(np.int64)
    at = np.full(len(features), level)
    lowest, highest = (ends[0, :-1] for ends in number.multiplied(bets, every[None], PERCENT))
    pools = season.numbers(lowest, highest, binned, np.zeros(number.BINS, np.int64), at)
    return features, season.limits(moved.of_bins(features, every, bins), binned, at, pools, HOUR)


@pytest.mark.parametrize("events", [20, 300])
@pytest.mark.parametrize("name", ["daily", "weekly"])
def test_limits_of_a_number_hold_in_every_hour(name: str, events: int) -> None:
    """Rank, spread and three tails of all hours of ten weeks, at 1 % each: next to nothing is wrong."""
    rng, chance, wrong = np.random.default_rng(68), distributions(SEASONS[name]), 0
    for _ in range(10):
        features, found = learned(rng.multinomial(events, chance / chance.sum(axis=1, keepdims=True)), 0.01)
        true = np.nansum(chance[:, None, :] * features, axis=2)
        wrong += int(((true < found.lower - 1e-9) | (true > found.upper + 1e-9)).any())
    assert wrong <= stats.binom.isf(1e-3, 10, 0.1)  # ten limits of 1 %


def test_few_hours_narrow_the_rank_of_hours_that_were_never_seen() -> None:
    """Six hours were learned: a value four times as large lies within reach, one that is thirty times as large not."""
    chance = distributions(DAILY)
    tally = np.zeros((HOURS, CELLS), np.int64)
    tally[:6] = np.random.default_rng(69).multinomial(3000, chance[:6] / chance[:6].sum(axis=1, keepdims=True))
    features, found = learned(tally, 1e-6)
    assert found.upper[100, 0] < 1
    far = np.nansum(distributions(np.array([30.0])) * features[0])
    assert far > found.upper[100, 0]
    true = np.nansum(chance[:, None, :] * features, axis=2)
    assert ((true >= found.lower) & (true <= found.upper)).all()


@settings(deadline=None)
@given(
    factor=st.floats(0.05, 20),
    counts=st.lists(st.integers(0, 50), min_size=CELLS, max_size=CELLS).filter(lambda counts: sum(counts[:-1]) > 0),
)
def test_moving_what_cells_count_for_is_moving_the_tally(factor: float, counts: list[int]) -> None:
    tally = np.array(counts)
    rank = np.append(np.linspace(0, 1, MISSING), 0.0)[None]
    there = float((rank @ delay.times_number(tally, factor))[0])
    here = float((moved.moved(rank, factor) @ (tally / tally.sum()))[0])
    assert here == pytest.approx(there)


@settings(deadline=None)
@given(p=st.floats(0, 1), middle=st.floats(0, 1), percent=st.floats(0, 95))
def test_moved_outward_a_share_reaches_every_other_hour(p: float, middle: float, percent: float) -> None:
    """If two hours lie within `percent` of some middle, by its rarer side, the one is within reach of the other."""
    rare = min(middle, 1 - middle)

    def hour(off: float) -> float:
        moved_by = rare * off * percent / 100
        return middle + moved_by if middle <= 0.5 else middle - moved_by

    lo, hi = outward(np.array([hour(2 * p - 1)]), np.array([hour(2 * p - 1)]), *apart(percent))
    for end in (-1, 1):
        assert lo[0] - 1e-12 <= hour(end) <= hi[0] + 1e-12


def test_the_week_begins_on_monday() -> None:
    assert hour_of_week(1_795_478_400) == 24  # 2026-11-24 00:00 UTC, a Tuesday
    assert [hour_of_week(345_600 + 3600 * hour) for hour in range(170)] == [*range(168), 0, 1]
    assert season.LIKE[[0, 24, 96, 120, 144]].tolist() == [0, 0, 0, 24, 24]


def test_what_is_no_week_no_percent_and_no_factor_is_refused() -> None:
    shares: Callable[..., season.Pools] = season.shares
    with pytest.raises(ValueError, match="168 hours"):
        shares(YES, np.zeros((24, 3), np.int64), NOTHING, np.array([0.1]), 60, pools_of(WEEK))
    for percent in (-1, 96, np.nan):
        with pytest.raises(ValueError, match="season_percent"):
            shares(YES, np.zeros((HOURS, 3), np.int64), NOTHING, np.array([0.1]), percent, pools_of(WEEK))
    with pytest.raises(ValueError, match="counts"):
        shares(YES, np.full((HOURS, 3), -1), NOTHING, np.array([0.1]), 60, pools_of(WEEK))
    for factor in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="factor"):
            moved.moved(np.zeros((1, CELLS)), factor)


def test_an_hour_and_a_week_without_events_leave_everything_possible() -> None:
    found = allowed(np.zeros((HOURS, 3), np.int64), 0.1)
    assert (found.lower == 0).all()
    assert (found.upper == 1).all()
    assert not found.refuted.any()

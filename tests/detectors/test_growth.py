"""A baseline grows without its promise becoming false, and cannot drift away unnoticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import esr
from detectors.arrays import Bools, Counts, Floats
from detectors.bets import rate
from detectors.bets.indicator import Indicators
from detectors.bets.table import Bets
from detectors.growth import LOUD, Drift, Quarantine, drifted, due, keep, quiet
from detectors.limits import clopper_pearson
from detectors.shares import level
from tests.detectors.tables import BASELINES, TABLES

DAYS = 90
LEVEL = 0.05


def spent(derivation: int, of: float = LEVEL) -> float:
    """Say what a monitor that is alone may spend on a derivation, and on a week of comparison."""
    return level(1.0, 604_800.0, derivation, miss=of)


def wrong(p: Floats, s: Counts, n: int, at: float) -> Bools:
    """Say whose limits are wrong, both sides together at level `at`."""
    lo, hi = clopper_pearson.limits(s, n, at / 2)
    return np.asarray((p < lo) | (p > hi))


def test_limits_made_at_doublings_are_wrong_at_some_time_as_rarely_as_they_say() -> None:
    """And limits made daily, each time at the whole level, in a third of all monitors: what this schedule is for.

    2,000 monitors; the bound is three standard errors above the level.
    """
    rng, monitors, n0, per_day = np.random.default_rng(31), 2000, 2000, 1000
    p = rng.beta(2, 20, monitors).clip(0.01, 0.5)
    events, s = n0, rng.binomial(n0, p)
    derived_from, derivation = events, 1
    ever = wrong(p, s, events, spent(derivation))
    daily = wrong(p, s, events, LEVEL)
    for _ in range(DAYS):
        events, s = events + per_day, s + rng.binomial(per_day, p)
        daily |= wrong(p, s, events, LEVEL)
        if due(events, derived_from):
            derived_from, derivation = events, derivation + 1
            ever |= wrong(p, s, events, spent(derivation))
    assert derivation == 6
    assert ever.mean() <= LEVEL + 3 * np.sqrt(LEVEL / monitors)
    assert daily.mean() > 4 * LEVEL


def test_all_derivations_together_spend_the_level_and_no_more() -> None:
    parts = [spent(derivation) for derivation in range(1, 10_000)]
    assert sum(parts) <= LEVEL
    assert sum(parts) == pytest.approx(LEVEL, rel=1e-3)


def compared(first: Bets, now: Counts, level: Floats) -> Drift:
    return drifted(first.lower, first.upper, first.values(0)[first.leading], now, level)


class Grown:
    """Many monitors of one rate each, that learn, watch, and take in what was quiet, day by day."""

    def __init__(self, p: Floats, learned: int, of: float, seed: int) -> None:
        self.rng, self.p, self.of = np.random.default_rng(seed), p, of
        self.baseline = self.draw(p, learned)
        self.derivation, self.sample = np.ones(len(p), np.int64), self.baseline.copy()
        self.first = self.bets = self.made()
        self.evidence = np.zeros(self.bets.lo.shape, np.float32)
        self.held = [Quarantine(0, np.zeros(3, np.int64), np.zeros(3, np.int64)) for _ in p]
        self.alarms, self.ever = 0, self.wrong()
        self.fired = np.zeros(len(p), np.bool_)
        self.taken_in = np.zeros_like(self.baseline)

    def draw(self, p: Floats, events: int) -> Counts:
        yes = self.rng.binomial(events, p)
        return np.stack([events - yes, yes, 0 * yes], axis=1)

    def made(self) -> Indicators:
        return rate.table(self.sample, np.array([spent(int(i), self.of) for i in self.derivation]))

    def wrong(self) -> Bools:
        return np.asarray((self.p < self.bets.lower[:, 0]) | (self.p > self.bets.upper[:, 0]))

    def watch(self, day: int, p: Floats, events: int, budget: float, restart: bool = True) -> None:
        """Let a day pass, in ten blocks."""
        blocks, counts = 10, np.zeros_like(self.baseline)
        for _ in range(blocks):
            block = self.draw(p, events // blocks)
            counts += block
            each = np.full(len(p), budget / blocks)
            self.evidence = esr.advance(self.evidence, self.bets.growth(block), self.bets.weights, each)
            fired = esr.fired(self.evidence)
            self.alarms += int(fired.sum())
            self.fired |= fired
            if restart:
                self.evidence[fired] = 0
        calm = self.evidence.sum(axis=1) < LOUD
        for s, held in enumerate(self.held):
            self.held[s], taken = keep(held, counts[s], bool(calm[s]), day, 1)
            if taken is not None:
                self.baseline[s] += taken
                self.taken_in[s] += taken
                if due(int(self.baseline[s].sum()), int(self.sample[s].sum())):
                    self.sample[s] = self.baseline[s]
                    self.derivation[s] += 1
        self.bets = self.made()
        self.ever |= self.wrong()


def test_growth_keeps_the_promise_though_only_quiet_days_are_taken_in() -> None:
    """What is taken in is chosen by what the limits said of it, which might make the next ones too narrow.

    400 monitors at a level of 5 % each, on a budget of one false alarm in 20,000 events: loud days are frequent.
    """
    monitors, budget = 400, 0.1
    p = np.random.default_rng(32).beta(2, 20, monitors).clip(0.01, 0.5)
    grown = Grown(p, 5000, LEVEL, seed=33)
    for day in range(1, 61):
        grown.watch(day, p, 2000, budget)
    assert (grown.derivation >= 2).mean() > 0.9  # they do grow, and
    assert (grown.baseline.sum(axis=1) < 5000 + 59 * 2000).mean() > 0.5  # days were left out
    assert grown.ever.mean() <= LEVEL + 3 * np.sqrt(LEVEL / monitors)
    assert grown.alarms <= monitors * budget * 60


@pytest.mark.parametrize("events", [2_000, 20_000])
def test_a_slow_drift_is_told(events: int) -> None:
    """From 5 to 7.5 % over eight weeks: by an alarm, or by the weekly comparison."""
    monitors, start = 50, np.full(50, 0.05)
    grown = Grown(start, 20_000, 1e-6, seed=34)
    told = np.zeros(monitors, np.bool_)
    for day in range(1, 71):
        grown.watch(day, start * (1 + 0.5 * min(day / 56, 1)), events, 1e-4, restart=False)
        if day % 7 == 0:
            now = compared(grown.first, grown.taken_in, np.full(monitors, spent(day // 7, 1e-6)))
            told |= now.up[:, 0]
            assert not now.down.any()
            grown.taken_in[:] = 0
    assert (told | grown.fired).all()


def test_a_drift_that_growth_takes_in_is_told_by_the_weekly_comparison_alone() -> None:
    """A week of 14,000 events, from 5 to 7.5 % in eight weeks, at a part of 1e-6 each week."""
    rng, monitors = np.random.default_rng(35), 200

    def week(share: float) -> Counts:
        yes = rng.binomial(14_000, np.full(monitors, share))
        return np.stack([14_000 - yes, yes, 0 * yes], axis=1)

    first = rate.table(week(0.05) + week(0.05), np.full(monitors, spent(1, 1e-6)))
    told = [
        compared(first, week(0.05 + 0.025 * k / 8), np.full(monitors, spent(k, 1e-6))).up[:, 0].mean()
        for k in range(1, 9)
    ]
    assert told[0] == 0
    assert told[-1] >= 0.95


@pytest.mark.parametrize("name", sorted(TABLES))
def test_what_is_no_drift_is_told_as_rarely_as_the_level_says(name: str) -> None:
    """A quarter of weeks, 60 monitors of every kind, at 5 % each; told falsely with twice that at most."""
    rng, monitors, at = np.random.default_rng(36), 60, LEVEL
    chance = BASELINES[name][0] / BASELINES[name][0].sum()
    first = TABLES[name](rng.multinomial(2000, chance, monitors), np.full(monitors, at))
    ever = np.zeros(monitors, np.bool_)
    for k in range(1, 14):
        now = compared(first, rng.multinomial(1000, chance, monitors), np.full(monitors, spent(k, at)))
        ever |= (now.up | now.down).any(axis=1)
    assert ever.mean() <= 2 * at + 3 * np.sqrt(2 * at / monitors)


@settings(deadline=None)
@given(
    days=st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=60),
    span=st.integers(1, 7),
)
def test_what_is_taken_in_waited_and_nothing_spoke_meanwhile(days: list[tuple[int, bool]], span: int) -> None:
    """Each second brings so many events of its own cell, so that it is seen when they are taken in."""
    zero = np.zeros(len(days), np.int64)
    held, seen = Quarantine(0, zero, zero), zero.copy()
    for now, (n, calm) in enumerate(days):
        held, taken = keep(held, n * (np.arange(len(days)) == now), calm, now, span)
        if taken is None:
            continue
        assert not (seen & taken).any()
        seen += taken
        for at in np.flatnonzero(taken):
            assert taken[at] == days[at][0]
            assert span <= now - at <= 2 * span
            assert all(was_calm for _, was_calm in days[at : now + 1])


def test_a_quiet_year_is_taken_in_but_for_the_last_two_spans() -> None:
    held, taken_in = Quarantine(0, np.zeros(1, np.int64), np.zeros(1, np.int64)), 0
    for now in range(365):
        held, taken = keep(held, np.ones(1, np.int64), True, now, 2)
        taken_in += 0 if taken is None else int(taken[0])
    assert 365 - 4 <= taken_in < 365


def test_what_is_no_evidence_no_sample_and_no_time_is_refused() -> None:
    for evidence in ([np.nan], [-0.1], [np.inf]):
        with pytest.raises(ValueError, match="evidence"):
            quiet(np.array(evidence))
    for events, derived_from in ((1, 2), (0, 0), (5, -1)):
        with pytest.raises(ValueError, match="baseline"):
            due(events, derived_from)
    held = Quarantine(5, np.zeros(2, np.int64), np.zeros(2, np.int64))
    for counts, now, span in (([1], 6, 1), ([1, -1], 6, 1), ([1, 1], 4, 1), ([1, 1], 6, 0)):
        with pytest.raises(ValueError, match="must"):
            keep(held, np.array(counts), True, now, span)
    first = rate.table(np.array([[900, 100, 0]]), np.array([1e-3]))
    with pytest.raises(ValueError, match="slices"):
        compared(first, np.zeros((2, 3), np.int64), np.array([0.1, 0.1]))
    with pytest.raises(ValueError, match="counts"):
        compared(first, np.array([[-1, 0, 0]]), np.array([0.1]))

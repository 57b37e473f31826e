"""Sessions break the budget; tempered by a bound of the variance inflation they keep it."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import esr
from detectors.arrays import Counts, Floats
from detectors.bets.indicator import indicators
from detectors.inflation import FEWEST, LENGTHS, MOST, add, empty, inflation, tempered

MONITORS = 200
AT_A_TIME = 20
SHARE = 0.05
VARIANCE = np.full(MONITORS, SHARE * (1 - SHARE))
MEAN_LENGTH = 6


def sessions(rng: np.random.Generator, alike: float) -> Iterator[Counts]:
    """Twenty sessions interleaved, of six events on average; each has a share of its own, from a Beta distribution.

    The events of one correlate by `alike`, and one that is picked by its events has 2 x 6 - 1 of them on average: so
    the variance inflation is ``1 + 10 alike``.
    """
    if not alike:
        while True:
            yield rng.binomial(AT_A_TIME, SHARE, MONITORS)
    a, b = SHARE * (1 / alike - 1), (1 - SHARE) * (1 / alike - 1)
    p = rng.beta(a, b, (MONITORS, AT_A_TIME))
    while True:
        yield (rng.random(p.shape) < p).sum(axis=1)
        over = rng.random(p.shape) < 1 / MEAN_LENGTH
        p[over] = rng.beta(a, b, int(over.sum()))


def learned(source: Iterator[Counts], blocks: int = 250, rounds: int = 5) -> Floats:
    """Bound the inflation from so many blocks, each of so many rounds of twenty events."""
    kept = empty(MONITORS)
    for _ in range(blocks):
        summed = np.sum([next(source) for _ in range(rounds)], axis=0)
        events = np.full(MONITORS, rounds * AT_A_TIME)
        kept = add(kept, events, summed.astype(np.float64), SHARE * events)
    return inflation(kept, VARIANCE)


@pytest.mark.parametrize(("alike", "true"), [(0.0, 1.0), (0.3, 4.0), (0.7, 8.0)])
def test_the_bound_lies_above_the_inflation_as_often_as_it_says(alike: float, true: float) -> None:
    """The longest blocks are 80 rounds; the sessions that are cut off at their ends make them vary by 8 % less."""
    bound = learned(sessions(np.random.default_rng(41), alike), rounds=20)
    missed = float((bound < 0.92 * true).mean())
    assert missed <= 0.05 + 3 * np.sqrt(0.05 / MONITORS)
    assert np.median(bound) <= 2 * true  # and is worth something


@pytest.mark.parametrize("alike", [0.3, 0.7])
def test_sessions_break_the_budget_and_tempering_keeps_it(alike: float) -> None:
    """8 million events on a budget of one false alarm in 10,000; the rate itself is known."""
    source = sessions(np.random.default_rng(42), alike)
    bound, share = learned(source), np.full((MONITORS, 1), SHARE)
    bets = indicators(["yes"], [1], [False], [1.0], share, share, 3)
    plain, calm = np.zeros(bets.lo.shape, np.float32), np.zeros(bets.lo.shape, np.float32)
    found, budget, each = np.zeros(2), 0.0, np.full(MONITORS, AT_A_TIME * 1e-4)
    for _ in range(2000):
        yes = next(source)
        growth = bets.growth(np.stack([AT_A_TIME - yes, yes, 0 * yes], axis=1))
        plain = esr.advance(plain, growth, bets.weights, each)
        calm = esr.advance(calm, tempered(growth, bound[:, None]), bets.weights, each)
        for i, evidence in enumerate((plain, calm)):
            fired = esr.fired(evidence)
            evidence[fired] = 0
            found[i] += fired.sum()
        budget += each.sum()
    assert found[0] > 4 * budget
    assert found[1] <= budget


def test_nothing_is_said_of_too_few_blocks_or_of_too_rare_a_thing() -> None:
    blocks = empty(2)
    for i in range(FEWEST * LENGTHS[-1] + 1):
        known = inflation(blocks, np.array([0.09, 1e-4 * (1 - 1e-4)]))
        assert np.isnan(known[1])
        assert np.isnan(known[0]) == (i < FEWEST * LENGTHS[-1])
        blocks = add(blocks, np.array([100, 100]), np.array([10.0 + i % 3, 0.0]), np.array([10.0, 0.0]))


def test_a_longer_correlation_than_the_blocks_is_found_as_blocks_grow() -> None:
    """Weather that changes every thousand base blocks: next to nothing in the first of them, a lot in months of them.

    A share of 8 to 12 %, the same for a thousand times 50 events, adds to the inflation 50,000 times 0.04^2 / 12 over
    0.09, some 70, of which a block of 1/8 of that length sees an eighth.
    """
    rng, many = np.random.default_rng(43), 20
    blocks, variance, seen = empty(many), np.full(many, 0.1 * 0.9), []
    p = rng.uniform(0.08, 0.12, (many, 32))
    for i in range(32_000):
        yes = rng.binomial(50, p[:, i // 1000]).astype(np.float64)
        blocks = add(blocks, np.full(many, 50), yes, np.full(many, 5.0))
        if i in (300, 31_999):
            seen.append(float(np.median(inflation(blocks, variance))))
    assert seen[0] < 2
    assert seen[1] > 70 / 8


def test_a_season_that_is_expected_is_no_inflation() -> None:
    """A month of quarters of an hour, +-60 % a day: unexpected, it adds up to 500 x 0.05 x 0.6^2 / 2 / 0.95 = 4.7."""
    rng, many = np.random.default_rng(44), 20
    known, unknown, variance = empty(many), empty(many), np.full(many, SHARE * (1 - SHARE))
    for quarter in range(30 * 96):
        p = SHARE * (1 + 0.6 * np.sin(2 * np.pi * quarter / 96))
        yes, events = rng.binomial(500, p, many).astype(np.float64), np.full(many, 500)
        known = add(known, events, yes, p * events)
        unknown = add(unknown, events, yes, SHARE * events)
    assert np.median(inflation(known, variance)) < 2
    assert np.median(inflation(unknown, variance)) > 4.7


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1)), min_size=1, max_size=1500))
def test_nothing_is_lost_and_the_state_stays_small(base: list[tuple[int, float]]) -> None:
    blocks = empty(1)
    for n, mean in base:
        blocks = add(blocks, np.array([n]), np.array([n * mean]), np.array([n / 2]))
        assert blocks.events.shape[1] <= MOST
        assert 1 <= blocks.last <= blocks.base
    assert blocks.events.sum() == sum(n for n, _ in base)
    assert blocks.off.sum() == pytest.approx(sum(n * (mean - 0.5) for n, mean in base))
    assert blocks.base * (blocks.events.shape[1] - 1) + blocks.last == len(base)
    assert blocks.base == 1 or blocks.events.shape[1] > MOST // 2


def test_what_is_no_block_and_no_factor_is_refused() -> None:
    for events, sums in (([-1], [0.0]), ([1], [2.0]), ([1], [np.nan]), ([1, 1], [0.0, 0.0])):
        with pytest.raises(ValueError, match="events"):
            add(empty(1), np.array(events), np.array(sums), np.array([0.0]))
    for expected in (-1.0, 2.0, np.nan):
        with pytest.raises(ValueError, match="expected"):
            add(empty(1), np.array([1]), np.array([0.0]), np.array([expected]))
    for variance in ([-0.1], [0.3], [np.nan], [0.1, 0.1]):
        with pytest.raises(ValueError, match="variance"):
            inflation(empty(1), np.array(variance))
    with pytest.raises(ValueError, match="level"):
        inflation(empty(1), np.array([0.1]), 1.0)
    for factor in (0.5, np.nan):
        with pytest.raises(ValueError, match="known"):
            tempered(np.ones(1), np.array([factor]))

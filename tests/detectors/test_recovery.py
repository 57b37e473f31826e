"""The mirrored test: hardly ever sure while it is still bad, and sure before long once it is not."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import stats

from detectors.arrays import Bools, Counts, Floats
from detectors.bets import number, rate
from detectors.recovery import SPARE, TIMES, Mirror, advance, mirror
from schemas.cells import CELLS

LEVEL = 0.01
SHARE = np.array([0.0, 1.0, np.nan])
"""No, yes, missing."""


def yes_or_no(yes: Counts, of: int) -> Counts:
    return np.stack([of - yes, yes, np.zeros_like(yes)], axis=-1)


def sure(back: Mirror, blocks: list[Counts], enough: float = 1 / LEVEL) -> Bools:
    """Say which of many alarms were ever called over; each block is (alarms, cells)."""
    evidence, begun = np.zeros((len(blocks[0]), len(TIMES))), np.zeros(len(blocks[0]), np.int64)
    over = np.zeros(len(blocks[0]), np.bool_)
    for block in blocks:
        evidence, begun = advance(evidence, begun, back.growth(block), back.well(block), enough)
        over |= evidence.sum(axis=1) >= enough
    return over


def most(alarms: int) -> float:
    """Say how many of them may be called over though nothing is: the 0.1 % point, were the level the very chance."""
    return float(stats.binom.isf(1e-3, alarms, LEVEL))


def test_wealth_is_never_expected_to_be_more_than_what_was_put_in() -> None:
    """Exactly, over all 4,096 courses that twelve events can take while the mean is at the limit."""
    limit, n = Fraction(1, 5), 12
    back = mirror(SHARE, np.array([95, 5, 0]), float(limit), +1)
    courses = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    evidence, begun, chance = np.zeros((2**n, len(TIMES))), np.zeros(2**n, np.int64), np.ones(2**n)
    for event in range(n):
        yes = courses[:, event]
        evidence, begun = advance(evidence, begun, back.growth(yes_or_no(yes, 1)), yes == 0, 1e9)
        chance *= np.where(yes == 1, float(limit), 1 - float(limit))
    put_in = 1 - 1 / np.log2(begun + 2)
    expected = float(chance @ evidence.sum(axis=1))
    assert expected <= float(chance @ put_in) < 1
    # Bets on a share are exact, so that nothing is wasted but what is rounded: 2^-32 nats an event.
    assert expected == pytest.approx(float(chance @ put_in), rel=n * 2.0**-31)


def test_all_that_is_ever_put_in_is_one() -> None:
    evidence, begun, total = np.zeros(len(TIMES)), np.array(0), 0.0
    for _ in range(5000):
        evidence, begun = advance(evidence * 0, begun, np.zeros(len(TIMES)), np.array(True), 100)
        total += float(evidence.sum())
    assert total == pytest.approx(1 - 1 / np.log2(5002))


@pytest.mark.parametrize("side", [+1, -1])
@pytest.mark.parametrize(("usual", "learned"), [(0.02, 1000), (0.3, 5000)])
def test_a_mean_that_stays_at_its_limit_is_hardly_ever_called_back(side: int, usual: float, learned: int) -> None:
    """The worst that is still bad. 4,000 alarms, each watched for 3,000 events in blocks of five."""
    rng, alarms, size = np.random.default_rng(51), 4_000, 5
    yes = round(learned * usual)
    bets = rate.table(np.array([[learned - yes, yes, 0]]), np.array([1e-4]))
    limit = float(bets.upper[0, 0] if side > 0 else bets.lower[0, 0])
    back = mirror(SHARE, np.array([learned - yes, yes, 0]), limit, side)
    blocks = [yes_or_no(rng.binomial(size, limit, alarms), size) for _ in range(600)]
    assert sure(back, blocks).sum() <= most(alarms)


def test_a_test_that_begins_anew_for_free_would_call_it_back_far_more_often() -> None:
    """What the tests above would miss if they had no power."""
    rng, alarms, size, limit = np.random.default_rng(52), 2_000, 5, 0.04
    back = mirror(SHARE, np.array([980, 20, 0]), limit, +1)
    evidence, over = np.zeros((alarms, len(TIMES))), np.zeros(alarms, np.bool_)
    for _ in range(600):
        block = yes_or_no(rng.binomial(size, limit, alarms), size)
        evidence = np.maximum(evidence * np.exp(back.growth(block)), 1 / len(TIMES))  # a CUSUM: as rich as ever
        over |= evidence.sum(axis=1) >= 1 / LEVEL
    assert over.sum() > 2 * most(alarms)


def test_ranks_of_a_number_that_stays_slow_are_hardly_ever_called_back() -> None:
    """4,000 alarms on the mean of ranks, each watched for 4,000 events of a distribution that has it at the limit."""
    rng, alarms = np.random.default_rng(53), 4_000
    tally = np.zeros((1, CELLS), np.int64)
    tally[0, 90:130] = 50
    bets = number.table(tally, np.array([1e-4]))
    up = bets.feature.index("rank")
    x, binned = bets.rank[0], bets.fold(tally)[0, :-1]
    limit = float(bets.hi[0, up])
    tilted = _with_mean(x, binned / binned.sum(), limit)
    back = mirror(x, binned.astype(np.int64), limit, +1)
    blocks = [rng.multinomial(20, tilted, alarms) for _ in range(200)]
    assert sure(back, blocks).sum() <= most(alarms)


def _with_mean(x: Floats, shares: Floats, mean: float) -> Floats:
    """Tilt shares until they have a mean, by halving."""
    low, high = 0.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        tilted = shares * np.exp(middle * x)
        tilted /= tilted.sum()
        low, high = (middle, high) if float(tilted @ x) < mean else (low, middle)
    return np.asarray(tilted)


@pytest.mark.parametrize(("usual", "learned", "level"), [(0.02, 10_000, 1e-7), (0.02, 1000, 1e-7), (0.5, 10_000, 1e-7)])
def test_a_mean_that_is_back_is_called_so_after_about_half_of_what_was_learned_from(
    usual: float, learned: int, level: float
) -> None:
    """After an outage of 300 blocks that no bet may have survived.

    The bet that wins most gains `drift` nats an event, with a deviation of `spread`. It must come from the part of the
    wealth that was put in with the first good block to enough, and has when even the worst of a hundred has. Most are
    done by two thirds of what was learned from.
    """
    rng, alarms, size = np.random.default_rng(54), 1_000, 10
    yes = round(learned * usual)
    counts = np.array([learned - yes, yes, 0])
    limit = float(rate.table(counts[None], np.array([level])).upper[0, 0])
    back = mirror(SHARE, counts, limit, +1)
    won = back.log_wealth[:, :2] @ (counts[:2] / learned)
    best = int(won.argmax())
    drift = float(won[best])
    spread = float(np.sqrt((back.log_wealth[best, :2] - drift) ** 2 @ (counts[:2] / learned)))
    needed = float(np.log(len(TIMES) / (1 - 1 / np.log2(3)) / LEVEL))
    root = (2.33 * spread + np.sqrt((2.33 * spread) ** 2 + 4 * drift * needed)) / (2 * drift)
    events = int(root**2)
    outage = [yes_or_no(rng.binomial(size, 0.9, alarms), size) for _ in range(300)]
    back_again = [yes_or_no(rng.binomial(size, usual, alarms), size) for _ in range(events // size + 2)]
    assert not sure(back, outage).any()
    assert sure(back, outage + back_again).sum() >= stats.binom.isf(1 - 1e-3, alarms, 0.99)
    assert np.mean(sure(back, outage + back_again[: learned * 2 // 3 // size])) > 0.5


def test_better_than_ever_is_back_too_and_sooner() -> None:
    back = mirror(SHARE, np.array([980, 20, 0]), 0.05, +1)
    ever, never = (back.growth(np.array([100 - yes, yes, 0])).max() for yes in (2, 0))
    assert never > ever > 0


def test_a_relapse_takes_away_what_a_recovery_has_shown() -> None:
    back, enough = mirror(SHARE, np.array([980, 20, 0]), 0.05, +1), 1 / LEVEL
    evidence, begun = np.zeros(len(TIMES)), np.array(0)
    for _ in range(1000):
        block = np.array([98, 2, 0])
        evidence, begun = advance(evidence, begun, back.growth(block), back.well(block), enough)
    assert enough <= evidence.sum() <= SPARE * enough + 1
    block = np.array([60, 40, 0])
    evidence, begun = advance(evidence, begun, back.growth(block), back.well(block), enough)
    assert evidence.sum() < 1


def test_twenty_that_happen_to_be_well_show_nothing() -> None:
    """At a limit of 5 % a third of all twenties have none."""
    back = mirror(SHARE, np.array([980, 20, 0]), 0.05, +1)
    assert not sure(back, [np.array([[0, 5, 0]]), *(np.array([[1, 0, 0]]) for _ in range(20))]).any()


def test_without_a_baseline_the_bets_are_there_and_find_what_is_clear() -> None:
    """From past 20 % to 2 %: within six hundred events, of which forty would do for who knew both."""
    rng, back = np.random.default_rng(56), mirror(SHARE, np.zeros(3, np.int64), 0.2, +1)
    assert sure(back, [yes_or_no(rng.binomial(10, 0.02, 200), 10) for _ in range(60)]).all()


def test_what_is_not_observed_shows_nothing() -> None:
    back = mirror(SHARE, np.array([980, 20, 0]), 0.05, +1)
    block = np.array([0, 0, 1000])
    assert back.growth(block).tolist() == [0, 0, 0]
    assert not back.well(block)
    assert back.observed(block) == 0


def test_a_block_split_anywhere_wins_the_same() -> None:
    rng = np.random.default_rng(55)
    back = mirror(rng.random(20), rng.integers(1, 100, 20), 0.4, -1)
    blocks = rng.integers(0, 1000, (50, 20))
    assert (back.growth(blocks).sum(axis=0) == back.growth(blocks.sum(axis=0))).all()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"values": np.array([0.0, 1.1])}, "values"),
        ({"limit": 0.0}, "limit"),
        ({"limit": 1.0}, "limit"),
        ({"limit": float("nan")}, "limit"),
        ({"side": 0}, "side"),
        ({"usual": np.array([1, -1])}, "usual"),
        ({"usual": np.array([1, 1, 1])}, "usual"),
    ],
)
def test_what_no_bets_can_be_made_of_is_refused(what: dict[str, Any], says: str) -> None:
    good: dict[str, Any] = {"values": np.array([0.0, 1.0]), "usual": np.array([9, 1]), "limit": 0.3, "side": +1}
    mirror(**good)
    with pytest.raises(ValueError, match=says):
        mirror(**good | what)


def test_what_is_no_block_is_refused() -> None:
    back = mirror(SHARE, np.array([980, 20, 0]), 0.05, +1)
    for bad in (np.array([1, 2]), np.array([1, -1, 0])):
        with pytest.raises(ValueError, match="counts"):
            back.growth(bad)
    for evidence, growth in (([np.nan, 0, 0], [0, 0, 0]), ([-1, 0, 0], [0, 0, 0]), ([0, 0, 0], [np.inf, 0, 0])):
        with pytest.raises(ValueError, match="finite"):
            advance(np.array(evidence, float), np.array(0), np.array(growth, float), np.array(True), 100)

"""Ranks of a number: what the bins hold, what each feature is, and which way its bets point."""

import numpy as np
import pytest

from detectors.arrays import Counts
from detectors.bets import number
from detectors.delay import times_number
from detectors.limits.season import apart
from tests.detectors.tables import BASELINES, tally

LEVEL = np.array([1e-6])


def winners(bets: number.NumberBets, counts: Counts) -> dict[str, int]:
    """Feature and direction of each bet that wins more than 5 nats."""
    growth = bets.growth(counts[None])[0]
    return {bets.feature[j]: int(bets.direction[j]) for j in np.flatnonzero(growth > 5)}


@pytest.mark.parametrize("baseline", BASELINES["number"])
def test_the_baseline_itself_has_a_mean_rank_of_one_half(baseline: Counts) -> None:
    bets = number.table(baseline[None], LEVEL)
    mean = bets.mean(bets.feature.index("rank"), 0, baseline)
    assert np.isnan(mean) or mean == pytest.approx(0.5)


@pytest.mark.parametrize("baseline", BASELINES["number"])
def test_ranks_rise_with_cells_and_missing_has_none(baseline: Counts) -> None:
    bets = number.table(baseline[None], LEVEL)
    rank = bets.values(0)[bets.feature.index("rank")]
    assert (np.diff(rank[:234]) >= 0).all()
    assert np.isnan(rank[234])
    assert (bets.bins[0, :234] < number.BINS - 1).all()
    assert bets.bins[0, 234] == number.BINS - 1


@pytest.mark.parametrize("baseline", BASELINES["number"])
def test_tails_are_no_larger_than_they_say_and_one_more_cell_would_be(baseline: Counts) -> None:
    values, n = baseline[:234], int(baseline[:234].sum())
    bets = number.table(baseline[None], LEVEL)
    for feature, percent in (("below_p10", 10), ("above_p90", 10), ("above_p99", 1)):
        inside = bets.values(0)[bets.feature.index(feature)][:234] == 1
        assert 100 * values[inside].sum() <= percent * n
        next_cell = np.flatnonzero(~inside)
        if n and len(next_cell):
            edge = next_cell[0] if feature.startswith("below") else next_cell[-1]
            assert 100 * (values[inside].sum() + values[edge]) > percent * n


def test_a_value_that_holds_much_of_the_baseline_is_a_bin_of_its_own() -> None:
    """So that moving off it by one cell is seen at once, either way."""
    baseline = tally(np.full(2000, 100.0))
    bets = number.table(baseline[None], LEVEL)
    assert len(set(bets.bins[0, [99, 100, 101]].tolist())) == 3
    assert winners(bets, tally(np.full(40, 101.0)))["above_p99"] == 1
    assert winners(bets, tally(np.full(40, 99.0)))["below_p10"] == -1


def test_bets_say_which_way_the_number_moved() -> None:
    baseline = tally(np.random.default_rng(7).normal(120, 12, 4000))
    bets = number.table(baseline[None], LEVEL)
    for factor, direction in ((2.0, 1), (0.5, -1)):
        won = winners(bets, np.round(400 * times_number(baseline, factor)).astype(np.int64))
        assert won["rank"] == direction
        assert {way for feature, way in won.items() if feature != "spread"} == {direction}


def test_a_wider_spread_is_found_and_has_no_direction() -> None:
    rng = np.random.default_rng(8)
    bets = number.table(tally(rng.normal(120, 12, 4000))[None], LEVEL)
    won = winners(bets, tally(rng.normal(120, 30, 400)))
    assert won["spread"] == 0
    assert "rank" not in won


def test_missing_is_found_and_is_no_move_of_the_number() -> None:
    baseline = tally(np.random.default_rng(9).normal(120, 12, 4000))
    bets = number.table(baseline[None], LEVEL)
    half = baseline // 100
    half[234] = half.sum()
    assert winners(bets, half) == {"missing": 0}


def test_folding_loses_no_event() -> None:
    bets = number.table(BASELINES["number"], np.full(len(BASELINES["number"]), 1e-6))
    folded = bets.fold(BASELINES["number"])
    assert folded.shape == (len(BASELINES["number"]), number.BINS)
    assert (folded.sum(axis=1) == BASELINES["number"].sum(axis=1)).all()


@pytest.mark.parametrize("baseline", BASELINES["number"])
@pytest.mark.parametrize("percent", [30.0, 60.0])
def test_limits_between_hours_hold_what_the_baseline_would_be_in_any_other_hour(
    baseline: Counts, percent: float
) -> None:
    """All values multiplied by what two hours may lie apart, and by anything between."""
    bets, usual = number.table(baseline[None], LEVEL, percent), number.table(baseline[None], LEVEL)
    assert (bets.lower <= usual.lower).all()
    assert (bets.upper >= usual.upper).all()
    down, up = apart(percent)
    for factor in (down, down**0.5, 1.0, up**0.3, up):
        chance = times_number(baseline, factor)
        for j in range(0, len(bets.feature), 6):
            x = bets.values(0)[j]
            looks = ~np.isnan(x)
            if (of := chance[looks].sum()) > 0:
                mean = (chance[looks] * x[looks]).sum() / of
                assert bets.lo[0, j] - 1e-9 <= mean <= bets.hi[0, j] + 1e-9


def test_a_move_beyond_what_hours_lie_apart_is_found() -> None:
    """By 60 %, that is four times, or two octaves of eight cells."""
    baseline = tally(np.random.default_rng(8).normal(120, 6, 4000))
    bets = number.table(baseline[None], LEVEL, 60.0)
    assert winners(bets, tally(np.random.default_rng(9).normal(132, 6, 200))) == {}
    assert winners(bets, tally(np.random.default_rng(9).normal(150, 6, 200)))["above_p99"] == 1

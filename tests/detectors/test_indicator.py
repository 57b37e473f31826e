"""Bets on shares: which way they point, and what each looks at."""

import numpy as np
import pytest

from detectors.bets import bounded, category, indicator, rate


def test_more_yes_is_a_move_up_and_more_missing_is_none() -> None:
    bets = rate.table(np.array([[900, 100, 10]]), np.array([1e-6]))
    for feature, side, direction in zip(bets.feature, bets.side, bets.direction, strict=True):
        assert direction == (side if feature == "yes" else 0)


def test_a_share_is_of_the_observed_and_missing_of_all() -> None:
    bets = rate.table(np.array([[900, 100, 10]]), np.array([1e-6]))
    block = np.array([30, 10, 60])
    assert bets.mean(bets.feature.index("yes"), 0, block) == 0.25
    assert bets.mean(bets.feature.index("missing"), 0, block) == 0.6


def test_the_name_that_grew_wins_most_and_the_one_it_grew_from_loses_its_share() -> None:
    baseline = np.array([[500, 400, 90, 10, 0, 0]])  # three names, other, unseen, missing
    bets = category.table(baseline, np.array([1e-6]))
    growth = bets.growth(np.array([[0, 40, 60, 0, 0, 0]]))[0]
    won = {(bets.feature[j], int(bets.direction[j])) for j in np.flatnonzero(growth > 5)}
    assert won == {("cell:0", -1), ("cell:2", 1)}


def test_what_was_never_seen_is_found_at_once() -> None:
    """A model that nobody had heard of serves all: each event wins nearly log(25) nats."""
    bets = category.table(np.array([[3000, 0, 0, 0]]), np.array([1e-9]))
    best = bets.growth(np.array([[0, 0, 10, 0]]))[0].max()
    assert best > 0.8 * 10 * np.log(25)


def test_a_wider_effect_bets_against_wider_limits() -> None:
    counts, level = np.array([[950, 50, 0]]), np.array([1e-6])
    plain, wide = rate.table(counts, level), rate.table(counts, level, min_effect=0.01)
    assert wide.hi == pytest.approx(plain.hi + 0.01)
    assert wide.lo == pytest.approx(np.maximum(plain.lo - 0.01, 0))


@pytest.mark.parametrize(("lo", "hi"), [(0.5, 0.4), (-0.1, 0.4), (0.5, 1.1), (np.nan, 0.5), (0.1, np.nan)])
def test_limits_that_are_none_are_refused(lo: float, hi: float) -> None:
    with pytest.raises(ValueError, match="limits must be"):
        indicator.log_wealth(np.array(lo), np.array(hi))
    with pytest.raises(ValueError, match="limits must be"):
        bounded.log_wealth(np.array([0.0, 1.0]), np.array(lo), np.array(hi))


@pytest.mark.parametrize("odds", [1.0, 0.5, np.nan, np.inf, 4000.0])
def test_odds_that_are_none_are_refused(odds: float) -> None:
    """4,000 among them: a loss of 8.3 nats, more than the grid holds exactly."""
    with pytest.raises(ValueError, match=r"odds|loss"):
        indicator.log_wealth(np.array(0.999), np.array(0.999), odds=[odds])


@pytest.mark.parametrize("stake", [0.0, 1.0, np.nan])
def test_stakes_that_are_none_are_refused(stake: float) -> None:
    with pytest.raises(ValueError, match="stakes"):
        bounded.log_wealth(np.array([0.0, 1.0]), np.array(0.4), np.array(0.6), stakes=[stake])
    with pytest.raises(ValueError, match="x must"):
        bounded.log_wealth(np.array([0.0, 1.1]), np.array(0.4), np.array(0.6))

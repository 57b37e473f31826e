"""Limits of many features and pools at once are those of each by itself, and hold for pools of unlike events."""

from typing import Any

import numpy as np
import pytest

from detectors.limits import betting, clopper_pearson, mean

NAN = np.nan
VALUES = np.array([[0.0, 1.0, 0.0, NAN], [0.0, 0.5, 1.0, NAN], [0.0, 0.0, 0.0, 1.0]])
COUNTS = np.array([[500, 300, 200, 50], [3, 0, 1, 0], [0, 0, 0, 7], [0, 0, 0, 0]])
LEVEL = np.array([1e-6, 1e-3, 0.05])


def test_shares_are_exact_and_all_else_is_bet_on() -> None:
    lo, hi = mean.limits(VALUES, COUNTS, LEVEL)
    for pool, counts in enumerate(COUNTS):
        exact = np.array([
            clopper_pearson.limits(counts[1], counts[:3].sum(), LEVEL[0]),
            betting.limits(VALUES[1, :3], counts[:3], LEVEL[1]),
            clopper_pearson.limits(counts[3], counts.sum(), LEVEL[2]),
        ])  # fmt: skip
        assert np.stack([lo[pool], hi[pool]], axis=1) == pytest.approx(exact)
    assert (lo[3] == 0).all()
    assert (hi[3] == 1).all()


def test_each_pool_may_have_values_and_levels_of_its_own() -> None:
    """A feature is a share only if it is in all pools; else all are bet on, which is a little wider."""
    values, level = np.stack([VALUES, VALUES[[1, 0, 2]]]), np.stack([LEVEL, LEVEL / 2])
    lo, hi = mean.limits(values, COUNTS[:2], level)
    for pool in range(2):
        alone = mean.limits(values[pool], COUNTS[pool : pool + 1], level[pool])
        assert (lo[pool] <= alone[0][0] + 1e-8).all()
        assert (hi[pool] >= alone[1][0] - 1e-8).all()


def test_events_of_different_means_are_bounded_by_their_average() -> None:
    """Half of them at 2, half at 18 %, and a variable of three values likewise; three standard errors above 5 %."""
    rng, samples, level = np.random.default_rng(81), 2000, 0.05
    low, high = np.array([0.98, 0.0, 0.02]), np.array([0.62, 0.2, 0.18])
    counts = rng.multinomial(200, low, samples) + rng.multinomial(200, high, samples)
    values = np.array([[0.0, 0.0, 1.0], [0.0, 0.5, 1.0]])
    lo, hi = mean.limits(values, counts, np.full(2, level))
    true = values @ (low + high) / 2
    allowed = level + 3 * np.sqrt(level / samples)
    assert ((lo > true).mean(axis=0) <= allowed).all()
    assert ((hi < true).mean(axis=0) <= allowed).all()


def test_what_does_not_fit_is_refused() -> None:
    refused: list[tuple[Any, Any, Any]] = [
        (VALUES, COUNTS[:, :3], LEVEL), (VALUES, COUNTS, LEVEL[:2]), (VALUES, -COUNTS, LEVEL),
        (VALUES, COUNTS.astype(np.float64), LEVEL), (2 * VALUES, COUNTS, LEVEL), (VALUES, COUNTS, 0 * LEVEL),
    ]  # fmt: skip
    for values, counts, level in refused:
        with pytest.raises(ValueError, match=r"must|fit"):
            mean.limits(values, counts, level)

"""Baseline of a rate -> bets on it: yes among what was observed, and missing among all."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.arrays import Counts, Floats
from detectors.bets.indicator import ODDS, Indicators, indicators
from detectors.bets.table import check_baseline
from detectors.limits.clopper_pearson import limits
from detectors.limits.effect import outward
from detectors.limits.season import between_hours
from schemas.signals import RATE_CELLS, UNKNOWN, YES

WEIGHTS: Final = (0.9, 0.1)
"""Of yes and of missing. A tenth of the budget costs log(10) nats: some two events of a clear change."""


def table(
    counts: Counts, level: Floats, min_effect: float = 0.0, odds: Sequence[float] = ODDS, season_percent: float = 0.0
) -> Indicators:
    """Make the bets on a rate's baseline.

    Parameters
    ----------
    counts : int64 (S, 3)
        No, yes, missing, of the baseline.
    level : float64 (S,)
        Chance that any of a slice's limits is wrong. It is divided evenly over the two features and their two sides.
    min_effect : float
        Change of a share that is too small to matter, in points of share.
    odds : floats above 1
    season_percent : float
        How far the rarer one of yes and no may be off in any hour of the week, from some middle: the limits are moved
        by as far as two hours may lie apart. 0 where there is no season.

    Returns
    -------
    Indicators
        Features ``yes`` (a share of the observed) and ``missing`` (a share of all), each with ``2 len(odds)`` bets.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, `level` is not in (0, 1), `min_effect` not in
        [0, 1], or `season_percent` not in [0, 95].

    Examples
    --------
    >>> bets = table(np.array([[40, 1960, 0]]), np.array([1e-6]))
    >>> bets.feature[0], float(bets.lo[0, 0].round(3)), float(bets.hi[0, 0].round(3))
    ('yes', 0.96, 0.992)
    """
    check_baseline(counts, level, RATE_CELLS)
    total = counts.sum(axis=1)
    sides = 4
    yes = limits(counts[:, YES], total - counts[:, UNKNOWN], level / sides)
    missing = limits(counts[:, UNKNOWN], total, level / sides)
    lo, hi = (np.stack([yes[side], missing[side]], axis=1) for side in (0, 1))
    lo, hi = outward(*between_hours(lo, hi, season_percent), min_effect)
    return indicators(("yes", "missing"), (YES, UNKNOWN), (False, True), WEIGHTS, lo, hi, RATE_CELLS, odds)

"""Baseline of a category -> bets on it: the share of each name among what was observed, and missing among all."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.arrays import Counts, Floats
from detectors.bets.indicator import ODDS, Indicators, indicators
from detectors.bets.table import check_baseline
from detectors.limits.clopper_pearson import limits
from detectors.limits.effect import outward
from detectors.limits.season import between_hours

BEYOND_NAMES: Final = 3


def table(
    counts: Counts, level: Floats, min_effect: float = 0.0, odds: Sequence[float] = ODDS, season_percent: float = 0.0
) -> Indicators:
    """Make the bets on a category's baseline.

    The names must not come from the sample that is counted here: a name is in the alphabet because it was seen, and
    `__unseen__` is empty because all that was seen is in it, so limits from the same sample are wrong (10,927 alarms
    on a budget of 15, simulated). Take the names from the first half of what was learned, and count the second.

    Parameters
    ----------
    counts : int64 (S, K + 3)
        Of the baseline: the K names, `__other__`, `__unseen__`, missing.
    level : float64 (S,)
        Chance that any of a slice's limits is wrong. It is divided evenly over the K + 3 shares and their two sides.
    min_effect : float
        Change of a share that is too small to matter, in points of share.
    odds : floats above 1
    season_percent : float
        How far the share of a name, or of all others, may be off in any hour of the week, from some middle: the limits
        are moved by as far as two hours may lie apart. 0 where there is no season.

    Returns
    -------
    Indicators
        Features ``cell:0`` to ``cell:K+1`` (shares of the observed) and ``missing`` (a share of all), each with
        ``2 len(odds)`` bets and the same part of the budget.

    Raises
    ------
    ValueError
        If there are fewer than three cells, the shapes differ, a count is negative or no integer, `level` is not in
        (0, 1), `min_effect` not in [0, 1], or `season_percent` not in [0, 95].

    Examples
    --------
    >>> bets = table(np.array([[600, 400, 0, 0, 0]]), np.array([1e-6]))  # two names
    >>> bets.feature[::8]
    ('cell:0', 'cell:1', 'cell:2', 'cell:3', 'missing')
    """
    cells = counts.shape[-1]
    if cells < BEYOND_NAMES:
        raise ValueError(f"a category has at least the {BEYOND_NAMES} cells other, unseen and missing, not {cells}")
    check_baseline(counts, level, cells)
    total = counts.sum(axis=1, keepdims=True)
    of_all = np.arange(cells) == cells - 1
    trials = np.where(of_all, total, total - counts[:, -1:])
    known = limits(counts, trials, level[:, None] / (2 * cells))
    lo, hi = outward(*between_hours(*known, season_percent), min_effect)
    feature = (*(f"cell:{i}" for i in range(cells - 1)), "missing")
    return indicators(feature, range(cells), of_all.tolist(), [1 / cells] * cells, lo, hi, cells, odds)

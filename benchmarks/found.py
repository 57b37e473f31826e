"""Pages found in vain -> limits of what is expected: by chance alone, or by chance and by the baselines there were."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import stats

LEVEL: Final = 0.01
"""Chance that a lower limit lies too high: what is held against the budget is a 99 % limit."""
RESAMPLED: Final = 10_000


def fewest(pages: int, level: float = LEVEL) -> float:
    """Bound from below the pages to be expected, where so many were found and they come independently.

    Parameters
    ----------
    pages : found
    level : chance that the limit lies too high

    Notes
    -----
    Garwood's exact limit of a Poisson mean (Biometrika 28, 1936). Alarms of one monitor are farther apart than chance
    would have it, so that for a sum over many monitors the limit is, if anything, too low.

    Examples
    --------
    >>> fewest(0), round(fewest(200), 1), round(fewest(234), 1)
    (0.0, 168.6, 199.9)
    """
    return float(stats.gamma.ppf(level, pages)) if pages else 0.0


def fewest_of_baselines(pages: Sequence[int], level: float = LEVEL, seed: int = 1) -> float:
    """Bound from below the pages to be expected of services whose baselines were learned.

    Pages of one service share its baseline: where that is off they come in numbers. So what is drawn again is whole
    services (a bootstrap), and the limit is the quantile of the sums.

    Parameters
    ----------
    pages : found, of each service
    level : chance that the limit lies too high
    seed : of the draws

    Returns
    -------
    float
        At most the limit of pages that come independently: a bootstrap of a few services, or of zeros, knows less than
        that, never more.

    Examples
    --------
    >>> fewest_of_baselines([4] * 50) == fewest(200), fewest_of_baselines([0] * 49 + [200])
    (True, 0.0)
    """
    found = np.asarray(pages, np.int64)
    drawn = np.random.default_rng(seed).integers(0, len(found), (RESAMPLED, len(found)))
    return min(float(np.quantile(found[drawn].sum(axis=1), level)), fewest(int(found.sum()), level))

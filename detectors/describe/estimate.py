"""A figure of a sample, and what the process that it comes from allows: the words that all of them share."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from detectors.arrays import Counts, check_counts


class Estimate(NamedTuple):
    """A figure and its interval.

    Attributes
    ----------
    value : float
        Of the sample, as anybody works it out.
    low, high : float
        Between them lies the figure of the process. What the sample leaves out may be so much that the interval lies
        above the value. An infinite `high` says that nothing is known from above.
    """

    value: float
    low: float
    high: float


def seen(counts: Counts) -> Counts:
    """Take the modes that were seen, after the check that this is a tally of something.

    Parameters
    ----------
    counts : int64 (C,)

    Returns
    -------
    int64 (S,)
        The positive ones, the largest first: no figure of diversity depends on more.

    Raises
    ------
    ValueError
        If it is no single tally, a count is negative or no integer, or nothing was counted.

    Examples
    --------
    >>> seen(np.array([0, 2, 26, 0, 1])).tolist()
    [26, 2, 1]
    """
    if counts.ndim != 1:
        raise ValueError(f"counts are {counts.shape}, not one tally")
    check_counts(counts)
    if not counts.any():
        raise ValueError("counts hold no failure")
    return np.sort(counts[counts > 0].astype(np.int64))[::-1]


def normal(level: float) -> float:
    """Say within how many standard deviations a normal variable lies with a chance of `level`.

    Raises
    ------
    ValueError
        If `level` does not lie between 0 and 1.

    Examples
    --------
    >>> round(normal(0.95), 2)
    1.96
    """
    if not (math.isfinite(level) and 0 < level < 1):
        raise ValueError(f"level must lie between 0 and 1: {level}")
    return float(special.ndtri((1 + level) / 2))

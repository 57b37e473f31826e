"""Counts of modes -> how much of the process was seen: coverage, and the mass that was not."""

import numpy as np

from detectors.arrays import Counts
from detectors.describe.estimate import Estimate, normal, seen


def unseen(counts: Counts) -> float:
    """Estimate the chance that the next failure is of a mode never seen: the share of modes seen once.

    Parameters
    ----------
    counts : int64 (C,)

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If a count is negative or no integer, or nothing was counted.

    Notes
    -----
    Good, Biometrika 40, 1953, after Turing. The mean of this, a failure earlier, is exactly the mean of what is unseen.

    Examples
    --------
    >>> round(unseen(np.array([26, 1, 1, 1, 1])), 3)
    0.133
    """
    x = seen(counts)
    return float((x == 1).sum() / x.sum())


def coverage(counts: Counts, level: float = 0.95) -> Estimate:
    """Estimate which part of all failures to come is of modes that were seen.

    Parameters
    ----------
    counts : int64 (C,)
    level : float
        Of the interval, both sides together.

    Returns
    -------
    Estimate
        All in [0, 1].

    Raises
    ------
    ValueError
        If a count is negative or no integer, nothing was counted, or `level` is not between 0 and 1.

    Notes
    -----
    Chao and Jost, Ecology 93, 2012, equation 4a. The interval is Wilson's around Good's figure, with the variance that
    it has about what is truly unseen, ``u (1 - u) / n + 2 f2 / n^2``: Esty, Annals of Statistics 11, 1983. So it has
    a width where no mode was seen once.

    Examples
    --------
    >>> value, low, high = coverage(np.array([26, 1, 1, 1, 1]))
    >>> round(value, 3), round(low, 3), round(high, 3)
    (0.87, 0.703, 0.947)
    """
    x, z2 = seen(counts), normal(level) ** 2
    n, once, twice = int(x.sum()), int((x == 1).sum()), int((x == 2).sum())
    missed, more = once / n, 2 * twice / n**2
    middle = missed + z2 / (2 * n)
    half = (z2 * (missed * (1 - missed) / n + z2 / (4 * n**2) + more * (1 + z2 / n))) ** 0.5
    low, high = ((middle + side * half) / (1 + z2 / n) for side in (-1, 1))
    value = 1 - missed * later(n, once, twice)
    return Estimate(value, float(np.clip(1 - high, 0, value)), float(np.clip(1 - low, value, 1)))


def later(n: int, once: int, twice: int) -> float:
    """Say which part of the modes that are unseen a failure before the end is still unseen at the end.

    Parameters
    ----------
    n, once, twice : int
        Failures; modes seen once, and twice. Without a mode seen twice one less counts as once, which keeps the bias
        low.

    Examples
    --------
    >>> later(30, 4, 0) == 87 / 89
    True
    """
    if not twice:
        once, twice = max(once - 1, 0), 1
    return (n - 1) * once / ((n - 1) * once + 2 * twice)

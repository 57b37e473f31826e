"""Counts of modes -> their effective number: how many equally frequent modes would be as diverse."""

import math
from typing import Literal

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats
from detectors.describe.entropy import entropy, jackknifed
from detectors.describe.estimate import Estimate, normal, seen
from detectors.describe.whole import ENOUGH, limits, whole


def hill(counts: Counts, q: Literal[1, 2], level: float = 0.95) -> Estimate:
    """Work out the effective number of modes of order `q`.

    Parameters
    ----------
    counts : int64 (C,)
    q : 1 or 2
        1 weighs each mode by its share (the exponential of Shannon's entropy), 2 weighs common ones more (one over
        the chance that two failures are of one mode).
    level : float
        Of the interval, both sides together.

    Returns
    -------
    Estimate
        The value is the sample's, which grows with the number of failures. The interval is of the process: it is
        built on estimators that do not, so it may lie above the value where many modes were seen once. Fewer than 20
        failures tell nothing: it is from 1 to infinity.

    Raises
    ------
    ValueError
        If `q` is another number, a count is negative or no integer, nothing was counted, or `level` is not between 0
        and 1.

    Notes
    -----
    Hill, Ecology 54, 1973; Jost, Oikos 113, 2006. The interval for 1 is about the entropy of Chao, Wang and Jost,
    Methods in Ecology and Evolution 4, 2013, and for 2 about Simpson's unbiased chance with his exact variance, Nature
    163, 1949; either is turned as `detectors.describe.whole` tells. How often they hold what they should is measured
    in docs/statistics.md.

    Examples
    --------
    >>> counts = np.array([26, 1, 1, 1, 1])
    >>> [round(number, 2) for number in hill(counts, 1)], [round(number, 2) for number in hill(counts, 2)]
    ([1.78, 1.33, 4.94], [1.32, 1.11, 1.93])
    """
    x, z = seen(counts), normal(level)
    if q not in (1, 2):
        raise ValueError(f"q must be 1 or 2: {q}")
    n = int(x.sum())
    shares: Floats = x / n
    value = math.exp(-float((shares * np.log(shares)).sum())) if q == 1 else 1 / float((shares**2).sum())
    if n < ENOUGH:
        return Estimate(value, 1.0, math.inf)
    low, high = _simpson(x, n, z)
    if q == 1:
        lowest, (low, high) = low, _shannon(x, n, z)
        if x[0] == x[-1]:  # seen equally often, they show no scatter; of order 2 the number is never greater
            low = min(low, lowest)
    return Estimate(value, max(low, 1.0), high)


def _shannon(x: Counts, n: int, z: float) -> tuple[float, float]:
    """Turn limits of the entropy.

    A sample may be half a failure short of a mode that nobody saw, as long as there may be one.
    """

    def moments(shares: Floats, modes: Floats) -> tuple[Floats, Floats]:
        logs = np.log(np.maximum(shares, 1e-300))
        mean = -(shares * logs) @ modes
        first = (shares * logs**2) @ modes - mean**2
        second = np.minimum(1.0, n * shares) @ modes - 1
        return mean, np.sqrt(np.maximum(first, 0.0) / n + np.maximum(second, 0.0) / (2 * n**2))

    of, found = whole(x, z), entropy(x)
    even = (len(x) - 1) / (2 * n**2)
    spread = math.sqrt(max(jackknifed(x) - even, even))
    slack = float(special.digamma(n) - special.digamma(1)) / (2 * n) if of.more else 0.0
    low, high = limits(of, moments, found, z, spread, slack)
    return math.exp(min(low, found - z * math.sqrt(even))), math.exp(high)


def _simpson(x: Counts, n: int, z: float) -> tuple[float, float]:
    """Turn limits of the chance that two failures differ."""

    def moments(shares: Floats, modes: Floats) -> tuple[Floats, Floats]:
        two, three = shares**2 @ modes, shares**3 @ modes
        variance = (4 * (n - 2) * (three - two**2) + 2 * two * (1 - two)) / (n * (n - 1))
        return 1 - two, np.sqrt(np.maximum(variance, 0.0))

    same = float((x * (x - 1.0)).sum()) / (n * (n - 1))
    low, high = limits(whole(x, z), moments, 1 - same, z)
    alike = max(same, 1 / n)
    even = 2 * alike * (1 - alike) / (n * (n - 1))
    return 1 / (1 - min(low, 1 - same - z * math.sqrt(even))), 1 / (1 - high) if high < 1 else math.inf

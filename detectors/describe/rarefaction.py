"""Counts of modes -> how many would have been seen of fewer failures, so that samples of any size compare."""

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats
from detectors.describe.estimate import Estimate, normal, seen
from detectors.describe.whole import ENOUGH, limits, whole


def rarefied(counts: Counts, size: int, level: float = 0.95) -> Estimate:
    """Work out how many modes `size` of the failures hold on average.

    Parameters
    ----------
    counts : int64 (C,)
    size : int
        From 1 to as many as there are. Nothing is extrapolated.
    level : float
        Of the interval, both sides together.

    Returns
    -------
    Estimate
        The value is exact: the mean over all ways to take `size` of these failures. So it estimates without bias how
        many modes `size` failures of the process hold, whatever the process, and that is what the interval is of. Fewer
        than 20 failures tell nothing: it is from 1 to `size`.

    Raises
    ------
    ValueError
        If there are fewer failures than `size`, or it is less than 1; if a count is negative or no integer, nothing was
        counted, or `level` is not between 0 and 1.

    Notes
    -----
    Hurlbert, Ecology 52, 1971. The variance is that of another sample of the process, not of another subsample (Chao
    and others, Ecological Monographs 84, 2014), with counts taken as Poisson and corrected for their fixed sum.

    Examples
    --------
    >>> [round(number, 2) for number in rarefied(np.array([26, 1, 1, 1, 1]), 10)]
    [2.33, 1.54, 3.82]
    """
    x, z = seen(counts), normal(level)
    n = int(x.sum())
    if not 1 <= size <= n:
        raise ValueError(f"size must lie between 1 and the number of failures, {n}: {size}")
    value = expected(x, n, size)
    if n < ENOUGH:
        return Estimate(value, 1.0, float(size))

    def moments(shares: Floats, modes: Floats) -> tuple[Floats, Floats]:
        stay = np.log1p(-np.minimum(shares, 1 - 1e-12))  # log of the chance that a failure is of another mode
        missed: Floats = np.exp(size * stay)
        both: Floats = np.exp(size * (2 - size / n) * stay)
        variance = (both - missed**2) @ modes - ((size * shares * missed) @ modes) ** 2 / n
        return (1 - missed) @ modes, np.sqrt(np.maximum(variance, 0.0))

    low, high = limits(whole(x, z, always_open=True), moments, value, z)
    return Estimate(value, max(low, 1.0), min(high, float(size)))


def expected(x: Counts, n: int, size: int) -> float:
    """Sum up the chances that a mode is among `size` of `n` failures: ``1 - C(n - x, size) / C(n, size)``.

    In logarithms, as these numbers have thousands of digits.
    """
    absent = x <= n - size
    y = x[absent]
    logs = (
        special.gammaln(n - y + 1) - special.gammaln(n - y - size + 1)
        - special.gammaln(n + 1) + special.gammaln(n - size + 1)
    )  # fmt: skip
    return float(len(x) - np.exp(logs).sum())

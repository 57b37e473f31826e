"""Successes of trials -> limits of their rate: Clopper and Pearson's, exact for every rate and every sample size."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from detectors.arrays import Floats


def limits(successes: ArrayLike, trials: ArrayLike, level: ArrayLike) -> tuple[Floats, Floats]:
    """Bound a rate from both sides, *each side* at `level`.

    The upper limit is the largest rate under which so few successes still have the probability `level`; the lower
    limit mirrors it. Whatever the true rate is, the chance that it lies above `hi` is at most `level`, and the chance
    that it lies below `lo` is at most `level`: both limits hold together with probability ``1 - 2 level``.

    Parameters
    ----------
    successes, trials : int, shapes that broadcast
        No trials leave everything possible: 0 and 1.
    level : float, in (0, 0.5)
        Chance that one side's limit is wrong.

    Returns
    -------
    lo, hi : float64

    Raises
    ------
    ValueError
        If counts are negative, successes outnumber trials, or `level` is not in (0, 0.5).

    Notes
    -----
    The beta quantiles are taken from the side of the small tail, so that levels of 1e-12 lose no digits; without a
    success (or a failure) they have a closed form. Clopper and Pearson, Biometrika 26, 1934.

    Examples
    --------
    The rule of three: nothing seen in 3,000 trials, so less than one in a thousand at 5 %.

    >>> lo, hi = limits(0, 3000, 0.05)
    >>> float(lo), round(float(hi), 6)
    (0.0, 0.000998)
    """
    s, n, a = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (successes, trials, level)))
    if not ((s >= 0) & (s <= n) & np.isfinite(n)).all():
        raise ValueError("successes must lie between 0 and trials")
    if not ((a > 0) & (a < 0.5)).all():
        raise ValueError("level must lie between 0 and 0.5")
    none, every = s == 0, s == n
    failures = n - s
    root = np.log(a) / np.maximum(n, 1)  # exp of it is the rate at which all trials succeed with probability `level`
    lo = special.betaincinv(np.where(none, 1, s), failures + 1, a)
    hi = special.betainccinv(s + 1, np.where(every, 1, failures), a)
    lo = np.where(every, np.exp(root), lo)
    hi = np.where(none, -np.expm1(root), hi)
    return np.where(none, 0.0, lo), np.where(every, 1.0, hi)

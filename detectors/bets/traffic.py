"""Events of a closed time bucket, and what it may hold -> evidence of a surge, a slump, or silence.

A tally says how events are divided; this is about how many there are, so a bucket is one observation and not so many
events. What it should hold is another thing every hour, so no table is made beforehand: limits go in with the count.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from detectors.arrays import Floats, Signs
from detectors.bets.table import GRID, MOST_EVENTS

RATIOS: Final[Floats] = np.array([1.6, 3.0, 0.6, 0.3, 0.0])
"""Of the mean that each bet is on to the limit."""
FEATURES: Final = ("surge", "surge", "slump", "slump", "silence")
DIRECTION: Final[Signs] = np.array([1, 1, -1, -1, -1], np.int8)
WEIGHTS: Final[Floats] = np.array([1 / 4, 1 / 4, 1 / 6, 1 / 6, 1 / 6])
"""Half of the budget either way."""
MOST_LOSS: Final = 300.0
"""Nats: all of it, but for a part of 10^-130, so that growth stays finite."""


def log_wealth(counts: ArrayLike, lo: ArrayLike, hi: ArrayLike, size: ArrayLike) -> Floats:
    """Bet that traffic left its limits.

    Parameters
    ----------
    counts : int (...)
        Events of a bucket that is over: an open one is a slump by construction.
    lo, hi : float (...)
        Limits of its mean.
    size : float (...)
        Lower limit of the negative binomial's size r.

    Returns
    -------
    float64 (..., 5), in nats
        What each bet of `FEATURES` wins: multiples of 2^-20, so that several buckets add up to the same bits in any
        order. Bets upward do nothing where `hi` is infinite, those downward where `lo` is zero.

    Raises
    ------
    ValueError
        If counts are negative, no integers, or 2^30 or more; or if not ``0 <= lo <= hi``, ``hi > 0`` and ``size > 0``.

    Notes
    -----
    The likelihood ratio of negative binomials with means ``rho mu`` and ``mu``, both of size r:
    ``L = rho^x ((r + mu) / (r + rho mu))^(x + r)``, where mu is `hi` for rho above one and `lo` below; of silence,
    rho = 0, it is ``((r + mu) / r)^r`` while nothing comes, and nothing after that.

    *Proved*: E[L] <= 1 for every negative binomial bucket whose mean, given the past, lies in its limits, and whose
    size is r or more; for a Poisson one, too, and for any mixture of Poisson variables that scatters less. For L is
    ``a b^x``, and the mean of ``b^x`` over a mixture is that of ``exp((b - 1) rate)``: convex in the rate, so that a
    rate that scatters less has a smaller one, and rising in it where b > 1, falling where b < 1. *Measured*: what
    limits learned from a sample do to that, buckets that depend on each other, and rates with heavier tails. Traffic
    has all three, and so makes tickets, never pages. Of 100 Poisson series whose rate wanders by 10 % over 30 buckets
    there were 53 alarms on a budget of 4, and 2 where it wanders as much over three; none with limits a fifth farther
    out (`least_ratio`).

    Examples
    --------
    A bucket holds 20 events, give or take; now come 60, or none:

    >>> log_wealth([60, 0], lo=18.0, hi=22.0, size=50.0).round(1)
    array([[   9.7,   13.5,  -18.3,  -49.7, -300. ],
           [  -8.4,  -23.8,    5.6,   10.2,   15.4]])
    """
    x, r = np.asarray(counts), np.asarray(size, np.float64)[..., None]
    below, above = np.asarray(lo, np.float64)[..., None], np.asarray(hi, np.float64)[..., None]
    if x.dtype.kind not in "iu":
        raise ValueError(f"counts must be integers, not {x.dtype}")
    if x.size and x.min() < 0:
        raise ValueError("counts holds a negative number")
    if x.size and x.max() >= MOST_EVENTS:
        raise ValueError(f"a bucket of {MOST_EVENTS} events or more cannot be summed exactly")
    if not ((below >= 0) & (below <= above) & (above > 0)).all():
        raise ValueError("limits must be 0 <= lo <= hi, with hi > 0")
    if not ((r > 0) & np.isfinite(r)).all():
        raise ValueError("size must be a positive number")
    limit = np.where(RATIOS > 1, above, below)
    hopeless = np.where(RATIOS > 1, np.isinf(above), below == 0)
    mu = np.where(hopeless, 1.0, limit)
    won = special.xlogy(x[..., None], RATIOS) - (x[..., None] + r) * np.log1p((RATIOS - 1) * mu / (r + mu))
    won = np.maximum(np.floor(won / GRID) * GRID, -MOST_LOSS)
    return np.where(hopeless, 0.0, won)

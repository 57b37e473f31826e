"""Tally of a bounded variable -> limits of its mean, by betting against each mean that it might have."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from detectors.arrays import Floats

_OCTAVES: Final = np.arange(-4, 4)
STAKES: Final[Floats] = 2 * np.exp2(_OCTAVES)
"""Parts of the wealth that are staked, in ``sqrt(2 log(1 / level) / n)``. The best one is as many of these as the mean
is standard deviations, where the mean is about normal: from 1.1 to 2.2 for ranks and their spread, a tenth for a share
of one in a hundred, ten for one of ninety-nine."""
SHARES: Final[Floats] = 3.0 ** -np.abs(_OCTAVES) / (3.0 ** -np.abs(_OCTAVES)).sum()
"""What each stake has of the wealth at first: the middle one half, and a third as much with each octave farther off."""
MOST_STAKE: Final = 0.9
"""Of a stake of 1, one observation of zero would take all."""
_WIDER: Final = 4.0
_LEAST: Final = 1e-12
"""Part of the sample's mean below which a limit is 0."""
_CLOSE: Final = 1e-9
"""Part of a limit by which it is at most too wide."""


def limits(values: ArrayLike, counts: ArrayLike, level: ArrayLike) -> tuple[Floats, Floats]:
    """Bound the mean of a variable in [0, 1] from both sides, *each side* at `level`.

    A gambler who doubts that the mean is as low as `m` stakes a fraction `c` of the wealth on each observation and
    ends with the product of ``1 - c + c x / m``. If the mean is at most `m` that is expected to be at most one, and
    exceeds ``1 / level`` with a chance of at most `level`. So each `m` at which the average gambler gets that rich is
    ruled out. Wealth falls in `m`, so those ruled out lie below one point, which tangents find. The upper limit is the
    lower one of ``1 - x``.

    A tally has no order, so the stakes are fixed beforehand and the product is the same in every order. A limit asks
    for small stakes if there were many observations, so the stakes go by how many there were. That must not depend on
    what they were: who stops once the mean looks good cannot be bounded in this way.

    Parameters
    ----------
    values : float, (..., C), in [0, 1]
        What each cell stands for.
    counts : int, (..., C)
        How often each was seen. How often in all must not depend on which. Nothing seen leaves everything possible: 0
        and 1.
    level : float, (...), in (0, 0.5)
        Chance that one side's limit is wrong.

    Returns
    -------
    lo, hi : float64 (...)
        Both are ruled out themselves, so neither rounding nor an early stop makes a limit too narrow.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1], a count is negative, or `level` is not in (0, 0.5).

    Notes
    -----
    Given how many there are, needs no more than that each observation's mean, given those before, is the mean.
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86, 2024, section 4, with
    a mixture over fixed stakes in place of predictable ones.

    Examples
    --------
    >>> lo, hi = limits([0.0, 0.5, 1.0], [250, 500, 250], 0.025)
    >>> round(float(lo), 2), round(float(hi), 2)
    (0.47, 0.53)
    """
    x, n = np.broadcast_arrays(np.asarray(values, np.float64), np.asarray(counts, np.float64))
    a = np.broadcast_to(np.asarray(level, np.float64), x.shape[:-1])
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError("values must lie in [0, 1]")
    if not ((n >= 0) & np.isfinite(n)).all():
        raise ValueError("counts must not be negative")
    if not ((a > 0) & (a < 0.5)).all():
        raise ValueError("level must lie between 0 and 0.5")
    rows, counted, risk = x.reshape(-1, x.shape[-1]), n.reshape(-1, x.shape[-1]), a.ravel()
    lo, hi = _lower(rows, counted, risk), 1 - _lower(1 - rows, counted, risk)
    return lo.reshape(a.shape), hi.reshape(a.shape)


def _lower(x: Floats, n: Floats, level: Floats) -> Floats:
    """Find the largest mean of each row that is ruled out, from below.

    Log-wealth is convex in `m`, and so is the log of its sum: a tangent lies below it, and meets the wealth that is
    enough no later than it does. So each tangent leads to the next `m` that is ruled out, and never past the last.
    """
    total = n.sum(-1)
    seen = np.maximum(total, 1)
    mean = (n * x).sum(-1) / seen
    enough = -np.log(level)
    stakes = np.minimum(STAKES * np.sqrt(2 * enough / seen)[:, None], MOST_STAKE)
    m, found = np.zeros(total.shape), np.zeros(total.shape, np.bool_)
    # To begin with, about a third farther off than the limit of a normal variable would be.
    variance = (n * (x - mean[..., None]) ** 2).sum(-1) / seen
    off = (np.sqrt(3 * enough * variance / seen) + 3 * enough / seen) / np.where(mean > 0, mean, 1)
    rows = np.flatnonzero(mean > 0)
    while len(rows := rows[off[rows] < 1 / _LEAST]):
        m[rows] = mean[rows] / (1 + off[rows])
        found[rows] = _wealth(x[rows], n[rows], m[rows], stakes[rows])[0] >= enough[rows]
        rows = rows[~found[rows]]
        off[rows] *= _WIDER
    rows = np.flatnonzero(found)
    while len(rows):
        wealth, slope = _wealth(x[rows], n[rows], m[rows], stakes[rows])
        step = np.maximum(wealth - enough[rows], 0) / slope
        m[rows] += step
        rows = rows[step > _CLOSE * m[rows]]
    return np.where(found, m * (1 - _CLOSE), 0.0)


def _wealth(x: Floats, n: Floats, m: Floats, stakes: Floats) -> tuple[Floats, Floats]:
    """Say how rich all gamblers together get at the `m` of each row, in nats, and how fast that falls in `m`."""
    staked = stakes[:, :, None] * (x / m[:, None])[:, None, :]
    multiplier = (1 - stakes)[:, :, None] + staked
    each = (np.log(multiplier) @ n[..., :, None])[..., 0] + np.log(SHARES)
    falls = ((staked / multiplier) @ n[..., :, None])[..., 0]
    richest = each.max(-1, keepdims=True)
    share = np.exp(each - richest)
    sum_ = share.sum(-1)
    return richest[..., 0] + np.log(sum_), (share * falls).sum(-1) / sum_ / m

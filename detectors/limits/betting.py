"""Tally of a bounded variable -> limits of its mean, by betting against each mean that it might have."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from detectors.arrays import Floats

FRACTIONS: Final[Floats] = np.exp2(-0.5 * np.arange(1, 25))
"""Parts of the wealth staked, from 0.7 down to 1/4096: small stakes bound large samples, large stakes skewed ones."""
_HALVINGS: Final = 44


def limits(values: ArrayLike, counts: ArrayLike, level: ArrayLike) -> tuple[Floats, Floats]:
    """Bound the mean of a variable in [0, 1] from both sides, *each side* at `level`.

    A gambler who doubts that the mean is as low as `m` stakes a fraction `c` of the wealth on each observation and
    ends with the product of ``1 - c + c x / m``. If the mean is at most `m` that is expected to be at most one, and
    exceeds ``1 / level`` with a chance of at most `level`. So each `m` at which the average gambler gets that rich is
    ruled out. Wealth falls in `m`, so those ruled out lie below one point, which halving finds. The upper limit is the
    lower one of ``1 - x``.

    A tally has no order, so the stakes are fixed beforehand and the product is the same in every order.

    Parameters
    ----------
    values : float, (..., C), in [0, 1]
        What each cell stands for.
    counts : int, (..., C)
        How often each was seen. Nothing seen leaves everything possible: 0 and 1.
    level : float, (...), in (0, 0.5)
        Chance that one side's limit is wrong.

    Returns
    -------
    lo, hi : float64 (...)
        Ends of the last halving on the side that is ruled out, so rounding never makes a limit too narrow.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1], a count is negative, or `level` is not in (0, 0.5).

    Notes
    -----
    Needs no more than that each observation's mean, given those before, is the mean. Waudby-Smith and Ramdas,
    "Estimating means of bounded random variables by betting", JRSS-B 86, 2024, section 4, with a mixture over fixed
    stakes in place of predictable ones.

    Examples
    --------
    >>> lo, hi = limits([0.0, 0.5, 1.0], [250, 500, 250], 0.025)
    >>> round(float(lo), 2), round(float(hi), 2)
    (0.46, 0.54)
    """
    x, n = np.broadcast_arrays(np.asarray(values, np.float64), np.asarray(counts, np.float64))
    a = np.broadcast_to(np.asarray(level, np.float64), x.shape[:-1])
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError("values must lie in [0, 1]")
    if not ((n >= 0) & np.isfinite(n)).all():
        raise ValueError("counts must not be negative")
    if not ((a > 0) & (a < 0.5)).all():
        raise ValueError("level must lie between 0 and 0.5")
    return _lower(x, n, a), 1 - _lower(1 - x, n, a)


def _lower(x: Floats, n: Floats, level: Floats) -> Floats:
    total = n.sum(-1)
    ruled_out = np.zeros(total.shape)
    open_ = (n * x).sum(-1) / np.maximum(total, 1)  # the sample's own mean is never ruled out
    enough = -np.log(level) + np.log(len(FRACTIONS))
    for _ in range(_HALVINGS):
        m = (ruled_out + open_) / 2
        odds = x / np.where(m > 0, m, 1)[..., None]
        wealth = np.log1p(FRACTIONS[:, None] * (odds - 1)[..., None, :]) @ n[..., :, None]
        rich = np.logaddexp.reduce(wealth[..., 0], axis=-1) >= enough
        ruled_out, open_ = np.where(rich, m, ruled_out), np.where(rich, open_, m)
    return ruled_out

"""Limits of a mean -> bets on a variable in [0, 1], of which nothing else is known."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.arrays import Floats, Wealth
from detectors.bets.table import whole

STAKES: Final = (0.1, 0.25, 0.55)
"""Parts of the wealth staked on an event. Around a mean of one half they are bets of lam = 0.2, 0.5 and 1.1."""


def log_wealth(x: Floats, lo: Floats, hi: Floats, stakes: Sequence[float] = STAKES) -> Wealth:
    """Bet that a mean left its limits.

    Upward, the part ``c`` of the wealth is staked on ``x / hi``, whose mean is at most one while the mean of x is at
    most `hi`: the wealth is multiplied by ``1 - c + c x / hi``. Downward the same is done with ``(1 - x) / (1 - lo)``.
    What is not staked cannot be lost, so wealth stays positive.

    Parameters
    ----------
    x : float64 (..., B), in [0, 1]
        Value of each bin.
    lo, hi : float64 (...)
        Limits of the mean.
    stakes : floats in (0, 1)

    Returns
    -------
    float32 (..., 2 len(stakes), B), in nats
        Bets upward first. Where the limit is 1 (nothing can lie above) or 0 (below), all is zero: such a bet does
        nothing.

    Raises
    ------
    ValueError
        If x lies outside [0, 1], limits are not ``0 <= lo <= hi <= 1`` with ``lo < 1`` and ``hi > 0``, or a stake is
        not in (0, 1).

    Notes
    -----
    ``1 + lam (x - m)`` with ``lam = c / hi`` upward and ``lam = -c / (1 - lo)`` downward. Waudby-Smith and Ramdas,
    JRSS-B 86, 2024, section 4.

    Examples
    --------
    >>> up, down = np.exp(log_wealth(np.array([0.0, 0.5, 1.0]), np.array(0.5), np.array(0.5), stakes=[0.5]))
    >>> up.round(3), down.round(3)
    (array([0.5, 1. , 1.5], dtype=float32), array([1.5, 1. , 0.5], dtype=float32))
    """
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError("x must lie in [0, 1]")
    if not ((lo >= 0) & (lo <= hi) & (hi <= 1) & (lo < 1) & (hi > 0)).all():
        raise ValueError("limits must be 0 <= lo <= hi <= 1, with lo < 1 and hi > 0")
    c = np.asarray(stakes, np.float64)[:, None]
    if not ((c > 0) & (c < 1)).all():
        raise ValueError(f"stakes must lie between 0 and 1: {stakes}")
    above, below = hi[..., None, None], lo[..., None, None]
    upward = np.log1p(c * (x[..., None, :] / above - 1))
    downward = np.log1p(c * ((1 - x[..., None, :]) / (1 - below) - 1))
    upward = np.where(above == 1, 0.0, upward)
    downward = np.where(below == 0, 0.0, downward)
    return whole(np.concatenate([upward, downward], axis=-2))

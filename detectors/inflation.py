"""Sums over blocks of time -> how much more they vary than those of independent events: the variance inflation.

Events of one session resemble each other, so a bad minute is no thirty proofs. If sums over long blocks vary V times as
much as those of independent events, V events say as much as one, and the growth of bets is divided by V (*tempered*).
That is right for independent events, where it only costs time, and measured, not proved, for others.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats

_Summed = TypeVar("_Summed", Counts, Floats)

LENGTHS: Final = (1, 2, 4)
"""Blocks put together, to see whether longer ones vary more."""
FEWEST: Final = 30
"""Blocks of a length, for it to say anything; as many events, spread evenly, must be of the rarer kind."""
MOST: Final = 256
"""Blocks that are kept. When they are full, each two become one: their number halves, and their length doubles."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Sums over blocks of time, oldest first.

    Attributes
    ----------
    base : int
        Base blocks in each block; a power of two.
    last : int
        Base blocks in the last one, which is not full yet.
    events : int64 (F, n)
        Events of each feature's signal, n <= `MOST`.
    off : float64 (F, n)
        By how much the feature's sum over these events was more than expected.
    """

    base: int
    last: int
    events: Counts
    off: Floats


def empty(features: int) -> Blocks:
    """Make a record of nothing yet."""
    return Blocks(1, 1, np.zeros((features, 0), np.int64), np.zeros((features, 0)))


def add(blocks: Blocks, events: Counts, sums: Floats, expected: Floats) -> Blocks:
    """Add a base block.

    Parameters
    ----------
    blocks : Blocks
    events : int64 (F,)
        In the base block, those that the feature looks at.
    sums : float64 (F,)
        Of a feature in [0, 1]: yes for a rate, the rank for a number.
    expected : float64 (F,)
        What that would be by the baseline: the events by the mean, of this hour of the week once its season is known.
        Else the season is taken for a dependence of events, which only costs time.

    Returns
    -------
    Blocks
        Between 128 and 256 blocks, once so many came, whatever has come: the state is bounded, and its blocks grow
        with what is known, from minutes to hours.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative, or sums and what is expected do not lie between 0 and the events.

    Examples
    --------
    >>> blocks = empty(1)
    >>> for _ in range(1000):
    ...     blocks = add(blocks, np.array([10]), np.array([3.0]), np.array([2.5]))
    >>> blocks.base, blocks.events.shape, int(blocks.events.sum())
    (4, (1, 250), 10000)
    """
    features = blocks.events.shape[:1]
    if not events.shape == sums.shape == expected.shape == features:
        raise ValueError(
            f"events, sums and expected must be {features}: {events.shape}, {sums.shape}, {expected.shape}"
        )
    if not ((events >= 0) & (np.minimum(sums, expected) >= 0) & (np.maximum(sums, expected) <= events)).all():
        raise ValueError("events must not be negative, sums and what is expected lie between 0 and the events")
    counted, off = blocks.events, blocks.off
    if blocks.last < blocks.base:
        counted, off = counted.copy(), off.copy()
        counted[:, -1] += events
        off[:, -1] += sums - expected
        return Blocks(blocks.base, blocks.last + 1, counted, off)
    base = blocks.base
    if counted.shape[1] == MOST:
        base, counted, off = 2 * base, _joined(counted, 2), _joined(off, 2)
    counted = np.append(counted, events[:, None], axis=1)
    return Blocks(base, 1, counted, np.append(off, (sums - expected)[:, None], axis=1))


def inflation(blocks: Blocks, variance: Floats, level: float = 0.05) -> Floats:
    """Bound the variance inflation of each feature from above.

    Parameters
    ----------
    blocks : Blocks
        The last one is left out while it is not full.
    variance : float64 (F,)
        Of the feature from event to event, in the baseline.
    level : float, in (0, 1)
        Chance that the bound of a feature is too small. It is divided evenly over the lengths.

    Returns
    -------
    float64 (F,)
        At least 1. NaN while it is not known: fewer than 30 blocks of the longest length, or fewer events than make 30
        of the rarer kind. What is not known must page nobody.

    Raises
    ------
    ValueError
        If the shapes differ, a variance is negative or above 1/4, or `level` is not in (0, 1).

    Notes
    -----
    Let block i have n_i events and be off by d_i, and m be the mean of d by event over all blocks. Then
    ``sum (d_i - n_i m)^2 / sum n_i`` estimates the variance of a block's sum by event; over the variance of an event
    that is the inflation V. For N blocks that are about normal, ``(N - 1) V' / V`` has a chi-square distribution of
    N - 1 degrees of freedom. Blocks of rare things vary more than normal ones do: by their own excess kurtosis k the
    degrees of freedom are divided by 1 + k / 2.

    Examples
    --------
    Ten events at a time that are all alike count as one:

    >>> blocks = empty(1)
    >>> for i in range(240):
    ...     blocks = add(blocks, np.array([10]), np.array([10.0 * (i * i % 7 < 3)]), np.array([4.0]))
    >>> bool(inflation(blocks, np.array([0.24]))[0] > 9)
    True
    """
    if variance.shape != blocks.events.shape[:1] or not ((variance >= 0) & (variance <= 0.25)).all():
        raise ValueError("variance must have one number for each feature, between 0 and 1/4")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1: {level}")
    full = blocks.events.shape[1] - (blocks.last < blocks.base)
    events, off = blocks.events[:, :full], blocks.off[:, :full]
    known = (full // LENGTHS[-1] >= FEWEST) & (events.sum(axis=1) * variance >= FEWEST)
    if not known.any():
        return np.full(len(variance), np.nan)
    mean = off.sum(axis=1, keepdims=True) / np.maximum(events.sum(axis=1, keepdims=True), 1)
    upper = [_upper(events, off - mean * events, variance, length, level / len(LENGTHS)) for length in LENGTHS]
    return np.where(known, np.maximum(np.max(upper, axis=0), 1.0), np.nan)


def _upper(events: Counts, off: Floats, variance: Floats, length: int, level: float) -> Floats:
    """Upper limit of the inflation seen in blocks of one length, from how far each sum is off."""
    off = _joined(off, length)
    freedom = np.full(len(off), off.shape[1] - 1.0)
    second, fourth = (off**2).mean(axis=1), (off**4).mean(axis=1)
    kurtosis = np.divide(fourth, second**2, out=np.full(len(second), 3.0), where=second > 0)
    freedom = freedom / (1 + np.maximum(kurtosis - 3, 0) / 2)
    independent = variance * events[:, : off.shape[1] * length].sum(axis=1)
    ratio = np.divide((off**2).sum(axis=1), independent, out=np.zeros(len(second)), where=independent > 0)
    return np.asarray(ratio * freedom / (2 * special.gammaincinv(freedom / 2, level)), np.float64)


def _joined(per_block: _Summed, length: int) -> _Summed:
    """Add up each `length` blocks; a rest at the end is left out."""
    features, blocks = per_block.shape
    whole = blocks // length
    joined: _Summed = per_block[:, : whole * length].reshape(features, whole, length).sum(axis=2)
    return joined


def tempered(growth: Floats, factor: Floats) -> Floats:
    """Divide the growth of bets by the inflation of their signal.

    Parameters
    ----------
    growth : float64, any shape, in nats
    factor : float64, a shape that broadcasts
        From `inflation`.

    Returns
    -------
    float64, the shape of `growth`
        ``E[L] <= 1`` stays true, as ``E[L^(1/v)] <= E[L]^(1/v)``.

    Raises
    ------
    ValueError
        If a factor is below 1, or not known.

    Examples
    --------
    >>> tempered(np.array([4.0, -2.0]), np.array([4.0, 1.0])).tolist()
    [1.0, -2.0]
    """
    if not (factor >= 1).all():
        raise ValueError("the inflation must be known, and at least 1")
    return growth / factor

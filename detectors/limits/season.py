"""Tallies by hour of the week -> limits of each hour, however few events an hour has.

An hour's own limits are exact at any number of events; where these are few, they are wide. So they are narrowed by what
pools of other hours say, once that is moved outward by as far as hours may lie apart. How far that is, the operator
says in percent: the one assumption here.
"""

from typing import Final, NamedTuple

import numpy as np

from detectors.arrays import Bools, Counts, Floats, Indices
from detectors.limits import mean

HOURS: Final = 168
MOST_PERCENT: Final = 95.0
_MONDAY: Final = 72
"""The first hour of 1970, counted from a Monday's: it was a Thursday."""
LIKE: Final[Indices] = np.arange(HOURS) % 24 + 24 * (np.arange(HOURS) >= 5 * 24)
"""Which pool of like hours each hour belongs to: 24 of weekdays, 24 of weekends."""
_LIKE: Final = 48
_WEEKDAYS: Final = 0b0011111
_WEEKEND: Final = 0b1100000
_KINDS: Final = 3
"""The hour itself, pools of like hours, all of them: each kind has an even part of the level."""


class Pools(NamedTuple):
    """What others say of an hour: the same for all like hours.

    Attributes
    ----------
    lower, upper : float64 (48, F)
        By pool of like hours.
    """

    lower: Floats
    upper: Floats


class Allowed(NamedTuple):
    """What is allowed in some hours.

    Attributes
    ----------
    lower, upper : float64 (H, F)
    refuted : bool (H, F)
        Where an hour's own limits and what others say of it exclude each other: the season is larger than it was said
        to be. The hour's own limits are given there.
    """

    lower: Floats
    upper: Floats
    refuted: Bools


def hour_of_week(second: int) -> int:
    """Say which hour of the week, from Monday 0:00 UTC, a second since 1970 lies in.

    Examples
    --------
    >>> hour_of_week(0), hour_of_week(4 * 86_400)  # a Thursday; the next Monday
    (72, 0)
    """
    return (second // 3600 + _MONDAY) % HOURS


def apart(percent: float) -> tuple[float, float]:
    """Say by which factors an hour may lie off any other one.

    If each lies within `percent` of some middle, one may be at the one end, and the other at the other.

    Parameters
    ----------
    percent : float

    Returns
    -------
    down, up : float

    Raises
    ------
    ValueError
        If `percent` does not lie in [0, 95].

    Examples
    --------
    >>> [round(factor, 2) for factor in apart(60)]
    [0.25, 4.0]
    """
    if not 0 <= percent <= MOST_PERCENT:
        raise ValueError(f"season_percent must lie between 0 and {MOST_PERCENT:g}: {percent}")
    return (100 - percent) / (100 + percent), (100 + percent) / (100 - percent)


def outward(lo: Floats, hi: Floats, down: float, up: float) -> tuple[Floats, Floats]:
    """Move limits of a share outward by factors of the rarer one of yes and no.

    Parameters
    ----------
    lo, hi : float64, any shape, in [0, 1]
    down, up : float
        Of 1 and below, of 1 and above.

    Returns
    -------
    lo, hi : float64, the same shape

    Examples
    --------
    >>> lo, hi = outward(np.array([0.05, 0.98]), np.array([0.05, 0.98]), 0.4, 1.6)
    >>> lo.round(3).tolist(), hi.round(3).tolist()
    ([0.02, 0.968], [0.08, 0.992])
    """
    return np.maximum(lo * down, 1 - (1 - lo) * up), np.minimum(hi * up, 1 - (1 - hi) * down)


def between_hours(lo: Floats, hi: Floats, percent: float) -> tuple[Floats, Floats]:
    """Move limits that some hours gave of a share as far as any other hour may lie from these.

    Parameters
    ----------
    lo, hi : float64, any shape, in [0, 1]
    percent : float
        As in `apart`.

    Returns
    -------
    lo, hi : float64, the same shape

    Examples
    --------
    >>> lo, hi = between_hours(np.array([0.04]), np.array([0.06]), 60)
    >>> lo.round(3).tolist(), hi.round(3).tolist()
    ([0.01], [0.24])
    """
    return outward(lo, hi, *apart(percent)) if percent else (lo, hi)


def pools_of(days: int) -> Bools:
    """Say which pools of like hours are whole, of days that were learned: bool (48,).

    Parameters
    ----------
    days : int
        A bit for each, from Monday. A pool is whole if all five weekdays were, or both days of the weekend.

    Examples
    --------
    >>> pools_of(0b0011111)[[9, 24 + 9]].tolist(), bool(pools_of(0b1000000).any())
    ([True, False], False)
    """
    return np.repeat([days & _WEEKDAYS == _WEEKDAYS, days & _WEEKEND == _WEEKEND], 24)


def shares(values: Floats, tally: Counts, beside: Counts, level: Floats, percent: float, whole: Bools) -> Pools:
    """Say what a week's hours say of each other's shares (of yes, of a name, of missing).

    Every pool of hours says of any hour that it lies within the factors of `apart`. Once all days of a pool of like
    hours were seen, it says of each of these that it lies within `percent` of their mean.

    Parameters
    ----------
    values : float64 (F, C)
        1 in the cells that are the thing, 0 beside them, NaN where it is not asked.
    tally : int64 (168, C)
        Events by hour of the week.
    beside : int64 (C,)
        Events of hours that nobody knows any more.
    level : float64 (F,), in (0, 0.5)
        Chance that one side of a feature's limits is wrong in *any* hour. A third each goes to the hours themselves
        (in `limits`), to pools of like hours, and to all of them together, and is divided evenly over these.
    percent : float
        How far the rarer one of yes and no may be off: in each hour of the week from some middle, the same for all; and
        in each hour from the mean of its like hours.
    whole : bool (48,)
        Which pools hold all of their days: see `pools_of`.

    Returns
    -------
    Pools

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, `level` does not lie in (0, 0.5), or `percent` not
        in [0, 95].

    Notes
    -----
    No mean of the week is asked for: traffic has a season, too, and weighs it.
    """
    down, up = apart(percent)
    known = [mean.limits(values, pool, level / _KINDS / len(pool)) for pool in _pools(tally, beside)]
    lo, hi = (np.concatenate([limits[side] for limits in known]) for side in (0, 1))
    low, high = outward(lo, hi, down, up)
    lower, upper = np.tile(low.max(axis=0), (_LIKE, 1)), np.tile(high.min(axis=0), (_LIKE, 1))
    low, high = outward(*known[0], 1 - percent / 100, 1 + percent / 100)
    lower[whole], upper[whole] = np.maximum(lower, low)[whole], np.minimum(upper, high)[whole]
    return Pools(lower, upper)


def numbers(lowest: Floats, highest: Floats, tally: Counts, beside: Counts, level: Floats) -> Pools:
    """Say what a week's hours say of each other's ranks and tails of a number.

    A season multiplies values. Several hours together are no hour that was multiplied. But if all their values are, by
    the largest factor of `apart`, each of them lies above every hour, and by the smallest below.

    Parameters
    ----------
    lowest, highest : float64 (F, B)
        What each bin counts for at the factors of `apart`, from `detectors.limits.moved`: the lower one of the two, and
        the higher one. 0 and 1 for a feature that moves both ways (spread): of that, others say nothing.
    tally : int64 (168, B)
        Events by hour of the week and bin.
    beside : int64 (B,)
        As in `shares`.
    level : float64 (F,), in (0, 0.5)
        As in `shares`.

    Returns
    -------
    Pools

    Raises
    ------
    ValueError
        As `shares`.

    Notes
    -----
    Holds as far as the events of an hour lie within a bin as those of the others do.
    """
    lower, upper = np.zeros((_LIKE, len(level))), np.ones((_LIKE, len(level)))
    for pool in _pools(tally, beside):
        each = level / _KINDS / len(pool)
        lower = np.maximum(lower, mean.limits(lowest, pool, each)[0])
        upper = np.minimum(upper, mean.limits(highest, pool, each)[1])
    return Pools(lower, upper)


def limits(values: Floats, tally: Counts, level: Floats, pools: Pools, hours: Indices) -> Allowed:
    """Bound the mean of each feature in some hours of the week.

    Parameters
    ----------
    values : float64 (F, C)
        As in `shares`, or what the features of a number are in each bin.
    tally : int64 (168, C)
    level : float64 (F,), in (0, 0.5)
        As in `shares`.
    pools : Pools
        From `shares` or `numbers`, of the same tally, at the same level.
    hours : intp (H,)

    Returns
    -------
    Allowed

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, or `level` does not lie in (0, 0.5).

    Notes
    -----
    If what the operator said is true, and an hour of the week is like the same hour of other weeks, the limits of *all*
    hours hold together but with the chance that `level` says. An hour with many events is bounded by these alone.

    Examples
    --------
    A hundred events an hour, a tenth of them yes: an hour by itself says little, others say more.

    >>> tally, yes, level = np.tile([90, 10], (168, 1)), np.array([[0.0, 1.0]]), np.array([1e-6])
    >>> alone = mean.limits(yes, tally[:1], level / 504)
    >>> others = shares(yes, tally, np.zeros(2, np.int64), level, 60, whole=pools_of(0b1111111))
    >>> allowed = limits(yes, tally, level, others, np.array([9]))
    >>> [round(float(limit[0, 0]), 2) for limit in (*alone, allowed.lower, allowed.upper)]
    [0.01, 0.36, 0.02, 0.31]
    """
    lo, hi = mean.limits(values, tally[hours], level / _KINDS / HOURS)
    lower, upper = np.maximum(lo, pools.lower[LIKE[hours]]), np.minimum(hi, pools.upper[LIKE[hours]])
    refuted = lower > upper
    return Allowed(np.where(refuted, lo, lower), np.where(refuted, hi, upper), refuted)


def inherited(
    lo: Floats, hi: Floats, whole: tuple[Floats, Floats], hour: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Give slices the season of their whole stream: shares move by the same factors.

    Hours of slices are not counted, or a service would need thirty times the room. What the whole stream's share is in
    this hour, by what it is over all hours, the slice's share may be by its own; of the rarer one of yes and no.

    Parameters
    ----------
    lo, hi : float64 (S, F)
        Limits of the slices' shares over all hours.
    whole, hour : pair of float64 (F,)
        Lower and upper limits of the whole stream's, over all hours, and in this one.

    Returns
    -------
    lo, hi : float64 (S, F)

    Notes
    -----
    Right where a slice has the season of the whole, in its share and in its traffic. That is measured, not proved.

    Examples
    --------
    At night the share is 0.4 of what it is over all hours; so it is in a slice that has twice the share.

    >>> lo, hi = inherited(np.array([[0.1]]), np.array([[0.1]]), (np.array([0.05]),) * 2, (np.array([0.02]),) * 2)
    >>> lo.round(3).tolist(), hi.round(3).tolist()
    ([[0.04]], [[0.04]])
    """
    yes = _multiplied((lo, hi), whole, hour)
    no = _multiplied((1 - hi, 1 - lo), (1 - whole[1], 1 - whole[0]), (1 - hour[1], 1 - hour[0]))
    rare = (whole[0] + whole[1]) / 2 <= 0.5
    return np.where(rare, yes[0], 1 - no[1]), np.where(rare, yes[1], 1 - no[0])


def _multiplied(
    of: tuple[Floats, Floats], whole: tuple[Floats, Floats], hour: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Multiply limits by hour over whole; where the whole may be zero, everything is possible upward."""
    least = np.divide(hour[0], whole[1], out=np.zeros_like(hour[0]), where=whole[1] > 0)
    most = np.divide(hour[1], whole[0], out=np.full_like(hour[1], np.inf), where=whole[0] > 0)
    high = np.where(np.isinf(most), 1.0, of[1] * np.where(np.isinf(most), 1.0, most))
    return np.minimum(of[0] * least, 1.0), np.minimum(high, 1.0)


def _pools(tally: Counts, beside: Counts) -> tuple[Counts, Counts]:
    """Add up like hours, and all of them with what lies beside."""
    if len(tally) != HOURS:
        raise ValueError(f"tally must have {HOURS} hours, not {len(tally)}")
    like = np.zeros((_LIKE, *tally.shape[1:]), tally.dtype)
    np.add.at(like, LIKE, tally)
    return like, tally.sum(axis=0, keepdims=True) + beside

"""Tallies by hour of the week -> limits of each hour, however few events an hour has.

An hour's own limits are exact at any number of events; where these are few, they are wide. So they are narrowed by what
other hours say, once that is moved outward by as far as hours may lie apart. How far that is, the operator says in
percent: the one assumption here.
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
_KINDS: Final = 3
"""Hours, pools of like hours, all of them: each kind has an even part of the level."""


class Season(NamedTuple):
    """What is allowed in each hour of the week.

    Attributes
    ----------
    lower, upper : float64 (168, F)
    refuted : bool (168, F)
        Where an hour's own limits and those of its pools exclude each other: the season is larger than it was said to
        be. The hour's own are given there.
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


def shares(values: Floats, tally: Counts, level: Floats, percent: float, whole_week: bool) -> Season:
    """Bound shares (of yes, of a name, of missing) in each hour of the week.

    Three things are said of an hour: its own limits; those of every other hour and of every pool, moved by as far as
    two hours may lie apart; and, once all of a week was seen, those of its like hours, moved by `percent`.

    Parameters
    ----------
    values : float64 (F, C)
        1 in the cells that are the thing, 0 beside them, NaN where it is not asked.
    tally : int64 (168, C)
        Events by hour of the week.
    level : float64 (F,), in (0, 0.5)
        Chance that one side of a feature's limits is wrong in *any* hour. A third each goes to hours, to pools of like
        hours, and to all of them together, and is divided evenly over these.
    percent : float
        How far the rarer one of yes and no may be off: in each hour of the week from some middle, the same for all; and
        in each hour from the mean of its like hours.
    whole_week : bool
        Whether `tally` holds all of a week, so that like hours are there.

    Returns
    -------
    Season

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, `level` does not lie in (0, 0.5), or `percent` not
        in [0, 95].

    Notes
    -----
    If `percent` is true, and an hour of the week is like the same hour of other weeks, the limits of all hours hold
    together but with the chance that `level` says. No mean of the week is asked for: traffic has a season, too, and
    weighs it.

    Examples
    --------
    A hundred events an hour, a tenth of them yes: an hour by itself says little, its like hours say more.

    >>> tally, yes = np.tile([90, 10], (168, 1)), np.array([[0.0, 1.0]])
    >>> alone = mean.limits(yes, tally[:1], np.array([1e-6 / 504]))
    >>> season = shares(yes, tally, np.array([1e-6]), 60, whole_week=True)
    >>> [round(float(limit[0, 0]), 2) for limit in (*alone, season.lower, season.upper)]
    [0.01, 0.36, 0.02, 0.31]
    """
    down, up = apart(percent)
    known = [mean.limits(values, pool, level / _KINDS / len(pool)) for pool in (tally, *_pools(tally))]
    lo, hi = (np.concatenate([limits[side] for limits in known]) for side in (0, 1))
    low, high = outward(lo, hi, down, up)
    said = [(low.max(axis=0), high.min(axis=0))]
    if whole_week:
        low, high = outward(*known[1], 1 - percent / 100, 1 + percent / 100)
        said.append((low[LIKE], high[LIKE]))
    return _narrowed(known[0], said)


def numbers(values: Floats, tally: Counts, level: Floats, within_reach: Floats, one_way: Bools) -> Season:
    """Bound the features of a number (ranks, spread, tails) in each hour of the week.

    A season multiplies values. What a feature's mean is then, is bounded at each factor within reach; the limits are
    the lowest and the highest of these bounds. As the factor of an hour is one, if an unknown one, nothing is divided
    over factors.

    Parameters
    ----------
    values : float64 (F, B)
        Of each bin.
    tally : int64 (168, B)
        Events by hour of the week and bin.
    level : float64 (F,), in (0, 0.5)
        As in `shares`.
    within_reach : float64 (K, F, B)
        The same features at factors between those of `apart`, from `detectors.limits.moved`. Several hours together are
        no hour moved, but each of them at the largest factor lies above any hour, and at the smallest below.
    one_way : bool (F,)
        Whether the feature moves one way with the factor. Of one that does not (spread), pools say nothing downward:
        several hours together are always more spread than one.

    Returns
    -------
    Season

    Raises
    ------
    ValueError
        As `shares`.

    Notes
    -----
    For features that move one way the limits hold as those of shares do, if the events of an hour lie within a bin as
    those of the others do. For spread they are measured.
    """
    said = []
    for pool, of in zip(_pools(tally), (LIKE, np.zeros(HOURS, np.intp)), strict=True):
        at = [mean.limits(x, pool, level / _KINDS / len(pool)) for x in within_reach]
        low = np.where(one_way, np.min([lo for lo, _ in at], axis=0), 0.0)
        said.append((low[of], np.max([hi for _, hi in at], axis=0)[of]))
    return _narrowed(mean.limits(values, tally, level / _KINDS / HOURS), said)


def _pools(tally: Counts) -> tuple[Counts, Counts]:
    """Add up like hours, and all of them."""
    if len(tally) != HOURS:
        raise ValueError(f"tally must have {HOURS} hours, not {len(tally)}")
    like = np.zeros((_LIKE, *tally.shape[1:]), tally.dtype)
    np.add.at(like, LIKE, tally)
    return like, tally.sum(axis=0, keepdims=True)


def _narrowed(own: tuple[Floats, Floats], said: list[tuple[Floats, Floats]]) -> Season:
    """Narrow each hour's own limits by what others say of it; where that excludes them, leave them as they are."""
    lo, hi = own
    for low, high in said:
        lo, hi = np.maximum(lo, low), np.minimum(hi, high)
    refuted = lo > hi
    return Season(np.where(refuted, own[0], lo), np.where(refuted, own[1], hi), refuted)

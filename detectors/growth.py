"""A baseline, and what came since -> what of it is taken in, when limits are made anew, and whether they drifted.

Limits made of more events are narrower, and find smaller changes. But limits that are made anew every day have a new
chance to be wrong every day (34.5 % of monitors within 90 days, simulated, where one derivation misses with 3.8 %); a
change that is taken in is never found; and a slow one is taken in bit by bit. So limits are made anew only when the
sample has doubled, each time at a smaller part of the level (`detectors.shares.level`); only what was quiet long after
it came is taken in; and what the baseline has become is compared with what it was at first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Bools, Counts, Floats
from detectors.limits import mean

LOUD: Final = 0.01
"""Evidence, in alarms, from which on a monitor is not quiet. Chance alone brings it there a hundred times as often as
to an alarm, at most."""


def due(events: int, derived_from: int) -> bool:
    """Say whether limits are to be made anew.

    Parameters
    ----------
    events : int
        In the baseline now.
    derived_from : int
        In the baseline when its limits were last made.

    Returns
    -------
    bool
        Whether they have doubled. Ten doublings are a thousand times the sample, and the last of them costs the part
        ``6 / (11 pi)^2`` of the level: limits 7 % wider than at all of it, at a level of 1e-6.

    Raises
    ------
    ValueError
        If `derived_from` is not positive, or `events` are fewer.

    Examples
    --------
    >>> due(39_999, 20_000), due(40_000, 20_000)
    (False, True)
    """
    if not 0 < derived_from <= events:
        raise ValueError(f"a baseline of {events} events cannot have had {derived_from}, and must have had some")
    return events >= 2 * derived_from


def quiet(evidence: Floats) -> bool:
    """Say whether nothing speaks against the baseline.

    Parameters
    ----------
    evidence : float (M,)
        Of every monitor of a service, in alarms, those that fired taken as one.

    Returns
    -------
    bool
        Whether all of it lies below `LOUD`.

    Raises
    ------
    ValueError
        If a number is negative or not finite.

    Examples
    --------
    >>> quiet(np.array([0.0, 0.009])), quiet(np.array([0.0, 0.011]))
    (True, False)
    """
    if not (np.isfinite(evidence) & (evidence >= 0)).all():
        raise ValueError("evidence holds a number that is negative or not finite")
    return bool((evidence < LOUD).all())


@dataclass(frozen=True, slots=True, eq=False)
class Quarantine:
    """What came and may not be taken in yet.

    Attributes
    ----------
    began : int
        The second in which the span of `current` began: a multiple of its length since 1970.
    current : int64, any shape
        What came since.
    older : int64, the same shape
        What came in the span before that, all of it quiet until now; zero if nothing.
    """

    began: int
    current: Counts
    older: Counts


def keep(held: Quarantine, counts: Counts, calm: bool, now: int, span_s: int) -> tuple[Quarantine, Counts | None]:
    """Keep what came apart until it has proved to be quiet.

    Two spans are held. When the younger one is over, the older one is handed out and the younger takes its place: so
    every event waits for one span at least, and two at most. If there is any evidence meanwhile, all that is held may
    be what made it, and is forgotten. Spans of a day are days of UTC.

    Parameters
    ----------
    held : Quarantine
    counts : int64, the shape of those held
        What came in this second.
    calm : bool
        Whether all monitors are quiet after it.
    now : int
        The second.
    span_s : int
        How long events must wait, at least; length of a span.

    Returns
    -------
    held : Quarantine
    taken : int64, the same shape, or None
        What the baseline is to take in now.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative, time went back, or `span_s` is not positive.

    Examples
    --------
    >>> held, nothing = Quarantine(0, np.zeros(1, np.int64), np.zeros(1, np.int64)), np.zeros(1, np.int64)
    >>> for now in range(0, 8):
    ...     held, taken = keep(held, np.array([now]), True, now, span_s=3)
    ...     if taken is not None:
    ...         print(now, taken)
    6 [3]
    """
    if counts.shape != held.current.shape or counts.min(initial=0) < 0:
        raise ValueError(f"counts must be {held.current.shape} and not negative, not {counts.shape}")
    if now < held.began or span_s <= 0:
        raise ValueError(f"time must not go back ({held.began} to {now}), and span_s be positive: {span_s}")
    none, begins = np.zeros_like(held.current), now - now % span_s
    if not calm:
        return Quarantine(begins, none, none), None
    if begins <= held.began:
        return Quarantine(held.began, held.current + counts, held.older), None
    taken = held.older if held.older.any() else None
    return Quarantine(begins, counts, held.current), taken


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """What a baseline has become, by the features of its first version.

    Attributes
    ----------
    lower, upper : float64 (S, F)
        Limits of each feature's mean now.
    up, down : bool (S, F)
        Whether these lie above, or below, all that the first version allows.
    """

    lower: Floats
    upper: Floats
    up: Bools
    down: Bools


def drifted(lower: Floats, upper: Floats, values: Floats, now: Counts, level: Floats) -> Drift:
    """Compare what a baseline has become with its first version.

    A slow change that is taken in step by step never has evidence against it. But it cannot be taken in without the
    baseline leaving its own first limits.

    Parameters
    ----------
    lower, upper : float64 (S, F)
        Limits of the first version.
    values : float64 (F, C) or (S, F, C)
        What each cell counts for in each feature, as in `detectors.limits.mean`, and as in the first version.
    now : int64 (S, C)
        What the baseline has taken in of late: a week of it says more than all of it, which lags behind by half the
        drift.
    level : float64 (S,)
        Chance that any of a slice's limits of now is wrong, as in the tables of `detectors.bets`. At ``6 / (pi k)^2``
        of the monitor's level in the k-th week, a drift is told that is none with a chance of twice the monitor's
        level at most, over all weeks together: either the first limits were wrong, or one week's were.

    Returns
    -------
    Drift

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, or `level` is not in (0, 1).

    Examples
    --------
    >>> from detectors.bets import rate
    >>> first = rate.table(np.array([[19_000, 1_000, 0]]), np.array([1e-6]))
    >>> now = np.array([[185_000, 15_000, 0]])  # from 5 to 7.5 %
    >>> drift = drifted(first.lower, first.upper, first.values(0)[first.leading], now, np.array([1e-6]))
    >>> drift.up.tolist(), drift.down.tolist()
    ([[True, False]], [[False, False]])
    """
    if now.shape[0] != len(lower) or level.shape != now.shape[:1]:
        raise ValueError(f"now is {now.shape} and level {level.shape}, the first version has {len(lower)} slices")
    features = lower.shape[1]
    lo, hi = mean.limits(values, now, level[:, None] / np.full(features, 2 * features))
    return Drift(lo, hi, lo > upper, hi < lower)

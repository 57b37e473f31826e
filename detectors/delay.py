"""Bets, a change, a budget -> how many events until it is found, and the smallest change that ever is."""

from typing import Final

import numpy as np

from detectors.arrays import Counts, Floats
from detectors.bets import traffic
from detectors.bets.table import Bets
from detectors.limits.traffic import Traffic
from schemas.cells import MISSING, OVER, PER_OCTAVE
from schemas.signals import BANDS

_POINTS: Final = np.arange(1, 101) / 100
"""Points of share that are tried for the smallest gap found."""
_STEPS: Final = np.exp2(np.arange(1, 161) / 16)
"""Ratios from 1.04 to 1,024 that are tried for the smallest one found."""


def events(bets: Bets, s: int, shares: Floats, budget_per_event: float) -> float:
    """Estimate how many events after a change its alarm comes.

    Each bet that wins on average grows by its drift, from what the budget keeps putting in; the first to reach one
    alarm decides.

    Parameters
    ----------
    bets : Bets
    s : int
        The slice.
    shares : float64 (C,)
        Distribution over cells after the change, summing to one.
    budget_per_event : float
        False alarms that accrue with one event: the monitor's rate a second, by the events a second.

    Returns
    -------
    float
        Events, all of them (missing ones, too); infinite if no bet wins.

    Raises
    ------
    ValueError
        If `shares` is no distribution, or the budget is not positive.

    Notes
    -----
    Evidence after n events is about ``w g (e^(g n) - 1) / (e^g - 1)`` with ``e^g`` at each, so
    ``n = log(1 + (1 - e^-g) / w) / g`` for a bet with drift g and budget w. Fluctuation is left out; simulated delays
    lie within some 15 % of it.

    Examples
    --------
    >>> from detectors.bets import rate
    >>> bets = rate.table(np.array([[40, 1960, 0]]), np.array([1e-7]))
    >>> round(events(bets, 0, np.array([0.77, 0.23, 0.0]), 1e-12 / 20))
    18
    """
    if not ((shares >= 0).all() and abs(shares.sum() - 1) < 1e-9):
        raise ValueError("shares must not be negative and sum to one")
    if not budget_per_event > 0:
        raise ValueError(f"budget_per_event must be positive: {budget_per_event}")
    return soonest(bets.matrix()[s] @ shares, budget_per_event * bets.weights)


def buckets(limits: Traffic, mean: float, budget_per_bucket: float) -> float:
    """Estimate how many buckets after a change of traffic its alarm comes.

    Parameters
    ----------
    limits : Traffic
        Of the baseline, in every bucket to come.
    mean : float
        Events of a bucket after the change; 0 for silence.
    budget_per_bucket : float
        False alarms that accrue with one bucket.

    Returns
    -------
    float
        Infinite if no bet wins.

    Raises
    ------
    ValueError
        If `mean` is negative or not finite, or the budget is not positive.

    Examples
    --------
    >>> limits = Traffic(lo=18.0, hi=22.0, size=50.0)
    >>> [round(buckets(limits, mean, 1e-9), 1) for mean in (0.0, 10.0, 40.0)]
    [1.5, 13.9, 6.1]
    """
    if not (mean >= 0 and np.isfinite(mean)):
        raise ValueError(f"mean must be a number of at least 0: {mean}")
    if not budget_per_bucket > 0:
        raise ValueError(f"budget_per_bucket must be positive: {budget_per_bucket}")
    # Log-wealth is a straight line over counts, so its mean is its value at the mean; but silence is over at one.
    least, more = int(np.floor(mean)), int(np.ceil(mean))
    at = [traffic.log_wealth(count, *limits) for count in (least, more)]
    drift = at[0] + (mean - least) * (at[1] - at[0])
    return soonest(drift, budget_per_bucket * traffic.WEIGHTS)


def soonest(drift: Floats, budget: Floats) -> float:
    """Estimate how many steps it takes the first of some bets to reach one alarm; see `events`.

    Parameters
    ----------
    drift : float64 (J,)
        What each bet wins in a step, on average.
    budget : float64 (J,)
        False alarms that accrue with a step to each, all of them positive.

    Returns
    -------
    float
        Infinite if no bet wins.

    Examples
    --------
    >>> round(soonest(np.array([-0.1, 0.5]), np.array([1e-6, 1e-6])), 1)
    25.8
    """
    wins = drift > 0
    g, w = drift[wins], budget[wins]
    return float(np.min(np.log1p(-np.expm1(-g) / w) / g, initial=np.inf))


def times_rate(counts: Counts, factor: float) -> Floats:
    """Make the rarer one of yes and no `factor` times as frequent.

    Parameters
    ----------
    counts : int64 (3,)
        No, yes, missing, of the baseline.
    factor : float

    Returns
    -------
    float64 (3,)
        Shares; what is observed stays as frequent as it was, and no share exceeds that.

    Examples
    --------
    >>> times_rate(np.array([2, 98, 0]), 4.0).tolist()
    [0.08, 0.92, 0.0]
    """
    share = counts / counts.sum()
    observed, rare = share[:2].sum(), int(share[:2].argmin())
    share[rare] = min(factor * share[rare], observed)
    share[1 - rare] = observed - share[rare]
    return np.asarray(share, np.float64)


def times_name(counts: Counts, cell: int, factor: float) -> Floats:
    """Make one name `factor` times as frequent among what is observed; the others make room in proportion.

    Parameters
    ----------
    counts : int64 (C,)
        Of the baseline of a category, the missing last.
    cell : int
        The name's.
    factor : float

    Returns
    -------
    float64 (C,)
        Shares; no name has more than all that is observed.

    Examples
    --------
    >>> times_name(np.array([10, 30, 50, 0, 10]), 0, 3.0).round(3).tolist()
    [0.3, 0.225, 0.375, 0.0, 0.1]
    """
    share = counts / counts.sum()
    observed = share[:-1].sum()
    more = min(factor * share[cell], observed)
    rest = observed - share[cell]
    share[:-1] *= (observed - more) / rest if rest > 0 else 0.0
    share[cell] = more
    return np.asarray(share, np.float64)


def times_number(counts: Counts, factor: float) -> Floats:
    """Multiply every value by `factor`: move the tally along its logarithmic scale.

    Parameters
    ----------
    counts : int64 (235,)
        Of the baseline.
    factor : float

    Returns
    -------
    float64 (235,)
        Shares. A move by a part of a cell is divided over the two cells; what leaves the scale is under or over.

    Examples
    --------
    >>> counts = np.zeros(235, np.int64)
    >>> counts[41] = 10
    >>> np.flatnonzero(times_number(counts, 2.0)).tolist()
    [49]
    """
    move = PER_OCTAVE * float(np.log2(factor))
    whole = int(np.floor(move))
    share = counts / counts.sum()
    moved = np.zeros(len(share))
    moved[MISSING] = share[MISSING]
    moved[0] += share[0]  # zero stays zero
    cells = np.arange(1, MISSING)
    for step, part in ((whole, 1 - (move - whole)), (whole + 1, move - whole)):
        np.add.at(moved, np.clip(cells + step, 0, OVER), part * share[1:MISSING])
    return moved


def less_right(counts: Counts, points: float) -> Floats:
    """Take `points` off the share that is right, at every stated confidence.

    Parameters
    ----------
    counts : int64 (41,)
        Of the baseline: of each band wrong and right; and missing.
    points : float
        In points of share; negative for right more often.

    Returns
    -------
    float64 (41,)
        Shares. What is said stays as frequent as it was; no band's share of right ones leaves [0, 1].

    Examples
    --------
    >>> counts = np.zeros(41, np.int64)
    >>> counts[36:38] = 10, 90
    >>> less_right(counts, 0.2)[36:38].round(2).tolist()
    [0.3, 0.7]
    """
    share = counts / counts.sum()
    bands = share[:-1].reshape(BANDS, 2)  # a view: wrong, right
    said = bands.sum(axis=1)
    bands[:, 1] = np.clip(bands[:, 1] - points * said, 0.0, said)
    bands[:, 0] = said - bands[:, 1]
    return np.asarray(share, np.float64)


def smallest_share(bets: Bets, s: int, feature: str) -> tuple[float | None, float | None]:
    """Say how far a share must move to be found at all, however long it lasts.

    Parameters
    ----------
    bets : Bets
    s : int
        The slice.
    feature : str
        One that says yes or no: ``yes``, ``missing``, ``cell:3``, ``above_p99``.

    Returns
    -------
    down, up : float or None
        The share below which, and above which, some bet on it wins on average; None where none does.

    Raises
    ------
    ValueError
        If no bet is on `feature`, or it has more values than two.

    Examples
    --------
    >>> from detectors.bets import rate
    >>> down, up = smallest_share(rate.table(np.array([[1900, 100, 0]]), np.array([1e-7])), 0, "yes")
    >>> round(down, 3), round(up, 3)
    (0.024, 0.095)
    """
    rows = [j for j, name in enumerate(bets.feature) if name == feature]
    if not rows:
        raise ValueError(f"no bet is on {feature}, only on {', '.join(dict.fromkeys(bets.feature))}")
    x, matrix = bets.values(s)[rows[0]], bets.matrix()[s]
    if not np.isin(x[~np.isnan(x)], (0.0, 1.0)).all():
        raise ValueError(f"{feature} is no share")
    down: list[float] = []
    up: list[float] = []
    for j in rows:
        lose, win = (float(matrix[j, np.flatnonzero(x == value)[0]]) for value in (0, 1))
        if max(lose, win) > 0:
            (up if win > lose else down).append(lose / (lose - win))
    return max(down, default=None), min(up, default=None)


def smallest_ratio(bets: Bets, s: int, counts: Counts) -> tuple[float | None, float | None]:
    """Say by how much a number must be multiplied for that to be found at all, however long it lasts.

    Parameters
    ----------
    bets : Bets
        On a number.
    s : int
        The slice.
    counts : int64 (235,)
        Its baseline, whose shape is kept.

    Returns
    -------
    down, up : float or None
        Largest ratio below one, and smallest above, at which some bet wins on average, of steps of 1/16 octave; None
        if not even 1,024 is found, or nothing was observed.
    """
    if not counts[:MISSING].any():
        return None, None
    matrix = bets.matrix()[s]

    def found(ratio: float) -> bool:
        return bool((matrix @ times_number(counts, ratio) > 0).any())

    down = next((float(1 / step) for step in _STEPS if found(float(1 / step))), None)
    return down, next((float(step) for step in _STEPS if found(float(step))), None)


def smallest_gap(bets: Bets, s: int, counts: Counts) -> tuple[float | None, float | None]:
    """Say how much less, and how much more often right a service must be for that to be found, however long it lasts.

    Parameters
    ----------
    bets : Bets
        On calibration.
    s : int
        The slice.
    counts : int64 (41,)
        What is said, and how right it was, before.

    Returns
    -------
    less, more : float or None
        The fewest points of share at which some bet wins on average, of steps of one; None if not even a hundred are
        found, or nothing was observed.
    """
    if not counts[:-1].any():
        return None, None
    matrix = bets.matrix()[s]

    def found(points: float) -> bool:
        return bool((matrix @ less_right(counts, points) > 0).any())

    less = next((float(points) for points in _POINTS if found(float(points))), None)
    return less, next((float(points) for points in _POINTS if found(-float(points))), None)

"""A detector that knows both distributions: CUSUM on the true likelihood ratio, at an exact false-alarm rate.

Page's test is what nobody can beat who must not alarm more often (Moustakides 1986): the yardstick for delays. How
high evidence must rise, for one false alarm in so many events, is no matter of taste or of an approximation: it is
solved for, and tests hold it against chains that can be worked out by hand.
"""

import math
from typing import Final

import numpy as np
from scipy.linalg import solve_toeplitz

from benchmarks.streams import Cells
from detectors.arrays import Floats

_STEPS: Final = 1200
"""That the evidence is cut in. With twice as many, thresholds move by less than a hundredth of a nat."""
_LEAST: Final = 1e-3
_MOST: Final = 30.0
"""Nats that a likelihood ratio is cut off at: an event that cannot be without the change decides by itself."""


def likelihood(before: Floats, after: Floats) -> Floats:
    """Log of the likelihood ratio of each cell.

    Cells that only one of the distributions has are worth 30 nats, as good as certain.

    Examples
    --------
    >>> likelihood(np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25])).round(2).tolist()
    [-0.69, 0.0, 30.0]
    """
    either = (before > 0) | (after > 0)
    with np.errstate(divide="ignore"):
        ratio = np.log(np.where(either, after, 1.0)) - np.log(np.where(either, before, 1.0))
    return np.asarray(np.clip(ratio, -_MOST, _MOST), np.float64)


def events_between(ratio: Floats, shares: Floats, threshold: float) -> float:
    """Say how many events pass on average until the CUSUM of `ratio` reaches `threshold`, from zero.

    Parameters
    ----------
    ratio : (C,) nats of each cell
    shares : (C,) how often each cell comes; before the change that is time between false alarms, after it the delay
    threshold : nats

    Notes
    -----
    Brook and Evans, Biometrika 59, 1972: evidence is cut in steps, a chain whose mean time to the last of them solves
    a linear equation. An event that ends between two steps goes to both, so that its mean stays exact. But for what
    falls below zero, which starts again from there, a move is as likely from each step: a Toeplitz matrix, and a rank
    of one more (Sherman and Morrison).

    Examples
    --------
    Where a single yes alarms, it is the time until there is one:

    >>> round(events_between(np.array([-0.1, 5.0]), np.array([0.99, 0.01]), 4.0))
    100
    """
    moves = ratio * _STEPS / threshold
    low = np.floor(moves)
    by = np.clip(np.concatenate([low, low + 1]), -_STEPS, _STEPS).astype(np.int64) + _STEPS
    chance = np.bincount(by, np.concatenate([shares * (low + 1 - moves), shares * (moves - low)]), 2 * _STEPS + 1)
    column, row = -chance[_STEPS:0:-1], -chance[_STEPS:-1]
    column[0] += 1
    row[0] += 1
    falls = np.cumsum(chance)[_STEPS - 1 :: -1][:_STEPS]
    solved = np.asarray(solve_toeplitz((column, row), np.stack([np.ones(_STEPS), falls], axis=1)), np.float64)
    time, back = solved[0].tolist()
    return float(time + back * time / (1 - back))


def threshold(ratio: Floats, before: Floats, events: float) -> float:
    """Find the evidence at which the CUSUM alarms once in `events` events, were nothing to change.

    Examples
    --------
    >>> ratio = likelihood(np.array([0.9, 0.1]), np.array([0.7, 0.3]))
    >>> high = threshold(ratio, np.array([0.9, 0.1]), 1e5)
    >>> round(events_between(ratio, np.array([0.9, 0.1]), high) / 1e5, 2)
    1.0
    """
    if not (ratio[before > 0] > 0).any():
        return _LEAST  # nothing that comes without the change speaks for it
    low, high = _LEAST, math.log(events) + 1.0  # Lorden: at log(events) already there is less than one
    for _ in range(25):
        middle = (low + high) / 2
        low, high = (middle, high) if events_between(ratio, before, middle) < events else (low, middle)
    return high


def delays(ratio: Floats, cells: Cells, high: float, change: int) -> Floats:
    """Events from the change to the CUSUM's first alarm after it, (R,); infinite where there is none.

    Parameters
    ----------
    ratio : (C,) nats of each cell
    cells : (R, T)
    high : threshold
    change : first event that is different; an alarm before it starts the evidence anew
    """
    found = np.full(len(cells), np.inf)
    evidence = np.zeros(len(cells))
    for n, nats in enumerate(ratio[cells].T):
        evidence = np.maximum(evidence + nats, 0.0)
        hit = evidence >= high
        if n >= change:
            found[hit & np.isinf(found)] = n + 1 - change
            if np.isfinite(found).all():
                break
        evidence[hit] = 0.0
    return found

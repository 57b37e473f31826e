"""Right answers, and wrong ones by severity -> accuracy in which what is graver counts more."""

import math

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats, check_counts
from detectors.describe.estimate import Estimate, normal


def weighted(right: int, wrong: Counts, weights: Floats, level: float = 0.95) -> Estimate | None:
    """Work out which part of the answers is right, if one that is wrong counts as so many wrong ones.

    Of right answers nobody says how grave they would have been, so each counts once. Where every weight is 1 it is the
    plain share; no weight makes it better than that.

    Parameters
    ----------
    right : int
    wrong : int64 (K,)
        Of each class of severity.
    weights : float64 (K,)
        As how many a wrong one counts, 1 at least.
    level : float
        Of the interval, both sides together.

    Returns
    -------
    Estimate or None
        In [0, 1]. The interval holds for answers of which each may be of any class: how many of them were grave is a
        part of what chance does. None without answers.

    Raises
    ------
    ValueError
        If weights and classes are not as many, a count is negative or no integer, a weight is less than 1 or not
        finite, or `level` does not lie between 0 and 1.

    Notes
    -----
    The figure is a function of the ratio of two sums of independent counts, of which each has Jeffreys' interval; they
    are put together by the method of variance estimates recovery, so that the whole is as lopsided as they are, and
    a class that was never seen has a width: Donner and Zou, Statistical Methods in Medical Research 21, 2012.

    Examples
    --------
    Ten of a hundred are wrong, two of them gravely: 90 of 90 + 8 + 20.

    >>> [round(number, 2) for number in weighted(90, np.array([2, 8]), np.array([10.0, 1.0]))]
    [0.76, 0.55, 0.89]
    """
    if wrong.shape != weights.shape or wrong.ndim != 1:
        raise ValueError(f"wrong and weights are {wrong.shape} and {weights.shape}, not alike")
    check_counts(np.append(wrong, right))
    normal(level)
    if not (np.isfinite(weights) & (weights >= 1)).all():
        raise ValueError(f"weights must be finite, and 1 at least: {weights.tolist()}")
    if not right and not wrong.any():
        return None
    tail, errors, good = (1 - level) / 2, float(weights @ wrong), float(right)
    fewer, more = (float(np.linalg.norm(weights * side)) for side in _sides(wrong, tail))
    less_good, better = (float(side[0]) for side in _sides(np.array([right]), tail))
    least = _ratio(errors, good, min(fewer, errors), better, -1)
    most = _ratio(errors, good, more, less_good, 1)
    value = good / (good + errors)
    return Estimate(value, min(1 / (1 + most), value), max(1 / (1 + least), value))


def _sides(counts: Counts, tail: float) -> tuple[Floats, Floats]:
    """Say how far below and above each count the mean of its process may lie."""
    x = counts.astype(np.float64)
    low: Floats = np.where(x > 0, special.gammaincinv(x + 0.5, tail), 0.0).astype(np.float64)
    high: Floats = np.asarray(special.gammainccinv(x + 0.5, tail), np.float64)
    return counts - low, high - counts


def _ratio(over: float, under: float, a: float, b: float, side: int) -> float:
    """Give the ratio t of which ``over - t * under`` is just as far from 0 as its parts, `a` and `t * b`, allow."""
    root = math.sqrt(max((under * a) ** 2 + (over * b) ** 2 - (a * b) ** 2, 0.0))
    if side < 0:
        return (over**2 - a**2) / (over * under + root) if over * under + root else 0.0
    span = under**2 - b**2
    return (over * under + root) / span if span > 0 else math.inf

"""Right and wrong by severity -> accuracy in which what matters more weighs more."""

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats, check_counts
from detectors.describe.estimate import Estimate, normal


def weighted(right: Counts, wrong: Counts, weights: Floats, level: float = 0.95) -> Estimate | None:
    """Work out the share of right answers, each weighed by its class of severity.

    The intervals of the classes' own shares are put together by their distances from the values, so the whole is as
    lopsided as they are, and a class without a single error still has a width. (Adding up variances would give such a
    class none.)

    Parameters
    ----------
    right, wrong : int64 (K,)
        Answers of each class.
    weights : float64 (K,)
        What one answer of the class weighs, positive.
    level : float
        Of the interval, both sides together.

    Returns
    -------
    Estimate or None
        In [0, 1], *at this mix of classes*: another mix is another figure, and of how the mix varies the interval says
        nothing. None without answers.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, a weight is not positive and finite, or `level` does
        not lie between 0 and 1.

    Notes
    -----
    Jeffreys' interval of each class (Brown, Cai, DasGupta, Statistical Science 16, 2001): Wilson's held in 91 % where
    nearly all are right, the exact one in up to 99 %. Put together by the method of variance estimates recovery:
    Newcombe, Statistics in Medicine 17, 1998; Zou and Donner, Statistics in Medicine 27, 2008.

    Examples
    --------
    Two answers of ten that matter ten times as much were wrong: more than the 90 % of all suggest.

    >>> [round(number, 2) for number in weighted(np.array([8, 90]), np.array([2, 8]), np.array([10.0, 1.0]))]
    [0.86, 0.7, 0.94]
    """
    if not right.shape == wrong.shape == weights.shape or right.ndim != 1:
        raise ValueError(f"right, wrong and weights are {right.shape}, {wrong.shape} and {weights.shape}, not alike")
    check_counts(right)
    check_counts(wrong)
    normal(level)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(f"weights must be positive and finite: {weights.tolist()}")
    answers = right + wrong
    if not answers.any():
        return None
    parts = weights * answers / (weights * answers).sum()
    values = right / np.maximum(answers, 1)
    tail = (1 - level) / 2
    low = np.where(right == 0, 0.0, special.betaincinv(right + 0.5, wrong + 0.5, tail))
    high = np.where(wrong == 0, 1.0, special.betainccinv(right + 0.5, wrong + 0.5, tail))
    value = float(parts @ values)
    below, above = (float(np.linalg.norm(parts * (values - end))) for end in (low, high))
    return Estimate(value, max(value - below, 0.0), min(value + above, 1.0))

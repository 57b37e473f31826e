"""Failures and traffic by slice -> the slice that has most more of the failures than of the traffic."""

from typing import Final, NamedTuple

import numpy as np

from detectors.arrays import Counts, check_counts
from detectors.describe.estimate import Estimate, normal
from detectors.limits import clopper_pearson

FEWEST: Final = 5
"""Failures that say anything about where they are."""


class Worst(NamedTuple):
    """The slice where failures gather.

    Attributes
    ----------
    slice : which, by its place
    failures : its share of all failures; the interval holds for all slices at once, so that it may be the worst of many
    traffic : its share of all that was served
    failed, served : how many, in it
    """

    slice: int
    failures: Estimate
    traffic: float
    failed: int
    served: int

    @property
    def sure(self) -> bool:
        """Whether it has more of the failures than of the traffic, beyond what chance and picking it make."""
        return self.failures.low > self.traffic


def concentration(failed: Counts, served: Counts, level: float = 0.95) -> Worst | None:
    """Find the slice with the greatest surplus: its share of the failures less its share of the traffic.

    If failures came to all alike, each would be of a slice with the slice's share of the traffic. So that share is no
    estimate, and only the failures' has an interval: the exact one. (Wilson's errs too often in the far tails that many
    slices ask for: of thirty alike with 100 failures, one was surely the worst in 17 % of 400 samples.)

    Parameters
    ----------
    failed, served : int64 (S,)
        Of the slices of one dimension, those of no name included.
    level : float
        Of the intervals of all slices together: each has its part of what is left.

    Returns
    -------
    Worst or None
        None with fewer than five failures, fewer than two slices with traffic, or failures spread as the traffic is. Of
        equals the first.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, or `level` is not between 0 and 1.

    Examples
    --------
    >>> worst = concentration(np.array([40, 8, 2]), np.array([1000, 3000, 6000]))
    >>> worst.slice, [round(number, 2) for number in worst.failures], worst.traffic
    (0, [0.8, 0.63, 0.92], 0.1)
    """
    if failed.shape != served.shape or failed.ndim != 1:
        raise ValueError(f"failed and served are {failed.shape} and {served.shape}, not of the same slices")
    check_counts(failed)
    check_counts(served)
    normal(level)
    slices, failures = int((served > 0).sum()), int(failed.sum())
    if failures < FEWEST or slices < 2:
        return None
    traffic = served / served.sum()
    surplus = failed / failures - traffic
    index = int(np.argmax(surplus))
    if surplus[index] <= 0:
        return None
    low, high = clopper_pearson.limits(failed[index], failures, (1 - level) / 2 / slices)
    found = Estimate(float(failed[index] / failures), float(low), float(high))
    return Worst(index, found, float(traffic[index]), int(failed[index]), int(served[index]))

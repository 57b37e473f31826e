"""Growth of the winning bet, bucket by bucket -> when the change began."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Floats

WITHIN: Final = float(np.log(20.0))
"""Nats. A true onset falls this far behind the best one with a chance of at most 1 in 20, on either side of it."""


@dataclass(frozen=True, slots=True)
class Onset:
    """When a change began.

    Attributes
    ----------
    index : int
        The first bucket of the change.
    at, earliest, latest : float
        Start of that bucket, and of the first and last one that may be it.
    """

    index: int
    at: float
    earliest: float
    latest: float


def onset(growth_per_bucket: Floats, start_times: Floats) -> Onset:
    """Find the start of what a bet has been winning on.

    A CUSUM adds up the bet's growth and starts afresh whenever it falls to zero; where it last did is the most likely
    start. That is the bucket from which the growth up to now is largest. All buckets from which it is less than
    log(20) smaller may be the start as well.

    Parameters
    ----------
    growth_per_bucket : float64 (T,)
        What the winning bet won in each bucket of event time, in nats.
    start_times : float64 (T,)
        When each bucket starts, ascending, in seconds.

    Returns
    -------
    Onset

    Raises
    ------
    ValueError
        If there is no bucket, the lengths differ, or a number is not finite.

    Notes
    -----
    For a bet that is the likelihood ratio of after to before, the set holds the true onset with a chance of at least
    90 %: growth before the onset (backward from it) and losses after it are both martingales that start at one, so
    neither exceeds 20 with more than 5 % (Ville). For other bets the lower end keeps that promise, as ``E[L] <= 1``
    before the onset; the upper one is measured. Page, Biometrika 41, 1954; Saha and Ramdas, arXiv 2502.06096.

    Examples
    --------
    >>> onset(np.array([-1.0, -1.0, 0.5, 4.0, 4.0]), np.array([0.0, 10.0, 20.0, 30.0, 40.0]))
    Onset(index=2, at=20.0, earliest=0.0, latest=30.0)
    """
    if not len(growth_per_bucket) or growth_per_bucket.shape != start_times.shape:
        raise ValueError(f"growth is {growth_per_bucket.shape}, start times are {start_times.shape}")
    if not (np.isfinite(growth_per_bucket).all() and np.isfinite(start_times).all()):
        raise ValueError("growth and start times must be finite")
    since = np.cumsum(growth_per_bucket[::-1])[::-1]  # growth from the start of each bucket until now
    index = len(since) - 1 - int(since[::-1].argmax())  # the last of equals: a CUSUM at zero starts afresh
    near = np.flatnonzero(since >= since[index] - WITHIN)
    return Onset(index, float(start_times[index]), float(start_times[near[0]]), float(start_times[near[-1]]))

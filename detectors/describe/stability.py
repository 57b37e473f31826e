"""What was learned, and what came -> how far apart they are as PSI, less what chance makes of it, with an interval."""

import math

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats
from detectors.describe.divergence import NONE_SEEN, stability_index
from detectors.describe.estimate import Estimate, normal


def stability(before: Counts, after: Counts, level: float = 0.95) -> Estimate | None:
    """Estimate the population stability index of two processes from a tally of each.

    That of the tallies is too large even where nothing has changed, by one less than the cells over the events: a
    hundred events in twenty cells have a PSI of 0.2 by chance alone. So that is taken off.

    Parameters
    ----------
    before, after : int64 (C,)
    level : float
        Of the interval, both sides together. It begins at 0 as long as chance alone may have made the tallies' PSI.

    Returns
    -------
    Estimate or None
        Never below 0. None if either tally is empty.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, or `level` does not lie between 0 and 1.

    Notes
    -----
    While nothing changed, the tallies' PSI times the harmonic sum of both numbers of events is chi-square, as Pearson's
    statistic is. Its variance is the delta method's, of what there is beyond chance, and that of a chi-square variable.

    Examples
    --------
    >>> before = np.array([10_000, 10_000])
    >>> [round(number, 2) for number in stability(before, np.array([250, 750]))]
    [0.27, 0.21, 0.34]
    >>> stability(before, np.array([52, 48])).low
    0.0
    """
    z, plain = normal(level), stability_index(before, after)
    if plain is None:
        return None
    events = 1 / (1 / int(before.sum()) + 1 / int(after.sum()))
    free = int(((before > 0) | (after > 0)).sum()) - 1
    if not free:
        return Estimate(0.0, 0.0, 0.0)
    value = max(plain - free / events, 0.0)
    beyond = _variance(before, after) * (value / plain if plain else 0.0)
    half = z * math.sqrt(beyond + 2 * free / events**2)
    by_chance = float(special.chdtrc(free, plain * events)) > (1 - level) / 2
    return Estimate(value, 0.0 if by_chance else max(value - half, 0.0), value + half)


def _variance(before: Counts, after: Counts) -> float:
    """Say how much the index scatters, by how it hangs on each share."""
    either = (before > 0) | (after > 0)
    p, q = (np.maximum(counts[either], NONE_SEEN) / counts.sum() for counts in (before, after))
    return _scatter(np.log(q / p) + 1 - p / q, q) / float(after.sum()) + _scatter(np.log(p / q) + 1 - q / p, p) / float(
        before.sum()
    )


def _scatter(slope: Floats, share: Floats) -> float:
    share = share / share.sum()
    return float(share @ (slope - share @ slope) ** 2)

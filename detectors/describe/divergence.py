"""Two tallies -> how far apart they are, in the two figures that people know.

For the text of a finding, never for a decision: what either of them comes to by chance depends on the number of events
and of cells, so the customary 0.1 and 0.2 of the stability index are no promise of anything.
"""

from typing import Final

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats, check_counts

NONE_SEEN: Final = 0.5
"""Events that an empty cell is taken to hold if the other tally has some there."""


def stability_index(before: Counts, after: Counts) -> float | None:
    """Sum up the population stability index (PSI): ``(q - p) log(q / p)`` over the cells' shares.

    A cell that is empty on one side only would make it infinite. It is taken to hold half an event there, so what a
    new cell adds says how many events there were to miss it in. The shares of other cells stay as they are.

    Parameters
    ----------
    before, after : int64 (C,)

    Returns
    -------
    float or None
        Zero if and only if all shares are equal; the same either way round; no upper bound. None if either tally is
        empty.

    Raises
    ------
    ValueError
        If the shapes differ, or a count is negative or no integer.

    Notes
    -----
    The sum of both Kullback-Leibler divergences, in nats: Jeffreys, Proc. R. Soc. A 186, 1946.

    Examples
    --------
    >>> round(stability_index(np.array([50, 50]), np.array([25, 75])), 4)  # log(3) / 4
    0.2747
    """
    if not _both_hold_events(before, after):
        return None
    either = (before > 0) | (after > 0)
    p, q = (np.maximum(counts[either], NONE_SEEN) / counts.sum() for counts in (before, after))
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(before: Counts, after: Counts) -> float | None:
    """Work out the Jensen-Shannon divergence: bits that an event tells about which of the tallies it is from.

    Each share is set against the mean of both, which is empty only where both are, so nothing needs to be made up.

    Parameters
    ----------
    before, after : int64 (C,)

    Returns
    -------
    float or None
        In [0, 1]: zero if and only if all shares are equal, one if and only if no cell has events of both. The same
        either way round. None if either tally is empty.

    Raises
    ------
    ValueError
        If the shapes differ, or a count is negative or no integer.

    Notes
    -----
    The divergence, not its square root, which some call by the same name. Lin, IEEE Transactions on Information Theory
    37, 1991.

    Examples
    --------
    >>> jensen_shannon(np.array([10, 0]), np.array([0, 500])), jensen_shannon(np.array([1, 3]), np.array([10, 30]))
    (1.0, 0.0)
    """
    if not _both_hold_events(before, after):
        return None
    p, q = before / before.sum(), after / after.sum()
    middle: Floats = (p + q) / 2
    nats = float((special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum()) / 2
    return min(max(nats / float(np.log(2)), 0.0), 1.0)


def _both_hold_events(before: Counts, after: Counts) -> bool:
    if before.shape != after.shape or before.ndim != 1:
        raise ValueError(f"counts are {before.shape} and {after.shape}, not two tallies of the same cells")
    for counts in (before, after):
        check_counts(counts)
    return bool(before.any() and after.any())

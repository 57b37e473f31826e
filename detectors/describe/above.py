"""Tally of a number, and a target -> the share of events above it, sure where the target is an edge of a cell."""

import math

import numpy as np

from detectors.arrays import Counts, check_number
from detectors.describe.estimate import Estimate
from detectors.describe.exact import exact_share
from schemas.cells import EDGES, MISSING


def above(counts: Counts, target: float, level: float = 0.95) -> Estimate | None:
    """Work out which share of the events lies at or above a target.

    Parameters
    ----------
    counts : int64 (235,)
        Those that were not observed are left out.
    target : float
        In base units, on the scale. At an edge of a cell the count is exact. Within a cell nobody can say which of its
        events lie above: the value takes them to be spread evenly over the logarithm, the lower end takes none of them
        and the upper end all. So the interval holds whatever they are, and is the longer by what the cell holds.
    level : float
        Of the interval, both sides together; exact (Clopper and Pearson), so never held less often.

    Returns
    -------
    Estimate or None
        None if nothing was observed.

    Raises
    ------
    ValueError
        If the target does not lie on the scale, or `counts` has another shape, a negative number or one that is no
        integer, or `level` does not lie between 0 and 1.

    Examples
    --------
    >>> counts = np.zeros(235, np.int64)
    >>> counts[[41, 49]] = 90, 10  # 90 in [1, 1.09), ten in [2, 2.18)
    >>> [[round(number, 3) for number in above(counts, target)] for target in (2.0, 2.0905)]
    [[0.1, 0.049, 0.176], [0.049, 0.0, 0.176]]
    """
    check_number(counts)
    if not EDGES[0] <= target <= EDGES[-1]:
        raise ValueError(f"target must lie on the scale, from {EDGES[0]:g} to {EDGES[-1]:g}: {target}")
    n = int(counts[:MISSING].sum())
    cell = int(np.searchsorted(EDGES, target))  # the cell that ends at the target, or holds it
    surely = int(counts[cell + 1 : MISSING].sum())
    within = 0 if target == EDGES[cell] else int(counts[cell])
    low, high = exact_share(surely, n, level), exact_share(surely + within, n, level)
    if low is None or high is None:
        return None
    part = math.log(EDGES[cell] / target) / math.log(2) * 8
    return Estimate((surely + within * part) / n, low.low, high.high)

"""Tally of a number -> its quantiles, right to within one cell (9 %)."""

from typing import Literal, NamedTuple

import numpy as np

from detectors.arrays import Counts
from schemas.cells import CELLS, EDGES, MISSING, OVER, UNDER


class Quantile(NamedTuple):
    """A quantile, as far as the scale can tell.

    Attributes
    ----------
    value : float
        In base units. The scale's end if it lies beyond.
    lies : "at", "under" or "over"
        At that value, or below the scale's lower end (zero, mostly), or at or above its upper one.
    """

    value: float
    lies: Literal["at", "under", "over"]


def quantile(counts: Counts, q: float) -> Quantile | None:
    """Read a quantile off a tally.

    The cell that holds it is certain; within the cell events are taken to be spread evenly over the logarithm. So the
    sample's own quantile lies within the same cell, less than 9.1 % away.

    Parameters
    ----------
    counts : int64 (235,)
    q : float
        In [0, 1]: 0.95 for the value that 95 % do not exceed.

    Returns
    -------
    Quantile or None
        None if nothing was observed.

    Raises
    ------
    ValueError
        If `q` is not in [0, 1], or `counts` has another shape or a negative number.

    Examples
    --------
    >>> counts = np.zeros(235, np.int64)
    >>> counts[[0, 41, 49]] = 1, 8, 1  # one zero, eight in [1, 1.09), one in [2, 2.18)
    >>> quantile(counts, 0.5).value == 2 ** (1 / 16), quantile(counts, 0.05)
    (True, Quantile(value=0.03125, lies='under'))
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q must lie in [0, 1]: {q}")
    if counts.shape != (CELLS,) or counts.min() < 0:
        raise ValueError(f"a number has {CELLS} cells, none of them negative")
    upto = np.cumsum(counts[:MISSING])
    if not upto[-1]:
        return None
    rank = q * float(upto[-1])
    cell = int(np.searchsorted(upto, rank, side="left" if rank else "right"))  # never an empty one
    if cell == UNDER:
        return Quantile(float(EDGES[0]), "under")
    if cell == OVER:
        return Quantile(float(EDGES[-1]), "over")
    lower, upper = float(EDGES[cell - 1]), float(EDGES[cell])
    inside = (rank - float(upto[cell - 1])) / float(counts[cell])
    return Quantile(lower * (upper / lower) ** inside, "at")

"""Numbers -> cells of the one fixed scale, 8 to an octave."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PER_OCTAVE: Final = 8
LOWEST: Final = -5
HIGHEST: Final = 24  # octaves: 2^-5 to 2^24 in base units (milliseconds, tokens, millionths of a dollar)
BINS: Final = (HIGHEST - LOWEST) * PER_OCTAVE
UNDER: Final = 0
OVER: Final = BINS + 1
MISSING: Final = BINS + 2
CELLS: Final = BINS + 3
EDGES: Final[NDArray[np.float64]] = np.exp2(LOWEST + np.arange(BINS + 1) / PER_OCTAVE)
"""``EDGES[i]`` is the lower edge of cell ``i + 1``; the last one begins `OVER`."""


def cells(x: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Put each number in its cell.

    Cells ``1 .. 232`` are logarithmic, each 9 % wide, and hold their lower edge. All below ``2^-5`` (zero, too) is
    `UNDER`; ``2^24`` and above is `OVER`; NaN is `MISSING`.

    Parameters
    ----------
    x : float64, any shape
        In base units, not negative (the decoder refuses that); NaN where the number was not observed.

    Returns
    -------
    uint8, the same shape

    Notes
    -----
    A binary search in the table of edges: `log2` and `floor` would put some of the edges themselves one cell too low,
    and on chunks of some hundred events a look-up by the float's bits is no faster.

    Examples
    --------
    >>> cells(np.array([0.0, 1.0, 1.09, 1.1, 2.0, 1e9, np.nan])).tolist()
    [0, 41, 41, 42, 49, 233, 234]
    """
    cell = np.searchsorted(EDGES, x, side="right").astype(np.uint8)
    cell[np.isnan(x)] = MISSING  # NaN sorts behind every edge
    return cell

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

_FRACTION: Final = 49
"""Bits of a float64 below its first three bits of fraction: what lies above them numbers spans of an eighth octave."""
_SPANS: Final = (np.exp2([LOWEST, HIGHEST]).view(np.int64) >> _FRACTION) - [1, 0]
_BEGINS: Final = (np.arange(_SPANS[0], _SPANS[1] + 1) << _FRACTION).view(np.float64)
"""Where each span begins, from the one below the scale to the one above it. No span holds more than one edge."""
_CELL: Final = np.searchsorted(EDGES, _BEGINS, side="right").astype(np.uint8)
_EDGE: Final = np.append(EDGES, np.nan)[_CELL]
"""The cell that a span begins in, and the edge behind which the next one does."""


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
    The float's own bits say in which span of an eighth octave it lies, and one comparison in which cell: exact at every
    edge, where `log2` and `floor` would put some of them one cell too low, and six times as fast as a binary search.

    Examples
    --------
    >>> cells(np.array([0.0, 1.0, 1.09, 1.1, 2.0, 1e9, np.nan])).tolist()
    [0, 41, 41, 42, 49, 233, 234]
    """
    span = np.clip((x.view(np.int64) >> _FRACTION) - _SPANS[0], 0, len(_CELL) - 1)
    cell: NDArray[np.uint8] = _CELL.take(span) + (x >= _EDGE.take(span))
    cell[np.isnan(x)] = MISSING
    return cell

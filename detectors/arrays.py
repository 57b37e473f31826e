"""The names of the array types that the arithmetic speaks in, and the checks that every tally has to pass."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.cells import CELLS

Floats: TypeAlias = NDArray[np.float64]
Evidence: TypeAlias = NDArray[np.float32]
Wealth: TypeAlias = NDArray[np.float32]
Means: TypeAlias = NDArray[np.float32]
Counts: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]
Signs: TypeAlias = NDArray[np.int8]
Bins: TypeAlias = NDArray[np.uint8]


def check_counts(counts: Counts) -> None:
    """Refuse what counts nothing.

    Raises
    ------
    ValueError
        If a count is negative or no integer.
    """
    if counts.dtype.kind not in "iu" or counts.min(initial=0) < 0:
        raise ValueError("counts must be integers, none of them negative")


def check_number(counts: Counts) -> None:
    """Refuse what is no tally of a number.

    Raises
    ------
    ValueError
        If it does not have the cells of a number, or counts nothing.
    """
    if counts.shape != (CELLS,):
        raise ValueError(f"a number has {CELLS} cells, not {counts.shape}")
    check_counts(counts)

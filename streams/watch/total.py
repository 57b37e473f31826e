"""Counts that come -> all that was ever counted of a service: the cells that hold something, and how much."""

import numpy as np
from msgspec import Struct

from schemas.tallies import FIXED
from streams.watch.arrays import Ints


class Total(Struct, frozen=True, eq=False):
    """What was counted in the catalogue's cells without names, for audits.

    Of a service that sent one event, as most of the names in a mistyped field do, some dozens of cells are occupied out
    of thousands.

    Attributes
    ----------
    cells : (n,) ascending
    counts : (n,) none zero
    """

    cells: Ints
    counts: Ints


NOTHING = Total(np.zeros(0, np.int64), np.zeros(0, np.int64))


def add(total: Total, cells: Ints, counts: Ints, size: int = FIXED) -> Total:
    """Add counts, some of them perhaps negative: what a block had said is taken back.

    Parameters
    ----------
    cells : (n,) below `size`, in any order, also more than once
    counts : (n,)
    size : cells without names; with a user's own signals there are more than the catalogue's

    Examples
    --------
    >>> total = add(NOTHING, np.array([7, 3, 7]), np.array([1, 2, 3]))
    >>> total.cells.tolist(), total.counts.tolist()
    ([3, 7], [2, 4])
    >>> add(total, np.array([3]), np.array([-2])).cells.tolist()
    [7]
    """
    dense = laid(total, size) + np.bincount(cells, counts, minlength=size).astype(np.int64)
    occupied = np.flatnonzero(dense)
    return Total(occupied, dense[occupied])


def laid(total: Total, size: int = FIXED) -> Ints:
    """Lay a total out: (size,).

    Examples
    --------
    >>> int(laid(Total(np.array([3]), np.array([5])))[3])
    5
    """
    out = np.zeros(size, np.int64)
    out[total.cells] = total.counts
    return out

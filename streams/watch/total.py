"""Counts that come -> all that was ever counted of a service: the cells that hold something, and how much."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.tallies import FIXED

Ints = NDArray[np.int64]


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


def add(total: Total, cells: Ints, counts: Ints) -> Total:
    """Add counts, some of them perhaps negative: what a block had said is taken back.

    Parameters
    ----------
    cells : (n,) below `FIXED`, in any order, also more than once
    counts : (n,)

    Examples
    --------
    >>> total = add(NOTHING, np.array([7, 3, 7]), np.array([1, 2, 3]))
    >>> total.cells.tolist(), total.counts.tolist()
    ([3, 7], [2, 4])
    >>> add(total, np.array([3]), np.array([-2])).cells.tolist()
    [7]
    """
    if not len(cells):
        return total
    all_cells, n = np.concatenate([total.cells, cells]), np.concatenate([total.counts, counts])
    order = np.argsort(all_cells, kind="stable")
    all_cells, n = all_cells[order], n[order]
    begins = np.flatnonzero(np.diff(all_cells, prepend=-1))
    sums = np.add.reduceat(n, begins)
    left = sums != 0
    return Total(all_cells[begins[left]], sums[left])


def laid(total: Total) -> Ints:
    """Lay a total out: (`FIXED`,).

    Examples
    --------
    >>> int(laid(Total(np.array([3]), np.array([5])))[3])
    5
    """
    out = np.zeros(FIXED, np.int64)
    out[total.cells] = total.counts
    return out

"""Names of one block -> which of them lie beyond the cap, by the order of the log."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
_ROOM = 1 << 32


def distinct(numbers: NDArray[np.integer], largest: int) -> int:
    """Count the different numbers among ``0 .. largest``."""
    seen = np.zeros(largest + 1, np.bool_)
    seen[numbers] = True
    return int(np.count_nonzero(seen))


def beyond(names: NDArray[np.integer], within: NDArray[np.integer], cap: int) -> Mask | None:
    """Find the rows whose name came after `cap` others of the same owner.

    The first `cap` names of each owner, in the order of the log, keep their own counts; so one service's flood of
    names costs no other service its own, and a longer part of the block never takes back what a shorter one said.

    Parameters
    ----------
    names, within : (n,) numbers of the names, 0 where there is none, and of their owners
    cap : names an owner may have in a block

    Returns
    -------
    (n,) mask, or None if no owner has too many (nearly always, and cheap to find)

    Examples
    --------
    >>> beyond(np.array([5, 6, 7, 5, 8]), np.array([1, 1, 1, 1, 2]), 2).tolist()
    [False, False, True, False, False]
    """
    if len(names) == 0 or distinct(names, int(names.max())) <= cap:
        return None
    named = np.flatnonzero(names)
    key = within[named].astype(np.int64) * _ROOM + names[named]
    keys, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    owner = keys // _ROOM
    by_arrival = np.lexsort((first, owner))
    begins = np.flatnonzero(np.diff(owner[by_arrival], prepend=-1))
    place = np.empty(len(keys), np.int64)
    place[by_arrival] = np.arange(len(keys)) - np.repeat(begins, np.diff(begins, append=len(keys)))
    over = np.zeros(len(names), np.bool_)
    over[named] = (place >= cap)[inverse]
    return over

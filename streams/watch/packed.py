"""Counts <-> as few bytes as hold them: what is read once an hour need not lie about at its full width."""

import zlib
from typing import Final

import numpy as np

from streams.watch.arrays import Counts, Ints

QUICK: Final = 1
"""How hard zlib tries. More takes four times as long, and saves an eighth."""


def packed(counts: Counts) -> bytes:
    """Write counts down; if there are none, nothing.

    Parameters
    ----------
    counts : not negative

    Examples
    --------
    >>> packed(np.zeros(100_000, np.int64))
    b''
    >>> unpacked(packed(np.array([1, 300])), 2).tolist()
    [1, 300]
    """
    if not counts.any():
        return b""
    small = counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
    return small.itemsize.to_bytes() + zlib.compress(small.astype(f"<u{small.itemsize}").tobytes(), QUICK)


def unpacked(held: bytes, size: int) -> Ints:
    """Read counts back; of nothing, so many zeros.

    Raises
    ------
    ValueError
        If it held another number of them.
    """
    if not held:
        return np.zeros(size, np.int64)
    counts = np.frombuffer(zlib.decompress(held[1:]), f"<u{held[0]}").astype(np.int64)
    if len(counts) != size:
        raise ValueError(f"{len(counts)} counts were written, and {size} are asked for")
    return counts

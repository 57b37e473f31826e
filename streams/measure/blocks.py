"""A source partition's log -> its blocks, by a rule that needs nothing but the log."""

from typing import Final

from schemas.tallies import Ints

SPAN: Final = 65_536
BACKWARD_MS: Final = 60_000


def floor(offset: int) -> int:
    """Find where to start when an offset is no anchor: a block begins at every multiple of 65,536.

    Examples
    --------
    >>> floor(70_000), floor(65_536), floor(3)
    (65536, 65536, 0)
    """
    return offset // SPAN * SPAN


def ends(anchor: int, first_ms: int, offsets: Ints, stamps: Ints) -> int:
    """Count how many of these records still belong to the block.

    A block ends before the next multiple of 65,536 offsets, before the first record whose timestamp lies in a later
    second than its first record's, and before one that lies more than a minute earlier. Whoever starts at an anchor
    therefore finds the same anchors after it.

    Parameters
    ----------
    anchor : offset at which the block begins
    first_ms : timestamp of its first record, in milliseconds
    offsets, stamps : (n,) of the records that follow in the log

    Returns
    -------
    int
        ``0 .. n``; below ``n``, the record of that index begins another block.

    Examples
    --------
    >>> import numpy as np
    >>> ends(0, 1_900, np.array([1, 2, 3]), np.array([1_950, 1_999, 2_000]))
    2
    """
    near = stamps[: offsets.searchsorted(floor(anchor) + SPAN)]
    outside = (near >= (first_ms // 1000 + 1) * 1000) | (near < first_ms - BACKWARD_MS)
    return int(outside.argmax()) if outside.any() else len(near)


def next_anchor(anchor: int, offset: int) -> int:
    """Say where the block begins that holds the record at `offset`, the first one outside the block at `anchor`."""
    return offset if floor(offset) == floor(anchor) else floor(offset)

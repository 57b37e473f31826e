"""Means of blocks -> whether they changed, before there is a baseline: a provisional second opinion by river's ADWIN.

This stands *outside* the budget, and must never page. ADWIN's own promise is for single values in [0, 1]; means of
blocks are not that, so what it tells here is measured (`python -m benchmarks.cold`), not promised. It ends when the
baseline is there.
"""

from typing import Final

import numpy as np
from river.drift import ADWIN

from detectors.arrays import Floats, Means

MOST: Final = 512
"""Means that are kept."""
DELTA: Final = 0.002
"""ADWIN's confidence: river's own default."""


def advance(inputs: Means, mean: float) -> tuple[Means, bool]:
    """Let ADWIN see the mean of one more block.

    Its state is nothing but its inputs: it is made anew each time and fed with them, which takes less than a
    millisecond. So no object has to survive in a file, and what came back from one is what went in.

    Parameters
    ----------
    inputs : float32 (n,)
        The means of the blocks so far, oldest first; none to begin with.
    mean : float
        Of a feature over the block. On any scale: all of them are put on the scale of their own spread.

    Returns
    -------
    inputs : float32 (n,)
        With the new one. After a change, those since the change, so that it is told once; never more than `MOST`, of
        which the oldest is dropped.
    changed : bool

    Raises
    ------
    ValueError
        If `mean` is not finite, or too large for a float32.

    Notes
    -----
    Bifet and Gavalda, "Learning from time-changing data with adaptive windowing", 2007. ADWIN asks for a difference of
    means of ``sqrt(2 v l / m) + 2 l / (3 m)`` between two parts of its window, with their variance v, their (harmonic)
    length m and a logarithm l; the second term takes values for as large as 1, which hides all that happens to a mean
    around 0.05. On a scale on which they vary by one, what decides is the first.

    Examples
    --------
    >>> inputs = np.zeros(0, np.float32)
    >>> for block in range(120):
    ...     inputs, changed = advance(inputs, (0.05 if block < 80 else 0.08) + 0.01 * (-1) ** block)
    ...     if changed:
    ...         print(f"block {block}, {len(inputs)} blocks left")
    block 93, 14 blocks left
    """
    with np.errstate(over="ignore"):
        latest = np.float32(mean)
    if not np.isfinite(latest):
        raise ValueError(f"the mean of a block must be finite: {mean}")
    known = np.append(inputs, latest)[-MOST:]
    off = known.astype(np.float64) - known.mean(dtype=np.float64)
    if not off.any():
        return known, False
    adwin = ADWIN(delta=DELTA, clock=1)  # type: ignore[no-untyped-call]  # river's own
    for value in off / off.std():
        adwin.update(float(value))  # type: ignore[no-untyped-call]
    if not adwin.n_detections:
        return known, False
    return known[_split(off) :], True


def _split(off: Floats) -> int:
    """Find where two means, one before and one after, explain most: ADWIN itself drops old values bit by bit."""
    before = np.arange(1, len(off))
    return 1 + int((np.cumsum(off)[:-1] ** 2 / (before * (len(off) - before))).argmax())

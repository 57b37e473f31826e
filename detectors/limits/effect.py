"""Limits of a share -> wider ones, past which a change is worth a page."""

import numpy as np

from detectors.arrays import Floats


def outward(lo: Floats, hi: Floats, min_effect: float) -> tuple[Floats, Floats]:
    """Move limits outward by the smallest change that the operator cares about.

    What is real but smaller than that stays within the limits, and so under the same promise as no change at all.

    Parameters
    ----------
    lo, hi : float64, any shape
        Limits of a share, in [0, 1].
    min_effect : float
        In points of share: 0.01 is one percent of all exchanges. Zero leaves the limits alone.

    Returns
    -------
    lo, hi : float64, the same shape

    Raises
    ------
    ValueError
        If `min_effect` is not in [0, 1].

    Examples
    --------
    >>> lo, hi = outward(np.array([0.005]), np.array([0.02]), 0.01)
    >>> lo.tolist(), hi.tolist()
    ([0.0], [0.03])
    """
    if not 0 <= min_effect <= 1:
        raise ValueError(f"min_effect must lie in [0, 1], in points of share: {min_effect}")
    return np.maximum(lo - min_effect, 0.0), np.minimum(hi + min_effect, 1.0)

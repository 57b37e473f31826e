"""What can be worked out without chance."""

import numpy as np

from detectors.arrays import Floats


def most_expected(wealth: Floats, x: Floats, limit: float) -> float:
    """Find the largest E[L] over all distributions whose mean of x is at most `limit`, exactly.

    A linear function over distributions with a bound on one mean is largest at one that has at most two cells: one
    cell within the limit, or a cell within and a cell beyond it, mixed so that their mean is the limit.
    """
    x, first = np.unique(np.stack([x, wealth]), axis=1)
    within, beyond = x <= limit, x > limit
    largest = float(first[within].max(initial=0.0))
    if within.any() and beyond.any():
        a, b = x[within][:, None], x[beyond]
        part = (limit - a) / (b - a)
        largest = max(largest, float(((1 - part) * first[within][:, None] + part * first[beyond]).max()))
    return largest

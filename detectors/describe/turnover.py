"""Two counts of the same modes -> how much of the failures is of another kind."""

import numpy as np

from detectors.arrays import Counts
from detectors.describe.estimate import seen


def turnover(a: Counts, b: Counts) -> float:
    """Say how different two mixes of modes are: 1 less Morisita's index in Horn's form.

    Common modes decide: a rare one that comes or goes hardly moves it, nor does how many failures there are.

    Parameters
    ----------
    a, b : int64 (C,), the same cells

    Returns
    -------
    float
        0 if all shares are equal, 1 if no mode is common to both. The same either way round.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, or one of them holds no failure.

    Notes
    -----
    Horn, American Naturalist 100, 1966.

    Examples
    --------
    >>> turnover(np.array([1, 3, 0]), np.array([10, 30, 0])), turnover(np.array([5, 0, 0]), np.array([0, 2, 3]))
    (0.0, 1.0)
    """
    if a.shape != b.shape:
        raise ValueError(f"counts are {a.shape} and {b.shape}, not two tallies of the same cells")
    seen(a), seen(b)
    p, q = a / a.sum(), b / b.sum()
    return float(np.clip(((p - q) ** 2).sum() / ((p**2).sum() + (q**2).sum()), 0, 1))

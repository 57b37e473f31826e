"""Stated confidence and who was right -> how much more was stated than was right, on average."""

import math
from typing import Final

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats
from detectors.describe.estimate import Estimate
from detectors.describe.exact import exact_share
from schemas.signals import BANDS

_SAID: Final[Floats] = (np.arange(BANDS) + 0.5) / BANDS


def stated_less_right(wrong: Counts, right: Counts, level: float = 0.95) -> Estimate | None:
    """Work out mean stated confidence less the share that was right.

    Parameters
    ----------
    wrong, right : int64 (20,)
        Answers of each band of confidence; a band stands for its middle.
    level : float
        Of the interval, both sides together. It is the longer, on either side, of two: the exact one of the share that
        was right, at what was stated; and Student's of the differences, which also knows how what is stated scatters.

    Returns
    -------
    Estimate or None
        In [-1, 1]; above 0 of who is too sure. None without answers.

    Raises
    ------
    ValueError
        If a count is negative, or `level` does not lie between 0 and 1.

    Examples
    --------
    A hundred answers at 92.5 %, of which 80 were right:

    >>> wrong, right = np.zeros((2, 20), np.int64)
    >>> wrong[18], right[18] = 20, 80
    >>> [round(number, 3) for number in stated_less_right(wrong, right)]
    [0.125, 0.045, 0.217]
    """
    n = int((wrong + right).sum())
    found = exact_share(int(right.sum()), n, level)
    if found is None:
        return None
    stated = float((wrong + right) @ _SAID) / n
    value, half = stated - found.value, 0.0
    if n > 1:
        squares = float(wrong @ (_SAID - value) ** 2 + right @ (_SAID - 1 - value) ** 2)
        half = float(special.stdtrit(n - 1, (1 + level) / 2)) * math.sqrt(squares / (n - 1) / n)
    low, high = min(stated - found.high, value - half), max(stated - found.low, value + half)
    return Estimate(value, max(low, -1.0), min(high, 1.0))

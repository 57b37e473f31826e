"""Stated confidence, and who was right -> the two figures that people compare."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.describe.share import share
from schemas.incidents import Interval
from schemas.signals import BANDS
from streams.watch.arrays import Ints


class Calibrated(NamedTuple):
    """What was stated on average, and what was right, as shares; None of nothing."""

    stated: Interval | None
    right: Interval | None

    @property
    def words(self) -> str:
        """Say both.

        Examples
        --------
        >>> Calibrated(Interval(0.84, 0.84, 0.84), Interval(0.71, 0.65, 0.76)).words
        'right 71.0 % where 84.0 % was stated'
        """
        if self.stated is None or self.right is None:
            return "nothing that says how sure it is"
        return f"right {self.right.value:.1%} where {self.stated.value:.1%} was stated".replace("%", " %")


def calibrated(counts: Ints, looks: NDArray[np.bool_]) -> Calibrated:
    """Compare confidence with what was right.

    Parameters
    ----------
    counts : (41,) of each band wrong and right; and missing
    looks : (41,) the cells that are looked at, whole bands

    Examples
    --------
    Of forty answers given with 90 to 95 %, thirty were right:

    >>> counts = np.zeros(41, np.int64)
    >>> counts[36:38] = 10, 30
    >>> calibrated(counts, np.arange(41) < 40).words
    'right 75.0 % where 92.5 % was stated'
    """
    bands = np.where(looks[:-1], counts[:-1], 0).reshape(BANDS, 2)
    n = int(bands.sum())
    if n == 0:
        return Calibrated(None, None)
    stated = round(float(bands.sum(axis=1) @ (np.arange(BANDS) + 0.5)) / BANDS / n, 4)
    right = share(int(bands[:, 1].sum()), n)
    assert right is not None
    return Calibrated(Interval(stated, stated, stated), Interval(*(round(figure, 4) for figure in right)))

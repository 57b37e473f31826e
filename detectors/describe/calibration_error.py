"""Stated confidence and who was right -> the expected calibration error, as it is worked out, and as it is."""

from typing import Final, NamedTuple

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats, check_counts
from detectors.describe.estimate import Estimate, normal
from schemas.signals import BANDS, CALIBRATION_CELLS

FEWEST: Final = 20
"""Answers below which there is no interval."""
_SAID: Final[Floats] = (np.arange(BANDS) + 0.5) / BANDS
_STEPS: Final[Floats] = np.append(0.0, np.geomspace(1e-4, 1.0, 200))
"""How far along a line of processes each of them lies, from calibrated to as wrong as can be."""
_NOTABLE: Final = 2.0
"""Standard errors, from which on a band's gap is taken for one if all others were calibrated."""


class CalibrationError(NamedTuple):
    """The expected calibration error (ECE).

    Attributes
    ----------
    plain : of the sample, as anybody works it out: too large, even for who is calibrated perfectly
    estimate : of the process: less what chance adds, with interval
    answers : that had a confidence and a judgement
    """

    plain: float
    estimate: Estimate
    answers: int


def calibration_error(counts: Counts, level: float = 0.95) -> CalibrationError | None:
    """Work out how far stated confidence lies from the share that was right: the mean of the bands' absolute gaps.

    An absolute gap cannot be negative, so what chance adds to it never evens out: 200 answers of a service that is
    calibrated perfectly, spread over 20 bands, have an ECE of 10 points. Here that is taken off by inversion. Processes
    lie on a line, from calibrated bands to gaps as large as can be, in the proportions of the sample's gaps; of each,
    the mean of the plain figure is known exactly (that of an absolute binomial deviation). The value is the ECE of the
    one whose mean the sample has. The interval holds the ECE of those from which the sample scatters as far as it may:
    downwards with the gaps in the few bands where they are notable, and chance adding most in all others; upwards with
    the gaps evened out, and chance adding least; never to less than the plain figure, however regular a sample looks.

    Parameters
    ----------
    counts : int64 (41,)
        Of each of 20 bands of confidence first wrong, then right; what was not observed is left out.
    level : float
        Of the interval, both sides together.

    Returns
    -------
    CalibrationError or None
        In [0, 1]. A band stands for its middle: where confidence gathers at one end of it, the ECE of what was really
        said differs by up to half a band (2.5 points), and no interval here tells. An estimate cannot be negative: of
        who is calibrated perfectly it is still too large, by a quarter to two fifths of what the plain one is. Fewer
        than 20 answers have an interval from 0 to 1. None without answers.

    Raises
    ------
    ValueError
        If `counts` has another shape, a negative number or one that is no integer, or `level` does not lie between 0
        and 1.

    Notes
    -----
    Guo and others, ICML 2017; its bias: Roelofs and others, AISTATS 2022, Kumar, Liang and Ma, NeurIPS 2019, whose
    debiased figure is of squares. Intervals by inversion as in `detectors.describe.whole`.

    Examples
    --------
    A hundred answers each at 92.5 % and at 97.5 %, of which 80 and 90 were right.

    >>> counts = np.zeros(41, np.int64)
    >>> counts[36:40] = 20, 80, 10, 90
    >>> found = calibration_error(counts)
    >>> round(found.plain, 3), [round(number, 3) for number in found.estimate]
    (0.1, [0.1, 0.058, 0.156])
    """
    z = normal(level)
    if counts.shape != (CALIBRATION_CELLS,):
        raise ValueError(f"calibration has {CALIBRATION_CELLS} cells, not {counts.shape}")
    check_counts(counts)
    wrong, right = counts[:-1].reshape(BANDS, 2).T
    some = (wrong + right) > 0
    if not some.any():
        return None
    n, said = (wrong + right)[some].astype(np.float64), _SAID[some]
    gap = right[some] / n - said
    line = _Line(n, said, np.where(gap < 0, -1.0, 1.0), float((n * np.abs(gap)).sum() / n.sum()))
    error = np.sqrt(said * (1 - said) / n)
    apart = np.abs(gap) / error
    value = line.lies(np.abs(gap), 0.0)
    low, high = 0.0, 1.0
    if n.sum() >= FEWEST:
        low = line.lies(np.where(apart >= min(_NOTABLE, apart.max()), np.abs(gap), 0.0), z)
        high = line.lies(np.hypot(gap, error), -z)
    return CalibrationError(line.plain, Estimate(value, min(low, value), max(high, line.plain)), int(n.sum()))


class _Line(NamedTuple):
    """Processes whose bands are off in one direction each, and what was seen of them."""

    n: Floats
    said: Floats
    sign: Floats
    plain: float

    def lies(self, shape: Floats, z: float) -> float:
        """Find the ECE of the process of this shape that the sample lies `z` standard deviations above the mean of."""
        room = np.where(self.sign > 0, 1 - self.said, self.said)
        furthest = (room[shape > 0] / shape[shape > 0]).max(initial=0.0)
        gaps = np.minimum(shape * (furthest * _STEPS)[:, None], room)
        share = self.n / self.n.sum()
        errors = gaps @ share
        mean, variance = _deviation(self.n, self.said, self.said + self.sign * gaps)
        mixed = np.maximum(gaps**2 @ share - errors**2, 0.0) / self.n.sum()  # the bands' shares are a sample's, too
        off = self.plain - mean @ share - z * np.sqrt(variance @ share**2 + mixed)
        beyond = off <= 0
        if not beyond.any():
            return float(errors[-1])
        after = int(np.argmax(beyond))
        if not after:
            return 0.0
        part = off[after - 1] / (off[after - 1] - off[after])
        return float(errors[after - 1] + part * (errors[after] - errors[after - 1]))


def _deviation(n: Floats, said: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of ``|x / n - said|``, where x of n are right, each with a chance of `right`: exactly."""
    middle = n * said
    most = np.floor(middle)
    upto = _upto(most, n, right)
    part = np.where(most > 0, _upto(np.maximum(most - 1, 0), np.maximum(n - 1, 1), right), 0.0)
    mean = middle * (2 * upto - 1) + n * right * (1 - 2 * part)
    square = n * right * (1 - right) + (n * right - middle) ** 2
    return mean / n, np.maximum(square - mean**2, 0.0) / n**2


def _upto(most: Floats, n: Floats, chance: Floats) -> Floats:
    """Chance of so many of n, or fewer."""
    found: Floats = np.where(most >= n, 1.0, special.betainc(np.maximum(n - most, 1), most + 1, 1 - chance))
    return found

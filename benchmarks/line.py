"""Readings over time -> whether they rise: the slope of a straight line, and how well it is known."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

PIECES: Final = 20
"""Readings that follow each other are alike, and would make the slope look better known than it is; means of so many
pieces hardly are. Fewer readings make fewer pieces, of two readings at least."""
FEWEST: Final = 3


class Line(NamedTuple):
    """``y = level + slope * x``, and the standard error of the slope."""

    level: float
    slope: float
    error: float

    @property
    def flat(self) -> bool:
        """Whether the slope lies within three standard errors of none, or falls.

        Examples
        --------
        >>> Line(100.0, 0.2, 0.1).flat, Line(100.0, 0.4, 0.1).flat, Line(100.0, -3.0, 0.1).flat
        (True, False, True)
        """
        return self.slope <= 3 * self.error


def fit(x: Sequence[float], y: Sequence[float], pieces: int = PIECES) -> Line:
    """Fit a line by least squares to the means of pieces of the readings.

    Parameters
    ----------
    x, y : (n,) readings in order
    pieces : at most so many

    Raises
    ------
    ValueError
        If there are too few readings to say anything.

    Examples
    --------
    >>> line = fit(range(100), [7 + 0.5 * x for x in range(100)])
    >>> round(line.slope, 6), round(line.error, 6), line.flat
    (0.5, 0.0, False)
    """
    if (pieces := min(pieces, len(x) // 2)) < FEWEST:
        raise ValueError(f"{len(x)} readings are too few to say whether they rise; at least {2 * FEWEST} are needed")
    at = np.array([piece.mean() for piece in np.array_split(np.asarray(x, float), pieces)])
    of = np.array([piece.mean() for piece in np.array_split(np.asarray(y, float), pieces)])
    away = at - at.mean()
    slope = float(away @ of / (away @ away))
    rest = of - of.mean() - slope * away
    error = float(np.sqrt(rest @ rest / (pieces - 2) / (away @ away)))
    return Line(float(of.mean() - slope * at.mean()), slope, error)

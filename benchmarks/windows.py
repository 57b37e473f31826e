"""Alarms in a series with labelled windows -> the score of the Numenta Anomaly Benchmark, as it was published.

Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark", ICMLA 2015. Of each
window only the earliest alarm counts, and the earlier it comes the more it is worth; a window without one costs. An
alarm outside costs the more the farther it lies behind a window. Nothing counts in the first rows, from which detectors
learn.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Self

import numpy as np

from detectors.arrays import Bools, Floats

PROBATION: Final = 0.15
MOST_PROBATION: Final = 750
"""Rows: 15 % of 5,000."""
_FAR: Final = 3.0
"""Widths of a window, behind which an alarm costs all that it can."""


class Profile(NamedTuple):
    """What a user minds: worth of a window found, cost of an alarm outside, cost of a window missed."""

    found: float
    false: float
    missed: float


PROFILES: Final[Mapping[str, Profile]] = {
    "standard": Profile(1.0, 0.11, 1.0), "low_fp": Profile(1.0, 0.22, 1.0), "low_fn": Profile(1.0, 0.11, 2.0),
}  # fmt: skip

Window = tuple[int, int]
"""Its first and last row."""


class Outcome(NamedTuple):
    """What the alarms in some series come to.

    Attributes
    ----------
    windows : that could be found
    found : how many were
    worth : of those found, each at most 1
    false : alarms outside
    cost : of these, each at most 1
    """

    windows: int
    found: int
    worth: float
    false: int
    cost: float

    def __add__(self, other: Self) -> "Outcome":  # type: ignore[override]  # series add up, tuples do not
        return Outcome(
            self.windows + other.windows, self.found + other.found, self.worth + other.worth,
            self.false + other.false, self.cost + other.cost,
        )  # fmt: skip

    def score(self, profile: Profile) -> float:
        """Put it on the scale on which silence is 0, and an alarm in the first row of each window, and none else, 100.

        Examples
        --------
        >>> perfect, silent = Outcome(2, 2, 2.0, 0, 0.0), Outcome(2, 0, 0.0, 0, 0.0)
        >>> [one.score(PROFILES["low_fn"]) for one in (perfect, silent)]
        [100.0, 0.0]
        """
        if not self.windows:
            raise ValueError("there is no window to be found")
        raw = profile.found * self.worth - profile.missed * (self.windows - self.found) - profile.false * self.cost
        silent, perfect = -profile.missed * self.windows, profile.found * self.windows
        return 100 * (raw - silent) / (perfect - silent)


NOTHING: Final = Outcome(0, 0, 0.0, 0, 0.0)


def probation(rows: int) -> int:
    """Say how many rows at the beginning do not count.

    Examples
    --------
    >>> probation(4032), probation(15902)
    (604, 750)
    """
    return min(int(PROBATION * rows), MOST_PROBATION)


def sigmoid(position: Floats) -> Floats:
    """Say what an alarm is worth: -1 is the first row of a window, 0 its end, and what lies behind costs.

    Examples
    --------
    >>> sigmoid(np.array([-1.0, 0.0, 1.0])).round(5).tolist()
    [0.98661, 0.0, -0.98661]
    """
    return np.asarray(2 / (1 + np.exp(5 * position)) - 1, np.float64)


def outcome(alarms: Bools, windows: Sequence[Window]) -> Outcome:
    """Say what the alarms in one series come to.

    Parameters
    ----------
    alarms : bool (T,)
    windows : in order, and apart from each other

    Examples
    --------
    An alarm in the first row of a window, and one long behind it:

    >>> alarms = np.zeros(1000, bool)
    >>> alarms[[300, 999]] = True
    >>> outcome(alarms, [(300, 399)])
    Outcome(windows=1, found=1, worth=1.0, false=1, cost=1.0)
    """
    first = probation(len(alarms))
    counts = np.flatnonzero(alarms & (np.arange(len(alarms)) >= first))
    total, outside = NOTHING, np.ones(len(counts), np.bool_)
    behind = np.full(len(counts), np.inf)  # of the window before, in its widths
    for begins, ends in windows:
        inside = (counts >= begins) & (counts <= ends)
        outside &= ~inside
        width = ends - begins + 1
        behind = np.where(counts > ends, (counts - ends) / max(width - 1, 1), behind)
        if ends < first:
            continue
        at = -(ends - counts[inside][:1] + 1) / width
        worth = float((sigmoid(at) / sigmoid(np.array(-1.0))).sum())
        total += Outcome(1, int(inside.any()), worth, 0, 0.0)
    far = np.minimum(behind[outside], _FAR)
    cost = np.where(far >= _FAR, 1.0, -sigmoid(far))
    return total + Outcome(0, 0, 0.0, len(far), float(cost.sum()))

"""Failures before and after -> whether they became more diverse for sure, whatever the traffic did."""

from typing import NamedTuple

from detectors.arrays import Counts
from detectors.describe.estimate import Estimate, seen
from detectors.describe.hill import hill
from detectors.describe.rarefaction import rarefied


class Grown(NamedTuple):
    """A figure before and after."""

    before: Estimate
    after: Estimate

    @property
    def surely(self) -> bool:
        """Whether the interval after lies above the one before."""
        return self.after.low > self.before.high


class Diversified(NamedTuple):
    """What became of the diversity.

    Attributes
    ----------
    effective : the effective number of modes, of order 1
    rarefied : modes that `size` failures hold
    size : of the smaller sample
    """

    effective: Grown
    rarefied: Grown
    size: int

    @property
    def which(self) -> tuple[str, ...]:
        """Name what grew for sure."""
        return tuple(name for name in ("effective", "rarefied") if getattr(self, name).surely)


def diversified(before: Counts, after: Counts, level: float = 0.999) -> Diversified:
    """Compare how diverse failures are, in figures that do not grow with their number.

    Never by the number of modes that were seen: more traffic shows more of them.

    Parameters
    ----------
    before, after : int64 (C,)
    level : float
        Of the intervals.

    Returns
    -------
    Diversified

    Raises
    ------
    ValueError
        If a count is negative or no integer, one of them holds no failure, or `level` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> diversified(np.array([60, 30, 10]), np.array([600, 300, 100])).which
    ()
    >>> diversified(np.array([60, 30, 10]), np.array([300, 250, 200, 150, 100])).which
    ('effective',)
    """
    size = int(min(seen(before).sum(), seen(after).sum()))
    return Diversified(
        Grown(hill(before, 1, level), hill(after, 1, level)),
        Grown(rarefied(before, size, level), rarefied(after, size, level)),
        size,
    )

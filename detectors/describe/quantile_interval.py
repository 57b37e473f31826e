"""Tally of a number -> a quantile with its interval, by the ranks that it can have."""

import math
from typing import Final

import numpy as np
from scipy import special

from detectors.arrays import Counts, check_number
from detectors.describe.estimate import Estimate, normal
from schemas.cells import EDGES, MISSING, OVER, UNDER

_LOWER: Final = np.concatenate([[0.0], EDGES])
_UPPER: Final = np.append(EDGES, np.inf)
"""Edges of the cells `UNDER` to `OVER`."""


def quantile_interval(counts: Counts, q: float, level: float = 0.95, *, whole_cells: bool = False) -> Estimate | None:
    """Read a quantile off a tally, and between which two events of the sample the process has it.

    How many of n events lie below the quantile of the process is binomial, whatever is measured. So the events of two
    ranks enclose it with a chance that is known. No whole rank has just 2.5 % beyond it: the ranks lie as far between
    two whole ones as the chance does.

    Parameters
    ----------
    counts : int64 (235,)
        Those that were not observed are left out.
    q : float
        In (0, 1): 0.95 for the value that 95 % do not exceed.
    level : float
        Of the interval, both sides together.
    whole_cells : bool
        Whether the ends are edges of the cells that hold those ranks. Then the interval holds at least `level` whatever
        the distribution, and is up to two cells (19 %) longer. Otherwise the ends are interpolated within their cells,
        as the value is, by a density that is a straight line over the logarithm: right where it is smooth over 9 %, and
        off by up to a cell where events gather at one number, so many that the interval is shorter than a cell.

    Returns
    -------
    Estimate or None
        In base units. The value lies in the same cell as that of `detectors.describe.quantiles`, and at another place
        of it where its neighbours hold very different numbers of events. The lower end is zero and the upper infinite
        where no event lies beyond: of a p95 from fewer than 72 events, of a p99 from fewer than 368, hardly anything is
        known from above. Where the value lies beyond the scale, it is the scale's end. None if nothing was observed.

    Raises
    ------
    ValueError
        If `q` or `level` is not in (0, 1), or `counts` has another shape, a negative number or one that is no integer.

    Notes
    -----
    Thompson, Annals of Mathematical Statistics 7, 1936. Interpolated ranks: Beran and Hall, JRSS B 55, 1993.

    Examples
    --------
    >>> counts = np.zeros(235, np.int64)
    >>> counts[41:49] = 100  # a hundred in each eighth of the octave from 1 to 2
    >>> [round(number, 3) for number in quantile_interval(counts, 0.5)]
    [1.414, 1.381, 1.449]
    >>> [round(number, 3) for number in quantile_interval(counts, 0.5, whole_cells=True)]
    [1.414, 1.297, 1.542]
    """
    z = normal(level)
    if not 0 < q < 1:
        raise ValueError(f"q must lie between 0 and 1: {q}")
    check_number(counts)
    seen = counts[:MISSING]
    n, tail = int(seen.sum()), float(special.ndtr(-z))
    if not n:
        return None
    below, above = _rank(n, q, tail), n + 1 - _rank(n, 1 - q, tail)
    low, high = 0.0, np.inf
    if below >= 1:
        low = float(_LOWER[_cell(seen, np.floor(below))]) if whole_cells else _at(seen, below - 0.5)
    if above <= n:
        high = float(_UPPER[_cell(seen, np.ceil(above))]) if whole_cells else _at(seen, above - 0.5)
    return Estimate(min(max(_at(seen, q * n), float(EDGES[0])), float(EDGES[-1])), low, high)


def _rank(n: int, q: float, tail: float) -> float:
    """Find the rank, between whole ones, that more than `q` of a process lie at or below with a chance of `tail`."""
    whole = int(special.bdtrik(tail, n, q))  # near it; the next lines make sure
    while whole > 0 and special.bdtr(whole - 1, n, q) > tail:
        whole -= 1
    while special.bdtr(whole, n, q) <= tail:
        whole += 1
    before = float(special.bdtr(whole - 1, n, q)) if whole else 0.0
    return whole + (tail - before) / (float(special.bdtr(whole, n, q)) - before)


def _cell(seen: Counts, place: float) -> int:
    return int(np.searchsorted(np.cumsum(seen), place))


def _at(seen: Counts, place: float) -> float:
    """Look up where so many events lie below, by a density that rises or falls within a cell as its neighbours say."""
    cell = _cell(seen, place)
    if cell in (UNDER, OVER):
        return 0.0 if cell == UNDER else np.inf
    part = (place - float(seen[:cell].sum())) / float(seen[cell])
    inner = cell - 1 > UNDER and cell + 1 < OVER
    slope = min(max(float(seen[cell + 1] - seen[cell - 1]) / (2 * float(seen[cell])), -1.0), 1.0) if inner else 0.0
    inside = 2 * part / (1 - slope / 2 + math.sqrt((1 - slope / 2) ** 2 + 2 * slope * part))
    return float(_LOWER[cell] * (_UPPER[cell] / _LOWER[cell]) ** inside)

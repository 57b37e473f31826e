"""A KPI and the tally of a window -> what it was, of the whole or of each slice."""

from collections.abc import Iterable
from math import floor, isfinite, log10
from typing import Final

from msgspec.structs import replace

from detectors.band import Reading
from schemas.kpi_measures import Stat
from schemas.kpis import Kpi
from streams.watch.assess.figures.drift import drift
from streams.watch.assess.figures.given import Figure, Given, exchanges
from streams.watch.assess.figures.modes import concentrated, critical_modes, effective_modes
from streams.watch.assess.figures.numbers import mean, quantile, throughput, total
from streams.watch.assess.figures.outcomes import accuracy, ece, overconfidence, successes
from streams.watch.assess.figures.refusals import abstention_precision, refusal_correctness
from streams.watch.assess.figures.shares import share, share_above
from streams.watch.assess.tally import Tally
from streams.watch.total import NOTHING

__all__ = ["FIGURE_OF", "Given", "measured", "rounded"]

DIGITS: Final = 6
"""The last ones of a float are noise, which differs from processor to processor."""

FIGURE_OF: Final[dict[Stat, Figure]] = {
    "share": share,
    "share_above": share_above,
    "quantile": quantile,
    "mean": mean,
    "sum": total,
    "throughput": throughput,
    "successes": successes,
    "accuracy": accuracy,
    "ece": ece,
    "overconfidence": overconfidence,
    "abstention_precision": abstention_precision,
    "refusal_correctness": refusal_correctness,
    "critical_modes": critical_modes,
    "effective_modes": effective_modes,
    "concentration": concentrated,
    "drift": drift,
}


def measured(kpi: Kpi, tally: Tally, given: Given) -> dict[str, Reading | None]:
    """Work a KPI out.

    Parameters
    ----------
    tally : of the window

    Returns
    -------
    dict of str to Reading
        By slice; the empty name is the whole. A slice of which no exchange came is not there, unless the KPI is of that
        one alone. None where there is no data. Figures are rounded here, before they are held against bands: the one
        that is published is the one that decided.
    """
    figure = FIGURE_OF[kpi.measures.stat]
    parts: Iterable[tuple[str, Tally]] = [("", tally)]
    if kpi.by is not None and kpi.measures.stat != "concentration":
        cut = tally.slices.get(kpi.by, {})
        names = [name for name, one in cut.items() if exchanges(one)] if kpi.slice is None else [kpi.slice]
        parts = [(name, Tally(cut.get(name, NOTHING))) for name in names]
    return {name: _rounded(figure(kpi, part, given)) for name, part in parts}


def _rounded(found: Reading | None) -> Reading | None:
    if found is None:
        return None
    low, high = (None if end is None else rounded(end) for end in (found.low, found.high))
    return replace(found, value=rounded(found.value), low=low, high=high)


def rounded(figure: float) -> float:
    """Round to six digits, but what is larger to whole numbers.

    Examples
    --------
    >>> rounded(100 * 37 / 69), rounded(0.1 + 0.2), rounded(12_345_678.9), rounded(0.0)
    (53.6232, 0.3, 12345679.0, 0.0)
    """
    if not figure or not isfinite(figure):
        return figure
    return round(figure, max(DIGITS - 1 - floor(log10(abs(figure))), 0))

"""A KPI and the tally of a window -> what it was, of the whole or of each slice."""

from typing import Final

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

__all__ = ["FIGURE_OF", "Given", "measured"]

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
        one alone. None where there is no data.
    """
    figure = FIGURE_OF[kpi.measures.stat]
    if kpi.by is None or kpi.measures.stat == "concentration":
        return {"": figure(kpi, tally, given)}
    cut = tally.slices.get(kpi.by, {})
    names = [name for name, one in cut.items() if exchanges(one)] if kpi.slice is None else [kpi.slice]
    return {name: figure(kpi, Tally(cut.get(name, NOTHING)), given) for name in names}

"""A KPI that promises something, and a tally -> how many of its events were bad, of how many."""

import math
from collections.abc import Mapping

import numpy as np

from detectors.burn import Window
from schemas.cells import EDGES, MISSING, PER_OCTAVE
from schemas.kpi_edges import largest
from schemas.kpis import Kpi
from schemas.signals import FAILURE_MODE, Signal
from streams.watch.arrays import Ints
from streams.watch.assess.figures.given import counted_above, exchanges, failures, laid, names_of
from streams.watch.assess.tally import Tally
from streams.watch.measured import Own
from streams.watch.total import NOTHING, Total


def promised(kpi: Kpi, tally: Tally, own: Own, signals: Mapping[str, Signal]) -> Window:
    """Count the events that a KPI with an `slo` is about.

    An event that did not observe the signal is neither good nor bad. Of a number MEASURE counts by itself what lies
    above the largest good value. Where it did not do so yet, what lies in the cell that holds that value, which is 9 %
    wide, is taken to be spread evenly over its logarithm.

    Parameters
    ----------
    tally : of a release in some span
    own : the user's own signals, by which the tally's cells lie where they do
    signals : all that there are, by name

    Examples
    --------
    >>> from schemas.kpi_sets import preset
    >>> from schemas.signals import BY_NAME
    >>> from streams.watch.measured import layout_of
    >>> failed, layout = preset("developer-copilot").kpi("failed"), layout_of(())
    >>> at = dict(zip((one.name for one in layout.signals), layout.begins))["failed"]
    >>> promised(failed, Tally(Total(np.array([at, at + 1]), np.array([97, 3]))), (), BY_NAME)
    Window(bad=3, total=100)
    """
    measures, slo = kpi.measures, kpi.slo
    assert slo is not None
    assert measures.signal is not None
    total, signal = _where(kpi, tally), signals[measures.signal]
    if signal.kind == "category":
        yes, n = _named(kpi, tally, measures.signal), _asked(tally, measures.signal)
    elif (cells := laid(total, signal.name, own)) is None:  # of a signal that is not counted yet
        return Window(0, 0)
    elif signal.kind == "rate":
        no, yes, _ = cells.tolist()
        n = no + yes
    else:
        good = largest(kpi)
        assert good is not None
        counted = counted_above(total, signal.name, good, own)
        yes, n = counted if counted is not None else _above(cells[:MISSING], good * signal.per_unit)
    bad = yes if kpi.direction == "lower_is_better" else n - yes
    return Window(min(max(bad, 0), max(n, 0)), max(n, 0))


def _where(kpi: Kpi, tally: Tally) -> Total:
    """Take the whole, or the one slice that the KPI names."""
    if kpi.by is None or kpi.slice is None:
        return tally.whole
    return tally.slices.get(kpi.by, {}).get(kpi.slice, NOTHING)


def _named(kpi: Kpi, tally: Tally, signal: str) -> int:
    found = failures(tally) if signal == FAILURE_MODE else names_of(tally, signal)
    return sum(found.get(name, 0) for name in kpi.measures.names or ())


def _asked(tally: Tally, signal: str) -> int:
    """Count what a share of names is of: exchanges, of modes of failure; else what was named at all."""
    if signal == FAILURE_MODE:
        return exchanges(tally.whole)
    return sum(names_of(tally, signal).values())


def _above(counts: Ints, good: float) -> tuple[int, int]:
    """Count what lies above a value, and all; of the cell that holds it by parts, rounded down."""
    n = int(counts.sum())
    if good < EDGES[0]:
        return n - int(counts[0]), n
    if good >= EDGES[-1]:
        return 0, n
    cell = int(np.searchsorted(EDGES, good, side="right"))
    part = math.log2(EDGES[cell] / good) * PER_OCTAVE
    return int(counts[cell + 1 :].sum()) + int(counts[cell] * part), n

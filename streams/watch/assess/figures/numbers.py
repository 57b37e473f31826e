"""The tally of a window -> quantiles, means and sums of numbers, and how much is served."""

from math import inf

import numpy as np

from detectors.band import Reading
from detectors.describe.cost import Mean, per_success
from detectors.describe.cost import mean as mean_of
from detectors.describe.estimate import Estimate
from detectors.describe.exact import exact_rate
from detectors.describe.quantile_interval import quantile_interval
from schemas.kpis import Kpi
from streams.watch.arrays import Ints
from streams.watch.assess.figures.given import Given, exchanges, level, of_signal, reading
from streams.watch.assess.figures.outcomes import succeeded
from streams.watch.assess.tally import Tally


def _cells(kpi: Kpi, tally: Tally, given: Given) -> tuple[Ints, float]:
    """Give the cells of the number, and what a base unit is in its own."""
    assert kpi.measures.signal, "a KPI that was checked"
    signal = given.plan.by_name[kpi.measures.signal]
    cells = of_signal(tally.whole, signal.name, given.own)
    return np.zeros(1, np.int64) if cells is None else cells, 1 / signal.per_unit


def quantile(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Read a quantile; the ends of its interval are edges of cells, so that it holds whatever is measured."""
    assert kpi.measures.percentile is not None, "a KPI that was checked"
    cells, unit = _cells(kpi, tally, given)
    if not (n := int(cells[:-1].sum())):
        return None
    return reading(kpi, quantile_interval(cells, kpi.measures.percentile / 100, level(kpi), whole_cells=True), n, unit)


def mean(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out a mean of what was observed."""
    return _mean(kpi, tally, given, 1.0)


def total(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out what a thousand requests come to, or a successful task.

    Per task it rests on the fewer of requests and outcomes. Outcomes are of requests that may lie before the window:
    that matters little, unless traffic or cost have just changed.
    """
    if kpi.measures.per == "1k_requests":
        return _mean(kpi, tally, given, 1000.0)
    cells, unit = _cells(kpi, tally, given)
    if not (n := int(cells[:-1].sum())):
        return None
    each, (good, judged) = mean_of(cells, level(kpi)), succeeded(tally, given)
    assert each is not None, "something was observed"
    found = per_success(each, good, judged, level(kpi))
    return found and reading(kpi, _with_cells(found), min(n, judged), unit)


def _mean(kpi: Kpi, tally: Tally, given: Given, times: float) -> Reading | None:
    cells, unit = _cells(kpi, tally, given)
    if not (n := int(cells[:-1].sum())):
        return None
    found = mean_of(cells, level(kpi))
    return found and reading(kpi, _with_cells(found), n, unit * times)


def _with_cells(found: Mean) -> Estimate:
    """Make the interval longer by what nobody knows within cells: it may be all there is, where all cost the same.

    Where everything lies below the scale, and so the mean is 0, that is all that is known.
    """
    value, low, high = found.estimate
    if not value:
        return Estimate(value, 0.0, found.most)
    return Estimate(value, max(low - (value - found.least), 0.0), high + found.most - value if value < inf else inf)


def throughput(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out requests a second.

    It rests on the requests themselves, so with fewer than `min_events` there is no data: that nothing comes at all
    is for the rule of silence to say, and never for a KPI.
    """
    n = exchanges(tally.whole)
    return reading(kpi, exact_rate(n, given.window_s, level(kpi)), n) if n else None

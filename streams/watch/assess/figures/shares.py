"""The tally of a window -> shares of exchanges, of outcomes, and of numbers above a target."""

from detectors.band import Reading
from detectors.describe.above import above
from detectors.describe.exact import exact_share
from schemas.cells import EDGES
from schemas.kpis import Kpi
from schemas.signals import FAILURE_MODE
from streams.watch.assess.figures.given import (
    Given,
    counted_above,
    exchanges,
    failures,
    known,
    level,
    names_of,
    of_signal,
    rate_of,
    reading,
)
from streams.watch.assess.tally import Tally


def share(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out the share of yes of a rate, or of some names of a category, among what was observed.

    Of failure modes it is the share of all exchanges that failed so, or of which an outcome says so later. Who failed
    and is judged for it as well counts twice, since no tally tells; more than all is all.
    """
    name = kpi.measures.signal
    assert name, "a KPI that was checked"
    if name == FAILURE_MODE:
        return _of_modes(kpi, tally, given)
    if kpi.measures.names:
        found = names_of(tally, name)
        return _share(kpi, sum(found.get(one, 0) for one in kpi.measures.names), sum(found.values()))
    return _share(kpi, *rate_of(tally.whole, name, given))


def _of_modes(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    names = kpi.measures.names or ()
    if not known(names, tally, given):
        return None
    found, of = failures(tally), exchanges(tally.whole)
    return _share(kpi, min(sum(found.get(name, 0) for name in names), of), of)


def _share(kpi: Kpi, some: int, of: int) -> Reading | None:
    return reading(kpi, exact_share(some, of, level(kpi)), of, 100.0)


def share_above(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out the share of a number that is larger than the target.

    MEASURE counts it by itself wherever the KPI is in the config, so it is exact. Where some was counted before it was
    there the number's own cells say as much as they can.
    """
    name, target = kpi.measures.signal, kpi.measures.above
    assert name, "a KPI that was checked"
    assert target is not None, "a KPI that was checked"
    if (counted := counted_above(tally.whole, name, target, given.own)) is not None:
        return _share(kpi, *counted)
    cells = of_signal(tally.whole, name, given.own)
    if cells is None:
        return None
    per_unit = given.plan.by_name[name].per_unit
    found = above(cells, min(max(target * per_unit, float(EDGES[0])), float(EDGES[-1])), level(kpi))
    return reading(kpi, found, int(cells[:-1].sum()), 100.0)

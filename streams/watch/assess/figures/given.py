"""The tally of a window -> the cells of one signal, and the words that all figures share."""

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

import numpy as np

from detectors.band import Reading
from detectors.describe.estimate import Estimate
from schemas.cells import MISSING
from schemas.kpi_edges import edge_name
from schemas.kpis import Kpi
from schemas.signals import ALSO, FAILURE_MODE, JUDGED, RATE_CELLS
from streams.watch.arrays import Ints
from streams.watch.assess.tally import Tally
from streams.watch.baseline import Baseline
from streams.watch.measured import Own, layout_of
from streams.watch.plan import Plan
from streams.watch.total import Total


class Given(NamedTuple):
    """What a figure may need beside the tally.

    Attributes
    ----------
    window_s : how long the window is, as far as the release was there
    baseline : what was learned of the service, None before
    own : the user's own signals, by which cells lie where they do
    carried : paths of the evidence that its events carry; None where nobody says, and then a mode may be seen
    """

    plan: Plan
    window_s: int
    baseline: Baseline | None
    own: Own = ()
    carried: AbstractSet[str] | None = None


Figure = Callable[[Kpi, Tally, Given], Reading | None]
"""None where there is no data."""


@lru_cache(maxsize=64)
def _places(own: Own) -> dict[str, tuple[int, int]]:
    layout = layout_of(own)
    ends = (*layout.begins[1:], layout.fixed)
    return {one.name: (begin, end) for one, begin, end in zip(layout.signals, layout.begins, ends, strict=True)}


def of_signal(total: Total, name: str, own: Own) -> Ints | None:
    """Lay out the cells of one signal, None if it was not counted.

    What a block had said may be taken back after its span was over; then a cell may hold less than nothing, which is
    taken for nothing.
    """
    found = laid(total, name, own)
    return None if found is None else np.maximum(found, 0)


def laid(total: Total, name: str, own: Own) -> Ints | None:
    """Lay out the cells of one signal as they are, None if it was not counted."""
    place = _places(own).get(name)
    if place is None:
        return None
    begins, ends = place
    a, b = np.searchsorted(total.cells, place)
    out = np.zeros(ends - begins, np.int64)
    out[total.cells[a:b] - begins] = total.counts[a:b]
    return out


def rate_of(total: Total, name: str, given: Given) -> tuple[int, int]:
    """Count the yes of a rate, and all that was observed of it."""
    cells = of_signal(total, name, given.own)
    if cells is None:
        return 0, 0
    no, yes, _ = cells.tolist()
    return yes, yes + no


def counted_above(total: Total, signal: str, above: float, own: Own) -> tuple[int, int] | None:
    """Count what of a number is larger than a target, and all of it, as MEASURE did.

    None where it did not ask all of them: they came before a config that has the target.
    """
    asked, cells = of_signal(total, edge_name(signal, above), own), of_signal(total, signal, own)
    if asked is None or cells is None:
        return None
    no, yes, _ = asked.tolist()
    return (yes, no + yes) if no + yes >= cells[:MISSING].sum() else None


def exchanges(total: Total) -> int:
    """Count exchanges: every one has a cell of the first rate."""
    return max(int(total.counts[: np.searchsorted(total.cells, RATE_CELLS)].sum()), 0)


def names_of(tally: Tally, column: str) -> dict[str, int]:
    """Count the names of a column that something has."""
    return {name: n for name, n in tally.named.get(column, {}).items() if name and n > 0}


def failures(tally: Tally) -> dict[str, int]:
    """Count the modes of failures: the primary one of each exchange, and of each outcome."""
    found = names_of(tally, FAILURE_MODE)
    for name, n in names_of(tally, JUDGED).items():
        found[name] = found.get(name, 0) + n
    return found


def known(names: Collection[str], tally: Tally, given: Given) -> bool:
    """Say whether any of these modes could be seen: what nobody looks for is not healthy."""
    if given.carried is None or not given.carried.isdisjoint(_needed(given.plan, tuple(names))):
        return True
    return any(name in names_of(tally, column) for column in (FAILURE_MODE, ALSO, JUDGED) for name in names)


@lru_cache(maxsize=4096)
def _needed(plan: Plan, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(path for name in names for path in plan.taxonomy.evidence.get(name, ()))


def level(kpi: Kpi) -> float:
    """Say how sure one must be, as a share."""
    return kpi.interval.level_percent / 100


def reading(kpi: Kpi, found: Estimate | None, n: int, times: float = 1.0) -> Reading | None:
    """Say a figure in the KPI's unit.

    A figure that is not finite is no data, and so is one of which nothing is known from above where more is better:
    there the upper end acts, and without it the value would.

    Parameters
    ----------
    found : figure and interval; an interval that leaves out its value is made to hold it
    n : events that it rests on
    times : what comes to the KPI's unit
    """
    if found is None or not isfinite(found.value):
        return None
    value, low, high = (number * times for number in found)
    if isfinite(high):
        return Reading(value=value, low=min(low, value), high=max(high, value), n=n)
    if kpi.direction == "higher_is_better" and kpi.interval.act_on == "bound":
        return None
    return Reading(value=value, low=min(low, value), n=n)

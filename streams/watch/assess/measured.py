"""A KPI and the tally of a window -> what it was, of the whole or of each slice."""

from typing import NamedTuple

import numpy as np

from detectors.band import Reading
from detectors.describe.exact import exact_share
from schemas.kpis import Kpi
from schemas.signals import RATE_CELLS, Kind
from streams.watch.assess.tally import Tally
from streams.watch.measured import layout_of
from streams.watch.plan import Plan
from streams.watch.state import Baseline, Ints
from streams.watch.total import NOTHING, Total


class Given(NamedTuple):
    """What a figure may need beside the tally.

    Attributes
    ----------
    window_s : how long the window is
    baseline : what was learned of the service, None before
    own : the user's own signals, by which cells lie where they do
    """

    plan: Plan
    window_s: int
    baseline: Baseline | None
    own: tuple[tuple[Kind, str], ...] = ()


def measured(kpi: Kpi, tally: Tally, given: Given) -> dict[str, Reading | None]:
    """Work a KPI out.

    Parameters
    ----------
    tally : of the window

    Returns
    -------
    dict of str to Reading
        By slice; the empty name is the whole. A slice of which nothing came is not there.
    """
    if kpi.by is None:
        return {"": _share(kpi, tally.whole, given)}
    cut = tally.slices.get(kpi.by, {})
    names = cut if kpi.slice is None else [kpi.slice]
    return {name: _share(kpi, cut.get(name, NOTHING), given) for name in names}


def of_signal(total: Total, name: str, width: int, given: Given) -> Ints:
    """Lay out the cells of one signal: (width,)."""
    layout = layout_of(given.own)
    begins = next(at for one, at in zip(layout.signals, layout.begins, strict=True) if one.name == name)
    a, b = np.searchsorted(total.cells, [begins, begins + width])
    out = np.zeros(width, np.int64)
    out[total.cells[a:b] - begins] = total.counts[a:b]
    return out


def _share(kpi: Kpi, total: Total, given: Given) -> Reading | None:
    assert kpi.measures.signal
    no, yes, _ = of_signal(total, kpi.measures.signal, RATE_CELLS, given).tolist()
    found = exact_share(yes, yes + no, kpi.interval.level_percent / 100)
    return found and Reading(value=found.value * 100, low=found.low * 100, high=found.high * 100, n=yes + no)

"""The tally of a window, and what was learned -> how far a signal has moved, as PSI."""

import numpy as np

from detectors.band import Reading
from detectors.bets.number import cut
from detectors.describe.stability import stability
from schemas.kpis import Kpi
from streams.watch.alphabet import categories_of, index, tally_row
from streams.watch.arrays import Ints
from streams.watch.assess.figures.given import Given, level, names_of, of_signal, reading
from streams.watch.assess.tally import Tally
from streams.watch.baseline import Baseline
from streams.watch.once import once
from streams.watch.segments import Segment
from streams.watch.unlearned import unlearned


def drift(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out the PSI of a signal against what was learned of it; None of what was not.

    A number is compared in the bins that its bets are made on, a sixteenth of what was learned in each; a category by
    the names that have cells of their own, with one cell for all other known names and one for names never seen.
    """
    name, baseline = kpi.measures.signal, given.baseline
    assert name, "a KPI that was checked"
    if baseline is None or name not in (learned := _learned(baseline)):
        return None
    segment = learned[name]
    was = baseline.tally[segment.at(0)]
    now: Ints | None
    if segment.signal.kind == "category":
        now = _named(baseline, segment, tally)
    else:
        now = of_signal(tally.whole, name, given.own)
    if now is None or now.shape != was.shape or not now[:-1].any():
        return None
    n = int(now[:-1].sum())
    if segment.signal.kind == "number":
        bins = cut(was[None])[0]
        was, now = (np.bincount(bins, counts).astype(np.int64) for counts in (was, now))
    return reading(kpi, stability(was[:-1], now[:-1], level(kpi)), n)


@once
def _learned(baseline: Baseline) -> dict[str, Segment]:
    not_so = unlearned(baseline)
    return {
        one.signal.name: one for one in tally_row(baseline.alphabet).segments if one.signal.name not in not_so
    }  # fmt: skip


def _named(baseline: Baseline, segment: Segment, tally: Tally) -> Ints:
    """Put the names of a category in the cells that they were learned in."""
    place = [one.name for one in categories_of(baseline.alphabet)].index(segment.signal.name)
    cells, unseen = index(baseline.alphabet).cells[place]
    out = np.zeros(segment.width, np.int64)
    for name, n in names_of(tally, segment.signal.name).items():
        out[cells.get(name, unseen) - segment.begin] += n
    return out

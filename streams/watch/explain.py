"""A change of the whole -> the smallest slice that explains it."""

from typing import Final, NamedTuple

import numpy as np

from detectors.attribution import Split, explain, smallest
from schemas.incidents import Slice
from streams.watch.alphabet import first_slices
from streams.watch.arrays import Counts, Ints
from streams.watch.baseline import Alphabet
from streams.watch.cases import Alarm
from streams.watch.describe import slice_name
from streams.watch.detector import Detector
from streams.watch.looks import Floats, Table, values
from streams.watch.window import After

REPLACED: Final = 0.95


class _Cut(NamedTuple):
    """A change, cut by one dimension: its first slice, events of each slice before and after, and the split."""

    first: int
    was: Floats
    now: Floats
    split: Split


def culprit(detector: Detector, alphabet: Alphabet, lead: Alarm, after: After) -> Slice | None:
    """Find the slice that explains a change.

    Parameters
    ----------
    lead : the leading alarm; the feature of its winning bet is what changed
    after : since the onset

    Returns
    -------
    Slice or None
        If no slice explains 80 % of the change, that of which the alarm was; None if that was the whole stream, where
        the change is the same everywhere, and for a signal that is counted of the whole only, where nobody knows.

    Notes
    -----
    Kitagawa's split, exact (`detectors.attribution`). A slice that was hardly there and now is nearly all the traffic
    leaves nothing to compare it with; it explains all.
    """
    table, s = detector.find(lead.monitor)
    if table.slices == 1:
        return None
    cuts = {
        field: cut
        for field, names, first in zip(alphabet.dimensions, alphabet.slices, first_slices(alphabet), strict=True)
        if (cut := _cut(table, lead.bet, detector.usual, after, slice(first, first + len(names) + 1))) is not None
    }
    for field, cut in cuts.items():
        arrived = np.flatnonzero((_part(cut.now) >= REPLACED) & (_part(cut.was) <= 1 - REPLACED))
        for i in arrived.tolist():
            return _told(alphabet, lead, after, field, cut, i, 1.0)
    cut = cuts.get(detector.dimensions[s])
    if cut is not None:
        own = s - cut.first
        share = cut.split.total - float(cut.split.rest[own])
        if abs(cut.split.total) < abs(share) / 2:  # others moved the other way: of the whole there is little to explain
            return _told(alphabet, lead, after, detector.dimensions[s], cut, own, 1.0)
    found = smallest({field: cut.split for field, cut in cuts.items()})
    if found is not None:
        return _told(alphabet, lead, after, found.dimension, cuts[found.dimension], found.slice, found.explains)
    if cut is None:
        return None
    explains = 1 - float(cut.split.rest[own]) / cut.split.total if cut.split.total else 0.0
    return _told(alphabet, lead, after, detector.dimensions[s], cut, own, explains)


def _cut(table: Table, bet: int, before: Ints, after: After, rows: slice) -> _Cut | None:
    """Cut a change by the slices of a dimension; None if nothing was observed on one side."""
    was, now = table.kept.of(before)[rows], table.kept.of(after.kept)[rows]
    # Each slice of a number has bins of its own: its share above its own former median, say, is what compares.
    x = np.array([values(table, bet, s) for s in range(rows.start, rows.stop)])
    seen, worth = ~np.isnan(x), np.nan_to_num(x)
    n_was, n_now = _sum(was, seen), _sum(now, seen)
    if not n_was.sum() or not n_now.sum():
        return None
    return _Cut(rows.start, n_was, n_now, explain(n_was, _sum(was, worth), n_now, _sum(now, worth)))


def _told(alphabet: Alphabet, lead: Alarm, after: After, field: str, cut: _Cut, own: int, explains: float) -> Slice:
    name = slice_name(alphabet, cut.first + own, after)[1]
    before, since = (round(float(_part(n)[own]), 4) for n in (cut.was, cut.now))
    return Slice(field, name, round(min(max(explains, 0.0), 1.0), 3), lead.signal, before, since)


def _sum(counts: Counts, of: np.ndarray) -> Floats:
    total: Floats = (counts * of).sum(axis=1).astype(np.float64)
    return total


def _part(counts: Floats) -> Floats:
    share: Floats = counts / counts.sum()
    return share

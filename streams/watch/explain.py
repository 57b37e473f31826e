"""A change of the whole -> the smallest slice that explains it."""

import numpy as np

from detectors.attribution import explain, smallest
from schemas.incidents import Slice
from streams.watch.alphabet import first_slices
from streams.watch.describe import slice_name
from streams.watch.detector import Floats, Table, values
from streams.watch.state import Alphabet, Ints
from streams.watch.window import After

REPLACED = 0.95


def culprit(alphabet: Alphabet, table: Table, bet: int, before: Ints, after: After, of: str) -> Slice | None:
    """Find the slice that explains a change of the whole stream.

    Parameters
    ----------
    table, bet : of the winning bet; its feature is what changed
    before : (S, F) kept counts of the baseline
    after : since the onset
    of : the signal's name, for the reader

    Returns
    -------
    Slice or None
        None where no slice explains 80 % of it, or where the change is the same everywhere.

    Notes
    -----
    Kitagawa's split, exact (`detectors.attribution`). A slice that was hardly there and now is nearly all the traffic
    leaves nothing to compare it with; it explains all.
    """
    splits = {}
    for d, (field, names) in enumerate(zip(alphabet.dimensions, alphabet.slices, strict=True)):
        first = first_slices(alphabet)[d]
        rows = slice(first, first + len(names) + 1)
        was, now = before[rows, table.kept], after.kept[rows, table.kept]
        # Each slice of a number has bins of its own: its share above its own former median, say, is what compares.
        x = np.array([values(table, bet, s) for s in range(rows.start, rows.stop)])
        seen, worth = ~np.isnan(x), np.nan_to_num(x)
        n_was, n_now = _sum(was, seen), _sum(now, seen)
        x_was, x_now = _sum(was, worth), _sum(now, worth)
        if not n_was.sum() or not n_now.sum():
            continue
        arrived = np.flatnonzero((n_now / n_now.sum() >= REPLACED) & (n_was / n_was.sum() <= 1 - REPLACED))
        for s in arrived.tolist():
            return Slice(field, slice_name(alphabet, first + s, after)[1], 1.0, of, _part(n_was, s), _part(n_now, s))
        splits[field] = explain(n_was, x_was, n_now, x_now), n_was, n_now, first
    found = smallest({field: split for field, (split, *_) in splits.items()})
    if found is None:
        return None
    _, n_was, n_now, first = splits[found.dimension]
    name = slice_name(alphabet, first + found.slice, after)[1]
    explains = round(min(found.explains, 1.0), 3)
    return Slice(found.dimension, name, explains, of, _part(n_was, found.slice), _part(n_now, found.slice))


def _sum(counts: Ints, of: np.ndarray) -> Floats:
    total: Floats = (counts * of).sum(axis=1).astype(np.float64)
    return total


def _part(counts: Floats, s: int) -> float:
    return round(float(counts[s] / counts.sum()), 4)

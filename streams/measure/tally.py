"""Rows of a block -> its flush: how many events lie in each cell of each slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.cells import CELLS
from schemas.signals import RATE_CELLS
from schemas.tallies import COLUMNS, FIRST_NUMBER, FIXED, LATE, Ints, pack
from streams.measure.rows import Rows

_RATES: Final = range(0, FIRST_NUMBER, RATE_CELLS)
_NUMBERS: Final = range(FIRST_NUMBER, FIXED, CELLS)
"""The first cell of each rate, and of each number."""

_SORT: Final = 10
"""Sorting an element costs ten times as much as clearing and reading a cell to count into."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The part of a flush that is counted; its fields are those of `schemas.tallies.Flush`."""

    names: tuple[str, ...]
    first_bucket: int
    groups: bytes
    cells: bytes
    counts: bytes
    beside: bytes


def tally(rows: Rows, texts: Sequence[str], slices: Sequence[int], categories: Sequence[int]) -> Tally:
    """Count rows.

    Every group (a service's release in one bucket, cut by one name of one dimension) gets a row of cells, and each
    event one cell of each signal, in one group of each dimension. The whole of a stream is the sum over any dimension,
    so it is not counted apart. All names are sorted by their text, and so are the groups: the same log gives the same
    bytes, whoever counts.

    Parameters
    ----------
    rows : of the services that this flush is about
    texts : what the rows' numbers stand for
    slices : rows of `rows.names` to cut by; none means one slice, the whole
    categories : rows of `rows.names` that are the categories, in the catalogue's order
    """
    positions, names = _sorted_names(rows, texts)
    n_names = len(names)
    served = rows.served
    on_time = rows.bucket[rows.bucket != LATE]
    first_bucket = int(on_time.min()) if len(on_time) else 0
    bucket = np.where(rows.bucket == LATE, LATE, rows.bucket - first_bucket + 1)
    buckets = int(bucket.max(initial=0)) + 1
    owner = positions[rows.service] * n_names + positions[rows.release]
    beside, kinds = _ranked(owner * 8 + rows.kind, n_names * n_names * 8)
    streams, stream = _ranked(owner[served] * buckets + bucket[served], n_names * n_names * buckets)

    failed = np.flatnonzero(rows.mode)
    used, cell, mode = _laid_out(rows, positions, n_names, categories)
    width = len(used)

    groups, cells, counts = [], [], []
    for dimension, row in enumerate(slices or (-1,)):
        name = positions[rows.names[row]] if slices else np.zeros(len(stream), np.int64)
        keys, group = _ranked(stream * n_names + name, len(streams) * n_names)
        base = group * width
        flat = np.empty(cell.size + len(failed), np.int64)
        np.add(cell, base, out=flat[: cell.size].reshape(cell.shape))
        np.add(mode, base[failed], out=flat[cell.size :])
        where, count = _occupied(flat, len(keys) * width)
        begins = np.arange(len(keys)) * width
        size = np.diff(np.searchsorted(where, begins), append=len(where))
        own, bucket_of = np.divmod(streams[keys // n_names], buckets)
        dim = np.full(len(keys), dimension)
        groups.append(np.stack([own // n_names, bucket_of, own % n_names, dim, keys % n_names, size], axis=1))
        cells.append(used[where - np.repeat(begins, size)])
        counts.append(count)

    beside_counts = np.bincount(kinds, minlength=len(beside))
    who, kind = np.divmod(beside, 8)
    halves = kind > 0
    return Tally(
        names=names,
        first_bucket=first_bucket,
        groups=pack(np.concatenate(groups)),
        cells=pack(np.concatenate(cells)),
        counts=pack(np.concatenate(counts)),
        beside=pack(np.stack([who // n_names, who % n_names, kind - 1, beside_counts], axis=1)[halves]),
    )


def _laid_out(rows: Rows, positions: Ints, n_names: int, categories: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Number the cells that are not empty: most are, and the fewer there are to count into, the faster it goes.

    Returns
    -------
    used : the cells, in order
    cell : (signals, m) index into `used`, of every served exchange
    mode : index into `used`, of those that failed
    """
    column = range(FIXED, FIXED + len(COLUMNS) * n_names, n_names)
    signals = [
        *zip(_RATES, rows.rates, strict=True),
        *zip(_NUMBERS, rows.numbers, strict=True),
        *((first, positions[rows.names[row]]) for first, row in zip(column, categories, strict=False)),
    ]
    modes = positions[rows.mode[rows.mode != 0]]
    occurs = np.zeros(FIXED + len(COLUMNS) * n_names, np.bool_)
    for first, values in (*signals, (column[-1], modes)):
        occurs[first:][values] = True
    place = np.cumsum(occurs) - 1
    cell = np.empty((len(signals), len(rows.mode)), np.int64)
    for row, (first, values) in enumerate(signals):
        place[first:].take(values, out=cell[row], mode="clip")  # none is clipped, but the default copies once more
    return np.flatnonzero(occurs), cell, place[column[-1] + modes]


def _sorted_names(rows: Rows, texts: Sequence[str]) -> tuple[Ints, tuple[str, ...]]:
    """Sort the texts that occur; the position of each by its number."""
    occurs = np.zeros(len(texts), np.bool_)
    occurs[0] = True
    for column in (rows.service, rows.release, rows.names, rows.mode):
        occurs[column] = True
    numbers = sorted(np.flatnonzero(occurs).tolist(), key=texts.__getitem__)
    positions = np.zeros(len(texts), np.int64)
    positions[numbers] = np.arange(len(numbers))
    return positions, tuple(texts[number] for number in numbers)


_TABLE: Final = 1 << 21


def _ranked(keys: Ints, space: int) -> tuple[Ints, Ints]:
    """Give the different keys in order, and each key's place among them; `space` is more than any key."""
    if space > _TABLE:
        different, place = np.unique(keys, return_inverse=True)
        return different, place.astype(np.int64)
    occurs = np.zeros(space, np.bool_)
    occurs[keys] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[keys]


def _occupied(flat: Ints, space: int) -> tuple[Ints, Ints]:
    """Count how often each cell occurs: the cells that do, in order, and how often."""
    if space < _SORT * len(flat):
        counts = np.bincount(flat, minlength=space)
        where = np.flatnonzero(counts != 0)  # five times as fast as of the counts themselves
        return where, counts[where]
    if space < 1 << 31:
        flat = flat.astype(np.int32)  # sorts twice as fast
    flat.sort()
    begins = np.flatnonzero(np.diff(flat, prepend=-1))
    return flat[begins].astype(np.int64), np.diff(begins, append=len(flat))

"""Rows of a block -> its flush: how many events lie in each cell of each slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from schemas.tallies import LATE, Ints, pack
from streams.measure.rows import Rows

_SORT: Final = 10
"""Sorting an element costs ten times as much as clearing and reading a cell to count into."""


@dataclass(frozen=True)
class Places:
    """Where rows are counted.

    Attributes
    ----------
    fixed : where named cells begin
    served, judged : (signals, 1) the first cell of each row of `rows.cells`, and of `rows.judged`
    sliced : those of `rows.cells` that are counted in every dimension; all else in the first only
    slices : rows of `rows.names` to cut by; none means one slice, the whole
    categories : rows of `rows.names` that are categories
    columns : (categories, 1) the named column of each
    mode : the named column of failure modes
    """

    fixed: int
    served: Ints
    judged: Ints
    sliced: Ints
    slices: tuple[int, ...]
    categories: tuple[int, ...]
    columns: Ints
    mode: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The part of a flush that is counted; its fields are those of `schemas.tallies.Flush`."""

    names: tuple[str, ...]
    first_bucket: int
    groups: bytes
    cells: bytes
    counts: bytes
    beside: bytes


def tally(rows: Rows, texts: Sequence[str], places: Places) -> Tally:
    """Count rows.

    Every group (a service's release in one bucket, cut by one name of one dimension) gets a row of cells, and each
    exchange one cell of each signal, in one group of the first dimension, and of each sliced signal in one of every
    other. Outcomes lie in the group without a name of the first. The whole of a stream is the sum over that dimension,
    so it is not counted apart. All names are sorted by their text, and so are the groups: the same log gives the same
    bytes, whoever counts.

    Parameters
    ----------
    rows : of the services that this flush is about
    texts : what the rows' numbers stand for
    """
    positions, names = _sorted_names(rows, texts)
    n_names, n_served = len(names), len(rows.mode)
    on_time = rows.bucket[rows.bucket != LATE]
    first_bucket = int(on_time.min()) if len(on_time) else 0
    bucket = np.where(rows.bucket == LATE, LATE, rows.bucket - first_bucket + 1)
    buckets = int(bucket.max(initial=0)) + 1
    owner = positions[rows.service] * n_names + positions[rows.release]
    beside, kinds = _ranked(owner * 8 + rows.kind, n_names * n_names * 8)
    counted = np.concatenate([np.flatnonzero(rows.served), np.flatnonzero(rows.outcome)])
    streams, stream = _ranked(owner[counted] * buckets + bucket[counted], n_names * n_names * buckets)

    groups, cells, counts = [], [], []
    used, parts = _squeezed(_all_cells(rows, positions, places, n_names))
    for dimension, row in enumerate(places.slices or (-1,)):
        if dimension == 1:
            used, parts = _squeezed([_sliced_cells(rows, places)])
        name = np.zeros(len(counted) if dimension == 0 else n_served, np.int64)
        if places.slices:
            name[:n_served] = positions[rows.names[row]]
        keys, group = _ranked(stream[: len(name)] * n_names + name, len(streams) * n_names)
        base = group * len(used)
        where, count = _occupied(
            np.concatenate([(part.cells + base[part.of]).ravel() for part in parts]), len(keys) * len(used)
        )
        begins = np.arange(len(keys)) * len(used)
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


class _Part(NamedTuple):
    """Cells, a row a signal, and the counted events that they are of."""

    cells: Ints
    of: Ints | slice


def _all_cells(rows: Rows, positions: Ints, places: Places, n_names: int) -> list[_Part]:
    """Say in which cells each event lies: those served, those of them that failed, outcomes."""
    served, failed = slice(len(rows.mode)), np.flatnonzero(rows.mode)
    names = positions[rows.names[list(places.categories)]]
    modes = positions[rows.mode[failed]]
    return [
        _Part(rows.cells + places.served, served),
        _Part(names + (places.fixed + places.columns * n_names), served),
        _Part(modes + (places.fixed + places.mode * n_names), failed),
        _Part(rows.judged + places.judged, slice(served.stop, None)),
    ]


def _sliced_cells(rows: Rows, places: Places) -> _Part:
    return _Part(rows.cells[places.sliced] + places.served[places.sliced], slice(len(rows.mode)))


def _squeezed(parts: Sequence[_Part]) -> tuple[Ints, list[_Part]]:
    """Number the cells that are not empty: most are, and the fewer there are to count into, the faster it goes.

    Returns
    -------
    used : the cells, in order
    parts : the same, of indexes into `used`
    """
    occurs = np.zeros(1 + max(int(part.cells.max(initial=0)) for part in parts), np.bool_)
    for part in parts:
        occurs[part.cells] = True
    place = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs), [_Part(place.take(part.cells), part.of) for part in parts]


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

"""Rows of a block -> its flush: how many events lie in each cell of each slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.tallies import LATE, Ints, pack
from streams.measure.rows import Rows

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


class Place(NamedTuple):
    """Where a signal is counted: its first cell, and how many it has."""

    first: int
    width: int


@dataclass(frozen=True)
class Places:
    """Where rows are counted.

    Attributes
    ----------
    fixed : where named cells begin
    served, judged : of each row of `rows.cells`, and of `rows.judged`
    sliced : those of `rows.cells` that are counted in every dimension; all else in the first only
    slices : rows of `rows.names` to cut by; none means one slice, the whole
    categories : (row of `rows.names`, named column) of each category
    mode : the named column of failure modes
    marks : that of each of `MARKS`
    """

    fixed: int
    served: tuple[Place, ...]
    judged: tuple[Place, ...]
    sliced: tuple[int, ...]
    slices: tuple[int, ...]
    categories: tuple[tuple[int, int], ...]
    mode: int
    marks: tuple[int, ...]


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
    others = np.flatnonzero(rows.kind)
    beside, beside_counts = _occupied(owner[others] * 8 + rows.kind[others], n_names * n_names * 8)
    counted = np.concatenate([np.flatnonzero(rows.served), np.flatnonzero(rows.outcome)])
    streams, stream = _ranked(owner[counted] * buckets + bucket[counted], n_names * n_names * buckets)

    everything, sliced = _signals(rows, positions, places, n_names, counted)
    groups, cells, counts = [], [], []
    for dimension, row in enumerate(places.slices or (-1,)):
        name = np.zeros(len(counted) if dimension == 0 else n_served, np.int64)
        if places.slices:
            name[:n_served] = positions[rows.names[row]]
        keys, group = _ranked(stream[: len(name)] * n_names + name, len(streams) * n_names)
        of, cell, count = _count(sliced if dimension else everything, group, len(keys))
        own, bucket_of = np.divmod(streams[keys // n_names], buckets)
        dim, size = np.full(len(keys), dimension), np.bincount(of, minlength=len(keys))
        groups.append(np.stack([own // n_names, bucket_of, own % n_names, dim, keys % n_names, size], axis=1))
        cells.append(cell)
        counts.append(count)

    who, kind = np.divmod(beside, 8)
    return Tally(
        names=names,
        first_bucket=first_bucket,
        groups=pack(np.concatenate(groups)),
        cells=pack(np.concatenate(cells)),
        counts=pack(np.concatenate(counts)),
        beside=pack(np.stack([who // n_names, who % n_names, kind - 1, beside_counts], axis=1)),
    )


class _Signal(NamedTuple):
    """A place, the counted events that have a cell there, and which of its cells that is."""

    place: Place
    of: Ints | slice
    cells: NDArray[np.integer]


def _signals(
    rows: Rows, positions: Ints, places: Places, n_names: int, counted: Ints
) -> tuple[list[_Signal], list[_Signal]]:
    """List all signals in the order of their cells, and those of them that are sliced.

    Parameters
    ----------
    counted : which of all events are counted, in the order in which `of` numbers them
    """
    served, outcomes, failed = slice(len(rows.mode)), slice(len(rows.mode), None), np.flatnonzero(rows.mode)
    found = [_Signal(place, served, cells) for place, cells in zip(places.served, rows.cells, strict=True)]
    sliced = [found[row] for row in places.sliced]
    if rows.judged.size:
        found += [_Signal(place, outcomes, cells) for place, cells in zip(places.judged, rows.judged, strict=True)]
    for row, column in places.categories:
        found.append(_Signal(Place(places.fixed + column * n_names, n_names), served, positions[rows.names[row]]))
    modes = Place(places.fixed + places.mode * n_names, n_names)
    found.append(_Signal(modes, failed, positions[rows.mode[failed]]))
    if rows.marks.size:
        place = np.empty(len(rows.bucket), np.int64)
        place[counted] = np.arange(len(counted))
        for i, column in enumerate(places.marks):
            mine = np.flatnonzero(rows.marks[0] == i)
            where = Place(places.fixed + column * n_names, n_names)
            found.append(_Signal(where, place[rows.marks[1, mine]], positions[rows.marks[2, mine]]))
    return sorted(found, key=_place), sorted(sliced, key=_place)


_place: Final = attrgetter("place")


def _count(signals: Sequence[_Signal], group: Ints, groups: int) -> tuple[Ints, Ints, Ints]:
    """Count the events of each group in each cell, signal by signal: a signal's counts fit in a processor's cache.

    Parameters
    ----------
    signals : in the order of their cells
    group : of each event, below `groups`

    Returns
    -------
    Of each cell that is not empty its group, the cell, and the count; in order of groups, and of cells within.
    """
    found = []
    for (first, width), of, cells in signals:
        where, count = _occupied(group[of] * width + cells, groups * width)
        owner = where // width  # and no `divmod`, which costs five times as much
        found.append((owner, where - owner * width + first, count))
    owner, cell, count = (np.concatenate(parts) for parts in zip(*found, strict=True))
    small = owner.astype(np.uint16) if groups <= 1 << 16 else owner  # which sorts by its digits, without comparing
    order = np.argsort(small, kind="stable")
    return owner[order], cell[order], count[order]


def _sorted_names(rows: Rows, texts: Sequence[str]) -> tuple[Ints, tuple[str, ...]]:
    """Sort the texts that occur; the position of each by its number."""
    occurs = np.zeros(len(texts), np.bool_)
    occurs[0] = True
    for column in (rows.service, rows.release, rows.names, rows.mode, rows.marks[2]):
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
        (where,) = (counts != 0).nonzero()  # five times as fast as of the counts themselves
        return where, counts[where]
    if space < 1 << 31:
        flat = flat.astype(np.int32)  # sorts twice as fast
    flat.sort()
    new = np.empty(len(flat), np.bool_)
    new[:1] = True
    np.not_equal(flat[1:], flat[:-1], out=new[1:])  # a third of what `np.diff` takes, which puts things before them
    (begins,) = new.nonzero()
    counts = np.empty(len(begins), np.int64)
    np.subtract(begins[1:], begins[:-1], out=counts[:-1])
    counts[-1:] = len(flat) - begins[-1:]
    return flat[begins].astype(np.int64), counts

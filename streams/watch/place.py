"""A service's part of a flush -> its counts, each at its place in a frozen alphabet."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.signals import CATEGORIES, RATE_CELLS
from schemas.tallies import COLUMNS, FIXED, OTHER, UNSEEN
from streams.watch.alphabet import Index, index
from streams.watch.state import Alphabet, Ints, Part

_OF_MODE: Final = len(COLUMNS) - 1

Modes = dict[tuple[int, str], int]
Others = dict[tuple[int, str, str], int]


@dataclass(frozen=True, slots=True)
class Placed:
    """A part's counts at their places.

    Attributes
    ----------
    start, release, slice : (g,) of each group: of its bucket, in the part's names, of the alphabet (-1 for a dimension
        that the alphabet does not know)
    whole : (g,) the groups of one dimension, which make up the whole stream
    row, cell, count : (n,) group, cell of the alphabet and number of events
    modes : (group, mode) -> events
    others : (group, place, name) -> events, of names that the alphabet does not tell apart; a place is a dimension, or
        `other` or `unseen` of a category
    overflowed : fields of which names went beyond a cap of MEASURE's
    """

    start: Ints
    release: Ints
    slice: Ints
    whole: NDArray[np.bool_]
    row: Ints
    cell: Ints
    count: Ints
    modes: Modes
    others: Others
    overflowed: tuple[str, ...]


def beyond(field: str, known: bool) -> str:
    """Name the place of a category's names that have no cell of their own.

    Examples
    --------
    >>> beyond("intent", known=False)
    'intent=__unseen__'
    """
    return f"{field}={OTHER if known else UNSEEN}"


def place(alphabet: Alphabet, part: Part) -> Placed:
    """Put a part's counts at their places in an alphabet.

    Parameters
    ----------
    alphabet : frozen with a baseline
    part : of one service
    """
    spots, names = index(alphabet), part.names
    start, release, dimension, _, sizes = part.groups.T
    whole = dimension == 0
    row, cell, count = np.repeat(np.arange(len(sizes)), sizes), part.cells.copy(), part.counts
    rated = np.flatnonzero(cell < RATE_CELLS)
    events = np.bincount(row[rated], count[rated], minlength=len(sizes)).astype(np.int64)
    slices = _slices(spots, part)
    others = _other_slices(spots, part, slices, events)

    named = np.flatnonzero(cell >= FIXED)
    column, who = np.divmod(cell[named] - FIXED, max(len(names), 1))
    overflowed = _overflowed(part, column, who)
    is_mode = column == _OF_MODE
    modes: Modes = {}
    if is_mode.any():
        once = is_mode & whole[row[named]]
        at = named[once]
        for group, w, n in zip(row[at].tolist(), who[once].tolist(), count[at].tolist(), strict=True):
            modes[group, names[w]] = n
        kept = np.ones(len(cell), np.bool_)
        kept[named[is_mode]] = False
        row, cell, count = row[kept], cell[kept], count[kept]
        named, column, who = np.flatnonzero(cell >= FIXED), column[~is_mode], who[~is_mode]
    cell[named] = _cells(spots, names, column, who)
    mine = whole[row[named]]
    at = named[mine]
    for i, spot, name_ in _other_cells(spots, names, column[mine], who[mine], cell[at]):
        others[int(row[at[i]]), spot, name_] = int(count[at[i]])
    return Placed(
        start=start, release=release, slice=slices, whole=whole, row=row, cell=cell, count=count, modes=modes,
        others=others, overflowed=overflowed,
    )  # fmt: skip


def events_of(part: Part) -> int:
    """Count the exchanges of a part: the events of one rate, which every exchange has, in one dimension."""
    whole = np.repeat(part.groups[:, 2] == 0, part.groups[:, 4])
    return int(part.counts[whole & (part.cells < RATE_CELLS)].sum())


def names_of(part: Part) -> dict[str, dict[str, int]]:
    """Count the events of every name of every field: field -> name -> events."""
    found: dict[str, dict[str, int]] = {}
    dimension, name, sizes = part.groups[:, 2], part.groups[:, 3], part.groups[:, 4]
    row = np.repeat(np.arange(len(sizes)), sizes)
    rate = part.cells < RATE_CELLS
    for d, field in enumerate(part.dimensions):
        there = rate & (dimension == d)[row]
        _add(found.setdefault(field, {}), part, there, name[row])
    column, named = np.divmod(part.cells - FIXED, max(len(part.names), 1))
    for c, signal in enumerate(CATEGORIES):
        if signal.field not in part.dimensions:
            there = (part.cells >= FIXED) & (dimension == 0)[row] & (column == c)
            _add(found.setdefault(signal.field, {}), part, there, named)
    return found


def _add(into: dict[str, int], part: Part, there: NDArray[np.bool_], name: Ints) -> None:
    totals = np.bincount(name[there], part.counts[there], minlength=len(part.names)).astype(np.int64)
    for i in np.flatnonzero(totals).tolist():
        into[part.names[i]] = int(totals[i])


def _slices(index: Index, part: Part) -> Ints:
    """Give the slice of each group."""
    known = [index.slices.get(field) for field in part.dimensions]
    found = np.full(len(part.groups), -1)
    for g, (d, name) in enumerate(part.groups[:, 2:4].tolist()):
        if known and (there := known[d]) is not None:
            own, other = there
            found[g] = own.get(part.names[name], other)
    return found


def _cells(index: Index, names: tuple[str, ...], column: Ints, who: Ints) -> Ints:
    """Give the cell of each name of a category; each that occurs is looked up once."""
    table = np.zeros((len(CATEGORIES), max(len(names), 1)), np.int64)
    table[column, who] = 1
    for c, i in np.argwhere(table).tolist():
        known, unseen = index.cells[c]
        table[c, i] = known.get(names[i], unseen)
    return table[column, who]


def _other_slices(index: Index, part: Part, slices: Ints, events: Ints) -> Others:
    """Count the names of `__other__` slices."""
    strange = {other for _, other in index.slices.values()}
    return {
        (g, part.dimensions[part.groups[g, 2]], part.names[part.groups[g, 3]]): int(events[g])
        for g, s in enumerate(slices.tolist())
        if s in strange and events[g]
    }


def _other_cells(
    index: Index, names: tuple[str, ...], column: Ints, who: Ints, places: Ints
) -> list[tuple[int, str, str]]:
    """Find the names of `__other__` and `__unseen__` cells: which of the cells, its place, its name."""
    unseen = np.array([cell for _, cell in index.cells])[column]
    return [
        (i, beyond(CATEGORIES[column[i]].field, known=bool(places[i] < unseen[i])), names[who[i]])
        for i in np.flatnonzero((places == unseen) | (places == unseen - 1)).tolist()
    ]


def _overflowed(part: Part, column: Ints, who: Ints) -> tuple[str, ...]:
    """Name the fields in which MEASURE met more names than its cap."""
    other = bisect_left(part.names, OTHER)  # they are sorted
    if part.names[other : other + 1] != (OTHER,):
        return ()
    fields = {part.dimensions[d] for d in part.groups[part.groups[:, 3] == other, 2].tolist() if part.dimensions}
    fields |= {CATEGORIES[c].field for c in column[who == other].tolist() if c != _OF_MODE}
    return tuple(sorted(fields))

"""A service's part of a flush -> its counts, each at its place in a frozen alphabet."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.signals import CATEGORIES, FAILURE_MODE, MARKS, RATE_CELLS
from schemas.tallies import OTHER, UNSEEN
from streams.watch.alphabet import Index, categories_of, index, knows, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Alphabet
from streams.watch.measured import layout_of, names_key
from streams.watch.segments import summed
from streams.watch.state import Part

_OF_MODE: Final = [signal.name for signal in CATEGORIES].index(FAILURE_MODE)
_OF_MARKS: Final = range(len(CATEGORIES), len(CATEGORIES) + len(MARKS))
"""The named columns of marks: behind the catalogue's categories, before a user's own."""

Modes = dict[tuple[int, str], int]
Marks = dict[tuple[int, str, str], int]
Others = dict[tuple[int, str, str], int]


@dataclass(frozen=True, slots=True)
class Placed:
    """A part's counts at their places.

    Attributes
    ----------
    start, release, slice : (g,) of each group: of its bucket, in the part's names, of the alphabet (-1 for a dimension
        that the alphabet does not know)
    whole : (g,) the groups of one dimension, which make up the whole stream
    row, cell, count : (n,) group, counter of the whole stream in the alphabet's row, and number of events
    modes : (group, mode) -> events
    marks : (group, column, name) -> events
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
    marks: Marks
    others: Others
    overflowed: tuple[str, ...]

    def flat(self, step: int) -> tuple[Ints, Ints, Ints]:
        """Say what each count adds to: group, counter and count, first of the whole stream, then of its slices.

        Parameters
        ----------
        step : counters of a slice, of the alphabet's row
        """
        whole = self.whole[self.row]
        slices = self.slice[self.row]
        cut = (slices >= 0) & (self.cell < step)
        return (
            np.concatenate([self.row[whole], self.row[cut]]),
            np.concatenate([self.cell[whole], self.cell[cut] + slices[cut] * step]),
            np.concatenate([self.count[whole], self.count[cut]]),
        )


def beyond(key: str, known: bool) -> str:
    """Name the place of a category's names that have no cell of their own.

    Examples
    --------
    >>> beyond("intent", known=False)
    'intent=__unseen__'
    """
    return f"{key}={OTHER if known else UNSEEN}"


def place(alphabet: Alphabet, part: Part) -> Placed:
    """Put a part's counts at their places in an alphabet.

    Parameters
    ----------
    alphabet : frozen with a baseline
    part : of one service
    """
    spots, names, fixed = index(alphabet), part.names, layout_of(part.own).fixed
    there = knows(alphabet, part.own)
    start, release, dimension, _, sizes = part.groups.T
    whole = dimension == 0
    row = np.repeat(np.arange(len(sizes)), sizes)
    slices = _slices(spots, part)
    others = _other_slices(spots, part, slices, exchanges(part))

    named = np.flatnonzero(part.cells >= fixed)
    column, who = np.divmod(part.cells[named] - fixed, max(len(names), 1))
    is_mode = (column == _OF_MODE) & whole[row[named]]
    at = named[is_mode]
    failed = zip(row[at].tolist(), who[is_mode].tolist(), part.counts[at].tolist(), strict=True)
    modes: Modes = {(group, names[w]): n for group, w, n in failed}
    marked = (column >= _OF_MARKS.start) & (column < _OF_MARKS.stop) & whole[row[named]]
    at = named[marked]
    which = zip(row[at].tolist(), column[marked].tolist(), who[marked].tolist(), part.counts[at].tolist(), strict=True)
    marks: Marks = {(group, MARKS[c - _OF_MARKS.start], names[w]): n for group, c, w, n in which}

    cell = np.full(len(part.cells), -1)
    plain = part.cells < fixed
    cell[plain] = there.cells[part.cells[plain]]
    category = there.columns[column]
    known = category >= 0
    at, category, name = named[known], category[known], who[known]
    cell[at] = _cells(spots, names, category, name)
    mine = whole[row[at]]
    at = at[mine]
    keys = [names_key(signal) for signal in categories_of(alphabet)]
    for i, spot, strange in _other_cells(spots, keys, names, category[mine], name[mine], cell[at]):
        others[int(row[at[i]]), spot, strange] = int(part.counts[at[i]])
    kept = cell >= 0
    return Placed(
        start=start, release=release, slice=slices, whole=whole, row=row[kept], cell=cell[kept],
        count=part.counts[kept], modes=modes, marks=marks, others=others, overflowed=_overflowed(part, column, who),
    )  # fmt: skip


def spread(alphabet: Alphabet, placed: Placed) -> Ints:
    """Lay placed counts out in the alphabet's row."""
    where = tally_row(alphabet)
    _, flat, counts = placed.flat(where.step)
    return summed(flat, counts, where.size)


def exchanges(part: Part) -> Ints:
    """Count the exchanges of each group of a part: the events of one rate, which every exchange has."""
    row = np.repeat(np.arange(len(part.groups)), part.groups[:, 4])
    rated = part.cells < RATE_CELLS
    return summed(row[rated], part.counts[rated], len(part.groups))


def events_of(part: Part) -> int:
    """Count the exchanges of a part, in one dimension."""
    return int(exchanges(part)[part.groups[:, 2] == 0].sum())


def names_of(part: Part) -> dict[str, dict[str, int]]:
    """Count the events of every name of every dimension and category: see `streams.watch.alphabet.Names`."""
    found: dict[str, dict[str, int]] = {}
    dimension, name, sizes = part.groups[:, 2], part.groups[:, 3], part.groups[:, 4]
    row = np.repeat(np.arange(len(sizes)), sizes)
    rate = part.cells < RATE_CELLS
    for d, field in enumerate(part.dimensions):
        there = rate & (dimension == d)[row]
        _add(found.setdefault(field, {}), part, there, name[row])
    measured = layout_of(part.own)
    column, named = np.divmod(part.cells - measured.fixed, max(len(part.names), 1))
    for c, signal in enumerate(measured.named):
        if not isinstance(signal, str) and (key := names_key(signal)) not in part.dimensions:
            there = (part.cells >= measured.fixed) & (dimension == 0)[row] & (column == c)
            _add(found.setdefault(key, {}), part, there, named)
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


def _cells(index: Index, names: tuple[str, ...], category: Ints, who: Ints) -> Ints:
    """Give the cell of each name of a category; each that occurs is looked up once."""
    table = np.zeros((len(index.cells), max(len(names), 1)), np.int64)
    table[category, who] = 1
    for c, i in np.argwhere(table).tolist():
        known, unseen = index.cells[c]
        table[c, i] = known.get(names[i], unseen)
    return table[category, who]


def _other_slices(index: Index, part: Part, slices: Ints, events: Ints) -> Others:
    """Count the names of `__other__` slices."""
    strange = {other for _, other in index.slices.values()}
    return {
        (g, part.dimensions[part.groups[g, 2]], part.names[part.groups[g, 3]]): int(events[g])
        for g, s in enumerate(slices.tolist())
        if s in strange and events[g]
    }


def _other_cells(
    index: Index, keys: list[str], names: tuple[str, ...], category: Ints, who: Ints, places: Ints
) -> list[tuple[int, str, str]]:
    """Find the names of `__other__` and `__unseen__` cells: which of the cells, its place, its name."""
    unseen = np.array([cell for _, cell in index.cells])[category]
    return [
        (i, beyond(keys[category[i]], known=bool(places[i] < unseen[i])), names[who[i]])
        for i in np.flatnonzero((places == unseen) | (places == unseen - 1)).tolist()
    ]


def _overflowed(part: Part, column: Ints, who: Ints) -> tuple[str, ...]:
    """Name the fields in which MEASURE met more names than its cap."""
    other = bisect_left(part.names, OTHER)  # they are sorted
    if part.names[other : other + 1] != (OTHER,):
        return ()
    fields = {part.dimensions[d] for d in part.groups[part.groups[:, 3] == other, 2].tolist() if part.dimensions}
    measured = layout_of(part.own).named
    fields |= {
        names_key(signal) for c in set(column[who == other].tolist()) if not isinstance(signal := measured[c], str)
    }
    return tuple(sorted(fields))

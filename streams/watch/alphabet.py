"""Names -> places in a frozen alphabet; a part of a flush -> counts at those places."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from schemas.signals import CATEGORIES, RATE_CELLS
from schemas.tallies import COLUMNS, FIXED, OTHER, Ints
from streams.watch.state import Alphabet, Part

KNOWN = 1024
"""Names of a category that are remembered, to tell one beyond the most frequent from one never seen."""

_OF_MODE = len(COLUMNS) - 1


def choose(names: Mapping[str, Mapping[str, int]], dimensions: tuple[str, ...], slices: int, own: int) -> Alphabet:
    """Freeze an alphabet from the names of the first half of what is learned.

    Parameters
    ----------
    names : field -> name -> events
    dimensions : fields that streams are cut by
    slices, own : how many names of a dimension, and of a category, get a slice or cells of their own
    """

    def frequent(field: str, most: int) -> tuple[str, ...]:
        ranked = sorted(names.get(field, {}).items(), key=lambda item: (-item[1], item[0]))
        return tuple(name for name, _ in ranked if name != OTHER)[:most]

    return Alphabet(
        dimensions,
        tuple(frequent(field, slices) for field in dimensions),
        tuple(tuple(name for name in frequent(s.field, KNOWN) if name) for s in CATEGORIES),
        own,
    )


def slice_count(alphabet: Alphabet) -> int:
    """Count the slices: the whole, and of each dimension its names and `__other__`."""
    return 1 + sum(len(names) + 1 for names in alphabet.slices)


def first_slices(alphabet: Alphabet) -> list[int]:
    """Say where the slices of each dimension begin; the whole is 0."""
    begins, at = [], 1
    for names in alphabet.slices:
        begins.append(at)
        at += len(names) + 1
    return begins


def own_names(alphabet: Alphabet, category: int) -> tuple[str, ...]:
    """List the names of a category that have cells of their own."""
    return alphabet.categories[category][: alphabet.own]


def category_segments(alphabet: Alphabet) -> list[slice]:
    """Say which cells belong to each category: its own names, `__other__`, `__unseen__`, missing."""
    segments, at = [], FIXED
    for category in range(len(CATEGORIES)):
        width = len(own_names(alphabet, category)) + 3
        segments.append(slice(at, at + width))
        at += width
    return segments


def width(alphabet: Alphabet) -> int:
    """Count the cells of a slice."""
    return int(category_segments(alphabet)[-1].stop)


@dataclass(frozen=True, slots=True)
class Placed:
    """A part's counts at their places.

    Attributes
    ----------
    bucket, release, slice, cell, count : (n,) each; `release` indexes the part's names. The whole stream (slice 0) is
        there beside the slices that make it up
    modes : (bucket, release, name of the mode) -> events
    others : (bucket, release, field, name) -> events, of names that the alphabet does not tell apart
    overflowed : whether names went beyond a cap of MEASURE's, so that no bet may win on these counts
    """

    bucket: Ints
    release: Ints
    slice: Ints
    cell: Ints
    count: Ints
    modes: dict[tuple[int, int, str], int]
    others: dict[tuple[int, int, str, str], int]
    overflowed: bool


def place(alphabet: Alphabet, part: Part) -> Placed:
    """Put a part's counts at their places in an alphabet.

    Parameters
    ----------
    alphabet : frozen with a baseline
    part : of one service
    """
    names, n = part.names, max(len(part.names), 1)
    bucket, release, dimension, name, cell = part.keys.T
    count = part.counts
    whole = dimension == 0
    column, named = np.divmod(cell - FIXED, n)
    is_mode = (cell >= FIXED) & (column == _OF_MODE)

    modes: dict[tuple[int, int, str], int] = {}
    for i in np.flatnonzero(is_mode & whole).tolist():
        key = (int(bucket[i]), int(release[i]), names[int(named[i])])
        modes[key] = modes.get(key, 0) + int(count[i])

    where = _slice_places(alphabet, names)[dimension, name]
    cells = cell.copy()
    categories = (cell >= FIXED) & ~is_mode
    cells[categories] = _cell_places(alphabet, names)[column[categories], named[categories]]
    both = np.flatnonzero(~is_mode & whole)
    # The whole is the sum over the first dimension; without dimensions there is nothing beside it.
    cut = np.flatnonzero(~is_mode) if alphabet.dimensions else both[:0]
    rows = np.concatenate([both, cut])
    return Placed(
        bucket=bucket[rows],
        release=release[rows],
        slice=np.concatenate([np.zeros(len(both), np.int64), where[cut]]),
        cell=cells[rows],
        count=count[rows],
        modes=modes,
        others=_others(alphabet, part, ~is_mode & whole),
        overflowed=_overflowed(part, named),
    )


def _overflowed(part: Part, named: Ints) -> bool:
    """Ask whether this part's own names overflowed; its flush may hold another service's `__other__`."""
    if OTHER not in part.names:
        return False
    other = part.names.index(OTHER)
    used = (part.keys[:, 1] == other) | (part.keys[:, 3] == other) | ((part.keys[:, 4] >= FIXED) & (named == other))
    return bool(used.any())


def events_of(part: Part) -> int:
    """Count the exchanges of a part: the events of one rate, which every exchange has, in one dimension."""
    return int(part.counts[(part.keys[:, 2] == 0) & (part.keys[:, 4] < RATE_CELLS)].sum())


def names_of(part: Part, dimensions: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Count the events of every name of every field: field -> name -> events."""
    found: dict[str, dict[str, int]] = {}
    rate = part.keys[:, 4] < RATE_CELLS
    for d, field in enumerate(dimensions):
        _add(found.setdefault(field, {}), part, rate & (part.keys[:, 2] == d), part.keys[:, 3])
    column, named = np.divmod(part.keys[:, 4] - FIXED, max(len(part.names), 1))
    for c, signal in enumerate(CATEGORIES):
        if signal.field not in dimensions:
            there = (part.keys[:, 4] >= FIXED) & (part.keys[:, 2] == 0) & (column == c)
            _add(found.setdefault(signal.field, {}), part, there, named)
    return found


def _add(into: dict[str, int], part: Part, there: np.ndarray, name: Ints) -> None:
    if there.any():
        totals = np.bincount(name[there], part.counts[there], minlength=len(part.names)).astype(np.int64)
        for i in np.flatnonzero(totals).tolist():
            into[part.names[i]] = into.get(part.names[i], 0) + int(totals[i])


def _slice_places(alphabet: Alphabet, names: tuple[str, ...]) -> Ints:
    table = np.zeros((max(len(alphabet.slices), 1), len(names)), np.int64)
    for d, (own, first) in enumerate(zip(alphabet.slices, first_slices(alphabet), strict=True)):
        of = {name: first + i for i, name in enumerate(own)}
        table[d] = [of.get(name, first + len(own)) for name in names]
    return table


def _cell_places(alphabet: Alphabet, names: tuple[str, ...]) -> Ints:
    table = np.zeros((len(CATEGORIES), len(names)), np.int64)
    for c, segment in enumerate(category_segments(alphabet)):
        own = own_names(alphabet, c)
        other, unseen, missing = (segment.start + len(own) + i for i in range(3))
        of = dict.fromkeys(alphabet.categories[c], other)
        of |= {name: segment.start + i for i, name in enumerate(own)}
        of |= {OTHER: other, "": missing}
        table[c] = [of.get(name, unseen) for name in names]
    return table


def _others(alphabet: Alphabet, part: Part, whole: np.ndarray) -> dict[tuple[int, int, str, str], int]:
    """Count names without a slice or cell of their own, so that a finding can say who `__other__` is."""
    found: dict[tuple[int, int, str, str], int] = {}
    rate = part.keys[:, 4] < RATE_CELLS
    fields = [
        (d, field, frozenset(own))
        for d, (field, own) in enumerate(zip(alphabet.dimensions, alphabet.slices, strict=True))
    ]
    for d, field, own in fields:
        strange = np.array([name not in own for name in part.names])
        there = rate & (part.keys[:, 2] == d) & strange[part.keys[:, 3]]
        for (bucket, release, _, name, _), n in zip(
            part.keys[there].tolist(), part.counts[there].tolist(), strict=True
        ):
            key = (bucket, release, field, part.names[name])
            found[key] = found.get(key, 0) + n
    column, named = np.divmod(part.keys[:, 4] - FIXED, max(len(part.names), 1))
    for c, signal in enumerate(CATEGORIES):
        if signal.field in alphabet.dimensions:
            continue
        own = frozenset((*own_names(alphabet, c), ""))
        strange = np.array([name not in own for name in part.names])
        there = whole & (part.keys[:, 4] >= FIXED) & (column == c)
        there[there] = strange[named[there]]
        for i in np.flatnonzero(there).tolist():
            key = (int(part.keys[i, 0]), int(part.keys[i, 1]), signal.field, part.names[int(named[i])])
            found[key] = found.get(key, 0) + int(part.counts[i])
    return found

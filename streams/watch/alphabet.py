"""Names, as often as they were seen -> an alphabet of signals, slices and cells that stays as it is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from schemas.cells import CELLS
from schemas.signals import CALIBRATION_CELLS, CATALOGUE, RATE_CELLS, Signal
from schemas.tallies import OTHER
from streams.watch.arrays import Ints
from streams.watch.baseline import Alphabet
from streams.watch.measured import Own, layout_of, names_key
from streams.watch.once import once
from streams.watch.segments import Row, lay

BEYOND: Final = 3
"""Cells of a category beside those of its own names: `__other__`, `__unseen__`, missing."""

Names = Mapping[str, Mapping[str, int]]
"""What a name is of, as in `streams.watch.measured.names_key`, or the field of a dimension -> name -> events."""


def choose(
    names: Names, dimensions: tuple[str, ...], slices: int, told: int, known: int = 1024, own: tuple[Signal, ...] = ()
) -> Alphabet:
    """Freeze an alphabet from the names of the first half of what is learned.

    Parameters
    ----------
    dimensions : fields that streams are cut by
    slices, told : how many names of a dimension, and of a category, get a slice or cells of their own
    known : names of a category that are remembered, to tell one beyond the most frequent from one never seen
    own : the user's own signals

    Examples
    --------
    >>> choose({"workflow": {"chat": 3, "search": 5, "sum": 1}}, ("workflow",), slices=2, told=16).slices
    (('search', 'chat'),)
    """
    empty = Alphabet(dimensions, tuple(_frequent(names, field, slices) for field in dimensions), (), told, own)
    return replace(empty, categories=tuple(_names(names, one, known) for one in categories_of(empty)))


def renewed(
    alphabet: Alphabet, names: Names, signals: Collection[str], own: tuple[Signal, ...], known: int = 1024
) -> Alphabet:
    """Freeze an alphabet anew for some signals, from the names that were seen since; all else stays where it is.

    Parameters
    ----------
    signals : those that are learned anew; of others the names stay
    own : the user's own signals, as they are declared now
    """
    held = dict(zip((one.name for one in categories_of(alphabet)), alphabet.categories, strict=True))
    new = replace(alphabet, own=own, categories=())
    return replace(
        new,
        categories=tuple(
            held[one.name] if one.name in held and one.name not in signals else _names(names, one, known)
            for one in categories_of(new)
        ),
    )


def _frequent(names: Names, key: str, most: int) -> tuple[str, ...]:
    ranked = sorted(names.get(key, {}).items(), key=lambda item: (-item[1], item[0]))
    return tuple(name for name, _ in ranked if name != OTHER)[:most]


def _names(names: Names, signal: Signal, known: int) -> tuple[str, ...]:
    return tuple(name for name in _frequent(names, names_key(signal), known) if name)


def counts_as(signal: Signal) -> tuple[object, ...]:
    """Say all of a user's own signal that decides what is counted; the rest is only what is thought of it."""
    return signal.kind, signal.source, signal.field, signal.per_unit, signal.sliced


def signals_of(alphabet: Alphabet) -> tuple[Signal, ...]:
    """List the signals that have cells: the catalogue's, then a user's own."""
    return (*CATALOGUE, *alphabet.own)


def categories_of(alphabet: Alphabet) -> tuple[Signal, ...]:
    """List the signals whose names are in the alphabet, in its order."""
    return tuple(signal for signal in signals_of(alphabet) if signal.kind == "category")


def numbers_of(alphabet: Alphabet) -> tuple[Signal, ...]:
    """List the numbers, of which figures for people are kept."""
    return tuple(signal for signal in signals_of(alphabet) if signal.kind == "number")


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


def dimension_of(alphabet: Alphabet) -> list[str | None]:
    """Name the dimension of each slice; the whole has none."""
    found: list[str | None] = [None]
    for field, names in zip(alphabet.dimensions, alphabet.slices, strict=True):
        found += [field] * (len(names) + 1)
    return found


def own_names(alphabet: Alphabet, category: int) -> tuple[str, ...]:
    """List the names of a category that have cells of their own."""
    return alphabet.categories[category][: alphabet.names_told]


@once
def tally_row(alphabet: Alphabet) -> Row:
    """Lay out a tally: the cells of every signal, in the slices that it is cut by, in the order of the signals.

    The first cells of it are those of the catalogue's first rate, of the whole stream: every exchange has one of them.
    """
    widths = {"rate": RATE_CELLS, "number": CELLS, "calibration": CALIBRATION_CELLS}
    categories = [signal.name for signal in categories_of(alphabet)]
    return lay(
        [
            (
                signal,
                len(own_names(alphabet, categories.index(signal.name))) + BEYOND
                if signal.kind == "category"
                else widths[signal.kind],
            )
            for signal in signals_of(alphabet)
        ],
        slice_count(alphabet),
    )


@dataclass(frozen=True, slots=True)
class Index:
    """Where an alphabet puts names.

    Attributes
    ----------
    slices : dimension -> slice of each of its names, and `__other__`'s
    cells : of each category the cell of each known name, and `__unseen__`'s; `__other__`'s lies before it
    """

    slices: dict[str, tuple[dict[str, int], int]]
    cells: tuple[tuple[dict[str, int], int], ...]


@once
def index(alphabet: Alphabet) -> Index:
    """Make the index of an alphabet."""
    slices = {
        field: ({name: first + i for i, name in enumerate(names)}, first + len(names))
        for field, names, first in zip(alphabet.dimensions, alphabet.slices, first_slices(alphabet), strict=True)
    }
    cells = []
    for c, segment in enumerate([one for one in tally_row(alphabet).segments if one.signal.kind == "category"]):
        begin, end = segment.begin, segment.begin + segment.width
        other, unseen, missing = range(end - BEYOND, end)
        of = dict.fromkeys(alphabet.categories[c], other)
        of |= {name: begin + i for i, name in enumerate(own_names(alphabet, c))}
        cells.append((of | {OTHER: other, "": missing}, unseen))
    return Index(slices, tuple(cells))


@dataclass(frozen=True, slots=True)
class Known:
    """What an alphabet knows of a flush's cells.

    Attributes
    ----------
    cells : (fixed,) place of each cell without names in the whole stream, -1 of signals that it does not have
    columns : (columns,) which of its categories each named column is, -1 for none
    """

    cells: Ints
    columns: Ints


@once
def knows(alphabet: Alphabet, own: Own) -> Known:
    """Look up the signals of a flush, by kind and name: a user may have changed his own since."""
    held = {(one.signal.kind, one.signal.name): one for one in tally_row(alphabet).segments}
    categories = [signal.name for signal in categories_of(alphabet)]
    measured = layout_of(own)
    cells = np.full(measured.fixed, -1)
    for signal, begin in zip(measured.signals, measured.begins, strict=True):
        if (segment := held.get((signal.kind, signal.name))) is not None:
            cells[begin : begin + segment.width] = segment.begin + np.arange(segment.width)
    columns = [categories.index(name) if name in categories else -1 for name in measured.columns]
    return Known(cells, np.array(columns))

"""Names, as often as they were seen -> an alphabet of slices and cells that stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.cells import CELLS
from schemas.signals import CATEGORIES, NUMBERS, RATE_CELLS, RATES, Signal
from schemas.tallies import FIRST_NUMBER, FIXED, OTHER
from streams.watch.once import once
from streams.watch.state import Alphabet


def choose(
    names: Mapping[str, Mapping[str, int]], dimensions: tuple[str, ...], slices: int, own: int, known: int = 1024
) -> Alphabet:
    """Freeze an alphabet from the names of the first half of what is learned.

    Parameters
    ----------
    names : field -> name -> events
    dimensions : fields that streams are cut by
    known : names of a category that are remembered, to tell one beyond the most frequent from one never seen
    slices, own : how many names of a dimension, and of a category, get a slice or cells of their own

    Examples
    --------
    >>> choose({"workflow": {"chat": 3, "search": 5, "sum": 1}}, ("workflow",), slices=2, own=16).slices
    (('search', 'chat'),)
    """

    def frequent(field: str, most: int) -> tuple[str, ...]:
        ranked = sorted(names.get(field, {}).items(), key=lambda item: (-item[1], item[0]))
        return tuple(name for name, _ in ranked if name != OTHER)[:most]

    return Alphabet(
        dimensions,
        tuple(frequent(field, slices) for field in dimensions),
        tuple(tuple(name for name in frequent(s.field, known) if name) for s in CATEGORIES),
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


def dimension_of(alphabet: Alphabet) -> list[str | None]:
    """Name the dimension of each slice; the whole has none."""
    found: list[str | None] = [None]
    for field, names in zip(alphabet.dimensions, alphabet.slices, strict=True):
        found += [field] * (len(names) + 1)
    return found


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


def segments(alphabet: Alphabet) -> list[tuple[Signal, slice]]:
    """Say which cells of a slice belong to each signal of the catalogue."""
    rates = [(signal, slice(i * RATE_CELLS, (i + 1) * RATE_CELLS)) for i, signal in enumerate(RATES)]
    starts = [FIRST_NUMBER + i * CELLS for i in range(len(NUMBERS))]
    numbers = [(signal, slice(at, at + CELLS)) for signal, at in zip(NUMBERS, starts, strict=True)]
    assert numbers[-1][1].stop == FIXED
    return [*rates, *numbers, *zip(CATEGORIES, category_segments(alphabet), strict=True)]


def width(alphabet: Alphabet) -> int:
    """Count the cells of a slice."""
    stop: int = category_segments(alphabet)[-1].stop
    return stop


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
    for c, segment in enumerate(category_segments(alphabet)):
        other, unseen, missing = range(segment.stop - 3, segment.stop)
        of = dict.fromkeys(alphabet.categories[c], other)
        of |= {name: segment.start + i for i, name in enumerate(own_names(alphabet, c))}
        cells.append((of | {OTHER: other, "": missing}, unseen))
    return Index(slices, tuple(cells))

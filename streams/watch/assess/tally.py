"""Counts of a release in one span of its events' time, added up -> those of a longer one."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import numpy as np
from msgspec import Struct

from schemas.tallies import OTHER
from streams.watch.arrays import Ints
from streams.watch.total import NOTHING, Total, add

NAMES: Final = 128
"""Names that are told apart in a column; the others are `__other__`. All failure modes have room."""


class Tally(Struct, frozen=True, eq=False):
    """What was counted of a release in some span.

    Attributes
    ----------
    whole : of all its exchanges and outcomes, by cells without names, in the layout of the user's own signals
    named : column -> name -> how often: categories and marks
    slices : field -> slice -> the same as `whole`, of the signals that are sliced
    """

    whole: Total = NOTHING
    named: dict[str, dict[str, int]] = {}
    slices: dict[str, dict[str, Total]] = {}

    def only(self, fields: Collection[str]) -> "Tally":
        """Leave out the slices of all other fields."""
        kept = {field: cut for field, cut in self.slices.items() if field in fields}
        return self if len(kept) == len(self.slices) else Tally(self.whole, self.named, kept)


EMPTY: Final = Tally()


def more(tally: Tally, cells: Ints, counts: Ints, size: int, named: Mapping[tuple[str, str], int]) -> Tally:
    """Add counts of the whole.

    No count falls below zero: what a block had said that is measured anew is taken back from where it lies, and where
    that span is over, it stays there.

    Parameters
    ----------
    cells : (n,) below `size`, in any order, also more than once
    counts : (n,) some of them perhaps negative
    size : cells without names in the layout
    named : (column, name) -> how often
    """
    columns = {column: dict(names) for column, names in tally.named.items()}
    for (column, name), n in sorted(named.items()):
        _count(columns.setdefault(column, {}), name, n)
    return Tally(_above_zero(add(tally.whole, cells, counts, size)), columns, tally.slices)


def _count(names: dict[str, int], name: str, n: int) -> None:
    place = name if name in names or len(names) < NAMES else OTHER
    names[place] = max(names.get(place, 0) + n, 0)


def _above_zero(total: Total) -> Total:
    kept = total.counts > 0
    return total if kept.all() else Total(total.cells[kept], total.counts[kept])


def more_of(tally: Tally, field: str, name: str, cells: Ints, counts: Ints, size: int) -> Tally:
    """Add counts of one slice."""
    known = tally.slices.get(field, {})
    grown = {**known, name: _above_zero(add(known.get(name, NOTHING), cells, counts, size))}
    return Tally(tally.whole, tally.named, {**tally.slices, field: grown})


def summed(tallies: Iterable[Tally], size: int) -> Tally:
    """Add up the tallies of spans that lie beside each other.

    Examples
    --------
    >>> one = more(EMPTY, np.array([2]), np.array([5]), 10, {("intent", "refund"): 3})
    >>> two = summed([one, one], 10)
    >>> two.whole.counts.tolist(), two.named
    ([10], {'intent': {'refund': 6}})
    """
    found = list(tallies)
    if len(found) == 1:
        return found[0]
    whole = _all([one.whole for one in found], size)
    named: dict[str, dict[str, int]] = {}
    slices: dict[str, dict[str, list[Total]]] = {}
    for one in found:
        for column, names in one.named.items():
            into = named.setdefault(column, {})
            for name, n in names.items():
                _count(into, name, n)
        for field, cut in one.slices.items():
            for name, total in cut.items():
                slices.setdefault(field, {}).setdefault(name, []).append(total)
    return Tally(
        whole, named, {field: {name: _all(some, size) for name, some in cut.items()} for field, cut in slices.items()}
    )


def _all(totals: list[Total], size: int) -> Total:
    if not totals:
        return NOTHING
    cells, counts = (np.concatenate([getattr(one, part) for one in totals]) for part in ("cells", "counts"))
    return add(NOTHING, cells, counts, size)

"""Every count lies at its place in the alphabet, and what has no place of its own is named."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.signals import CATALOGUE, CATEGORIES, FAILURE_MODE, MARKS, RATE_CELLS, Signal
from schemas.tallies import OTHER, UNSEEN
from streams.watch.alphabet import choose, first_slices, own_names, slice_count, tally_row
from streams.watch.baseline import Alphabet
from streams.watch.parts import parts
from streams.watch.place import events_of, names_of, place, spread
from tests.watch.tallies import DIMENSIONS, LAYOUT, Counts, Key, counts, flush, of

quick = settings(max_examples=100, deadline=None)
NAMES = ("", "a", "b", "c", "d", "e", OTHER)


def own(kind: str, name: str, sliced: bool = False) -> Signal:
    return Signal(
        name=name, kind=kind, field=name, source="attribute", side="output", words=name, bad="up",  # type: ignore[arg-type]
        consequence="harm", action="Look.", sliced=sliced,
    )  # fmt: skip


OWN = (own("rate", "escaped", sliced=True), own("category", "tier"), own("number", "score"), own("rate", "gone"))
"""As a baseline may know them: all that flushes hold, in another order, one thing that they do not, ..."""
OTHERS = (own("rate", "score"), own("category", "new"))
"""... and what goes by the name of something else by now."""
FIELD_OF = {signal.name: signal.field for signal in CATEGORIES} | {"tier": "own:tier"}
"""Where names are kept. A user's category may be called like a field that streams are cut by."""
names = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 99), max_size=5)
alphabets = st.builds(
    choose,
    st.dictionaries(st.sampled_from(["workflow", *FIELD_OF.values()]), names),
    st.sampled_from([DIMENSIONS, ("intent",), ("route", "workflow"), ()]),
    st.integers(1, 3),
    st.integers(1, 3),
    own=st.sampled_from([(), OWN, OTHERS]),
)
some = counts(names=NAMES, services=("s",)).filter(bool)


def signals(alphabet: Alphabet) -> list[Signal]:
    return [*CATALOGUE, *alphabet.own]


def categories(alphabet: Alphabet) -> list[str]:
    return [signal.name for signal in signals(alphabet) if signal.kind == "category"]


def cell(alphabet: Alphabet, what: int | tuple[str, str]) -> tuple[str, int] | None:
    """Which cell of which signal it is, by the words of the docs; None for a mode, and for what is not known."""
    if isinstance(what, int):
        signal, begin = next(
            one for one in zip(LAYOUT.signals[::-1], LAYOUT.begins[::-1], strict=True) if one[1] <= what
        )
        known = any((one.name, one.kind) == (signal.name, signal.kind) for one in signals(alphabet))
        return (signal.name, what - begin) if known else None
    column, name = what
    if column not in categories(alphabet):
        return None
    c = categories(alphabet).index(column)
    own = own_names(alphabet, c)
    if name in own:
        return column, own.index(name)
    if name == "":
        return column, len(own) + 2
    return column, len(own) + (name != OTHER and name not in alphabet.categories[c])


def place_of(alphabet: Alphabet, s: int, signal: str, i: int) -> int | None:
    """Where it lies: slices side by side, and behind them what is counted of the whole only."""
    [segment] = [one for one in tally_row(alphabet).segments if one.signal.name == signal]
    if s == 0 or segment.slices > 1:
        begin: int = segment.at(s).start
        return begin + i
    return None


def slice_of(alphabet: Alphabet, key: Key) -> int | None:
    if key.dimension not in alphabet.dimensions:
        return None
    d = alphabet.dimensions.index(key.dimension)
    own = alphabet.slices[d]
    return first_slices(alphabet)[d] + (own.index(key.name) if key.name in own else len(own))


@quick
@given(alphabets, some)
def test_every_count_lies_where_the_alphabet_says(alphabet: Alphabet, said: Counts) -> None:
    """Of fields that the alphabet does not cut by, only the whole stream is known; the whole is one dimension's sum."""
    wanted = np.zeros(tally_row(alphabet).size, np.int64)
    for key, n in of(said, "s").items():
        where = cell(alphabet, key.cell)
        if where is None:
            continue
        if key.dimension == DIMENSIONS[0]:
            wanted[place_of(alphabet, 0, *where)] += n
        if (s := slice_of(alphabet, key)) is not None and (flat := place_of(alphabet, s, *where)) is not None:
            wanted[flat] += n
    placed = place(alphabet, parts(flush(said))["s"])
    assert spread(alphabet, placed).tolist() == wanted.tolist()


@quick
@given(alphabets, some)
def test_modes_and_marks_are_counted_by_name_and_strange_names_by_place(alphabet: Alphabet, said: Counts) -> None:
    part = parts(flush(said))["s"]
    placed = place(alphabet, part)
    modes: Counter[tuple[int, str, str]] = Counter()
    marks: Counter[tuple[int, str, str, str]] = Counter()
    others: dict[str, Counter[str]] = defaultdict(Counter)
    for key, n in of(said, "s").items():
        if isinstance(key.cell, tuple) and key.dimension == DIMENSIONS[0]:
            column, name = key.cell
            where = cell(alphabet, key.cell)
            if column in MARKS:
                marks[key.start, key.release, column, name] += n
                continue
            if column == FAILURE_MODE:
                modes[key.start, key.release, name] += n
            if where is not None:
                named = len(own_names(alphabet, categories(alphabet).index(column)))
                if beyond := {named: OTHER, named + 1: UNSEEN}.get(where[1]):
                    others[f"{FIELD_OF[column]}={beyond}"][name] += n
        if (s := slice_of(alphabet, key)) is not None and isinstance(key.cell, int) and key.cell < RATE_CELLS:
            d = alphabet.dimensions.index(key.dimension)
            if s == first_slices(alphabet)[d] + len(alphabet.slices[d]):
                others[key.dimension][key.name] += n
    found: Counter[tuple[int, str, str]] = Counter()
    for (group, mode), n in placed.modes.items():
        found[int(placed.start[group]), part.names[placed.release[group]], mode] += n
    assert found == modes
    marked: Counter[tuple[int, str, str, str]] = Counter()
    for (group, column, name), n in placed.marks.items():
        marked[int(placed.start[group]), part.names[placed.release[group]], column, name] += n
    assert marked == marks
    strange: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, where_, name), n in placed.others.items():
        strange[where_][name] += n
    assert strange == others


@quick
@given(alphabets, some)
def test_fields_whose_names_overflowed_are_named(alphabet: Alphabet, said: Counts) -> None:
    """A bet on these is not to be trusted; a bet on all else is."""
    fields = {key.dimension for _, key in said if key.name == OTHER}
    for _, key in said:
        if isinstance(key.cell, tuple) and key.cell[1] == OTHER and key.cell[0] not in MARKS:
            fields.add(FIELD_OF[key.cell[0]])
    assert set(place(alphabet, parts(flush(said))["s"]).overflowed) == fields


@quick
@given(some)
def test_exchanges_are_counted_once_and_names_by_field(said: Counts) -> None:
    part = parts(flush(said))["s"]
    rated = {key: n for key, n in of(said, "s").items() if isinstance(key.cell, int) and key.cell < RATE_CELLS}
    assert events_of(part) == sum(n for key, n in rated.items() if key.dimension == DIMENSIONS[0])
    wanted: dict[str, Counter[str]] = defaultdict(Counter)
    for key, n in rated.items():
        wanted[key.dimension][key.name] += n
    for key, n in of(said, "s").items():
        if isinstance(key.cell, tuple) and key.cell[0] not in MARKS and key.dimension == DIMENSIONS[0]:
            field = FIELD_OF[key.cell[0]]
            if field not in DIMENSIONS:
                wanted[field][key.cell[1]] += n
    assert {field: Counter(found) for field, found in names_of(part).items() if found} == wanted


def test_the_alphabet_is_of_the_most_frequent_names_and_remembers_the_rest() -> None:
    seen = {
        "workflow": {"x": 5, "y": 9, "z": 1, OTHER: 50},
        "intent": {"": 30, **{f"i{n:03}": n for n in range(1, 40)}},
    }
    alphabet = choose(seen, ("workflow",), slices=2, told=16)
    assert alphabet.slices == (("y", "x"),)
    place = categories(alphabet).index("intent")
    assert alphabet.categories[place][:2] == ("i039", "i038")
    assert len(own_names(alphabet, place)) == 16
    assert len(alphabet.categories[place]) == 39  # "not given" is missing, and no name
    [intents] = [one for one in tally_row(alphabet).segments if one.signal.name == "intent"]
    assert intents.width == 16 + 3


@pytest.mark.parametrize("mine", [(), OWN])
def test_a_row_has_each_counter_once_and_of_a_slice_only_what_is_cut(mine: tuple[Signal, ...]) -> None:
    """And no other: 42 signals in 28 slices would be 85,000 counters, of which 3 in 4 are never looked at."""
    alphabet = choose({"workflow": dict.fromkeys("abc", 1)}, ("workflow", "intent"), slices=3, told=4, own=mine)
    row, slices = tally_row(alphabet), slice_count(alphabet)
    places = [
        i for one in row.segments for s in range(one.slices) for i in range(one.at(s).start, one.at(s).stop)
    ]  # fmt: skip
    assert sorted(places) == list(range(row.size))
    assert {one.signal.name for one in row.segments if one.slices == slices} == {
        one.name for one in signals(alphabet) if one.sliced and one.kind in ("rate", "number")
    }
    assert row.segments[0].at(0) == slice(0, RATE_CELLS)  # by which exchanges are counted

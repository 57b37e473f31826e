"""Every count lies at its place in the alphabet, and what has no place of its own is named."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.signals import CATEGORIES, RATE_CELLS
from schemas.tallies import FIXED, OTHER, UNSEEN
from streams.watch.alphabet import category_segments, choose, first_slices, own_names, slice_count, width
from streams.watch.learn import spread
from streams.watch.parts import parts
from streams.watch.place import events_of, names_of, place
from streams.watch.state import Alphabet
from tests.watch.tallies import DIMENSIONS, Counts, Key, counts, flush, of

quick = settings(max_examples=100, deadline=None)
NAMES = ("", "a", "b", "c", "d", "e", OTHER)
COLUMN_OF = {signal.name: i for i, signal in enumerate(CATEGORIES)}
names = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 99), max_size=5)
alphabets = st.builds(
    choose,
    st.dictionaries(st.sampled_from(["workflow", "intent", *(signal.field for signal in CATEGORIES)]), names),
    st.sampled_from([DIMENSIONS, ("intent",), ("route", "workflow"), ()]),
    st.integers(1, 3),
    st.integers(1, 3),
)
some = counts(names=NAMES, services=("s",)).filter(bool)


def cell(alphabet: Alphabet, what: int | tuple[str, str]) -> Any:
    """Where a cell lies, by the words of the docs; None for a mode."""
    if isinstance(what, int):
        return what
    column, name = what
    if column == "mode":
        return None
    c = COLUMN_OF[column]
    own, segment = own_names(alphabet, c), category_segments(alphabet)[c]
    beyond = {"missing": segment.stop - 1, UNSEEN: segment.stop - 2, OTHER: segment.stop - 3}
    if name in own:
        return segment.start + own.index(name)
    if name == "":
        return beyond["missing"]
    return beyond[OTHER if name == OTHER or name in alphabet.categories[c] else UNSEEN]


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
    wanted = np.zeros((slice_count(alphabet), width(alphabet)), np.int64)
    for key, n in of(said, "s").items():
        where = cell(alphabet, key.cell)
        if where is None:
            continue
        if key.dimension == DIMENSIONS[0]:
            wanted[0, where] += n
        if (s := slice_of(alphabet, key)) is not None:
            wanted[s, where] += n
    placed = place(alphabet, parts(flush(said))["s"])
    assert spread(placed, wanted.shape).tolist() == wanted.tolist()


@quick
@given(alphabets, some)
def test_failures_are_counted_by_mode_and_strange_names_by_place(alphabet: Alphabet, said: Counts) -> None:
    part = parts(flush(said))["s"]
    placed = place(alphabet, part)
    modes: Counter[tuple[int, str, str]] = Counter()
    others: dict[str, Counter[str]] = defaultdict(Counter)
    for key, n in of(said, "s").items():
        if isinstance(key.cell, tuple) and key.dimension == DIMENSIONS[0]:
            column, name = key.cell
            where = cell(alphabet, key.cell)
            if column == "mode":
                modes[key.start, key.release, name] += n
            elif where is not None:
                segment = category_segments(alphabet)[COLUMN_OF[column]]
                beyond = {segment.stop - 2: UNSEEN, segment.stop - 3: OTHER}.get(where)
                if beyond:
                    others[f"{CATEGORIES[COLUMN_OF[column]].field}={beyond}"][name] += n
        if (s := slice_of(alphabet, key)) is not None and isinstance(key.cell, int) and key.cell < RATE_CELLS:
            d = alphabet.dimensions.index(key.dimension)
            if s == first_slices(alphabet)[d] + len(alphabet.slices[d]):
                others[key.dimension][key.name] += n
    found: Counter[tuple[int, str, str]] = Counter()
    for (group, mode), n in placed.modes.items():
        found[int(placed.start[group]), part.names[placed.release[group]], mode] += n
    assert found == modes
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
        if isinstance(key.cell, tuple) and key.cell[1] == OTHER and key.cell[0] != "mode":
            fields.add(CATEGORIES[COLUMN_OF[key.cell[0]]].field)
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
        if isinstance(key.cell, tuple) and key.cell[0] != "mode" and key.dimension == DIMENSIONS[0]:
            field = CATEGORIES[COLUMN_OF[key.cell[0]]].field
            if field not in DIMENSIONS:
                wanted[field][key.cell[1]] += n
    assert {field: Counter(found) for field, found in names_of(part).items() if found} == wanted


def test_the_alphabet_is_of_the_most_frequent_names_and_remembers_the_rest() -> None:
    seen = {
        "workflow": {"x": 5, "y": 9, "z": 1, OTHER: 50},
        "intent": {"": 30, **{f"i{n:03}": n for n in range(1, 40)}},
    }
    alphabet = choose(seen, ("workflow",), slices=2, own=16)
    assert alphabet.slices == (("y", "x"),)
    intents = alphabet.categories[COLUMN_OF["intent"]]
    assert intents[:2] == ("i039", "i038")
    assert len(own_names(alphabet, COLUMN_OF["intent"])) == 16
    assert len(intents) == 39  # "not given" is missing, and no name
    assert width(alphabet) == FIXED + 16 + 3 + 3 + 3

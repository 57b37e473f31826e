"""A flush falls into its services' parts, and what was said before comes off a longer one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.watch.parts import less, narrowed, parts
from streams.watch.state import Part
from tests.watch.tallies import Counts, counts, flush, of, told, told_beside

quick = settings(max_examples=100, deadline=None)
Beside = Counter[tuple[str, str, int]]
besides = st.dictionaries(
    st.tuples(st.sampled_from("st"), st.sampled_from("12"), st.integers(0, 3)), st.integers(1, 9), max_size=4
).map(Counter)


@quick
@given(counts(), besides)
def test_every_service_gets_all_that_was_said_of_it(said: Counts, beside: Beside) -> None:
    split = parts(flush(said, beside))
    assert split.keys() == {service for service, _ in said} | {service for service, _, _ in beside}
    for service, part in split.items():
        assert told(part) == of(said, service)
        assert told_beside(part) == Counter({(r, k): n for (s, r, k), n in beside.items() if s == service})


@quick
@given(counts(), besides)
def test_a_part_keeps_the_texts_that_it_uses_and_no_others(said: Counts, beside: Beside) -> None:
    """A flush may hold a thousand services; what is kept of one must not hold the names of all."""
    for service, of_flush in parts(flush(said, beside)).items():
        part = narrowed(of_flush)
        assert told(part) == told(of_flush)
        assert told_beside(part) == told_beside(of_flush)
        used = {text for key in of(said, service) for text in (key.release, key.name)}
        used |= {key.cell[1] for key in of(said, service) if isinstance(key.cell, tuple)}
        used |= {release for who, release, _ in beside if who == service}
        assert set(part.names) == used
        again = narrowed(part)
        assert (again.names, again.groups.tolist(), again.cells.tolist()) == (
            part.names, part.groups.tolist(), part.cells.tolist()
        )  # fmt: skip


def _part(said: Counts, beside: Beside) -> Part:
    return parts(flush(said, beside))["s"]


one_service = counts(services=("s",)).filter(bool)
one_beside = besides.map(lambda some: Counter({key: n for key, n in some.items() if key[0] == "s"}))


@quick
@given(one_service, one_service, one_beside, one_beside)
def test_a_longer_part_less_a_shorter_one_is_what_came_since(
    before: Counts, since: Counts, beside: Beside, beside_since: Beside
) -> None:
    left = less(_part(before + since, beside + beside_since), _part(before, beside))
    assert told(left) == of(since, "s")
    assert told_beside(left) == Counter({(r, k): n for (_, r, k), n in beside_since.items()})


@quick
@given(one_service, one_service, st.data())
def test_a_longer_part_that_lacks_something_is_refused(before: Counts, since: Counts, data: st.DataObject) -> None:
    """One of the two is then not the truth, and to go on would be to guess."""
    lacking = before + since
    key = data.draw(st.sampled_from(sorted(before, key=str)))
    lacking[key] -= since[key] + data.draw(st.integers(1, before[key]))
    if not +lacking:
        return
    with pytest.raises(ValueError, match="the longer part of a block"):
        less(_part(+lacking, Counter()), _part(before, Counter()))


def test_a_part_of_ten_thousand_cells() -> None:
    rng = np.random.default_rng(1)
    groups = np.array([[100, 0, 0, i, 100] for i in range(100)])
    cells = np.concatenate([np.sort(rng.choice(1000, 100, replace=False)) for _ in range(100)])
    names = tuple(f"n{i:03}" for i in range(100))
    nothing = np.zeros((0, 3), np.int64)
    long = Part(names, ("workflow",), groups, cells, np.full(10_000, 3), nothing)
    short = Part(names, ("workflow",), groups, cells, np.full(10_000, 2), nothing)
    assert less(long, short).counts.tolist() == [1] * 10_000

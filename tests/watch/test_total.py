"""All that was ever counted: as if it were laid out, in the room of what is occupied."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tallies import FIXED
from streams.watch.total import NOTHING, add, laid

cells = st.lists(st.tuples(st.integers(0, FIXED - 1) | st.integers(0, 9), st.integers(0, 9)), max_size=30)


@settings(max_examples=100, deadline=None)
@given(st.lists(cells, max_size=5), st.data())
def test_what_is_added_is_there_and_what_is_taken_back_is_not(
    blocks: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    total, truth = NOTHING, np.zeros(FIXED, np.int64)
    for block in blocks:
        where, n = np.array([c for c, _ in block], np.int64), np.array([n for _, n in block], np.int64)
        total = add(total, where, n)
        np.add.at(truth, where, n)
        assert laid(total).tolist() == truth.tolist()
        if data.draw(st.booleans()):
            total = add(total, where, -n)
            np.add.at(truth, where, -n)
    assert laid(total).tolist() == truth.tolist()
    assert len(total.cells) == np.count_nonzero(truth)
    assert (np.diff(total.cells) > 0).all()

"""A number's cell is the one whose edges hold it, and nothing near an edge slips."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.cells import CELLS, EDGES, HIGHEST, LOWEST, MISSING, OVER, UNDER, cells


def held(x: float) -> int:
    """Search for it, edge by edge."""
    return sum(edge <= x for edge in EDGES.tolist())


def test_every_edge_begins_its_cell_and_what_lies_a_bit_below_belongs_to_the_one_before() -> None:
    own = np.arange(1, OVER + 1)
    assert (cells(EDGES) == own).all()
    assert (cells(np.nextafter(EDGES, 0)) == own - 1).all()
    assert (cells(np.nextafter(EDGES, math.inf)) == own).all()


@given(st.floats(0, allow_nan=False, allow_infinity=True, allow_subnormal=True) | st.floats(2.0**LOWEST, 2.0**HIGHEST))
def test_a_number_lies_between_the_edges_of_its_cell(x: float) -> None:
    assert cells(np.array([x])).tolist() == [held(x)]


def test_what_is_no_number_and_what_is_beyond_the_scale_have_cells_of_their_own() -> None:
    said = [0.0, 5e-324, 2.0**LOWEST * 0.999, 2.0**HIGHEST, 1e300, math.inf, math.nan, -math.nan]
    assert cells(np.array(said)).tolist() == [UNDER, UNDER, UNDER, OVER, OVER, OVER, MISSING, MISSING]


def test_every_cell_can_be_reached() -> None:
    every = np.concatenate([[0.0], EDGES, [math.nan]])
    assert sorted(cells(every.reshape(5, -1)).ravel().tolist()) == list(range(CELLS))


def test_cells_are_an_eighth_of_an_octave_wide() -> None:
    assert np.allclose(EDGES[1:] / EDGES[:-1], 2 ** (1 / 8))

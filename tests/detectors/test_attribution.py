"""A change is split exactly, and the smallest slice that explains it is named - or none is."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detectors.attribution import Split, explain, smallest

counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=4, max_size=4)


def split(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> Split:
    """Split the change of a rate, from (events, yes) of each slice."""
    return explain(*(np.array(column) for side in (before, after) for column in zip(*side, strict=True)))


def named(dimensions: dict[str, Split], support: float = 0.01) -> tuple[str, int]:
    """Name the dimension and the slice that explain all of a change."""
    culprit = smallest(dimensions, support=support)
    assert culprit is not None
    assert culprit.explains == pytest.approx(1.0)
    return culprit.dimension, culprit.slice


@given(before=counts, after=counts)
def test_mix_and_rate_add_up_to_the_change(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    before, after = ([(max(n, x), min(n, x)) for n, x in side] for side in (before, after))
    assume(sum(n for n, _ in before) and sum(n for n, _ in after))
    exact = [Fraction(sum(x for _, x in side), sum(n for n, _ in side)) for side in (before, after)]
    got = split(before, after)
    assert got.total == pytest.approx(float(exact[1] - exact[0]), abs=1e-12)
    assert (got.mix + got.rate).sum() == pytest.approx(got.total, abs=1e-12)


@given(before=counts, after=counts)
def test_the_way_back_is_the_same_with_the_other_sign(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    before, after = ([(max(n, x), min(n, x)) for n, x in side] for side in (before, after))
    assume(sum(n for n, _ in before) and sum(n for n, _ in after))
    there, back = split(before, after), split(after, before)
    for a, b in ((there.mix, back.mix), (there.rate, back.rate), (there.rest, back.rest)):
        assert a == pytest.approx(-b, abs=1e-12)


def test_traffic_that_moves_between_equal_slices_explains_nothing() -> None:
    got = split([(100, 90), (100, 90)], [(20, 18), (180, 162)])
    assert got.total == 0
    assert np.abs(got.mix).max() == pytest.approx(0, abs=1e-12)
    assert smallest({"language": got}) is None


def test_growth_of_a_worse_slice_is_mix_and_not_rate() -> None:
    got = split([(90, 81), (10, 1)], [(50, 45), (50, 5)])
    assert got.rate.tolist() == [0, 0]
    assert got.mix[1] < got.mix[0] < 0
    assert named({"language": got}) == ("language", 1)


def test_a_new_slice_that_is_all_wrong_explains_the_fall_and_old_ones_do_not() -> None:
    """Although the old ones lost share: the formula without its centre would blame them, and the new one not at all."""
    got = split([(600, 540), (400, 360), (0, 0)], [(420, 378), (280, 252), (300, 3)])
    assert got.rate[2] == 0  # it had none before
    assert got.mix[2] < got.mix[:2].sum() < 0
    assert named({"language": got}) == ("language", 2)


def test_a_slice_that_vanished_explains_the_rise_it_left() -> None:
    got = split([(70, 63), (30, 0)], [(100, 90), (0, 0)])
    assert named({"language": got}) == ("language", 1)


def test_the_smallest_of_all_dimensions_is_named() -> None:
    """The same exchanges, cut twice: all the change lies in one model, which serves a part of one language."""
    by_language = split([(500, 450), (500, 450)], [(500, 450), (500, 250)])
    by_model = split([(750, 675), (250, 225)], [(750, 675), (250, 25)])
    assert named({"language": by_language, "model": by_model}) == ("model", 1)


def test_a_change_everywhere_is_nobodys_even_if_one_slice_is_most_of_the_traffic() -> None:
    assert smallest({"language": split([(950, 855), (50, 45)], [(950, 95), (50, 5)])}) is None


def test_a_dimension_with_one_slice_explains_nothing() -> None:
    assert smallest({"env": split([(100, 90)], [(100, 10)])}) is None


def test_slices_below_the_support_are_not_named() -> None:
    got = split([(995, 995), (5, 5)], [(995, 995), (5, 0)])
    assert got.total == pytest.approx(-0.005)
    assert smallest({"tenant": got}) is None
    assert named({"tenant": got}, support=0.005) == ("tenant", 1)


@pytest.mark.parametrize(("own", "others", "explains"), [(91, 9, 0.82), (89, 11, None)])
def test_a_slice_is_named_from_four_fifths_of_the_change_on(own: int, others: int, explains: float | None) -> None:
    """Two slices of a thousand lose `own` and `others`: both together half of their sum, the rest alone `others`."""
    culprit = smallest({"language": split([(1000, 900)] * 2, [(1000, 900 - own), (1000, 900 - others)])})
    assert (culprit and culprit.explains) == (explains and pytest.approx(explains))


def test_two_halves_of_a_change_are_not_one_culprit() -> None:
    got = split([(100, 90)] * 4, [(100, 90), (100, 90), (100, 10), (100, 10)])
    assert smallest({"language": got}) is None
    assert smallest({}) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([(0, 0)], [(1, 1)]),
        ([(1, 1)], [(0, 0)]),
        ([(-1, 0), (5, 1)], [(1, 0), (1, 0)]),
        ([(0, 3), (5, 1)], [(1, 0), (1, 0)]),
        ([(1, np.nan)], [(1, 0)]),
        ([(1, 0)], [(1, 0), (1, 0)]),
    ],
)
def test_what_is_no_tally_is_refused(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="counts"):
        split(before, after)

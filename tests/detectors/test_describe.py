"""Figures for people: right to within what they say."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.describe.divergence import NONE_SEEN, jensen_shannon, stability_index
from detectors.describe.quantiles import quantile
from detectors.describe.share import share
from schemas.cells import CELLS, EDGES, cells


@given(
    values=st.lists(st.floats(2**-5, 2**24, exclude_max=True), min_size=1, max_size=60),
    q=st.sampled_from([0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0]),
)
def test_a_quantile_is_within_one_cell_of_the_samples_own(values: list[float], q: float) -> None:
    got = quantile(np.bincount(cells(np.array(values)), minlength=CELLS), q)
    exact = float(np.quantile(values, q, method="inverted_cdf"))
    assert got is not None
    assert got.lies == "at"
    assert exact / 2**0.125 * (1 - 1e-12) <= got.value <= exact * 2**0.125 * (1 + 1e-12)


def test_quantiles_beyond_the_scale_say_so() -> None:
    counts = np.bincount(cells(np.array([0.0, 5.0, 1e9])), minlength=CELLS)
    assert quantile(counts, 0.1) == (EDGES[0], "under")
    assert quantile(counts, 0.9) == (EDGES[-1], "over")


def test_quantiles_rise() -> None:
    counts = np.random.default_rng(41).integers(0, 5, CELLS)
    values = [quantile(counts, q) for q in np.linspace(0, 1, 200)]
    assert [v.value for v in values if v] == sorted(v.value for v in values if v)


def test_missing_values_have_no_quantile() -> None:
    counts = np.zeros(CELLS, np.int64)
    counts[-1] = 100
    assert quantile(counts, 0.5) is None
    counts[41] = 1
    got = quantile(counts, 0.5)
    assert got is not None
    assert got.value == pytest.approx(2 ** (1 / 16))


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_an_impossible_quantile_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="q must lie"):
        quantile(np.ones(CELLS, np.int64), q)


def test_what_is_no_tally_is_refused() -> None:
    with pytest.raises(ValueError, match="cells"):
        quantile(np.ones(3, np.int64), 0.5)
    with pytest.raises(ValueError, match="cells"):
        quantile(-np.ones(CELLS, np.int64), 0.5)


def test_wilsons_interval_covers_on_average_what_it_says() -> None:
    """Exactly over all samples of 40, on average over rates from 2 % to 98 %: 95 %, to within one point."""
    n, rates = 40, np.linspace(0.02, 0.98, 193)
    found = [share(s, n) for s in range(n + 1)]
    covered = np.array([[f.lo <= p <= f.hi for p in rates] for f in found if f])
    chance = stats.binom.pmf(np.arange(n + 1)[:, None], n, rates)
    assert (covered * chance).sum(0).mean() == pytest.approx(0.95, abs=0.01)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_share_lies_in_its_interval(a: int, b: int) -> None:
    found = share(a, a + b)
    if a + b == 0:
        assert found is None
    else:
        assert found is not None
        assert 0 <= found.lo <= found.value <= found.hi <= 1


@pytest.mark.parametrize(("successes", "trials", "confidence"), [(2, 1, 0.95), (-1, 1, 0.95), (0, 1, 0.0), (0, 1, 1.0)])
def test_an_impossible_share_is_refused(successes: int, trials: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="must lie"):
        share(successes, trials, confidence)


tallies = st.integers(1, 8).flatmap(lambda c: st.tuples(*[st.lists(st.integers(0, 50), min_size=c, max_size=c)] * 2))


@given(tallies)
def test_divergences_are_symmetric_bounded_and_zero_for_equal_shares_only(pair: tuple[list[int], list[int]]) -> None:
    before, after = (np.array(counts, np.int64) for counts in pair)
    index, divergence = stability_index(before, after), jensen_shannon(before, after)
    if not (before.any() and after.any()):
        assert index is divergence is None
        return
    assert index is not None
    assert divergence is not None
    assert index == pytest.approx(stability_index(after, before))
    assert divergence == pytest.approx(jensen_shannon(after, before), abs=1e-15)
    assert 0 <= divergence <= 1
    equal = (before * after.sum() == after * before.sum()).all()
    assert (index < 1e-12) == equal
    assert (divergence < 1e-12) == equal
    assert index > -1e-12
    if not (before * after).any():
        assert divergence == pytest.approx(1)


def test_divergences_of_known_tallies() -> None:
    """A half and a half, against one and three quarters: by hand. Between them lie three and five eighths."""
    before, after = np.array([10, 10]), np.array([100, 300])
    assert stability_index(before, after) == pytest.approx(np.log(3) / 4)
    assert jensen_shannon(before, after) == pytest.approx(1.5 - 0.625 * np.log2(5))
    assert jensen_shannon(np.array([3, 0, 0]), np.array([0, 0, 9])) == 1


@given(tallies)
def test_divergences_do_not_mind_the_order_of_cells_nor_cells_that_both_left_empty(
    pair: tuple[list[int], list[int]],
) -> None:
    before, after = (np.array(counts, np.int64) for counts in pair)
    for figure in (stability_index, jensen_shannon):
        backwards = figure(np.append(before[::-1], 0), np.append(after[::-1], 0))
        assert backwards == pytest.approx(figure(before, after), abs=1e-12)


def test_a_cell_that_was_empty_counts_as_half_an_event() -> None:
    """So that a new name says more, the longer it had not come: by the logarithm, and never infinitely much."""
    after, indices = np.array([900, 100]), []
    for n in (1000, 100_000, 10_000_000):
        p, q = np.array([1.0, NONE_SEEN / n]), after / 1000
        found = stability_index(np.array([n, 0]), after)
        assert found is not None
        assert found == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
        indices.append(found)
    assert np.diff(indices) == pytest.approx(0.1 * np.log(100), rel=0.02)


def test_divergences_of_what_is_no_pair_of_tallies_are_refused() -> None:
    good = np.array([1, 2])
    wrong: Any
    for figure in (stability_index, jensen_shannon):
        for wrong in (np.array([1, 2, 3]), np.array([-1, 2]), good * 1.0, np.array([np.nan, 1.0])):
            with pytest.raises(ValueError, match="counts"):
                figure(good, wrong)

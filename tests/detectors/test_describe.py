"""Figures for people: right to within what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

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

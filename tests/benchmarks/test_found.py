"""A lower limit of what is expected lies below it as often as it says."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.found import LEVEL, fewest, fewest_of_baselines

TRIALS = 20_000


@pytest.mark.parametrize("expected", [0.5, 5.0, 200.0])
def test_the_limit_exceeds_what_is_expected_in_one_of_a_hundred_at_most(expected: float) -> None:
    found = np.random.default_rng(1).poisson(expected, TRIALS)
    limit = {n: fewest(n) for n in np.unique(found).tolist()}
    wrong = sum(limit[n] > expected for n in found.tolist())
    # As often as a coin that falls wrongly with chance `LEVEL` does in all but one of a thousand series.
    assert wrong <= stats.binom.ppf(0.999, TRIALS, LEVEL)


def test_the_limit_is_the_exact_one_of_a_poisson_mean() -> None:
    for n in (1, 10, 240):
        assert stats.poisson.sf(n - 1, fewest(n)) == pytest.approx(LEVEL)


def test_a_detector_that_spends_twice_its_budget_is_caught() -> None:
    assert fewest(2 * 200) > 200


def test_services_that_share_the_pages_evenly_know_as_much_as_pages_that_come_singly() -> None:
    assert fewest_of_baselines([5] * 40) == fewest(200)


def test_pages_that_a_few_baselines_make_prove_less() -> None:
    evenly, clumped = [5] * 40, [100, 100] + [0] * 38
    assert fewest_of_baselines(clumped) < fewest_of_baselines(evenly)


def test_overdispersed_services_are_not_mistaken_for_overspending() -> None:
    """Gamma-Poisson pages of a mean equal to the budget: the limit exceeds it in few of a hundred series."""
    rng, trials, services, mean = np.random.default_rng(2), 300, 40, 5.0
    wrong = 0
    for _ in range(trials):
        pages = rng.poisson(rng.gamma(0.5, mean / 0.5, services))
        wrong += fewest_of_baselines(pages.tolist()) > services * mean
    # A bootstrap of 40 skewed services is only nearly exact: three of a hundred instead of one, and chance beside.
    assert wrong <= stats.binom.ppf(0.999, trials, 3 * LEVEL)

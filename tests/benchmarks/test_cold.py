"""What the benchmark counts is what it says: changes after they came, false ones apart."""

import numpy as np
import pytest

from benchmarks.cold import BLOCK, BLOCKS, FACTORS, SIGNALS, Case, bounds, changed, means, sessions, unchanged


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_simulated_change_is_one_of_the_mean(signal: str) -> None:
    factors = np.where(np.arange(400) < 200, 1.0, FACTORS[signal][-1])
    found = means(np.random.default_rng(71), signal, factors)
    assert found[200:].mean() > found[:200].mean() + 3 * found[:200].std() / np.sqrt(200)


def test_a_change_to_four_times_the_rate_is_told_after_it_came() -> None:
    case = changed(np.random.default_rng(72), "rate of 5 %", 4.0, 5)
    assert case.told == len(case.delays) > 0
    assert all(BLOCK <= delay <= BLOCK * BLOCKS for delay in case.delays)
    assert case.early == 0


def test_sessions_vary_four_times_as_much_as_their_events_would() -> None:
    """In sums of 2,000 events, of 400 of them; the bound is three standard errors of a variance of so many."""
    found = np.concatenate([sessions(np.random.default_rng(seed)) for seed in range(40)])
    means_of_2000 = found.reshape(-1, 25).mean(axis=1)
    assert means_of_2000.var() * 2000 / (0.05 * 0.95) == pytest.approx(4, rel=3 * np.sqrt(2 / 400))


def test_where_nothing_changes_services_are_counted() -> None:
    assert unchanged(np.random.default_rng(73), lambda rng: rng.binomial(80, np.full(BLOCKS, 0.5)) / 80, 3) == 0


def test_bounds_that_are_not_met_say_so() -> None:
    missed = Case("rate of 5 %", 4.0, 100, 10, 0, [80] * 10)
    small = Case("rate of 5 %", 1.5, 100, 0, 0, [])
    assert [row.met for row in bounds(50, 600, {"sessions": 9}, 100, [missed, small])] == [False, True, False, True]

"""The engine: the promise for one monitor, rounding that keeps it, and inputs that are refused."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import esr

RATE = Fraction(1, 5)


def test_expected_evidence_is_at_most_the_budget_taken_in() -> None:
    """Exactly, over all 1,024 courses that ten events can take; before any alarm is taken out.

    Upward bets against a rate of 1/5 with odds times 2.2 and 5, half of the budget each, 1/100 of an alarm an event.
    """
    odds, n, w = np.array([2.2, 5.0]), 10, 0.01
    courses = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    lose = -np.log1p(float(RATE) * (odds - 1))
    evidence = np.zeros((2**n, 2), np.float32)
    chance = np.full(2**n, 1.0)
    for event in range(n):
        yes = courses[:, event]
        evidence = esr.advance(evidence, lose + yes[:, None] * np.log(odds), np.array([0.5, 0.5]), np.full(2**n, w))
        chance *= np.where(yes == 1, float(RATE), 1 - float(RATE))
    expected = float((chance @ evidence).sum())
    assert expected <= n * w
    assert expected == pytest.approx(n * w, rel=1e-5)  # the bets are exact likelihood ratios: nothing is wasted


@given(
    evidence=st.floats(0, float(np.finfo(np.float32).max), width=32),
    growth=st.floats(-1e6, 1e6),
    budget=st.floats(0, 1e3),
)
def test_evidence_is_rounded_down_to_the_next_float32(evidence: float, growth: float, budget: float) -> None:
    got = esr.advance(np.array([[evidence]], np.float32), np.array([[growth]]), np.ones(1), np.array([budget]))
    exact = (evidence + (budget if growth else 0.0)) * np.exp(min(growth, 300.0))
    assert got.dtype == np.float32
    assert 0 <= got[0, 0] <= exact
    largest = np.finfo(np.float32).max
    assert got[0, 0] == largest or np.nextafter(got[0, 0], largest) > exact


def test_slices_and_bets_do_not_see_each_other() -> None:
    rng = np.random.default_rng(0)
    evidence = rng.random((4, 3)).astype(np.float32)
    growth, weights, budget = rng.normal(size=(4, 3)), np.array([0.2, 0.3, 0.5]), rng.random(4)
    together = esr.advance(evidence, growth, weights, budget)
    for s in range(4):
        for j in range(3):
            alone = esr.advance(evidence[s : s + 1, j : j + 1], growth[s : s + 1, j : j + 1], weights[j : j + 1],
                                budget[s : s + 1])  # fmt: skip
            assert alone[0, 0] == together[s, j]


def test_a_bet_that_saw_nothing_of_a_block_stays_as_it_is() -> None:
    """Budget and all: a signal that nobody sends must not alarm because budget piled up."""
    evidence = np.array([[0.25, 1e-30, 3e38]], np.float32)
    assert (esr.advance(evidence, np.zeros((1, 3)), np.full(3, 1 / 3), np.array([0.5])) == evidence).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_wherever_it_stands(bad: float) -> None:
    good: list[Any] = [np.zeros((1, 2), np.float32), np.zeros((1, 2)), np.array([0.5, 0.5]), np.zeros(1)]
    esr.advance(*good)
    for which in range(4):
        inputs = [value.copy() for value in good]
        inputs[which].flat[-1] = bad
        with pytest.raises(ValueError, match="not finite"):
            esr.advance(*inputs)


@pytest.mark.parametrize("which", [0, 2, 3])
def test_negative_evidence_weights_and_budget_are_refused(which: int) -> None:
    inputs: list[Any] = [np.zeros((1, 2), np.float32), np.zeros((1, 2)), np.array([0.5, 0.5]), np.zeros(1)]
    inputs[which].flat[-1] = -1e-9
    with pytest.raises(ValueError, match="negative"):
        esr.advance(*inputs)


def test_another_shape_is_refused_and_not_broadcast() -> None:
    with pytest.raises(ValueError, match="evidence is"):
        esr.advance(np.zeros((1, 2), np.float32), np.zeros((3, 2)), np.ones(2) / 2, np.zeros(1))


def test_an_alarm_is_the_sum_over_bets_in_full_precision() -> None:
    third, almost, rest = np.nextafter(np.float32(1 / 3), np.float32(0)), 1 - 2.0**-24, 1.5 * 2.0**-25
    assert np.float32(almost) + np.float32(rest) == 1  # which it is not
    assert not esr.fired(np.array([[almost, rest]], np.float32))[0]
    assert esr.fired(np.array([[1, 0, 0], [0.5, 0.5, 0], [third, third, third]], np.float32)).tolist() \
        == [True, True, False]  # fmt: skip


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=9))
def test_a_damped_block_wins_nothing_and_loses_what_it_lost(growth: list[float]) -> None:
    damped = esr.damp(np.array(growth))
    assert (damped <= 0).all()
    assert (damped <= np.array(growth)).all()
    assert all(d == g for d, g in zip(damped.tolist(), growth, strict=True) if g <= 0)


def test_accrual_counts_each_interval_at_most_once_and_never_more_than_five_seconds() -> None:
    """The interval before each block: so over any blocks it is at most the time that passed."""
    block_at = np.cumsum([0.0, 1.0, 1.0, 3600.0, 0.5, 7.0])
    rate = np.array([2e-3])
    total = 0.0
    for previous, last in pairwise(block_at[:-1].tolist()):
        took = float(esr.accrued(rate, last - previous, np.array([True]))[0])
        assert took <= 2e-3 * 5
        total += took
    assert total <= 2e-3 * (block_at[-1] - block_at[0])
    assert total == pytest.approx(2e-3 * (1 + 1 + 5 + 0.5))


def test_slices_without_events_accrue_nothing_and_time_never_runs_back() -> None:
    rates = np.array([1.0, 1.0])
    assert esr.accrued(rates, 2.0, np.array([True, False])).tolist() == [2.0, 0.0]
    assert esr.accrued(rates, -3.0, np.array([True, True])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("rate", "interval"), [(np.nan, 1.0), (-1.0, 1.0), (1.0, np.nan), (1.0, np.inf)])
def test_accrual_refuses_what_is_no_rate_and_no_time(rate: float, interval: float) -> None:
    with pytest.raises(ValueError, match=r"rate_per_s|previous_interval_s"):
        esr.accrued(np.array([rate]), interval, np.array([True]))

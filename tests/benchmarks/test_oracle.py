"""The yardstick is exact: its false-alarm rate is that of chains worked out by hand, and of events that are drawn."""

import numpy as np
import pytest

from benchmarks.oracle import delays, events_between, likelihood, threshold
from benchmarks.streams import draw

RARE, DOUBLED = np.array([0.95, 0.05]), np.array([0.9, 0.1])


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_a_fair_walk_that_cannot_fall_below_zero_takes_n_times_n_plus_one_events(steps: int) -> None:
    """From i it takes E(i) = 1 + (E(i - 1) + E(i + 1)) / 2, and below zero it stays there: E(0) = n (n + 1)."""
    assert events_between(np.array([-1.0, 1.0]), np.array([0.5, 0.5]), float(steps)) == pytest.approx(
        steps * (steps + 1), rel=1e-6
    )


def test_between_two_steps_the_mean_move_stays_as_it_is() -> None:
    """Nothing falls, so it is a walk of 0.37 an event, and overshoots by less than one event."""
    needed = events_between(np.array([0.0, 0.37]), np.array([0.0, 1.0]), 10.0)
    assert 10 / 0.37 <= needed <= 10 / 0.37 + 1


@pytest.mark.parametrize("events", [200.0, 1000.0])
def test_false_alarms_come_as_often_as_solved_for(events: float) -> None:
    """2,000,000 events, so 2,000 alarms or more: their number is known to 2.2 %; five times that is asked."""
    ratio = likelihood(RARE, DOUBLED)
    high = threshold(ratio, RARE, events)
    drawn = draw(RARE, 100, 20_000, np.random.default_rng(1))
    evidence, alarms = np.zeros(len(drawn)), 0
    for nats in ratio[drawn].T:
        evidence = np.maximum(evidence + nats, 0)
        alarms += int((evidence >= high).sum())
        evidence[evidence >= high] = 0
    assert drawn.size / alarms == pytest.approx(events_between(ratio, RARE, high), rel=0.11)
    assert events_between(ratio, RARE, high) == pytest.approx(events, rel=0.08)  # one more "no" is 0.05 nats


def test_a_thing_that_never_was_alarms_at_once() -> None:
    ratio = likelihood(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    high = threshold(ratio, np.array([1.0, 0.0]), 1e5)
    cells = np.array([[0, 0, 0, 1], [0, 0, 1, 0]], np.uint8)
    assert delays(ratio, cells, high, change=2).tolist() == [2.0, 1.0]


def test_an_alarm_before_the_change_is_no_delay() -> None:
    cells = np.array([[1, 1, 0, 0, 1, 1]], np.uint8)
    assert delays(np.array([-1.0, 1.0]), cells, 2.0, change=2).tolist() == [4.0]
    assert np.isinf(delays(np.array([-1.0, 1.0]), cells[:, :4], 2.0, change=2)).all()

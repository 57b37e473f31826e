"""ADWIN's opinion is a function of a short list of means: the same list, the same opinion, wherever it comes from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.arrays import Means
from detectors.cold import MOST, advance

NOTHING = np.zeros(0, np.float32)


def run(means: np.ndarray, through_bytes: bool = False) -> tuple[Means, list[int]]:
    inputs, told = NOTHING, []
    for block, mean in enumerate(means):
        if through_bytes:
            inputs = np.frombuffer(inputs.tobytes(), np.float32)
        inputs, changed = advance(inputs, float(mean))
        if changed:
            told.append(block)
    return inputs, told


def shares(rng: np.random.Generator, p: np.ndarray, events: int = 80) -> np.ndarray:
    return rng.binomial(events, p) / events


@pytest.mark.parametrize("p", [0.01, 0.05, 0.5, 0.98])
def test_a_state_that_went_through_bytes_says_the_same(p: float) -> None:
    rng = np.random.default_rng(51)
    means = shares(rng, np.where(np.arange(300) < 150, p, min(2 * p, 1 - p / 2)))
    (left, told), (stored, stored_told) = run(means), run(means, through_bytes=True)
    assert told == stored_told
    assert left.tobytes() == stored.tobytes()


@pytest.mark.parametrize("to", [0.075, 0.025])
def test_a_change_of_the_mean_by_half_is_told_once(to: float) -> None:
    """Of 5 %, after half of 256 blocks of 80 events, in 50 services."""
    rng, p = np.random.default_rng(52), np.where(np.arange(256) < 128, 0.05, to)
    told = [run(shares(rng, p))[1] for _ in range(50)]
    assert all(block >= 128 for blocks in told for block in blocks)
    assert sum(len(blocks) == 1 for blocks in told) >= 48


def test_after_a_change_only_what_came_since_is_kept() -> None:
    rng = np.random.default_rng(53)
    left, told = run(shares(rng, np.where(np.arange(220) < 200, 0.05, 0.3)))
    assert len(told) == 1
    assert 18 <= len(left) <= 22


@pytest.mark.parametrize("value", [0.0, 0.07, 1.0, 1e30])
def test_a_constant_is_no_change(value: float) -> None:
    assert run(np.full(MOST + 88, value))[1] == []


def test_where_nothing_changes_next_to_nothing_is_told() -> None:
    """Means of rare things and of heavy tails, of 100 blocks of 80 events, 100 times each."""
    rng = np.random.default_rng(54)
    for means in (shares(rng, np.full((100, 100), 0.004)), rng.lognormal(7, 1, (100, 100, 80)).mean(axis=2)):
        assert sum(len(run(one)[1]) for one in means) <= 3


@settings(deadline=None)
@given(st.lists(st.integers(0, 80), min_size=1, max_size=60), st.sampled_from([2.0**-20, 1.0, 2.0**30]))
def test_the_scale_of_a_mean_does_not_matter(yes: list[int], scale: float) -> None:
    """Powers of two, which leave every digit as it is."""
    means = np.array(yes) / 128
    assert run(means)[1] == run(scale * means)[1]


def test_the_list_is_bounded_and_its_end_is_all_that_counts() -> None:
    rng = np.random.default_rng(55)
    means = shares(rng, np.full(MOST + 40, 0.3))
    inputs, _ = run(means)
    assert inputs.tobytes() == means[-MOST:].astype(np.float32).tobytes()


@pytest.mark.parametrize("mean", [np.nan, np.inf, 1e39])
def test_what_is_no_mean_is_refused(mean: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        advance(NOTHING, mean)

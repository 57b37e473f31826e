"""The onset is found, and its range holds it as often as it says."""

import numpy as np
import pytest

from detectors.onset import onset


def test_a_clean_break_is_found_exactly() -> None:
    growth = np.array([-5.0] * 7 + [5.0] * 3)
    found = onset(growth, np.linspace(0, 90, 10))
    assert (found.index, found.at, found.earliest, found.latest) == (7, 70.0, 70.0, 70.0)


def test_it_is_where_a_cusum_last_started_afresh() -> None:
    """The definition, run forward, against the code, that runs backward."""
    rng = np.random.default_rng(31)
    for _ in range(200):
        growth = rng.normal(0.1, 1, 40)
        cusum, start = 0.0, 0
        for bucket, won in enumerate(growth):
            if cusum <= 0:
                cusum, start = 0.0, bucket
            cusum += won
        if cusum > 0:
            assert onset(growth, np.arange(40.0)).index == start


def test_a_draw_starts_late() -> None:
    """Buckets that the bet neither won nor lost on before the change are not part of it."""
    assert onset(np.array([-1.0, 0.0, 0.0, 6.0]), np.arange(4.0)).index == 3


def test_the_range_holds_the_true_onset_nine_times_in_ten() -> None:
    """Exact likelihood ratios, changes of any size at any bucket: at least 90 %, less three standard errors."""
    rng, runs, held = np.random.default_rng(32), 2000, 0
    times = np.linspace(0, 590, 60)
    for _ in range(runs):
        p, q, true = 0.1, float(rng.choice([0.13, 0.2, 0.5])), int(rng.integers(1, 59))
        yes = rng.binomial(12, np.where(np.arange(60) < true, p, q))
        growth = yes * np.log(q / p) + (12 - yes) * np.log((1 - q) / (1 - p))
        found = onset(growth, times)
        held += found.earliest <= times[true] <= found.latest
    assert held / runs >= 0.9 - 3 * np.sqrt(0.9 * 0.1 / runs)


def test_the_range_holds_the_onset_itself() -> None:
    rng = np.random.default_rng(33)
    for _ in range(100):
        found = onset(rng.normal(size=20), np.arange(20.0))
        assert found.earliest <= found.at <= found.latest


@pytest.mark.parametrize(
    ("growth", "times"),
    [([], []), ([1.0], [1.0, 2.0]), ([np.nan], [0.0]), ([1.0], [np.inf])],
)
def test_what_is_no_course_is_refused(growth: list[float], times: list[float]) -> None:
    with pytest.raises(ValueError, match="growth"):
        onset(np.array(growth), np.array(times))

"""NAB's score, against values worked out from its published definition."""

import numpy as np
import pytest

from benchmarks.windows import PROFILES, Outcome, Window, outcome

ROWS = 1000  # so 150 rows of probation
WINDOW: Window = (600, 699)


def _with(*alarms: int, windows: tuple[Window, ...] = (WINDOW,)) -> Outcome:
    at = np.zeros(ROWS, np.bool_)
    at[list(alarms)] = True
    return outcome(at, windows)


def test_the_first_row_of_a_window_is_worth_all_and_the_middle_most_of_it() -> None:
    assert _with(600).worth == pytest.approx(1.0)
    assert _with(650).worth == pytest.approx(0.84828 / 0.98661, abs=1e-4)  # the paper's S(-0.5), by its S(-1)


def test_only_the_earliest_alarm_of_a_window_counts() -> None:
    assert _with(620, 630, 690) == _with(620)


def test_an_alarm_behind_a_window_costs_the_more_the_farther_it_is() -> None:
    near, width, far = (_with(row).cost for row in (700, 699 + 99, 999))
    assert near == pytest.approx(-2 / (1 + np.exp(5 / 99)) + 1)
    assert width == pytest.approx(0.98661, abs=1e-5)
    assert far == pytest.approx(1.0)
    assert _with(300).cost == 1.0  # there is no window before it


def test_what_comes_while_a_detector_learns_does_not_count() -> None:
    assert _with(0, 100, 149) == _with()
    assert _with(150).false == 1
    assert _with(windows=((50, 100),)).windows == 0
    assert _with(120, windows=((100, 200),)).found == 0
    assert _with(150, windows=((100, 200),)).found == 1


def test_the_scale_runs_from_silence_to_perfection() -> None:
    seen = _with(200, 400, windows=((200, 249), WINDOW))  # one in its first row, one missed, one three widths behind
    assert (seen.windows, seen.found, seen.false, seen.cost) == (2, 1, 1, 1.0)
    assert seen.score(PROFILES["standard"]) == pytest.approx(100 * (1 - 1 - 0.11 + 2) / 4)
    assert seen.score(PROFILES["low_fp"]) == pytest.approx(100 * (1 - 1 - 0.22 + 2) / 4)
    assert seen.score(PROFILES["low_fn"]) == pytest.approx(100 * (1 - 2 - 0.11 + 4) / 6)


def test_series_add_up() -> None:
    assert _with(620) + _with(300) == Outcome(2, 1, _with(620).worth, 1, 1.0)
    with pytest.raises(ValueError, match="no window"):
        Outcome(0, 0, 0.0, 3, 3.0).score(PROFILES["standard"])

"""What is watched in NAB's series, and what is said of a folder that does not hold them."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.nab import BUDGET, as_number, ours, read, thrown
from benchmarks.windows import probation


def test_a_step_alarms_once_and_is_normal_afterwards() -> None:
    """The step lies behind the probation of 300 rows; the next 300 rows teach that it is normal now."""
    values = np.random.default_rng(1).lognormal(0, 0.3, 2000) * np.where(np.arange(2000) < 1000, 100, 500)
    alarms = np.flatnonzero(ours(values, as_number, BUDGET))
    assert len(alarms) == 1
    assert 1000 <= alarms[0] < 1020


def test_nothing_is_said_while_there_is_nothing_to_compare_with() -> None:
    values = np.random.default_rng(1).lognormal(0, 0.3, 2000) * np.where(np.arange(2000) // 100 % 2, 100, 500)
    alarms = np.flatnonzero(ours(values, as_number, 1e-2))
    learned = probation(len(values))
    assert len(alarms) > 0
    assert alarms[0] >= learned
    assert (np.diff(alarms) > learned).all()


def test_values_below_zero_are_watched_too() -> None:
    assert not ours(np.full(500, -20.0), as_number, BUDGET).any()


def test_as_many_alarms_are_thrown_and_none_into_the_probation() -> None:
    alarms = np.zeros(1000, np.bool_)
    alarms[[300, 500, 700]] = True
    found = np.flatnonzero(thrown(alarms, np.random.default_rng(1)))
    assert len(found) == 3
    assert found[0] >= probation(1000)


def test_windows_are_read_as_rows(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/x.csv").write_text("timestamp,value\n2014-01-01 00:00:00,1.5\n2014-01-01 00:05:00,2\n")
    window = ["2014-01-01 00:05:00.000000", "2014-01-01 00:05:00.000000"]
    (tmp_path / "windows.json").write_text(json.dumps({"real/x.csv": [window], "real/not_here.csv": []}))
    (series,) = read(tmp_path)
    assert series.values.tolist() == [1.5, 2.0]
    assert series.windows == [(1, 1)]
    assert not series.counts


def test_a_folder_without_windows_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds none of what this needs: NAB's windows"):
        read(tmp_path)
    with pytest.raises(SystemExit, match="is no folder"):
        read(tmp_path / "nothing")

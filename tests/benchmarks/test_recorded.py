"""Recorded answers are read by the names of their columns, and what is not there is left out."""

import csv
from pathlib import Path

import pytest

from benchmarks.llmdrift import main
from benchmarks.recorded import chosen, find, read, snapshots

ROWS = [
    {"Model": "lab/m-0301", "Response": "[Yes] sure", "ref_answer": "yes", "latency": "0.5", "valid": "1"},
    {"Model": "lab/m-0301", "Response": "No.", "ref_answer": "Yes", "latency": "2", "valid": "0"},
    {"Model": "lab/m-0613", "Response": "I am sorry, no", "ref_answer": "No", "latency": "1", "valid": "True"},
]


def _write(path: Path, *columns: str) -> Path:
    with path.open("w", newline="") as file:
        written = csv.DictWriter(file, columns, extrasaction="ignore")
        written.writeheader()
        written.writerows(ROWS)
    return path


def test_every_signal_is_found_by_the_name_of_its_column(tmp_path: Path) -> None:
    signals = {signal.name: signal for signal in read(_write(tmp_path / "x.csv", *ROWS[0]))}
    assert set(signals) == {
        f"x m {name}" for name in ("answer length", "latency", "correct", "valid", "refusal words", "code fence")
    }
    assert signals["x m latency"].before.tolist() == [500.0, 2000.0]  # milliseconds, our base unit
    assert signals["x m correct"].before.tolist() == [1.0, 0.0]
    assert signals["x m correct"].after.tolist() == [1.0]
    assert signals["x m valid"].after.tolist() == [1.0]
    assert signals["x m refusal words"].after.tolist() == [1.0]


def test_a_column_that_is_not_there_makes_no_signal(tmp_path: Path) -> None:
    names = [signal.name for signal in read(_write(tmp_path / "x.csv", "Model", "Response"))]
    assert names == ["x m answer length", "x m refusal words", "x m code fence"]
    assert read(_write(tmp_path / "y.csv", "Response")) == []


def test_columns_are_whole_names_in_any_case() -> None:
    assert find(["LATENCY "], "latency") == "LATENCY "
    assert find(["latency_per_token", "cost"], "latency") is None


def test_snapshots_are_paired_in_order_and_within_a_model() -> None:
    models = ["a/m-0613", "a/m-0301", "a/m-1106", "a/n-0314", "plain"]
    assert [(one[1], one[2]) for one in snapshots(models)] == [("a/m-0301", "a/m-0613"), ("a/m-0613", "a/m-1106")]


def test_brackets_decide_over_words() -> None:
    assert chosen("[No]. That is, yes, it is not.", {"yes", "no"}) == "no"
    assert chosen("It is (approximately 130.7). Therefore yes", {"yes", "no"}) == "yes"
    assert chosen("nothing of the kind", {"yes", "no"}) is None


def test_a_folder_without_data_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["llmdrift", str(tmp_path)])
    with pytest.raises(SystemExit, match="holds none of what this needs: csv files of LLMDrift"):
        main()

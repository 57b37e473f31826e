"""The shipped rows say what the recorded ones say, no more, and can be made again."""

import re
from pathlib import Path

import pytest
from msgspec import Struct

from streams.demo import extract
from streams.demo.rows import AIRLINE, CHAT, PRIME, SURVEY, Airline, Chat, Prime, Survey, shipped, unpack

ROOT = Path(__file__).parents[2]
DATA = ROOT / "streams" / "demo" / "data"
ORIGINALS = ROOT.parent / "shared" / "data"
FILES: dict[str, type[Struct]] = {SURVEY: Survey, PRIME: Prime, CHAT: Chat, AIRLINE: Airline}


def test_answers_went_from_98_to_23_percent() -> None:
    rows = shipped(SURVEY, Survey)
    for model, answered in (("gpt-4-0314", 1475), ("gpt-4-0613", 351)):  # of 1,506: 97.9 % and 23.3 %
        assert [row.answered for row in rows if row.model == model].count(True) == answered
    assert len(rows) == 2 * 1506


def test_both_snapshots_were_asked_the_same() -> None:
    rows = shipped(SURVEY, Survey)
    march, june = rows[:1506], rows[1506:]
    assert [(row.question, row.input_tokens) for row in march] == [(row.question, row.input_tokens) for row in june]


def test_the_later_snapshot_is_right_half_of_the_time() -> None:
    """Counted by `benchmarks.recorded` as well, which reads answers by rules of its own."""
    rows = shipped(PRIME, Prime)
    march, june = ([row for row in rows if row.model == model] for model in extract.SNAPSHOTS)
    for side, correct, in_form in ((march, 840, 996), (june, 511, 947)):
        assert sum(row.correct for row in side) == correct
        assert sum(row.in_form for row in side) == in_form
    assert [row.question for row in march] == [row.question for row in june]


def test_no_words_of_a_question_or_an_answer_are_shipped() -> None:
    asked = [*(row.question for row in shipped(SURVEY, Survey)), *(row.question for row in shipped(PRIME, Prime))]
    assert all(re.fullmatch(r"\w{1,32}", question, re.ASCII) for question in asked)


def test_airline_runs_are_the_recorded_ones() -> None:
    runs = shipped(AIRLINE, Airline)
    assert sorted((run.task, run.trial) for run in runs) == [(task, trial) for task in range(50) for trial in range(4)]
    assert sum(run.correct for run in runs) == 84  # the sum of the recorded rewards
    calls = [call for run in runs for call in run.tools]
    assert len(calls) == 1164  # the recorded messages of tools
    assert all((call.error is None) == call.ok for call in calls)
    assert all(run.intent in extract.CHANGES | {None} for run in runs)


def test_chat_rows_are_lengths() -> None:
    rows = shipped(CHAT, Chat)
    assert len(rows) == extract.CHAT_ROWS
    assert all(row.input_tokens > 0 and row.output_tokens > 0 for row in rows)


def test_the_extracts_stay_small() -> None:
    assert sum(file.stat().st_size for file in DATA.iterdir()) < 200_000


@pytest.mark.parametrize("name", FILES)
def test_an_extract_holds_no_time(name: str) -> None:
    assert (DATA / name).read_bytes()[4:8] == bytes(4)  # RFC 1952: MTIME


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason=f"the recorded data sets are not at {ORIGINALS}")
def test_extracts_can_be_made_again() -> None:
    made = extract.extracts(ORIGINALS)
    assert made == extract.extracts(ORIGINALS)
    assert made.keys() == FILES.keys()
    for name, row in FILES.items():  # rows, for another zlib may pack the same ones otherwise
        assert unpack(made[name], row) == shipped(name, row)


def test_the_notice_says_whose_each_file_is() -> None:
    notice = (DATA / "NOTICE.md").read_text()
    assert all(f"`{name}`" in notice for name in FILES)
    assert all(licence in notice for licence in ("Apache-2.0", "CC-BY-4.0", "MIT License"))
    assert f"Random({extract.CHAT_SEED})" in notice
    assert f"{extract.CHAT_ROWS:,} of the 19,366" in notice


def test_a_cost_that_is_not_made_of_whole_tokens_is_refused(tmp_path: Path) -> None:
    csv = tmp_path / "OPINIONQA.csv"
    csv.write_text(
        "model,id,query,answer,latency,cost,answer_token\nopenaichat/gpt-4-0314,Q1,(A). Yes,(A),1.0,0.001,4\n"
    )
    with pytest.raises(ValueError, match=r"Q1 of gpt-4-0314 cost 0\.001"):  # (1000 - 4 * 60) / 30 input tokens
        list(extract.survey(csv))

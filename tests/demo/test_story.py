"""The story is the same for a seed, speaks the words of the schema, and changes one service only."""

import re
from collections import Counter
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert, structs

from schemas.events import Event, Exchange, Outcome
from streams.demo import story as module
from streams.demo.rows import AIRLINE, CHAT, SURVEY, Airline, Chat, Survey, shipped
from streams.demo.story import RATE, SECONDS, SEED, Beat, story

ROOT = Path(__file__).parents[2]
SERVICES = ("survey-assistant", "chat-assistant", "airline-agent", "forms-assistant")
BEATS = list(story(SEED))
CHANGE = next(beat.seconds for beat in BEATS if beat.event.get("model_served") == "gpt-4-0613")


def exchanges(service: str, beats: list[Beat] = BEATS) -> list[Beat]:
    return [beat for beat in beats if beat.event["service"] == service and beat.event["type"] == "exchange"]


def test_a_seed_tells_one_story() -> None:
    assert list(story(SEED)) == BEATS
    assert list(story(SEED + 1)) != BEATS


def test_beats_come_in_the_order_of_time() -> None:
    times = [beat.seconds for beat in BEATS]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < SECONDS


def test_every_event_is_one_of_the_schema() -> None:
    for beat in BEATS:
        event = convert({**beat.event, "at": 0}, Event)  # raises where a required field is missing or a type is wrong
        assert isinstance(event, Exchange | Outcome)
        assert beat.event.keys() <= {"type"} | {field.name for field in structs.fields(event)}
        assert None not in beat.event.values()


def test_outcomes_follow_the_run_that_they_judge() -> None:
    began = {beat.event["id"]: beat.seconds for beat in exchanges("airline-agent")}
    outcomes = [beat for beat in BEATS if beat.event["type"] == "outcome"]
    low, high = module.JUDGED_AFTER
    assert all(low <= round(beat.seconds - began[beat.event["about"]], 3) <= high for beat in outcomes)
    assert len({beat.event["about"] for beat in outcomes}) == len(outcomes)
    assert len(outcomes) >= sum(seconds + high < SECONDS for seconds in began.values())


def test_ids_are_unique() -> None:
    ids = [beat.event["id"] for service in SERVICES for beat in exchanges(service)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("service", SERVICES)
def test_there_is_enough_to_learn_from_before_the_change(service: str) -> None:
    assert sum(beat.seconds < CHANGE for beat in exchanges(service)) >= 1500


@pytest.mark.parametrize("service", SERVICES)
def test_traffic_is_a_poisson_process(service: str) -> None:
    expected = RATE * SECONDS
    assert abs(len(exchanges(service)) - expected) < 5 * sqrt(expected)
    gaps = [later.seconds - earlier.seconds for earlier, later in pairwise(exchanges(service))]
    short = sum(gap < 1 / RATE for gap in gaps) / len(gaps)  # 1 - 1/e of them, were they exponential
    assert abs(short - 0.632) < 5 * sqrt(0.632 * 0.368 / len(gaps)) + 0.001 * RATE  # and rounded to the millisecond


def test_the_served_model_changes_once_and_nothing_else_says_so() -> None:
    served = [beat.event["model_served"] for beat in exchanges("survey-assistant")]
    assert [model for model, after in pairwise([*served, ""]) if model != after] == ["gpt-4-0314", "gpt-4-0613"]
    for field in ("release", "model_requested", "status"):
        assert len({beat.event[field] for beat in exchanges("survey-assistant")}) == 1
    assert {beat.event["type"] for beat in BEATS} == {"exchange", "outcome"}


def test_the_survey_asks_each_question_once_before_it_asks_again() -> None:
    march = [row for row in shipped(SURVEY, Survey) if row.model == "gpt-4-0314"]
    asked = [beat.event for beat in exchanges("survey-assistant")][: len(march)]
    assert Counter(map(_survey, asked)) == Counter(march)


def _survey(event: dict[str, Any]) -> Survey:
    return convert({**event, "question": event["id"].split("-", 2)[2], "model": event["model_served"]}, Survey)


def test_the_forms_break_in_one_workflow_and_nothing_else_says_so() -> None:
    """Two of a hundred break their schema, and then sixty in one workflow; within five standard deviations."""
    forms = exchanges("forms-assistant")
    assert {beat.event["status"] for beat in forms} == {"ok"}
    assert len({beat.event["release"] for beat in forms}) == 1
    low, high = module.BREAKS_AFTER
    for after, workflow, share in ((False, None, 0.02), (True, module.BROKEN, 0.6)):
        mine = [
            beat.event for beat in forms
            if (beat.seconds >= high if after else beat.seconds < low) and workflow in (None, beat.event["workflow"])
        ]  # fmt: skip
        broken = sum(not event["schema_valid"] for event in mine)
        assert abs(broken - share * len(mine)) < 5 * sqrt(share * (1 - share) * len(mine))
    others = [b.event for b in forms if b.seconds >= high and b.event["workflow"] != module.BROKEN]
    assert sum(not event["schema_valid"] for event in others) < 0.1 * len(others)


def test_the_change_is_no_affair_of_the_healthy_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEALTHY_FOR", (5.0, 6.0))
    other = list(story(SEED))
    assert other != BEATS
    survey = "survey-assistant"
    assert [b for b in other if b.event["service"] != survey] == [b for b in BEATS if b.event["service"] != survey]


@pytest.mark.parametrize("late", [False, True])
def test_airline_runs_are_drawn_evenly_in_both_halves(late: bool) -> None:
    beats = [beat for beat in exchanges("airline-agent") if (beat.seconds >= SECONDS / 2) == late]
    drawn = Counter(beat.event["id"].split("-", 2)[2] for beat in beats)
    expected = len(beats) / 200
    chi2 = (200 - len(drawn)) * expected + sum((n - expected) ** 2 / expected for n in drawn.values())
    assert abs(chi2 - 199) < 5 * sqrt(2 * 199)  # chi-squared, 199 degrees of freedom


def test_a_draw_does_not_depend_on_the_one_before() -> None:
    drawn = [beat.event["id"].split("-", 2)[2] for beat in exchanges("airline-agent")]
    repeats = sum(earlier == later for earlier, later in pairwise(drawn))
    expected = (len(drawn) - 1) / 200  # a walk through the rows would have none
    assert abs(repeats - expected) < 5 * sqrt(expected)


def test_healthy_services_send_recorded_rows() -> None:
    chats = set(shipped(CHAT, Chat))
    assert all(convert(beat.event, Chat) in chats for beat in exchanges("chat-assistant"))
    runs = {f"task-{run.task}-trial-{run.trial}": run for run in shipped(AIRLINE, Airline)}
    for beat in exchanges("airline-agent"):
        run = runs[beat.event["id"].split("-", 2)[2]]
        assert convert({**beat.event, "task": run.task, "trial": run.trial, "correct": run.correct}, Airline) == run


def test_nobody_but_the_story_knows_when_it_changes() -> None:
    when = re.compile(rf"HEALTHY_FOR|(?<![\w.]){int(CHANGE)}(\.\d+|_?\d{{3}})(?![\w.])")  # in seconds or milliseconds
    for room in ("deploy", "streams", "detectors", "schemas"):
        for file in (ROOT / room).rglob("*"):
            if file.suffix in {".py", ".yaml", ".yml", ".toml", ".json"} and file.name != "story.py":
                assert not when.search(file.read_text()), f"{file} knows when the story changes"


def test_no_config_knows_what_the_story_changes_to() -> None:
    for file in (ROOT / "deploy").rglob("*.y*ml"):
        assert "gpt-4-0" not in file.read_text(), f"{file} knows a model of the story"

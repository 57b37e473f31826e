"""The traffic is worth sending: seeded, and with everything in it that the gate must see counted."""

from collections import Counter
from itertools import islice
from random import Random

import orjson
import pytest

from tests.chaos.settings import config
from tests.chaos.traffic import CHANGING, MISTAKES, SILENT, Beat, Script, closing, mistake, story
from tests.measure.recount import counts

START_MS = 1_790_000_000_000
CONFIG = config("localhost:9092", "test")


@pytest.fixture(scope="module")
def beats() -> list[Beat]:
    return list(islice(story(Script(), seed=5, start_ms=START_MS), 12_000))  # 40 s


def test_a_seed_is_a_story(beats: list[Beat]) -> None:
    assert list(islice(story(Script(), 5, START_MS), 500)) == beats[:500]
    assert list(islice(story(Script(), 6, START_MS), 500)) != beats[:500]


def test_records_come_in_the_order_of_time(beats: list[Beat]) -> None:
    assert [beat.due for beat in beats] == sorted(beat.due for beat in beats)


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_no_event(kind: str) -> None:
    made = mistake(Random(1), "planner", START_MS, kind)
    [count] = counts([(0, START_MS, made)], CONFIG)
    assert list(count.refused) == [0]


def test_everything_is_in_it(beats: list[Beat]) -> None:
    found: Counter[str] = Counter()
    for partition in range(4):
        log = [(n, b.timestamp, b.value) for n, b in enumerate(b for b in beats if b.partition == partition)]
        for count in counts(log, CONFIG):
            found.update(refused.reason for refused in count.refused.values())
            found.update(kind for _, _, kind in count.beside)
            found.update(count.requests)
            found.update("late" for key in count.cells if key[1] == "late")
            found.update("__other__" for key in count.cells if "__other__" in key)
    assert {"empty", "not_json", "invalid", "unknown_type", "too_large", "bad_time", "future"} <= found.keys()
    assert {"request", "response", "outcome", "evaluation", "late", "__other__"} <= found.keys()
    assert {"answered", "no_response", "repeated", "overflow", "too_far"} <= found.keys()


def test_a_service_changes_and_changes_back() -> None:
    script = Script(warm=10, cycle=60, change=20)
    for service in (*CHANGING, SILENT):
        moods = [script.mood(service, at) for at in range(10, 130)]
        changed = [mood != "well" for mood in moods]
        assert not any(script.mood(service, at) != "well" for at in range(10))
        assert changed.count(True) >= 20
        assert not all(changed[60:])


def test_the_end_reaches_every_tallies_partition_in_one_block() -> None:
    end = closing(START_MS, 5_000)
    assert len({beat.timestamp for beat in end}) == 1
    for partition in range(4):
        services = {orjson.loads(beat.value or b"")["service"] for beat in end if beat.partition == partition}
        assert len(services) == 4

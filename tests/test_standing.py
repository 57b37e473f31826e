"""How it stands with a service is said by its own state: what it learned, what it does not see, what it would find."""

import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.config import parse
from schemas.taxonomy import Taxonomy
from streams.standing import ANOTHER, NOBODY, Standing, lines, standing
from streams.watch.baseline import Naming
from streams.watch.expected import SHIFTS
from streams.watch.learn import relearned
from streams.watch.plan import Plan
from streams.watch.state import State
from tests.watch import logs
from tests.watch.logs import PLAN


@pytest.fixture
def watched() -> State:
    """Half a minute after it was learned from the first 200 exchanges."""
    return logs.run(logs.plain()[:120])[0]["beta"]


def said(*states: State, plan: Plan = PLAN, **more: Any) -> str:
    return "\n".join(lines([standing(one, plan, **more) for one in states], as_written=True))


@pytest.mark.parametrize(("events", "learned"), [(0, 0), (60, 60), (10**6, 200)])
def test_a_service_that_is_learned_says_how_many_exchanges_are_still_to_come(events: int, learned: int) -> None:
    one = standing(State(service="new", second=1, naming=Naming(events)), PLAN)
    assert (one.state, one.learned, one.needed, one.baseline, one.expected) == ("learning", learned, 200, 0, ())
    assert f"new: learning, {learned} of 200 exchanges" in said(State(service="new", second=1, naming=Naming(events)))


def test_counts_come_after_names_when_it_is_said_how_far_learning_is(watched: State) -> None:
    begun = relearned(PLAN, watched, ("latency",), "")
    assert standing(begun, PLAN).learned == 100
    assert "learning latency anew, 100 of 200 exchanges" in said(begun)
    assert "watched since" in said(begun)
    assert "learning anew, 0 of 200" in said(relearned(PLAN, watched, (), ""))


def test_a_watched_service_says_since_when_by_what_and_how_much_it_sends(watched: State) -> None:
    """The log has two sources of six exchanges a second each, from the first second on, and a few late or halves."""
    one, baseline = standing(watched, PLAN), watched.baseline
    assert baseline is not None
    assert (one.state, one.baseline, one.needed, one.exchanges) == ("watched", 1, 0, baseline.events)
    assert one.per_second == pytest.approx(12, rel=0.15)
    assert re.fullmatch(r"2025-11-24T16:00:\d\dZ", one.since)


def test_what_is_not_seen_is_said_by_reason_and_what_is_seen_by_its_delays(watched: State) -> None:
    one = standing(watched, PLAN)
    shown = {row.signal for row in one.expected}
    assert {"refused", "failed", "latency", "intent"} <= shown
    assert one.unlearned["accepted"] == one.unlearned["tool_path"] == "not observed"
    unseen = {signal for signal, why in one.unlearned.items() if why == "not observed"}
    assert not shown & unseen
    assert all(len(row.ticket) in (0, len(SHIFTS)) for row in one.expected)
    text = said(watched)
    assert re.search(r"^  not observed: .*\baccepted\b", text, re.MULTILINE)
    assert re.search(r"^  refused .*", text, re.MULTILINE)


def test_only_what_is_watched_by_the_config_is_told(watched: State) -> None:
    plan = Plan.of(parse("watch: {signals: [refused, accepted]}"), Taxonomy.load_default())
    one = standing(watched, plan)
    assert [row.signal for row in one.expected] == ["refused"]
    assert one.unlearned == {"accepted": "not observed"}


def test_a_service_on_trial_says_so(watched: State) -> None:
    plan = Plan.of(parse("services: [{name: beta, shadow: true}]"), Taxonomy.load_default())
    assert standing(watched, plan).shadow
    assert "beta: watched in shadow since" in said(watched, plan=plan)


def test_a_service_in_quarantine_says_so_first(watched: State) -> None:
    assert standing(watched, PLAN, quarantined=True).state == "quarantined"
    assert "beta: in quarantine" in said(watched, quarantined=True)


def test_without_a_service_there_is_a_sentence_and_with_another_config_a_warning(watched: State) -> None:
    assert list(lines([], as_written=True)) == [NOBODY]
    assert next(iter(lines([standing(watched, PLAN)], as_written=False))) == ANOTHER
    assert ANOTHER not in said(watched)


def test_names_from_events_act_on_no_terminal(watched: State) -> None:
    assert all(line.isprintable() for line in said(replace(watched, service="a\x9b2J\nb")).splitlines())


def test_it_is_data_as_well(watched: State) -> None:
    one = standing(watched, PLAN)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Standing) == one

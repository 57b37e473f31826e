"""The story of an incident is told from the topics alone: nothing is left out, nothing is made up."""

from math import inf
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.control import Acknowledge, Maintain, Rebaseline
from schemas.incidents import Change, Child, Exemplar, Incident, ModeCount, Slice
from schemas.strict import ConfigError
from streams.figures import WIDTH
from streams.story import told
from streams.story.gathered import Story, gather
from streams.story.looked import exemplars, looked
from streams.story.missing import TWICE
from tests.story.life import (
    CHANGES,
    EXEMPLAR,
    FIRED,
    GRAVER,
    LIFE,
    MINUTE,
    NOON,
    OVER,
    REFUSED,
    SAID,
    TAKEN,
    log,
    parent,
    report,
    step,
    topics,
)

SECTIONS = (
    "What happened", "On what evidence", "Which guardrails", "What was recommended", "Who acknowledged it",
    "What else was said and done", "When it ended",
)  # fmt: skip


def flat(story: Story) -> str:
    return " ".join(" ".join(told.lines(story)).split())


def section(story: Story, title: str) -> str:
    """Take the text below a title; nothing, if there is no such section."""
    _, _, rest = "\n".join(told.lines(story)).partition(f"\n\n{title}\n")
    return " ".join(rest.split("\n\n")[0].split())


@pytest.mark.parametrize("asked", ["9f0c", "9f0c-1", "9f0c-1-3"])
def test_an_episode_is_found_by_its_fingerprint_its_own_name_and_each_of_its_steps(asked: str) -> None:
    story = gather(asked, topics())
    assert story.steps == LIFE
    assert story.asked == (3 if asked.endswith("-3") else None)
    assert story.missing == ()


def test_the_sections_come_in_the_order_of_what_people_ask() -> None:
    lines = list(told.lines(gather("9f0c", topics())))
    titles = [line for line in lines if line and not line.startswith(" ")][2:]
    assert tuple(titles) == SECTIONS


@pytest.mark.parametrize(
    ("title", "promised"),
    [
        ("What happened", "1 2026-08-14 12:00:03 UTC: fired sev-3, ticket: shop: refusals 12.0 % -> 31.0 %"),
        ("What happened", "severity sev-3 -> sev-2: SAF.OVER_REFUSAL: a repeated error of a business process"),
        ("What happened", "ticket -> page"),
        ("What happened", "refusals: now 40 % (37 to 43), was 31 % (27 to 35)"),
        ("What happened", "new mode SAF.OVER_REFUSAL (sev-2): 402 since then"),
        ("What happened", "3 2026-08-14 12:05:00 UTC: acknowledged taken by ana: rolling back"),
        ("On what evidence", "refusals: 12 % (11 to 13) -> 40 % (37 to 43), 20,000 then 900 events"),
        ("On what evidence", "how sure one in 96 years; measured against 20,000 events (baseline 3)"),
        ("On what evidence", "SAF.OVER_REFUSAL: a-17, trace 4bf9, at ai.events:3:99812"),
        ("On what evidence", "config c0ffee, taxonomy 7a0, baseline 3, engine 0.2.0"),
        ("Which guardrails", "policy fired 12 times since then, 1.2 expected"),
        ("What was recommended", "do Pin the former model."),
        ("What was recommended", "suspected the model that serves was changed"),
        ("What was recommended", "owner shop team"),
        ("Who acknowledged it", "ana, 2026-08-14 12:05:00 UTC: rolling back"),
        ("What else was said and done", "ai.control:0:0: release v2 promoted, generation 7, after v1"),
        ("What else was said and done", "ai.control:0:2: release v2 rolled back, generation 8"),
        ("What else was said and done", "changes v2: v2 answers slower than v1"),
        ("What else was said and done", "failures v2: mostly refusals"),
        ("When it ended", "2026-08-14 12:20:00 UTC, 19 min 57 s after it was first told: all is back"),
    ],
)
def test_a_story_says(title: str, promised: str) -> None:
    assert promised in section(gather("9f0c", topics(changes=[CHANGES], failures=[report()])), title)


def test_a_step_tells_what_is_new_in_it_and_not_the_rest() -> None:
    taken = section(gather("9f0c", topics()), "What happened").partition("acknowledged")[2].partition("4 2026")[0]
    assert taken.split() == ["taken", "by", "ana:", "rolling", "back"]
    twice = (FIRED, replace(FIRED, id="9f0c-1-2", sequence=2, step="updated", updated_at=NOON + MINUTE))
    assert "updated said again, with nothing new in it" in section(gather("9f0c", topics(twice)), "What happened")


def test_only_what_was_said_of_the_service_around_the_episode_is_told() -> None:
    story = gather("9f0c", topics())
    assert [fact.place for fact in story.facts] == ["ai.control:0:0", "ai.control:0:1", "ai.control:0:2"]
    late = [*SAID, (OVER.updated_at + 61 * MINUTE, Rebaseline(service="shop", at=0, by="ana"))]
    assert gather("9f0c", topics(control=late)).facts == story.facts
    assert len(gather("9f0c", topics(LIFE[:3], control=late)).facts) == len(story.facts) + 1


def test_a_maintenance_counts_until_it_is_over() -> None:
    early = NOON - 300 * MINUTE
    for until, told_of in (("2026-08-14T13:30:00+02:00", True), (NOON - 200 * MINUTE, False), ("whenever", False)):
        fact = Maintain(service="shop", at=0, by="bob", until=until, reason="index is rebuilt")
        assert bool(gather("9f0c", topics(control=[(early, fact)])).facts) is told_of


def test_one_acknowledgement_answers_no_later_one() -> None:
    later = (NOON + 50 * MINUTE, Acknowledge(service="shop", at=0, fingerprint="9f0c", by="ana"))
    text = section(gather("9f0c", topics(LIFE[:3], control=[*SAID[:2], later])), "Who acknowledged it")
    assert text.startswith("ana, 2026-08-14 12:05:00 UTC: rolling back ana said so at 2026-08-14 12:50:00 UTC")


def test_an_acknowledgement_that_no_step_followed_is_told_as_such() -> None:
    said = [(NOON + 2 * MINUTE, Acknowledge(service="shop", at=0, fingerprint="9f0c", by="eve"))]
    text = section(gather("9f0c", topics((FIRED, GRAVER), control=said)), "Who acknowledged it")
    assert text.startswith("nobody, so far eve said so at 2026-08-14 12:02:00 UTC (ai.control:0:0)")
    assert "no step is known to have followed" in text
    assert "no step" not in section(gather("9f0c", topics()), "Who acknowledged it")


def test_what_a_zombie_repeats_late_changes_nothing() -> None:
    late = (*LIFE, FIRED, GRAVER)
    assert gather("9f0c", topics(late, incidents_state=[OVER, GRAVER])) == gather("9f0c", topics())


def test_two_episodes_are_two_stories_and_the_latest_is_told_first() -> None:
    again = step(1, 3600, "fired", episode=2, started_at=NOON + 60 * MINUTE)
    both = topics((*LIFE, again))
    assert gather("9f0c", both).steps == (again,)
    first = gather("9f0c-1", both)
    assert first.steps == LIFE
    assert "it came back: episode 2 is firing, 9f0c-2-1" in section(first, "When it ended")
    assert gather("9f0c", both).later is None
    late = topics((*LIFE, again, OVER), incidents_state=[again, OVER])  # a zombie's last word on the first
    assert gather("9f0c", late) == gather("9f0c", both)
    assert gather("9f0c-1", late).later == again


def test_steps_that_retention_took_are_missing_and_not_made_up() -> None:
    story = gather("9f0c", topics(incidents=log("ai.incidents", (TAKEN, OVER), begins=NOON + 4 * MINUTE)))
    assert story.steps == (TAKEN, OVER)
    [said] = story.missing
    assert said == "steps 1 to 2 are not on ai.incidents, which begins at 2026-08-14 12:04:00 UTC"
    text = flat(story)
    assert "What the topics do not have steps 1 to 2" in text
    assert "12:00:33" not in text


def test_a_story_of_which_only_the_present_state_is_left_says_so() -> None:
    story = gather("9f0c", topics(incidents=log("ai.incidents", (), begins=inf), incidents_state=[OVER], control=()))
    assert story.steps == (OVER,)
    assert "steps 1 to 4 are not on ai.incidents, which holds nothing any more" in story.missing[0]
    assert "known from the present state alone" in story.missing[0]
    assert "nothing was said of shop" in section(story, "What else was said and done")


def test_topics_that_are_not_there_or_hold_other_things_are_named() -> None:
    there = topics()
    there["control"] = there["control"]._replace(there=False, records=())
    there["changes"] = log("ai.changes", [b"\xff", b"{}", CHANGES])
    there["incidents_shadow"] = there["incidents_shadow"]._replace(there=False)  # nobody need have anything on trial
    missing = gather("9f0c", there).missing
    assert len(missing) == 2
    assert "ai.control: there is no such topic, or you may not read it" in missing
    assert "ai.changes: 2 of its records could not be read, and are left out" in missing


def test_what_was_said_before_a_topic_begins_is_not_called_nothing() -> None:
    story = gather("9f0c", topics(control=log("ai.control", SAID, begins=NOON)))
    assert story.missing == ("ai.control begins at 2026-08-14 12:00:00 UTC: what was said before is gone",)
    assert gather("9f0c", topics(control=log("ai.control", SAID, begins=NOON - 100 * MINUTE))).missing == ()


def test_steps_that_differ_though_they_have_one_number_are_declared() -> None:
    assert TWICE in gather("9f0c", topics((FIRED, replace(FIRED, summary="anew")))).missing


def test_a_part_of_a_common_cause_names_its_parent_and_the_parent_its_parts() -> None:
    joined = replace(GRAVER, id="9f0c-1-3", sequence=3, step="updated", parent="c0de", held="provider", notify="record")
    child = Child("shop", "9f0c", 1, "sev-2", "shop: refusals", paged=True)
    lost = Child("bank", "dead", 4, "sev-3", "bank: slow", paged=False)
    cause = parent(child, lost)
    there = topics((FIRED, GRAVER, joined, cause), incidents_state=(joined, cause))
    part = section(gather("9f0c", there), "What else was said and done")
    assert "held back provider" in part
    assert "part of c0de-1 (sev-1, firing): 1 service fails with provider acme" in part
    assert "part of c0de, which tells the common cause" in section(gather("9f0c", there), "What happened")
    whole = gather("c0de", there)
    also = section(whole, "What else was said and done")
    assert "ai.control:0:0: shop: release v2 promoted" in also  # of its parts, and of them by name
    assert "ai.control:0:1: shop: taken by ana" in also
    assert "shop, sev-2, 9f0c-1: shop: refusals; it had paged by itself; firing" in flat(whole)
    assert "bank, sev-3, dead-4: bank: slow; not on the topics" in flat(whole)
    assert "suspected acme (provider)" in section(whole, "What was recommended")
    assert whole.children == (joined,)
    alone = gather("9f0c", topics((FIRED, GRAVER, joined)))
    assert "part of c0de, of which nothing is on the topics" in flat(alone)


def test_a_part_that_paged_before_the_common_cause_was_known_is_linked_to_it() -> None:
    cause = parent(Child("shop", "9f0c", 1, "sev-2", "shop: refusals", paged=True))
    again = step(1, 90 * 60, "fired", episode=2)
    there = topics((FIRED, GRAVER, cause, again))
    assert gather("9f0c-1", there).parent == cause
    assert gather("9f0c-2", there).parent is None


def test_a_common_cause_is_taken_by_its_fingerprint_whatever_service_is_named() -> None:
    said = [(NOON + 2 * MINUTE, Acknowledge(service="bank", at=0, fingerprint="c0de", by="eve"))]
    cause = parent(Child("shop", "9f0c", 1, "sev-2", "shop: refusals", paged=True))
    taken = replace(cause, id="c0de-1-2", sequence=2, step="acknowledged", acknowledged_by="eve", updated_at=said[0][0])
    text = section(gather("c0de", topics((FIRED, cause, taken), control=said)), "Who acknowledged it")
    assert text == "eve, 2026-08-14 12:02:00 UTC"
    untold = section(gather("c0de", topics((FIRED, cause), control=said)), "Who acknowledged it")
    assert "eve said so at 2026-08-14 12:02:00 UTC (ai.control:0:0)" in untold


def test_an_incident_in_shadow_is_told_from_its_own_topic() -> None:
    dark = replace(FIRED, id="shadow-9f0c-1-1", shadow=True)
    for asked in ("9f0c", "shadow-9f0c-1-1"):
        story = gather(asked, topics((), incidents_state=(), incidents_shadow=[dark]))
        assert story.missing == ()
        assert "in shadow: nobody was told" in flat(story)


@pytest.mark.parametrize("asked", ["beef", "shop", "", "9f0c-1-2-3", "a b"])
def test_an_id_that_is_unknown_is_refused_with_those_that_are_open(asked: str) -> None:
    with pytest.raises(ConfigError, match=r"open are: 9f0c \(shop\) - at `ID`"):
        gather(asked, topics((FIRED, GRAVER)))
    with pytest.raises(ConfigError, match="none is open"):
        gather(asked, topics())


@pytest.mark.parametrize(("asked", "known"), [("9f0c-2", "only 1 - at"), ("9f0c-1-7", "only 1 to 4 - at")])
def test_an_episode_or_a_step_that_is_not_there_is_refused_with_those_that_are(asked: str, known: str) -> None:
    with pytest.raises(ConfigError, match=known):
        gather(asked, topics())


RECORD = b'{"type": "exchange",\n "id": "a-17", "service": "shop\\u001b[2J"}'


@pytest.mark.parametrize(
    ("lies_there", "said"),
    [
        (RECORD, r'{"type":"exchange","id":"a-17","service":"shop\u001b[2J"}'),
        (None, "its record is gone: retention took it, or the topic"),
        (b'{"id": "b-1"}', "another record lies there now: the topic was made again"),
        (b"[]", "another record lies there now"),
        (b"\xff{", "what lies there is no event"),
    ],
    ids=["there", "gone", "another", "a list", "no event"],
)
def test_the_record_of_an_exchange_is_one_line_or_said_to_be_gone(lies_there: bytes | None, said: str) -> None:
    story = gather("9f0c", topics())
    wanted = exemplars(story.steps)
    assert wanted == [EXEMPLAR]
    records = {} if lies_there is None else {("ai.events", 3, 99_812): lies_there}
    lines = list(told.lines(replace(story, events=looked(wanted, records))))
    assert any(said in line for line in lines)


def test_without_the_records_only_their_places_are_told() -> None:
    assert gather("9f0c", topics()).events is None
    assert "its record is gone" not in flat(gather("9f0c", topics()))


def test_a_story_is_data_as_well() -> None:
    story = gather("9f0c", topics(changes=[CHANGES], failures=[report(sequence=2), report(sequence=1)]))
    assert [one.sequence for one in story.failures] == [2]
    assert msgspec.json.decode(msgspec.json.encode(story), type=Story) == story


@given(name=st.text(max_size=200), more=st.text(max_size=20))
def test_no_name_acts_on_a_terminal_or_leaves_the_page(name: str, more: str) -> None:
    change: Change = replace(REFUSED, words=name, feature=more, dimension=name, name=name)
    hostile: dict[str, Any] = {
        "summary": name, "action": name, "why_severity": name, "owner": name, "runbook": name, "how_sure": name,
        "held": name, "cause": name, "releases": (name,), "changes": (change,), "acknowledged_by": name, "note": more,
        "slice": Slice(name, more, 1.0, name, 0.0, 1.0), "modes": (ModeCount(name, "sev-1", 2, 0.0, (more,)),),
        "exemplars": (Exemplar(name, more, name, name, 0, 1),), "ended_why": name, "parent": name,
    }  # fmt: skip
    life: tuple[Incident, ...] = (FIRED, replace(GRAVER, **hostile), replace(OVER, **hostile))
    facts = [(NOON, Rebaseline(service="shop", at=0, by=name or "x", signals=(name,), reason=more))]
    story = gather("9f0c", topics(life, control=facts))
    lines = list(told.lines(replace(story, events=looked(exemplars(story.steps), {}))))
    assert all(line.isprintable() and len(line) <= WIDTH for line in lines)

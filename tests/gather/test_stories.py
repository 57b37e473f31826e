"""Stories of many services: what has one cause is told once, and what has not is left alone."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.found import MANY
from schemas.incidents import Incident
from schemas.watching import Common, Limits
from tests.gather.incidents import CONFIG, UPDATE_S, Gathering, found, gathered, mode, ms, then

TWELVE = [f"s{i:02}" for i in range(12)]
WITHIN_S = CONFIG.common.within_s
BY_HALF = [mode("AVL.OVERLOADED")]


def outage(services: list[str] = TWELVE, since: float = 0, **more: Any) -> list[Incident]:
    """The same model fails in every service; each is found a second after the one before."""
    return [
        found(name, since, at=since + 10 + i, modes=BY_HALF, also_model="gpt-x", **more)
        for i, name in enumerate(services)
    ]


def test_twelve_services_with_one_cause_are_three_pages_and_not_twelve() -> None:
    """Two come before anybody can know; the third makes it a common cause, which pages once."""
    told = gathered(outage())
    assert [one.service for one in told.pages()] == ["s00", "s01", MANY]
    [parent] = told.parents("fired")
    assert (parent.common, parent.severity, parent.notify) == ("provider", "sev-2", "page")
    assert parent.summary.endswith("provider: gpt-x in 3 of 3 (AVL.OVERLOADED in 3 of 3)")
    assert parent.summary.startswith("3 services at once since ")
    assert parent.labels["slice"] == "model_served=gpt-x"
    last = told.wakes(at=60).parents()[-1]
    assert [child.service for child in last.children] == TWELVE
    assert [child.paged for child in last.children] == [True, True] + [False] * 10
    assert last.summary.startswith("12 services at once")


def test_what_comes_later_is_held_and_says_by_whom() -> None:
    told = gathered(outage())
    [parent] = told.parents("fired")
    for one in told.told:
        if one.service in TWELVE[2:]:
            assert (one.notify, one.parent) == ("record", parent.fingerprint)
            assert one.held.startswith("part of 3 services at once")
            assert one.severity == "sev-2", "how grave it is is another matter than whom it is told"
    assert [(one.parent, one.held) for one in told.told[:2]] == [("", ""), ("", "")]


def test_later_steps_of_those_that_paged_name_the_parent_and_stay_as_loud() -> None:
    incidents = outage()
    told = gathered(incidents).hears(then(incidents[0], "updated", 40), then(incidents[5], "updated", 41))
    [parent] = told.parents("fired")
    first, sixth = told.told[-3], told.told[-1]
    assert {one.service for one in (first, sixth)} == {"s00", "s05"}
    assert (first.notify, first.held, first.parent) == ("page", "", parent.fingerprint)
    assert (sixth.notify, sixth.parent) == ("record", parent.fingerprint)


def test_a_parent_is_told_again_at_most_so_often_and_nothing_stays_unsaid() -> None:
    told = gathered(outage())
    assert len(told.parents()) == 1
    told.wakes(at=12 + UPDATE_S - 1)
    assert len(told.parents()) == 1
    told.wakes(at=12 + UPDATE_S)
    assert len(told.parents()) == 2
    told.wakes(at=200)
    assert len(told.parents()) == 2, "there is nothing new to say"
    for one, later in pairwise(told.parents()):
        assert later.updated_at - one.updated_at >= UPDATE_S * 1000
        assert later.sequence == one.sequence + 1


def test_it_is_over_with_its_last_part() -> None:
    incidents = outage()
    told = gathered(incidents)
    for i, one in enumerate(incidents):
        assert not told.parents("resolved")
        told.hears(then(one, "resolved", 400 + i))
    [over] = told.parents("resolved")
    assert told.told[-1] is over, "a part is over before the whole is"
    assert (over.status, over.ended_at) == ("resolved", ms(411))
    assert over.ended_why == "all of its 12 parts are over"
    assert all(child.resolved for child in over.children)
    assert {one.parent for one in told.told if one.step == "resolved" and one is not over} == {over.fingerprint}
    assert (told.state.known, told.state.parents) == ({}, {})


def test_fired_again_it_is_a_new_episode() -> None:
    incidents = outage()
    told = gathered(incidents).hears(*(then(one, "resolved", 400) for one in incidents))
    told.hears(*outage(since=3600, episode=2))
    first, second = told.parents("fired")
    assert first.fingerprint == second.fingerprint
    assert (first.episode, second.episode) == (1, 2)
    assert first.id != second.id
    assert len(told.pages()) == 6


def test_a_part_that_comes_back_while_it_lasts_pages_nobody() -> None:
    incidents = outage()
    told = gathered(incidents).hears(then(incidents[0], "resolved", 400))
    told.hears(found("s00", 600, modes=BY_HALF, also_model="gpt-x", episode=2))
    assert told.told[-2].service == "s00"
    assert (told.told[-2].notify, told.told[-2].parent) == ("record", told.parents()[0].fingerprint)
    [back] = [child for child in told.parents()[-1].children if child.service == "s00"]
    assert (back.episode, back.resolved) == (2, False)


def test_what_has_nothing_to_do_with_it_is_not_glued() -> None:
    """One earlier than `within_s`, one later, and one in between whose onset is known to be another."""
    apart = 2 * WITHIN_S
    told = gathered(outage())
    for since in (-apart, apart):
        told.hears(found("other", since, at=30, alert=f"Other{since}"))
        other = next(one for one in reversed(told.told) if one.service == "other")
        assert (other.notify, other.parent) == ("page", "")


def test_two_services_are_no_common_cause_and_neither_are_three_of_one() -> None:
    assert not gathered(outage(TWELVE[:2])).parents()
    assert not gathered([found("s", alert=f"A{i}") for i in range(5)]).parents()


def test_none_is_ever_told_where_the_config_says_never() -> None:
    told = gathered(outage(), replace(CONFIG, common=Common(services=0)))
    assert not told.parents()
    assert len(told.pages()) == 12


@pytest.mark.parametrize("step_s", [5, 20, 29])
def test_a_chain_of_onsets_does_not_glue_for_ever(step_s: int) -> None:
    """Each begins a little after the one before: those of one parent lie within what is promised, and no further."""
    told = gathered(found(f"s{i:02}", step_s * i, low=0, high=0) for i in range(40)).wakes(at=5000)
    parents = {one.fingerprint: one for one in told.parents()}
    assert len(parents) >= (40 * step_s) // (3 * WITHIN_S)
    onsets = {f"s{i:02}": step_s * i for i in range(40)}
    for one in parents.values():
        times = [onsets[child.service] for child in one.children]
        assert max(times) - min(times) <= 2 * WITHIN_S
        founders = sorted(times)[:3]
        assert max(founders) - min(founders) <= WITHIN_S


def test_a_ticket_of_uncertain_onset_glues_no_more_than_promised() -> None:
    """Its onset may lie anywhere in an hour; only a minute of that counts to each side."""
    vague = found("vague", 0, low=1800, high=1800, notify="ticket")
    told = gathered([vague, found("a", 600), found("b", -600, at=620)])
    assert not told.parents()
    near = gathered([vague, found("a", 2 * WITHIN_S, low=0, high=0), found("b", 2 * WITHIN_S, low=0, high=0)])
    assert len(near.parents()) == 1


@pytest.mark.parametrize(
    "others",
    [
        [found(name, provisional=True, notify="record", severity="sev-3") for name in "abc"],
        [found(name, notify="record", severity="sev-4") for name in "abc"],
        [found("barograph", alert=f"A{i}") for i in range(3)],
    ],
    ids=["provisional", "hurts nobody", "ourselves"],
)
def test_what_makes_no_common_cause(others: list[Incident]) -> None:
    told = gathered([*others, found("d"), found("e")])
    assert not told.parents()
    assert [one.notify for one in told.told] == [one.notify for one in (*others, found("d"), found("e"))]


def test_a_ticket_that_comes_to_page_is_told_by_the_parent() -> None:
    incidents = outage(notify="ticket")
    told = gathered(incidents)
    assert not told.pages()
    [parent] = told.parents()
    assert (parent.notify, parent.severity) == ("ticket", "sev-3")
    told.hears(then(incidents[0], "updated", 25, notify="page", severity="sev-1"))
    part, whole = told.told[-2:]
    assert (part.service, part.severity, part.notify) == ("s00", "sev-1", "ticket"), "as loud as it was told before"
    assert part.held.startswith("part of")
    assert (whole.kind, whole.step, whole.severity, whole.notify) == ("common", "updated", "sev-1", "page")
    assert whole.previous_severity == "sev-3"
    assert "s00" in whole.why_severity
    assert [one.service for one in told.pages()] == [MANY]


def test_two_common_causes_of_one_name_are_told_apart() -> None:
    """Neither has a name of its own: the second gets a number, so that no open incident takes another's place."""
    told = gathered([found(name, 0) for name in "abc"]).hears(*(found(name, 1800) for name in "def"))
    first, second = told.parents("fired")
    assert (first.common, second.common) == ("unknown", "unknown")
    assert first.fingerprint != second.fingerprint
    assert "number" not in first.labels
    assert second.labels["number"] == "2"


def test_env_is_a_label_where_all_share_it() -> None:
    assert gathered(outage(env="prod")).parents()[0].labels["env"] == "prod"
    mixed = [found("a", env="prod"), found("b", env="prod"), found("c", env="test")]
    assert gathered(mixed).parents()[0].labels["env"] == ""


def test_in_whichever_order_services_come_within_a_second_the_parts_are_the_same() -> None:
    rng = Random(6)
    onsets = [rng.uniform(-25, 25) for _ in TWELVE]
    incidents = [found(name, since, at=40) for name, since in zip(TWELVE, onsets, strict=True)]
    wholes = set()
    for _ in range(30):
        rng.shuffle(incidents)
        told = gathered(incidents).wakes(at=100)
        assert len(told.pages()) == 3
        wholes.add(frozenset(child.service for child in told.parents()[-1].children))
    assert wholes == {frozenset(TWELVE)}


def test_a_later_word_may_show_that_an_onset_was_the_same() -> None:
    late = found("s99", 500, at=510)
    told = gathered(outage()).hears(late)
    assert told.told[-1].parent == ""
    told.hears(then(late, "updated", 520, since=ms(2), since_low=ms(0), since_high=ms(4)))
    part = next(one for one in reversed(told.told) if one.service == "s99")
    assert (part.notify, part.parent) == ("page", told.parents()[0].fingerprint), "it has paged, and now has a parent"
    assert told.wakes(at=600).parents()[-1].children[-1].paged


def test_what_is_kept_is_bounded_and_counted() -> None:
    config = replace(CONFIG, limits=Limits(common=10))
    told = gathered([found(f"s{i}", 1000 * i) for i in range(30)], config)
    assert len(told.state.known) == 10
    assert told.state.beyond == {"common": 20}
    assert len(told.pages()) == 30
    crowd = gathered(outage([f"s{i}" for i in range(30)]), config).wakes(at=100)
    assert len(crowd.state.known) == 10
    assert len(crowd.parents()[-1].children) == 10
    assert len(crowd.pages()) == 3 + 20, "beyond the cap, each is told by itself"


def test_gathering_is_nothing_but_its_log() -> None:
    assert Gathering().state == gathered([]).state

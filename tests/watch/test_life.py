"""The life of incidents, as stories: how they begin, what they are told as, who takes them, and how they end."""

from random import Random
from typing import Any

import pytest

from schemas.control import Acknowledge, Rebaseline, Release
from schemas.incidents import Incident
from schemas.signals import FAILING
from tests.watch.story import MIDNIGHT, USUAL, Story, incident, refused, report, seconds, story
from tests.watch.traffic import around, mix, one, rate, some

LEARNED = "14:02"
"""By then, a hundred exchanges every five seconds since 14:00, a baseline is learned."""


def calm(words: str = USUAL, **fields: Any) -> Story:
    return story(words).at("14:00").every("5s", until=LEARNED).flush(**fields).expects()


def steps(told: Story) -> list[str]:
    return [one.step for one in told.told()]


def watch(words: str) -> str:
    """What is usual, with other settings of `watch` besides."""
    return USUAL.replace("watch: {", f"watch: {{{words}, ")


def failing(share: int, error: str) -> dict[str, Any]:
    return {"together": some(rate(share), {"status": "error", "error_type": error})}


# -- pending ---------------------------------------------------------------------------------------------------------


def test_what_pages_waits_for_nothing_and_was_never_pending() -> None:
    told = calm(refused=rate(2)).every("5s", until="14:03").flush(refused=rate(40))
    assert steps(told) == ["fired"]


def test_a_ticket_is_pending_for_five_seconds_and_fires_as_the_same_episode() -> None:
    """Nobody is told while it waits; it has its severity and its name from the beginning."""
    (
        calm(latency_ms=around(400))
        .every("5s", until="14:03").flush(latency_ms=around(1600))
        .expects(
            incident("pending", name="LatencyChanged", sev="sev-3", notify="record", at="14:02:01", episode=1,
                     sequence=1),
            incident("fired", name="LatencyChanged", sev="sev-3", notify="ticket", at="14:02:06", first="14:02:01",
                     episode=1, sequence=2, previous=None),
        )
    )  # fmt: skip


def test_a_pending_incident_goes_on_under_the_name_of_the_page_that_it_waited_for() -> None:
    """The first second has too few refusals for a page; the next ones have enough."""
    begun = calm(refused=rate(2), latency_ms=around(400)).every("1s", until="14:02:20")
    begun = begun.flush(20, refused=rate(30), latency_ms=around(1600))
    [fired] = [one for one in begun.told() if one.step == "fired"]
    begun.expects(
        incident("pending", name="LatencyChanged"),
        incident("resolved", name="LatencyChanged", notify="record", episode=1, sequence=2,
                 why=f"it goes on as incident {fired.fingerprint}"),
        incident("fired", name="RefusedChanged", notify="page", signals={"refused", "latency"}, episode=1, sequence=1),
    )  # fmt: skip


def test_a_pending_incident_that_went_on_elsewhere_is_the_next_episode_when_it_comes_by_itself() -> None:
    bad: dict[str, Any] = {"refused": rate(30), "latency_ms": around(1600)}
    well: dict[str, Any] = {"refused": rate(2), "latency_ms": around(400)}
    begun = calm(**well).every("1s", until="14:02:20").flush(20, **bad)
    begun = begun.expects(incident("fired", name="RefusedChanged"))
    begun = begun.every("5s", until="14:06").flush(**well).expects(incident("resolved", name="RefusedChanged"))
    begun.every("5s", until="14:07").flush(refused=rate(2), latency_ms=around(1600)).expects(
        incident("pending", name="LatencyChanged", episode=2, sequence=1),
        incident("fired", name="LatencyChanged", episode=2, sequence=2, flaps=0),
    )


def test_what_hurts_nobody_is_pending_and_then_a_record() -> None:
    (
        calm(latency_ms=around(400))
        .every("5s", until="14:03").flush(latency_ms=around(200))
        .expects(incident("pending", sev="sev-4", notify="record"), incident("fired", sev="sev-4", notify="record"))
    )  # fmt: skip


def test_a_pending_incident_cannot_be_taken_and_ends_by_a_rebaseline() -> None:
    told = calm(latency_ms=around(400)).every("1s", until="14:02:03").flush(latency_ms=around(1600))
    told = told.expects(incident("pending"))
    [case] = told.state().pending
    told = told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ana").tell(Rebaseline, by="ana")
    told.every("5s", until="14:03").flush(latency_ms=around(1600)).expects(
        refused("unknown_incident", "it is pending, resolved, or of another service"),
        incident("resolved", episode=1, sequence=2, why="rebaselined by ana"),
    )


def test_a_restart_while_an_incident_is_pending_changes_nothing() -> None:
    """States go through bytes at every expectation; the second that an incident waits for is after one."""
    told = calm(latency_ms=around(400)).every("5s", until="14:02:03").flush(latency_ms=around(1600))
    told = told.expects(incident("pending", at="14:02:01")).at("14:02:05").every("5s", until="14:03")
    told.flush(latency_ms=around(1600)).expects(incident("fired", at="14:02:06", episode=1, sequence=2))


# -- one cause, one incident -----------------------------------------------------------------------------------------


def test_a_short_spike_is_one_incident_that_ends_once_it_is_back() -> None:
    told = calm(refused=rate(2)).every("5s", until="14:02:20").flush(refused=rate(40))
    told = told.expects(incident("fired", at="14:02:01")).every("5s", until="14:15").flush(refused=rate(2))
    told.expects(incident("resolved", at="14:03:20", why="all is back within its limits, or better"))


def test_a_slow_burn_is_one_ticket_that_comes_to_page() -> None:
    """Answers get rarer from minute to minute; each step by itself is small."""
    told = calm(watch("false_tickets_per_week: 10000"), answered=rate(98))
    for minute, share in enumerate((96, 94, 91, 88, 84, 80), start=3):
        told = told.every("5s", until=f"14:{minute:02}").flush(answered=rate(share))
    life = told.told()
    assert {one.fingerprint for one in life} == {life[0].fingerprint}
    assert [one.step for one in life[:2]] == ["pending", "fired"]
    assert {one.step for one in life[2:]} == {"updated"}
    assert [one.sequence for one in life] == list(range(1, len(life) + 1))
    assert (life[1].notify, life[-1].notify) == ("ticket", "page")


def test_a_storm_of_forty_alarms_from_one_cause_is_one_incident() -> None:
    """One bad model in every workflow moves ten signals: in the whole, and in each of five slices."""
    well: dict[str, Any] = {
        "workflow": mix(chat=1, search=1, refund=1, claim=1, draft=1), "answered": rate(98), "refused": rate(2),
        "latency_ms": around(400), "output_tokens": around(200), "cost_usd": around(40), "schema_valid": rate(99),
        "fallback": rate(2), "model_served": one("march"),
    }  # fmt: skip
    bad = well | {
        "answered": rate(30), "refused": rate(60), "latency_ms": around(4000), "output_tokens": around(20),
        "cost_usd": around(400), "schema_valid": rate(20), "fallback": rate(70), "model_served": one("june"),
    }  # fmt: skip
    told = calm(**well).every("5s", until="14:06").flush(500, **bad)
    life = told.told()
    assert {(one.fingerprint, one.episode) for one in life if one.step == "fired"} == {(life[0].fingerprint, 1)}, (
        "one incident"
    )
    told = told.expects(*(incident(one.step, id=one.id) for one in life))
    [case] = told.state().cases
    assert len(case.alarms) >= 40
    told = told.every("5s", until="14:09").flush(500, **well)
    assert steps(told)[-1] == "resolved"


def test_two_causes_that_overlap_are_two_incidents_and_each_has_its_own_end() -> None:
    """The second begins while the first lasts, and outlasts it."""
    (
        calm(refused=rate(2), answered=rate(98))
        .every("5s", until="14:05").flush(refused=rate(40), answered=rate(98))
        .expects(incident("fired", name="RefusedChanged", since="14:02"))
        .every("5s", until="14:06").flush(refused=rate(40), answered=rate(50))
        .expects(incident("fired", name="AnsweredChanged", since="14:05"))
        .every("5s", until="14:09").flush(refused=rate(2), answered=rate(50))
        .expects(incident("resolved", name="RefusedChanged"))
        .every("5s", until="14:12").flush(refused=rate(2), answered=rate(98))
        .expects(incident("resolved", name="AnsweredChanged"))
    )  # fmt: skip


def test_two_services_at_once_are_two_incidents() -> None:
    told = story().at("14:00").every("5s", until=LEARNED).flush(refused=rate(2)).at("14:00").every("5s", until=LEARNED)
    told = told.flush(service="shop", refused=rate(2)).expects()
    told = told.every("5s", until="14:03").flush(refused=rate(40)).at(LEARNED).every("5s", until="14:03")
    told.flush(service="shop", refused=rate(40)).expects(incident("fired", of="shop"), incident("fired", of="bot"))


def test_a_degraded_experience_that_comes_to_stop_business_escalates_from_sev_3_to_sev_2() -> None:
    """The same incident: what failing means got graver."""
    (
        calm(**failing(1, "timeout"))
        .every("5s", until="14:03").flush(**failing(30, "rate_limit_error"))
        .expects(incident("fired", sev="sev-3", notify="ticket", modes=["AVL.RATE_LIMIT"]))
        .every("5s", until="14:05").flush(**failing(60, "insufficient_quota"))
        .expects(incident("updated", sev="sev-2", notify="page", previous="sev-3", episode=1,
                          modes=["AVL.QUOTA", "AVL.RATE_LIMIT"]))
    )  # fmt: skip


def test_what_a_release_planned_is_its_report_and_what_of_it_hurts_names_the_release() -> None:
    told = calm(refused=rate(2), latency_ms=around(400)).tell(Release, release="v2", phase="canary")
    told.every("5s", until="14:06").flush(release="v2", refused=rate(2), latency_ms=around(200)).expects(report("v2"))
    told.every("5s", until="14:06").flush(release="v2", refused=rate(40), latency_ms=around(400)).expects(
        incident("fired", releases={"v2"}, cause="release v2 began to serve at 2026-11-24T14:02:00Z"), report("v2")
    )


# -- taken by a person -----------------------------------------------------------------------------------------------


def fired(told: Story, until: str) -> Story:
    return told.every("5s", until=until).flush(refused=rate(40)).expects(incident("fired", name="RefusedChanged"))


def test_an_incident_that_is_taken_stays_taken_over_updates_to_its_end() -> None:
    told = calm(refused=rate(2), answered=rate(98)).every("5s", until="14:03")
    told = told.flush(refused=rate(40), answered=rate(98)).expects(incident("fired", name="RefusedChanged"))
    [case] = told.state().cases
    (
        told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ana", note="on it")
        .every("5s", until="14:04").flush(refused=rate(40), answered=rate(40))
        .expects(incident("acknowledged", by="ana", taken="14:03:01"), incident("fired", name="AnsweredChanged", by=""))
        .every("5s", until="14:08").flush(refused=rate(2), answered=rate(98))
        .expects(incident("resolved", name="RefusedChanged", by="ana", taken="14:03:01"), incident("resolved", by=""))
    )  # fmt: skip


def test_an_escalation_of_what_is_taken_says_who_has_it() -> None:
    told = calm(**failing(1, "timeout")).every("5s", until="14:03").flush(**failing(30, "rate_limit_error"))
    told = told.expects(incident("fired", notify="ticket"))
    [case] = told.state().cases
    told = told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ana").every("5s", until="14:05")
    told.flush(**failing(60, "insufficient_quota")).expects(
        incident("acknowledged", by="ana"), incident("updated", notify="page", by="ana", taken="14:03:01")
    )


def test_who_took_an_incident_first_has_it() -> None:
    told = fired(calm(refused=rate(2)), "14:03")
    [case] = told.state().cases
    told = told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ana").every("5s", until="14:03:10")
    told = told.flush(refused=rate(40)).expects(incident("acknowledged", by="ana", sequence=2))
    [taken] = told.state().cases
    told = told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ben", note="mine").wait("14:03:12")
    told = told.expects(refused("already_acknowledged", "ana took incident"))
    [case] = told.state().cases
    assert case.said == taken.said


def test_what_comes_back_is_another_episode_that_nobody_has_taken() -> None:
    told = fired(calm(refused=rate(2)), "14:03")
    [case] = told.state().cases
    told = told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ana").every("5s", until="14:06")
    told = told.flush(refused=rate(2)).expects(incident("acknowledged"), incident("resolved", by="ana"))
    told.every("5s", until="14:07").flush(refused=rate(40)).expects(
        incident("fired", episode=2, by="", taken=None, flaps=1)
    )


def test_what_is_over_or_never_was_cannot_be_taken() -> None:
    told = fired(calm(refused=rate(2)), "14:03")
    [case] = told.state().cases
    told = told.every("5s", until="14:06").flush(refused=rate(2)).expects(incident("resolved"))
    print_ = case.said.fingerprint
    told = told.tell(Acknowledge, fingerprint=print_, by="ana").wait("14:06:10")
    told = told.tell(Acknowledge, fingerprint="feedfeedfeedfeed", by="ana").wait("14:06:20")
    told = told.expects(
        refused("unknown_incident", f"no open incident {print_}"),
        refused("unknown_incident", "no open incident feedfeedfeedfeed"),
    )
    assert not told.state().cases


# -- nothing comes ---------------------------------------------------------------------------------------------------


def test_a_service_that_falls_silent_is_an_incident_of_its_own_kind() -> None:
    (
        calm(refused=rate(2))
        .wait("14:04").expects(incident("fired", name="ServiceSilent", kind="no_data", notify="page"))
        .every("5s", until="14:06").flush(refused=rate(2)).expects(incident("resolved", kind="no_data"))
    )  # fmt: skip


def test_an_open_incident_is_not_resolved_by_silence_however_long() -> None:
    """What was open stays open for an hour of nothing, and ends only when what comes is well."""
    (
        fired(calm(refused=rate(2)), "14:05")
        .wait("15:05").expects(incident("fired", name="ServiceSilent"))
        .every("5s", until="15:05:30").flush(refused=rate(40)).expects(incident("resolved", name="ServiceSilent"))
        .every("5s", until="15:09").flush(refused=rate(2)).expects(incident("resolved", name="RefusedChanged"))
    )  # fmt: skip


def test_an_incident_that_was_getting_well_is_not_resolved_by_silence() -> None:
    """Half a minute of good traffic, and then nothing: nobody knows."""
    told = fired(calm(refused=rate(2)), "14:05").every("5s", until="14:05:50").flush(refused=rate(2)).expects()
    told = told.wait("15:00").expects(incident("fired", name="ServiceSilent"))
    told.every("5s", until="15:03").flush(refused=rate(2)).expects(
        incident("resolved", name="RefusedChanged"), incident("resolved", name="ServiceSilent")
    )


def test_an_incident_neither_ends_nor_is_silence_found_while_it_is_we_who_lag() -> None:
    told = fired(calm(refused=rate(2)), "14:03").lag("14:20").wait("14:19:50").expects()
    told.every("5s", until="14:23").flush(refused=rate(2)).expects(incident("resolved", name="RefusedChanged"))


def test_silence_ages_nothing_into_a_new_normal() -> None:
    words = watch("rebase_after_s: 300")
    told = fired(calm(words, refused=rate(2)), "14:04").wait("15:00").expects(incident("fired", name="ServiceSilent"))
    known = told.state().baseline
    assert known is not None
    assert known.version == 1


def test_a_signal_that_is_no_longer_observed_is_no_data() -> None:
    told = calm(schema_valid=rate(99)).every("5s", until="14:04").flush()
    told.expects(incident("fired", signal="schema_valid", kind="no_data", notify="ticket"))


# -- how it ends -----------------------------------------------------------------------------------------------------


def test_a_recovery_that_relapses_is_no_end() -> None:
    """Forty seconds of good traffic are not the minute that it takes, and the page is not sent anew."""
    told = fired(calm(refused=rate(2)), "14:03").every("5s", until="14:03:40").flush(refused=rate(2)).expects()
    told = told.every("5s", until="14:05").flush(refused=rate(40)).expects()
    told.every("5s", until="14:08").flush(refused=rate(2)).expects(incident("resolved", episode=1, at="14:06"))


def test_on_command_what_is_now_is_normal_and_what_was_open_is_over() -> None:
    told = fired(calm(refused=rate(2)), "14:03").tell(Rebaseline, by="ana", reason="new policy")
    told = told.every("5s", until="14:10").flush(refused=rate(40))
    told = told.expects(incident("resolved", why="rebaselined by ana: new policy"))
    assert not told.state().flaps, "what ends by a person's word begins no row of episodes"
    told.every("5s", until="14:15").flush(refused=rate(40)).expects()


def test_what_lasts_for_a_day_is_normal() -> None:
    """A day is five minutes here."""
    told = fired(calm(watch("rebase_after_s: 300"), refused=rate(2)), "14:06").every("5s", until="14:20")
    told.flush(refused=rate(40)).expects(
        incident("resolved", why="taken as the new normal after 5 min; learned anew: requests refused")
    )


def test_a_life_in_shadow_has_the_same_steps_and_tells_nobody() -> None:
    dark = f"{USUAL}services: [{{name: bot, shadow: true}}]"
    lives = []
    for words in (USUAL, dark):
        told = calm(words, latency_ms=around(400)).every("5s", until="14:04").flush(latency_ms=around(1600))
        told = told.every("5s", until="14:08").flush(latency_ms=around(400))
        lives.append([(one.step, one.notify, one.updated_at, one.sequence, one.held) for one in told.told()])
        assert {one.shadow for one in told.told()} == {words == dark}
    assert lives[0] == lives[1]
    assert [step for step, *_ in lives[0] if step != "updated"] == ["pending", "fired", "resolved"]


def test_wherever_it_is_stopped_a_life_goes_on_as_if_it_never_was() -> None:
    """The same story, told at once and in pieces of a minute, with every state through bytes at each."""

    def lived(pieces: bool) -> list[str]:
        told, ids = calm(refused=rate(2), latency_ms=around(400)), []
        for minute, (share, ms) in enumerate([(2, 1600), (40, 1600), (40, 400), (2, 400), (2, 400)], start=3):
            told = told.every("5s", until=f"14:{minute:02}").flush(refused=rate(share), latency_ms=around(ms))
            if pieces:
                said = told.told()
                ids += [one.id for one in said]
                told = told.expects(*(incident(one.step, id=one.id) for one in said))
        return ids if pieces else [one.id for one in told.told()]

    whole = lived(pieces=False)
    assert len(whole) >= 5
    assert lived(pieces=True) == whole


# -- what it is about, and why ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("well", "bad", "kind", "cause"),
    [
        ({"refused": rate(2)}, {"refused": rate(40)}, "change", ""),
        (
            failing(1, "timeout"), failing(40, "insufficient_quota"), "failures",
            "the provider fails: AVL.QUOTA, 40 times since the onset (provider acme)",
        ),
        (
            {"answered": rate(98), "model_served": one("march")}, {"answered": rate(30), "model_served": one("june")},
            "change", "the served model changed from march to june at 2026-11-24T14:02:00Z (provider acme)",
        ),
        (
            {"answered": rate(98), "prompt_version": one("7")}, {"answered": rate(30), "prompt_version": one("8")},
            "change", "the version of the prompt changed from 7 to 8 at 2026-11-24T14:02:00Z",
        ),
        (
            {"answered": rate(98), "intent": mix(refund=1, address=1)},
            {"answered": rate(30), "intent": mix(complaint=3, refund=1)},
            "change", "another mix of traffic: what users ask for: complaint",
        ),
    ],
    ids=["nothing", "failures", "model", "prompt", "mix"],
)  # fmt: skip
def test_kind_and_suspected_cause_follow_from_what_is_known(
    well: dict[str, Any], bad: dict[str, Any], kind: str, cause: str
) -> None:
    told = calm(
        f"{USUAL}services: [{{name: bot, provider: acme, owner: bots, runbook: 'https://example.org'}}]", **well
    )
    life = told.every("5s", until="14:03").flush(**bad).told()
    opened = next(one for one in life if one.step == "fired")
    assert opened.kind == kind
    assert life[-1].cause == cause or opened.cause == cause
    assert (opened.owner, opened.runbook) == ("bots", "https://example.org")
    assert opened.action


def test_failing_exchanges_are_named_one_of_each_mode_the_gravest_first() -> None:
    both: dict[str, Any] = {
        "together": some(rate(30), {"status": "error", "error_type": "insufficient_quota"},
                         {"status": "error", "error_type": "rate_limit_error"}),
    }  # fmt: skip
    told = calm(**failing(1, "timeout")).every("5s", until="14:03").flush(**both).told()
    found = next(one for one in told if one.step == "fired")
    assert [one.mode for one in found.exemplars] == ["AVL.QUOTA", "AVL.RATE_LIMIT", "AVL.QUOTA"]
    assert {one.topic for one in found.exemplars} == {"ai.events"}
    assert len({one.id for one in found.exemplars}) == 3
    assert "failed" in FAILING


def test_what_an_incident_was_decided_by_stands_in_it() -> None:
    """The same config gives the same hash, another one another; a change of the worker's own settings gives none."""

    def lineage(words: str) -> Any:
        told = calm(words, refused=rate(2)).every("5s", until="14:02:10").flush(refused=rate(40)).told()
        return told[0].lineage

    usual, other, worker = (
        lineage(words) for words in (USUAL, watch("update_every_s: 30"), f"{USUAL}worker: {{name: b}}")
    )
    assert usual == worker
    assert usual.config != other.config
    assert (usual.taxonomy, usual.baseline, usual.engine) == (other.taxonomy, 1, other.engine)


# -- whatever comes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_each_life_is_whole_and_who_keeps_the_furthest_word_knows_what_is_open(seed: int) -> None:
    """Forty times half a minute or so, in each of which any of three signals may be bad, and sometimes nothing comes.

    A reader who knows nothing but the topic follows it.
    """
    chance = Random(seed)
    told = calm(
        watch("flap_s: 600, resend_every_s: 90, update_every_s: 20")
        + "maintenance: [{weekly: 'tue 14:08-14:12', reason: backups}]",
        refused=rate(2), latency_ms=around(400), answered=rate(98),
    )  # fmt: skip
    now = seconds(LEARNED)
    for _ in range(40):
        now += chance.randrange(10, 50)
        clock = f"{(now - MIDNIGHT) // 3600}:{(now - MIDNIGHT) // 60 % 60}:{now % 60}"
        refuses, slow, answers = (chance.random() < 0.3 for _ in range(3))
        told = told.wait(clock) if chance.random() < 0.1 else told.every("5s", until=clock).flush(
            refused=rate(40 if refuses else 2), latency_ms=around(1600 if slow else 400),
            answered=rate(50 if answers else 98),
        )  # fmt: skip
    said = told.told()
    lives: dict[tuple[str, int], list[Incident]] = {}
    present: dict[str, Incident] = {}
    for word in said:
        life = lives.setdefault((word.fingerprint, word.episode), [])
        if word.id in {known.id for known in life}:
            assert word == life[-1], "what is sent again is the last word"
            continue
        life.append(word)
        furthest = present.get(word.fingerprint)
        assert furthest is None or (word.episode, word.sequence) > (furthest.episode, furthest.sequence)
        present[word.fingerprint] = word
    for life in lives.values():
        steps_ = [word.step for word in life]
        assert [word.sequence for word in life] == list(range(1, len(life) + 1))
        assert steps_[0] in {"pending", "fired"}
        assert "pending" not in steps_[1:]
        assert steps_.count("fired") <= 1
        assert steps_[1] in {"fired", "resolved"} if steps_[0] == "pending" and len(life) > 1 else True
        assert "resolved" not in steps_[:-1]
        assert [word.updated_at for word in life] == sorted(word.updated_at for word in life)
        assert not any(word.held and word.notify == "page" for word in life)
    assert {"pending", "fired", "updated", "resolved"} <= {word.step for word in said}, "else it shows little"
    assert len(said) > len({word.id for word in said}), "some were sent again"
    told = told.expects(*(incident(word.step, id=word.id) for word in said))
    state = told.state()
    assert {word.id for word in present.values() if word.status != "resolved"} == {
        case.said.id for case in (*state.pending, *state.cases)
    }

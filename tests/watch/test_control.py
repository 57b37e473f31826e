"""What people and pipelines say of a service, told as stories."""

from typing import Any

from schemas.control import Acknowledge, Approve, Rebaseline, Release, SignOff
from streams.watch.alphabet import categories_of
from tests.watch.story import Story, incident, refused, report, story
from tests.watch.traffic import around, mix, rate

LEARNED = "14:05"


def learned() -> Story:
    """A service that refuses 2 %, and is watched."""
    return story().at("14:00").every("5s", until=LEARNED).flush(refused=rate(2), latency_ms=around(400)).expects()


def test_what_a_release_changes_from_its_beginning_is_its_report_and_no_drift() -> None:
    """Answers that come in half the time hurt nobody."""
    told = learned().tell(Release, release="v2", phase="canary", generation=3)
    told.every("5s", until="14:12").flush(release="v2", refused=rate(2), latency_ms=around(200)).expects(
        report("v2", signals={"latency"}, previous="v1", phase="canary", generation=3, incidents=0)
    )


def test_the_same_move_within_one_release_is_drift() -> None:
    learned().every("5s", until="14:12").flush(refused=rate(2), latency_ms=around(200)).expects(
        incident("fired", signal="latency", sev="sev-4", notify="record", since=LEARNED)
    )


def test_what_of_a_release_hurts_is_an_incident_and_stands_in_its_report() -> None:
    told = learned().every("5s", until="14:12").flush(release="v2", refused=rate(40), latency_ms=around(400))
    told.expects(
        incident("fired", signal="refused", sev="sev-2", notify="page", releases={"v2"}),
        report("v2", signals={"refused"}, phase="", incidents=1),
    )


def test_what_moves_under_a_new_release_later_is_drift() -> None:
    begun = learned().every("5s", until="14:15").flush(release="v2", refused=rate(2), latency_ms=around(400))
    begun.expects().every("5s", until="14:22").flush(release="v2", refused=rate(2), latency_ms=around(200)).expects(
        incident("fired", signal="latency", since="14:15")
    )


def test_an_older_generation_changes_nothing_and_is_told_so() -> None:
    told = learned().tell(Release, release="v2", phase="promoted", generation=3)
    told = told.wait("14:05:10").tell(Release, release="v1", phase="promoted", generation=2).wait("14:05:20")
    state = told.expects(refused("older_generation", "older than 3")).state()
    assert (state.present, state.previous, state.generation) == ("v2", "", 3)


def test_present_and_previous_follow_promotion_and_rollback() -> None:
    told = learned().tell(Release, release="v1", phase="promoted", generation=1)
    told = told.wait("14:05:10").tell(Release, release="v2", phase="promoted", generation=2).wait("14:05:20").expects()
    assert (told.state().present, told.state().previous) == ("v2", "v1")
    told = told.tell(Release, release="v2", phase="rolled_back", generation=3).wait("14:05:30").expects()
    assert (told.state().present, told.state().generation) == ("v1", 3)


def test_a_promoted_release_becomes_what_is_normal() -> None:
    """Learned from its own traffic alone, while the old baseline still watches."""
    told = learned().tell(Release, release="v2", phase="promoted").every("5s", until="14:09")
    told = told.flush(release="v2", refused=rate(2), latency_ms=around(200))
    told = told.expects(report("v2", signals={"latency"}))
    known = told.state().baseline
    assert known is not None
    assert (known.version, known.releases) == (2, ("v2",))
    told.every("5s", until="14:20").flush(release="v2", refused=rate(2), latency_ms=around(200)).expects()


def test_an_incident_that_a_person_takes_says_so_to_its_end() -> None:
    told = learned().every("5s", until="14:08").flush(refused=rate(40), latency_ms=around(400))
    told = told.expects(incident("fired", signal="refused"))
    [case] = told.state().cases
    told = told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ana", note="on it").every("5s", until="14:12")
    told.flush(refused=rate(2), latency_ms=around(400)).expects(
        incident("acknowledged", by="ana"),
        incident("resolved", by="ana", why="all is back within its limits, or better"),
    )


def test_an_incident_that_is_not_open_cannot_be_taken() -> None:
    told = learned().tell(Acknowledge, fingerprint="feed", by="ana").wait("14:05:10")
    told.expects(refused("unknown_incident", "no open incident feed"))


def test_on_command_what_is_now_becomes_what_is_normal() -> None:
    told = learned().every("5s", until="14:08").flush(refused=rate(40), latency_ms=around(400))
    told = told.expects(incident("fired", signal="refused", version=1))
    told = told.tell(Rebaseline, by="ana", reason="new policy").every("5s", until="14:12")
    told = told.flush(refused=rate(40), latency_ms=around(400))
    told = told.expects(incident("resolved", why="rebaselined by ana: new policy"))
    assert told.state().baseline is not None
    told.every("5s", until="14:20").flush(refused=rate(40), latency_ms=around(400)).expects()


def test_one_signal_alone_can_be_learned_anew() -> None:
    told = learned().every("5s", until="14:08").flush(refused=rate(40), latency_ms=around(400))
    told = told.expects(incident("fired", signal="refused"))
    before = told.state().baseline
    told = told.tell(Rebaseline, by="ana", signals=("refused",)).every("5s", until="14:12")
    told = told.flush(refused=rate(40), latency_ms=around(400)).expects(incident("resolved"))
    after = told.state().baseline
    assert before is not None
    assert after is not None
    assert after.alphabet == before.alphabet or after.alphabet.slices == before.alphabet.slices
    told.every("5s", until="14:20").flush(refused=rate(40), latency_ms=around(200)).expects(
        incident("fired", signal="latency")
    )


def test_a_category_that_is_learned_anew_comes_to_know_new_names() -> None:
    """Of the others both names and counts stay."""

    def sent(**intents: int) -> dict[str, Any]:
        return {"refused": rate(2), "intent": mix(**intents), "language": mix(de=1, en=1)}

    told = story().at("14:00").every("5s", until=LEARNED).flush(**sent(refund=1, address=3)).expects()
    told = told.tell(Rebaseline, by="ana", signals=("intent",)).every("5s", until="14:10")
    told = told.flush(**sent(refund=1, address=2, complaint=1)).expects(
        incident("fired", signal="intent"), incident("resolved", why="measured against a new baseline, number 2")
    )
    known = told.state().baseline
    assert known is not None
    names = dict(zip([one.name for one in categories_of(known.alphabet)], known.alphabet.categories, strict=True))
    assert known.version == 2
    assert set(names["intent"]) == {"refund", "address", "complaint"}
    assert set(names["language"]) == {"de", "en"}
    told.every("5s", until="14:12").flush(**sent(refund=1, address=2, complaint=1)).expects()


def test_what_is_no_signal_cannot_be_learned() -> None:
    told = learned().tell(Rebaseline, by="ana", signals=("refusal",)).wait("14:05:10")
    told.expects(refused("invalid", "no signal `refusal`"))


def test_words_about_a_release_are_kept_if_there_is_that_release() -> None:
    told = learned().tell(SignOff, release="v1", role="sre", by="ana", agreed=False)
    told = told.wait("14:05:10").tell(SignOff, release="v1", role="sre", by="ana")
    told = told.wait("14:05:20").tell(Approve, release="v9", by="ana", key="k").wait("14:05:30")
    state = told.expects(refused("unknown_release", "no release `v9`; known are: v1")).state()
    assert [(one.role, one.agreed) for one in state.sign_offs] == [("sre", True)]
    assert state.approvals == ()

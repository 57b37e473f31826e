"""What pages nobody though it is grave enough: what flaps, and what is maintained; and what is sent again."""

from typing import Any

import msgspec
import pytest

from schemas.config import parse
from schemas.control import Acknowledge, Maintain, Rebaseline
from schemas.incidents import Incident
from schemas.moments import second
from schemas.strict import ConfigError
from schemas.windows import window
from tests.watch.story import MIDNIGHT, USUAL, Story, incident, seconds, story
from tests.watch.traffic import around, rate, some

LEARNED = "14:02"
TUESDAY = "2026-11-24"
"""The day on which stories are told."""


def calm(words: str = USUAL, **fields: Any) -> Story:
    return story(words).at("14:00").every("5s", until=LEARNED).flush(**fields).expects()


def watch(words: str) -> str:
    return USUAL.replace("watch: {", f"watch: {{{words}, ")


def clock(s: int) -> str:
    return f"{s // 3600:02}:{s // 60 % 60:02}"


def episode(told: Story, well_for: int = 3, bad: Any = 40) -> Story:
    """A minute of what is bad, then so many minutes of what is well; nothing is asked of it."""
    now = max(told.until, told.now) - MIDNIGHT
    told = told.every("5s", until=clock(now + 60)).flush(refused=rate(bad))
    return told.every("5s", until=clock(now + 60 + 60 * well_for)).flush(refused=rate(2))


# -- flapping --------------------------------------------------------------------------------------------------------


def test_the_third_episode_in_a_row_is_a_ticket_that_says_why() -> None:
    told = calm(refused=rate(2))
    for n in (1, 2):
        told = episode(told).expects(
            incident("fired", notify="page", episode=n, held="", flaps=n - 1), incident("resolved")
        )
    episode(told).expects(
        incident("fired", notify="ticket", sev="sev-2", episode=3, flaps=2,
                 held="flapping: episode 3 in a row, each within 1 h of the end of the one before"),
        incident("resolved", notify="ticket"),
    )  # fmt: skip


def test_what_flaps_must_be_well_for_longer_each_time_and_for_eight_times_as_long_at_most() -> None:
    """A minute is usual here. Every episode is bad for a minute, and well for ten."""
    told = calm(watch("flap_s: 7200"), refused=rate(2))
    for _ in range(6):
        told = episode(told, well_for=10)
    life = [one for one in told.told() if one.step != "updated"]
    lasted = [end.updated_at - begin.updated_at for begin, end in zip(life[::2], life[1::2], strict=True)]
    assert [round(ms / 60_000) for ms in lasted] == [2, 2, 3, 5, 9, 9]


def test_what_relapses_while_it_must_be_well_for_longer_begins_to_be_well_anew() -> None:
    told = episode(episode(calm(refused=rate(2)))).expects(*(incident(step) for step in ("fired", "resolved") * 2))
    told = told.every("5s", until="14:11").flush(refused=rate(40)).expects(incident("fired", episode=3, at="14:10:01"))
    told = told.every("5s", until="14:12:30").flush(refused=rate(2)).expects()
    told = told.every("5s", until="14:13").flush(refused=rate(60)).expects()
    told.every("5s", until="14:18").flush(refused=rate(2)).expects(incident("resolved", episode=3, at="14:15"))


def test_what_flaps_and_is_graver_than_before_pages() -> None:
    """Twice a rate limit, then a quota that is used up: the same incident by its name."""

    def failing(share: int, error: str) -> dict[str, Any]:
        return {"together": some(rate(share), {"status": "error", "error_type": error})}

    told, begin = calm(**failing(1, "timeout")), seconds(LEARNED) - MIDNIGHT
    for error in ("rate_limit_error", "rate_limit_error", "insufficient_quota"):
        told = told.every("5s", until=clock(begin + 60)).flush(**failing(30, error))
        told = told.every("5s", until=clock(begin + 240)).flush(**failing(1, "timeout"))
        begin += 240
    life = [one for one in told.told() if one.step == "fired"]
    assert [(one.notify, one.severity, one.flaps, one.held) for one in life] == [
        ("ticket", "sev-3", 0, ""), ("ticket", "sev-3", 1, ""), ("page", "sev-2", 2, "")
    ]  # fmt: skip


def test_a_ticket_that_flaps_is_a_ticket_and_nothing_is_held_back() -> None:
    told, begin = calm(latency_ms=around(400)), seconds(LEARNED) - MIDNIGHT
    for _ in range(3):
        told = told.every("5s", until=clock(begin + 60)).flush(latency_ms=around(1600))
        told = told.every("5s", until=clock(begin + 300)).flush(latency_ms=around(400))
        begin += 300
    life = [one for one in told.told() if one.step == "fired"]
    assert [(one.notify, one.flaps, one.held) for one in life] == [("ticket", n, "") for n in range(3)]


def test_after_a_while_of_quiet_flapping_is_forgotten() -> None:
    told = calm(watch("flap_s: 300"), refused=rate(2))
    told = episode(episode(told, well_for=2)).expects(*(incident(step) for step in ("fired", "resolved") * 2))
    told = told.every("5s", until="14:20").flush(refused=rate(2)).expects()
    told = episode(told).expects(incident("fired", episode=3, notify="page", flaps=0, held=""), incident("resolved"))
    assert [held.row for held in told.state().flaps.values()] == [1]


def test_what_a_person_ended_begins_no_row() -> None:
    told = episode(episode(calm(refused=rate(2)))).expects(*(incident(step) for step in ("fired", "resolved") * 2))
    told = told.every("5s", until="14:11").flush(refused=rate(40)).expects(incident("fired", flaps=2))
    told = told.tell(Rebaseline, by="ana").every("5s", until="14:16").flush(refused=rate(2))
    told = told.expects(incident("resolved", why="rebaselined by ana"))
    assert [held.row for held in told.state().flaps.values()] == [2], "the row is as long as before"


def test_how_many_rows_are_remembered_is_bounded() -> None:
    words = USUAL + "limits: {episodes: 1}"
    told = calm(words, refused=rate(2), latency_ms=around(400))
    told = told.every("5s", until="14:03").flush(refused=rate(40), latency_ms=around(400))
    told = told.every("5s", until="14:06").flush(refused=rate(2), latency_ms=around(400))
    told = told.every("5s", until="14:07").flush(refused=rate(2), latency_ms=around(1600))
    told = told.every("5s", until="14:12").flush(refused=rate(2), latency_ms=around(400))
    told = told.expects(*(incident(step) for step in ("fired", "resolved") * 2))
    assert len(told.state().flaps) == 1


# -- maintenance -----------------------------------------------------------------------------------------------------


def planned(words: str) -> str:
    return f"{USUAL}maintenance: [{{{words}}}]"


ONCE = f"begins: {TUESDAY}T14:00:00Z, ends: {TUESDAY}T14:05:00Z, reason: new racks"
HELD = f"maintenance until {TUESDAY}T14:05:00Z: new racks"


def test_in_maintenance_nobody_is_paged_and_what_lasts_pages_when_it_is_over() -> None:
    (
        calm(planned(ONCE), refused=rate(2))
        .every("5s", until="14:04:30").flush(refused=rate(40))
        .expects(incident("fired", sev="sev-2", notify="record", held=HELD, at="14:02:01"))
        .every("5s", until="14:06").flush(refused=rate(40))
        .expects(incident("updated", sev="sev-2", notify="page", held="", at="14:05", episode=1, previous=None))
    )  # fmt: skip


def test_what_is_over_before_the_maintenance_paged_nobody() -> None:
    told = episode(calm(planned(ONCE), refused=rate(2)), well_for=7)
    life = told.told()
    assert [one.step for one in life if one.step != "updated"] == ["fired", "resolved"]
    assert {one.notify for one in life} == {"record"}


def test_an_incident_that_is_said_again_in_a_maintenance_is_told_anew_when_that_is_over() -> None:
    """It had paged before. What was said of it meanwhile told nobody, so somebody must be told how it stands."""
    late = ONCE.replace("14:00:00", "14:02:30")
    told = calm(planned(late), refused=rate(2)).every("5s", until="14:02:20").flush(refused=rate(40))
    told = told.expects(incident("fired", notify="page", held=""))
    told = told.every("5s", until="14:04:30").flush(refused=rate(40))
    told = told.expects(incident("updated", notify="record", held=HELD, sev="sev-2", at="14:03:01"))
    told = told.every("5s", until="14:05:10").flush(refused=rate(40))
    told.expects(incident("updated", notify="page", held="", at="14:05"))


def test_of_what_was_not_said_again_in_a_maintenance_nothing_is_told_when_that_is_over() -> None:
    late = ONCE.replace("14:00:00", "14:02:30")
    words = planned(late).replace("watch: {", "watch: {update_every_s: 3600, ")
    told = calm(words, refused=rate(2)).every("5s", until="14:07").flush(refused=rate(40))
    assert [one.step for one in told.told()] == ["fired"]


@pytest.mark.parametrize(
    ("words", "notify"),
    [
        (ONCE, "record"),
        (f"{ONCE}, services: [bot, shop]", "record"),
        (f"{ONCE}, services: [shop]", "page"),
        ("weekly: 'tue 14:00-15:00'", "record"),
        ("weekly: 'mon 23:00-14:30'", "record"),
        ("weekly: 'tue 15:00-16:00'", "page"),
        ("weekly: 'wed 14:00-15:00'", "page"),
        ("weekly: 'tue 00:00-24:00'", "record"),
    ],
)
def test_a_maintenance_holds_for_its_services_and_its_time(words: str, notify: str) -> None:
    told = calm(planned(words), refused=rate(2)).every("5s", until="14:03").flush(refused=rate(40))
    told.expects(incident("fired", notify=notify))


def test_of_several_the_one_that_is_over_last_counts() -> None:
    two = f"{USUAL}maintenance: [{{{ONCE}}}, {{weekly: 'tue 14:00-14:04', reason: backups}}]"
    told = calm(two, refused=rate(2)).every("5s", until="14:04:30").flush(refused=rate(40))
    told.expects(incident("fired", held=HELD))


def maintain(told: Story, until: str, reason: str | None = "index is rebuilt") -> Story:
    return told.tell(Maintain, by="ana", until=f"{TUESDAY}T{until}:00Z", reason=reason)


def test_a_person_says_a_maintenance_and_it_is_over_at_its_time() -> None:
    told = maintain(calm(watch("update_every_s: 3600"), refused=rate(2)), "14:04")
    told = told.every("5s", until="14:06").flush(refused=rate(40))
    told.expects(
        incident("fired", notify="record", held=f"maintenance until {TUESDAY}T14:04:00Z: index is rebuilt"),
        incident("updated", notify="page", held="", at="14:04"),
    )


def test_a_later_word_on_a_maintenance_takes_the_place_of_the_earlier_and_may_end_it() -> None:
    told = maintain(calm(refused=rate(2)), "15:00").every("5s", until="14:03").flush(refused=rate(40))
    told = told.expects(incident("fired", notify="record"))
    told = maintain(told, "16:00", None).every("5s", until="14:04").flush(refused=rate(40)).expects()
    told = maintain(told, "14:00").every("5s", until="14:05").flush(refused=rate(40))
    told.expects(incident("updated", notify="page", at="14:04"))


def test_a_person_says_a_maintenance_of_one_service_and_the_others_page() -> None:
    told = story().at("14:00").every("5s", until=LEARNED).flush(refused=rate(2)).at("14:00").every("5s", until=LEARNED)
    told = maintain(told.flush(service="shop", refused=rate(2)).expects(), "15:00").every("5s", until="14:03")
    told = told.flush(refused=rate(40)).at(LEARNED).every("5s", until="14:03").flush(service="shop", refused=rate(40))
    told.expects(incident("fired", of="shop", notify="page"), incident("fired", of="bot", notify="record"))


def test_silence_in_maintenance_is_told_and_pages_nobody() -> None:
    told = maintain(calm(refused=rate(2)), "14:10").wait("14:08")
    told = told.expects(incident("fired", name="ServiceSilent", kind="no_data", notify="record"))
    told.wait("14:12").expects(incident("updated", name="ServiceSilent", notify="page", at="14:10"))


def test_what_flaps_in_maintenance_pages_after_it_for_nobody_was_told_before() -> None:
    told = maintain(calm(refused=rate(2)), "14:10")
    told = episode(episode(told)).expects(*(incident(step, notify="record") for step in ("fired", "resolved") * 2))
    episode(told).expects(incident("fired", notify="page", flaps=2, held=""), incident("resolved"))


def test_what_is_pending_in_maintenance_fires_as_a_record() -> None:
    told = maintain(calm(watch("update_every_s: 3600"), latency_ms=around(400)), "14:05").every("5s", until="14:06")
    told.flush(latency_ms=around(1600)).expects(
        incident("pending", held=""),
        incident("fired", notify="record", sev="sev-3"),
        incident("updated", notify="ticket", at="14:05", held=""),
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{}", "it says no time: give `begins` and `ends`, or `weekly` - at `maintenance[0]`"),
        ("{weekly: 'sun 2-4'}", "say it as `sun 02:00-04:30`, in UTC, with one of mon, tue, wed"),
        ("{weekly: 'sun 02:00-04:30', begins: 5}", "keep one of the two - at `maintenance[0].weekly`"),
        ("{weekly: 'sun 02:00-02:00'}", "a whole day is `sun 00:00-24:00` - at `maintenance[0].weekly`"),
        ("{begins: 7}", "`ends` is missing beside the other"),
        ("{begins: 2026-11-24T14:00:00Z, ends: 2026-11-24T13:00:00Z}", "it ends before it begins"),
        ("{begins: 2026-11-24, ends: 2026-11-25}", "not an RFC 3339 time: '2026-11-24' - at `maintenance[0].begins`"),
        ("{begins: 2026-11-24T14:00:00, ends: 7}", "a time without a zone"),
        ("{begins: 0, ends: 9007199254740992}", "after the year 9999"),
    ],
)
def test_a_maintenance_whose_time_nobody_can_tell_stops_the_start(words: str, said: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        parse(f"maintenance: [{words}]")
    assert said in str(wrong.value)


def test_a_time_of_every_week_comes_every_week_and_may_lie_across_its_end() -> None:
    """Asked of every minute of three weeks, against the calendar's own reckoning."""
    night = window(None, None, "sun 23:30-00:30")
    monday = second("2026-11-23T00:00:00Z")
    for minute in range(3 * 7 * 24 * 60):
        of_week = minute % (7 * 24 * 60)
        within = of_week >= (6 * 24 + 23) * 60 + 30 or of_week < 30
        until = night.until((monday + minute * 60) * 1000)
        assert (until is not None) is within
        assert until is None or until // 1000 % 86_400 == 1800


# -- sent again ------------------------------------------------------------------------------------------------------


def test_the_last_word_on_an_open_incident_is_sent_again_in_the_very_same_bytes() -> None:
    words = watch("resend_every_s: 120, update_every_s: 3600")
    told = calm(words, refused=rate(2)).every("5s", until="14:07").flush(refused=rate(40))
    values = [one.value for one in told._played()[1]]
    assert len(values) == 3
    assert len(set(values)) == 1
    said = msgspec.json.decode(values[0], type=Incident)
    assert (said.step, said.sequence, said.resend_after_s) == ("fired", 1, 120)
    [resolved] = told.expects(*[incident("fired")] * 3).every("5s", until="14:12").flush(refused=rate(2)).told()[-1:]
    assert (resolved.step, resolved.sequence, resolved.resend_after_s) == ("resolved", 2, 0)


def test_what_is_sent_again_is_the_last_word_and_nothing_is_once_it_is_over() -> None:
    words = watch("resend_every_s: 120, update_every_s: 3600")
    told = calm(words, refused=rate(2)).every("5s", until="14:03").flush(refused=rate(40)).expects(incident("fired"))
    [case] = told.state().cases
    told = told.tell(Acknowledge, fingerprint=case.said.fingerprint, by="ana").every("5s", until="14:06")
    told = told.flush(refused=rate(40)).expects(
        incident("acknowledged", sequence=2, at="14:03:01"), incident("acknowledged", sequence=2, at="14:03:01")
    )
    told = told.every("5s", until="14:08").flush(refused=rate(2)).expects(incident("resolved"))
    told.every("5s", until="14:30").flush(refused=rate(2)).expects()


def test_nothing_is_sent_again_where_nobody_wants_it_nor_of_what_is_in_shadow() -> None:
    for words in (
        watch("resend_every_s: 0, update_every_s: 3600"),
        watch("resend_every_s: 60, update_every_s: 3600") + "services: [{name: bot, shadow: true}]",
    ):
        told = calm(words, refused=rate(2)).every("5s", until="14:10").flush(refused=rate(40))
        told.expects(incident("fired"))

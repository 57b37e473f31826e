"""What happens after an alarm, told as stories: it is over, it is not, it is the new normal."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest
from msgspec.structs import replace

from schemas.incidents import Incident
from streams.watch import adopt
from streams.watch.cases import Recovery
from streams.watch.pieces import whole
from streams.watch.plan import Plan
from streams.watch.stage import Finding
from tests.watch.story import TAXONOMY, USUAL, Stages, Story, incident, report, story
from tests.watch.traffic import around, luck, mix, one, rate

LEARNED = "14:02"
"""A thousand exchanges are counted by then: a rate of 2 % has a limit of about 6 %."""
BACK = "all is back within its limits, or better"
NORMAL = USUAL.replace("resolve_after_s: 60", "resolve_after_s: 60, rebase_after_s: 300")


def calm(words: str = USUAL, **fields: object) -> Story:
    return story(words).at("14:00").every("5s", until=LEARNED).flush(**fields).expects()  # type: ignore[arg-type]


def outage(words: str = USUAL) -> Story:
    """Refusals go from 2 % to 40 %, and that is told."""
    told = calm(words, refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))
    return told.expects(incident("fired", signal="refused", notify="page", since="14:02"))


def test_what_is_back_is_told_after_the_shortest_time() -> None:
    """Twenty exchanges a second show it within that minute."""
    outage().every("5s", until="14:06").flush(refused=rate(2)).expects(
        incident("resolved", signal="refused", at="14:05", why=BACK)
    )


def test_what_is_half_back_is_not_over() -> None:
    outage().every("5s", until="14:20").flush(refused=rate(20)).expects()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_stays_a_little_past_its_limit_is_not_over(seed: int) -> None:
    """At 8 % three minutes of ten have one refusal of thirty or none, and would do for the rule alone."""
    outage().every("10s", until="14:20").flush(5, refused=luck(0.08, seed)).expects()


def test_twenty_lucky_exchanges_are_not_over() -> None:
    """At 8 %, one twenty of five has none. The rule alone would do with them: for a minute all is within limits."""
    told = outage().every("4s", until="14:05:20").flush(1, refused=rate(0)).expects()
    told.every("5s", until="14:07").flush(refused=rate(40)).expects()


def test_few_exchanges_are_over_once_they_are_enough() -> None:
    """Thirty a minute: half of the thousand that were learned from take a quarter of an hour."""
    told = outage().every("10s", until="14:15").flush(5, refused=rate(2)).expects()
    told.every("10s", until="14:34").flush(5, refused=rate(2)).expects(incident("resolved", why=BACK))


def test_a_second_outage_is_one_incident_and_begins_after_the_first() -> None:
    """What a slice did in the first one was told then; it must not come back under an onset of its own."""
    again = outage().every("5s", until="14:07").flush(refused=rate(2)).expects(
        incident("resolved", signal="refused", at="14:05")
    )  # fmt: skip
    again.every("5s", until="14:09").flush(refused=rate(40)).expects(
        incident("fired", signal="refused", since="14:07", episode=2)
    )


def test_what_flaps_is_one_incident_until_it_stays() -> None:
    told = outage()
    for bad, good in pairwise(("14:04", "14:05", "14:06", "14:07", "14:08")):
        told = told.at(bad).every("5s", until=f"{bad}:30").flush(refused=rate(2))
        told = told.every("5s", until=good).flush(refused=rate(40)).expects()
    told.every("5s", until="14:09:10").flush(refused=rate(2)).expects(incident("resolved", episode=1))


def test_better_than_before_is_over_and_a_record_of_its_own() -> None:
    told = calm(latency_ms=around(800)).every("5s", until="14:04").flush(latency_ms=around(2400))
    told = told.expects(incident("fired", signal="latency", notify="ticket"))
    told.every("5s", until="14:06").flush(latency_ms=around(300)).expects(
        incident("resolved", signal="latency", notify="ticket", episode=1),
        incident("fired", signal="latency", notify="record", since="14:04", episode=2),
    )


def test_a_slice_of_which_nothing_comes_any_more_is_over() -> None:
    def by_workflow(told: Story, since: str, until: str, search: int) -> Story:
        told = told.at(since).every("5s", until=until).flush(90, workflow=one("chat"), refused=rate(2))
        return told.at(since).every("5s", until=until).flush(10, workflow=one("search"), refused=rate(search))

    told = by_workflow(story(), "14:00", LEARNED, 2).expects()
    told = by_workflow(told, LEARNED, "14:04", 60).expects(incident("fired", signal="refused", where="workflow=search"))
    told.every("5s", until="14:05:20").flush(90, workflow=one("chat"), refused=rate(2)).expects(
        incident("resolved", where="workflow=search")
    )


def test_a_name_that_comes_no_more_is_over() -> None:
    usual = mix(billing=60, refund=40)
    told = calm(intent=usual).every("5s", until="14:04").flush(intent=mix(billing=50, refund=30, complaint=20))
    told = told.expects(incident("fired", signal="intent"))
    told.every("5s", until="14:06").flush(intent=usual).expects(incident("resolved", signal="intent"))


def test_the_same_shift_is_never_told_twice_however_sure_it_becomes() -> None:
    """For half an hour at 40 %, on every slice; nothing but that it goes on."""
    words = USUAL.replace("watch: {", "watch: {update_every_s: 7200, ")
    told = calm(words, refused=rate(2), workflow=mix(chat=90, search=10)).every("5s", until="14:32")
    told.flush(refused=rate(40), workflow=mix(chat=90, search=10)).expects(incident("fired", signal="refused"))


def test_what_is_stored_of_a_recovery_is_small() -> None:
    told = outage().every("5s", until="14:04:30").flush(refused=rate(2)).expects()
    for alarm in told.state().cases[0].alarms:
        assert sum(alarm.recovery.evidence) > 0
        assert len(msgspec.msgpack.encode(alarm.recovery)) < 100


class Interrupted(Stages):
    """Taken from bytes anew, every so many seconds."""

    every = 0

    def tick(self, second: int) -> Iterator[Finding]:
        if self.every and second % self.every == 0:
            self.through_bytes()
        yield from super().tick(second)


@pytest.mark.parametrize("every", [1, 7])
def test_a_recovery_is_a_function_of_the_log_wherever_it_was_interrupted(every: int) -> None:
    told = story().at("14:00").every("5s", until=LEARNED).flush(refused=rate(2)).every("5s", until="14:03")
    told = told.flush(refused=rate(40)).every("3s", until="14:05").flush(refused=rate(3))
    uncut, cut = Stages(told.config), Interrupted(told.config)
    cut.every = every
    found, again = (list(stage.play(told.lines, told.until)) for stage in (uncut, cut))
    assert [msgspec.json.decode(one.value, type=Incident).step for one in found][-1] == "resolved"
    assert again == found


def test_what_lasts_becomes_the_new_normal_and_is_learned_from_what_comes_then_alone() -> None:
    """Refusals of the first three minutes of it, 90 %, are no part of what is learned: the alarm was made of them."""
    told = calm(NORMAL, refused=rate(2)).every("5s", until="14:05").flush(refused=rate(90))
    told = told.expects(incident("fired", signal="refused", version=1))
    told = told.every("5s", until="14:12").flush(refused=rate(40))
    told = told.expects(
        incident("resolved", why="taken as the new normal after 5 min; learned anew: requests refused", at="14:07:10")
    )
    known = told.state().baseline
    assert known is not None
    assert known.version == 2
    told.every("5s", until="14:14").flush(refused=rate(80)).expects(
        incident("fired", signal="refused", version=2, moved=(0.40, 0.80), episode=2)
    )


def test_only_what_alarmed_is_learned_anew() -> None:
    told = calm(NORMAL, refused=rate(2), latency_ms=around(400)).every("5s", until="14:12")
    told = told.flush(refused=rate(40), latency_ms=around(400))
    told = told.expects(incident("fired"), incident("resolved"))
    told.every("5s", until="14:14").flush(refused=rate(40), latency_ms=around(1200)).expects(
        incident("fired", signal="latency", version=2, moved=(400 * 1.5**1.28, 1200 * 1.5**1.28))
    )


def test_never_is_never() -> None:
    words = NORMAL.replace("rebase_after_s: 300", "rebase_after_s: 0")
    outage(words).every("5s", until="14:20").flush(refused=rate(40)).expects()


def test_what_is_back_without_being_sure_is_over_in_the_end_and_nothing_is_learned() -> None:
    """Fewer exchanges than could show it, in a window that is short enough to lie behind the outage."""
    words = NORMAL.replace("watch: {", "watch: {window_buckets: 12, ")
    told = outage(words).every("6s", until="14:08").flush(1, refused=rate(0))
    told = told.expects(incident("resolved", why="back within its limits, though in 5 min too little came to be sure"))
    state = told.state()
    assert (state.baseline.version if state.baseline else 0, state.counting) == (1, None)
    told.every("5s", until="14:10").flush(refused=rate(40)).expects(incident("fired", episode=2))


def test_silence_is_never_normal() -> None:
    calm(NORMAL, refused=rate(2)).wait("14:20").expects(incident("fired", signal="silence"))


def test_what_one_of_two_releases_does_is_not_what_the_service_does() -> None:
    words = NORMAL.replace("watch: {", "watch: {update_every_s: 7200, ")
    told = calm(words, refused=rate(2)).every("5s", until="14:20").flush(90, refused=rate(2)).at(LEARNED)
    told = told.every("5s", until="14:20").flush(10, release="v2", refused=rate(50))
    told.expects(incident("fired", signal="refused", releases={"v2"}), report("v2"))


def test_another_config_begins_to_show_it_anew_and_what_was_begun_counts() -> None:
    """Limits may have moved, and with them the bets."""
    told = outage().every("5s", until="14:04:30").flush(refused=rate(2)).expects()
    state, config = told.state(), told.config
    other = replace(config, watch=replace(config.watch, min_effect_points=1.0))
    was, now = (Plan.of(one, TAXONOMY) for one in (config, other))
    adopted = whole(adopt.config(was, now, state))
    before, after = (one.cases[0].alarms[0].recovery for one in (state, adopted))
    assert sum(before.evidence) > 0
    assert after == Recovery(begun=before.begun, absent=before.absent)

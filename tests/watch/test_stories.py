"""What comes in, what must come out: the stories that WATCH is for."""

from random import Random

import pytest

from streams.watch.total import laid
from tests.watch.story import USUAL, Story, incident, report, story
from tests.watch.traffic import around, luck, mix, one, rate, some

LEARNED = "14:02"
"""By then, a hundred exchanges every five seconds since 14:00, a baseline is learned and quiet time has passed."""


def calm(words: str = USUAL, until: str = LEARNED, **fields: object) -> Story:
    return story(words).at("14:00").every("5s", until=until).flush(**fields).expects()  # type: ignore[arg-type]


def test_a_rate_that_rises_pages_and_ends_when_it_is_back() -> None:
    (
        calm(refused=rate(2))
        .every("5s", until="14:04").flush(refused=rate(40))
        .expects(incident("fired", signal="refused", sev="sev-2", notify="page", since="14:02", at="14:02:01",
                          moved=(0.02, 0.40), where=None, episode=1))
        .every("5s", until="14:07").flush(refused=rate(2))
        .expects(incident("resolved", signal="refused", sev="sev-2", moved=(0.02, 0.40)))
    )  # fmt: skip


def test_a_rate_that_creeps_makes_a_ticket_first_and_pages_when_the_evidence_for_a_page_is_there() -> None:
    """The two are accumulators of their own: a ticket must not stand in the way of its own page."""
    words = USUAL.replace("watch: {", "watch: {false_tickets_per_week: 10000, ")
    (
        calm(words, answered=rate(98))
        .every("5s", until="14:04:20").flush(answered=rate(91))
        .expects(
            incident("fired", signal="answered", notify="ticket", sev="sev-2"),
            incident("updated", signal="answered", notify="ticket"),
            incident("updated", signal="answered", notify="page", sev="sev-2", episode=1),
        )
    )  # fmt: skip


def test_a_number_that_rises_is_told_by_the_quantile_that_gave_it_away() -> None:
    """The upper tenth of a log-normal lies 1.28 standard deviations above its middle."""
    p90 = 800 * 1.5**1.28
    (
        calm(latency_ms=around(800))
        .every("5s", until="14:04").flush(latency_ms=around(1600))
        .expects(incident("fired", signal="latency", sev="sev-3", notify="ticket", since="14:02",
                          words="time to answer (p90)", moved=(p90, 2 * p90)))
    )  # fmt: skip


def test_a_new_name_is_named_though_the_alphabet_is_frozen() -> None:
    usual = mix(billing=60, refund=39, other=1)
    (
        calm(intent=usual)
        .every("5s", until="14:04").flush(intent=mix(billing=50, refund=30, complaint=20))
        .expects(incident("fired", signal="intent", sev="sev-4", notify="record", words="what users ask for: complaint",
                          moved=(0.0, 0.20), since="14:02"))
    )  # fmt: skip


def test_a_new_name_is_named_among_a_long_tail_of_others() -> None:
    """Sixteen have cells, sixty are known as others; the new one is none of them."""
    tail = {f"i{n}": 3 if n < 16 else 1 for n in range(76)}
    (
        calm(intent=mix(**tail))
        .every("5s", until="14:05").flush(intent=mix(**tail, complaint=27))
        .expects(incident("fired", signal="intent", words="what users ask for: complaint", moved=(0.0, 0.20)))
    )  # fmt: skip


def test_a_change_in_one_slice_names_the_slice() -> None:
    def two(chat: int, search: int, until: str, told: Story) -> Story:
        return (
            told.every("5s", until=until)
            .flush(90, workflow=one("chat"), refused=rate(chat))
            .at(_clock(told))
            .every("5s", until=until)
            .flush(10, workflow=one("search"), refused=rate(search))
        )

    def _clock(told: Story) -> str:
        s = told.until - story().now
        return f"{s // 3600}:{s // 60 % 60:02}"

    told = two(2, 2, LEARNED, story().at("14:00")).expects()
    two(2, 60, "14:04", told).expects(
        incident("fired", signal="refused", sev="sev-2", where="workflow=search", since="14:02", notify="page")
    )


def test_a_move_that_hurts_nobody_is_recorded_and_wakes_nobody() -> None:
    (
        calm(status=some(rate(20), "timeout", "ok"))
        .every("5s", until="14:04").flush(status=one("ok"))
        .expects(incident("fired", signal="failed", sev="sev-4", notify="record"))
    )  # fmt: skip


def test_a_harmless_move_does_not_hide_a_harmful_one_after_it() -> None:
    (
        calm(latency_ms=around(800))
        .every("5s", until="14:04").flush(latency_ms=around(400))
        .expects(incident("fired", signal="latency", sev="sev-4", notify="record"))
        .every("5s", until="14:05").flush(latency_ms=around(1600))
        .expects(incident("updated", signal="latency", sev="sev-3", notify="ticket", since="14:04", previous="sev-4"))
    )  # fmt: skip


def test_failures_are_as_grave_as_the_gravest_mode_that_grew() -> None:
    """A rate limit degrades, and is a ticket; a quota that is used up stops everything, and pages."""
    limited = some(rate(30), {"status": "error", "error_type": "rate_limit_error"})
    spent = some(rate(30), {"status": "error", "error_type": "insufficient_quota"})
    usual = calm(status=some(rate(1), "timeout", "ok")).every("5s", until="14:03")
    usual.flush(together=limited).expects(
        incident("fired", signal="failed", sev="sev-3", notify="ticket", modes=["AVL.RATE_LIMIT"])
    )
    usual = calm(status=some(rate(1), "timeout", "ok")).every("5s", until="14:03")
    usual.flush(together=spent).expects(
        incident("fired", signal="failed", sev="sev-2", notify="page", modes=["AVL.QUOTA"])
    )


def test_telemetry_that_goes_missing_is_not_healthy() -> None:
    (
        calm(schema_valid=rate(99))
        .every("5s", until="14:04").flush()
        .expects(incident("fired", signal="schema_valid", sev="sev-3", notify="ticket",
                          words="answers that hold their schema: not observed", moved=(0.0, 1.0)))
    )  # fmt: skip


def test_one_cause_of_many_signals_is_one_incident() -> None:
    (
        calm(answered=rate(98), latency_ms=around(3000), output_tokens=around(20), model_served=one("march"))
        .every("5s", until="14:04")
        .flush(answered=rate(23), latency_ms=around(1500), output_tokens=around(80), model_served=one("june"))
        .expects(
            incident("fired", signal="answered", sev="sev-2", notify="page", since="14:02",
                     also=["model_served march -> june"]),
            incident("updated", signals={"answered", "latency", "output_tokens", "model_served"}),
        )
    )  # fmt: skip


def test_two_causes_at_two_times_are_two_incidents() -> None:
    (
        calm(refused=rate(2), latency_ms=around(800))
        .every("5s", until="14:05").flush(refused=rate(40), latency_ms=around(800))
        .expects(incident("fired", signals={"refused"}, since="14:02"))
        .every("5s", until="14:08").flush(refused=rate(40), latency_ms=around(2400))
        .expects(incident("fired", signals={"latency"}, since="14:05", episode=1))
        .every("5s", until="14:11").flush(refused=rate(2), latency_ms=around(800))
        .expects(incident("resolved", signals={"refused"}), incident("resolved", signals={"latency"}))
    )  # fmt: skip


def test_the_same_shift_is_told_once_however_long_it_lasts() -> None:
    """Far longer than the window in which onsets are looked for, with slices that are slow to gather evidence."""
    words = USUAL.replace("baseline_events: 2000", "baseline_events: 2000, window_buckets: 6, update_every_s: 3600")
    (
        calm(words, refused=rate(2), workflow=mix(chat=90, search=9, draft=1))
        .every("5s", until="14:12").flush(refused=rate(14), workflow=mix(chat=90, search=9, draft=1))
        .expects(incident("fired", signal="refused"))
    )  # fmt: skip


def test_what_comes_back_after_it_was_resolved_is_the_next_episode() -> None:
    told = calm(refused=rate(2))
    for episode, (bad, good) in enumerate((("14:03", "14:06"), ("14:07", "14:10")), 1):
        told = (
            told.every("5s", until=bad).flush(refused=rate(40))
            .expects(incident("fired", signal="refused", episode=episode, sequence=1))
            .every("5s", until=good).flush(refused=rate(2))
            .expects(incident("resolved", episode=episode))
        )  # fmt: skip


def test_silence_is_heard_when_all_that_was_sent_is_known_to_be_read() -> None:
    (
        calm(refused=rate(2))
        .wait("14:07")
        .expects(incident("fired", signal="silence", sev="sev-2", notify="page", at="14:02:56", since="14:01:56"))
        .every("5s", until="14:09").flush(refused=rate(2))
        .expects(incident("resolved", signal="silence"))
        .wait("14:11")
        .expects(incident("fired", signal="silence", episode=2))
    )  # fmt: skip


def test_our_own_lag_is_not_the_services_silence() -> None:
    calm(refused=rate(2)).lag("14:05").wait("14:05").expects().wait("14:06").expects(
        incident("fired", signal="silence", at="14:05")
    )


def test_silence_after_errors_does_not_end_with_the_next_event() -> None:
    """It joins what began just before it; both must be well."""
    (
        calm(refused=rate(2))
        .every("5s", until="14:02:20").flush(refused=rate(60))
        .expects(incident("fired", signal="refused"))
        .wait("14:04")
        .expects(incident("updated", signals={"refused", "silence"}))
        .every("5s", until="14:05").flush(refused=rate(60)).expects()
        .every("5s", until="14:07").flush(refused=rate(2)).expects(incident("resolved"))
    )  # fmt: skip


def test_a_second_release_is_watched_by_itself_and_named() -> None:
    (
        calm(refused=rate(2))
        .every("5s", until="14:04").flush(50, refused=rate(2)).at("14:02").every("5s", until="14:04")
        .flush(50, release="v2", refused=rate(50))
        .expects(
            incident("fired", signal="refused", releases={"v2"}, also=["release v1 -> v2"], since="14:02"), report("v2")
        )
    )  # fmt: skip


def test_a_release_that_is_rolled_back_is_well_again() -> None:
    (
        calm(refused=rate(2))
        .every("5s", until="14:04").flush(release="v2", refused=rate(50))
        .expects(incident("fired", releases={"v2"}), report("v2"))
        .every("5s", until="14:07").flush(refused=rate(2))
        .expects(incident("resolved", releases={"v2"}))
    )  # fmt: skip


def test_two_releases_with_one_trouble_have_one_incident() -> None:
    """Their onsets differ, but incidents of one name cannot be open twice: readers could not tell them apart."""
    (
        calm(refused=rate(2))
        .every("5s", until="14:04").flush(release="v2", refused=rate(50))
        .expects(incident("fired", releases={"v2"}), report("v2"))
        .every("5s", until="14:07").flush(50, release="v2", refused=rate(50))
        .at("14:04").every("5s", until="14:07").flush(50, refused=rate(50))
        .expects(incident("updated", releases={"v1", "v2"}, episode=1))
    )  # fmt: skip


def test_releases_beyond_the_cap_are_one_more_that_is_watched() -> None:
    told = calm(USUAL.replace("baseline_events", "max_releases: 2, baseline_events"), refused=rate(2))
    for release in ("v1", "v2", "v3", "v4"):
        told = told.at("14:02").every("5s", until="14:04").flush(40, release=release, refused=rate(2))
    told = told.expects()
    assert list(told.state().streams) == ["v1", "v2", "__other__"]
    assert told.state().beyond["releases"] == 2 * 24  # two releases, a flush every five seconds
    told.every("5s", until="14:06").flush(release="v4", refused=rate(60)).expects(
        incident("fired", signal="refused", releases={"__other__"})
    )


def test_a_release_that_is_idle_for_an_hour_makes_room() -> None:
    told = calm(USUAL.replace("baseline_events", "max_releases: 1, baseline_events"), refused=rate(2))
    told = told.every("30s", until="15:06").flush(release="v2", refused=rate(2)).expects()
    assert list(told.state().streams) == ["__other__", "v2"]


def test_events_that_come_late_count_and_are_bet_on() -> None:
    told = calm(refused=rate(2)).every("5s", until="14:04").flush(late="10min", refused=rate(40))
    told = told.expects(incident("fired", signal="refused", moved=(0.02, 0.40), since="14:02"))
    assert told.state().late == 24 * 100


def test_a_change_is_found_while_a_lag_is_worked_off() -> None:
    """Event time is what onsets are told in, even when all of it comes hours later."""
    told = calm(refused=rate(2))
    late = USUAL.replace("flush_after_s: 0.5", "flush_after_s: 0.5, late_after_s: 86400")
    told = (
        story(late).at("14:00").every("5s", until=LEARNED).flush(refused=rate(2)).expects().wait("18:00").lag("18:02")
    )
    told = told.every("1s", until="18:01").flush(refused=rate(2), late="3h")
    told.every("1s", until="18:02").flush(refused=rate(40), late="3h").expects(
        incident("fired", signal="refused", since="15:01", at="18:01:01")
    )


def test_events_from_the_future_do_not_blow_up_the_window() -> None:
    told = calm(refused=rate(2))
    for ahead in ("1h", "2h", "3h"):
        told = told.at("14:02").flush(late=f"-{ahead}", refused=rate(2))
    state = told.wait("14:02:10").expects().state()
    assert max(state.streams["v1"].buckets) <= state.second
    assert laid(state.total)[6:9].sum() == 27 * 100


def test_names_beyond_the_cap_are_no_evidence_about_names() -> None:
    words = USUAL.replace("slices: [workflow]", "slices: [workflow], names_per_block: 16")
    flood = mix(**{f"w{n}": 1 for n in range(100)})
    told = calm(words, workflow=mix(chat=50, search=50), refused=rate(2))
    told = told.every("5s", until="14:04").flush(workflow=flood, refused=rate(2)).expects()
    told.every("5s", until="14:06").flush(workflow=flood, refused=rate(60)).expects(
        incident("fired", signal="refused", where="workflow=__other__")
    )


@pytest.mark.parametrize("seed", range(6))
def test_healthy_traffic_says_nothing(seed: int) -> None:
    """At most eleven pages and tickets a week over two hundred services: six quarters of an hour of one are nothing."""
    chance = Random(seed)
    (
        story().at("14:00").every("10s", until="14:15")
        .flush(
            200,
            refused=luck(0.02, seed), answered=luck(0.97, -seed), latency_ms=around(chance.randrange(50, 5000), 2.5),
            workflow=mix(chat=60, search=35, draft=5), intent=mix(**{f"i{n}": 1 + 40 // (n + 1) for n in range(40)}),
            together=some(rate(1), {"status": "error", "http_status": 500}),
        ).expects()
    )  # fmt: skip


def test_a_service_that_sends_too_little_to_learn_from_is_only_counted() -> None:
    told = story().at("14:00").every("60s", until="15:00").flush(10, refused=rate(2))
    told = told.every("60s", until="15:30").flush(10, refused=rate(100)).wait("16:00").expects()
    assert told.state().baseline is None
    assert laid(told.state().total)[6:9].sum() == 900

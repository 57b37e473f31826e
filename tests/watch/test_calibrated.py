"""Stated confidence and what was right, from outcomes to incident: against the truth, and once that is known off."""

from typing import Any

from tests.watch.story import USUAL, Story, incident, story
from tests.watch.traffic import Values, one, rate

LEARNED = "14:02"


def judged(told: Story, until: str, right: int, said: float = 0.85) -> Story:
    """Let exchanges come, and outcomes of some that came before: so many of a hundred are right."""
    begin = told.until - story().now
    clock = f"{begin // 3600}:{begin // 60 % 60:02}:{begin % 60:02}"
    told = told.every("5s", until=until).flush(refused=rate(2)).at(clock).every("5s", until=until)
    fields: dict[str, Any] = {"type": one("outcome"), "about": one("before"), "source": one("human")}
    together = Values(tuple({"confidence": said, "correct": i < right} for i in range(100)))
    return told.flush(100, together=together, **fields)


def begin(right: int, words: str = USUAL) -> Story:
    return judged(story(words).at("14:00"), LEARNED, right)


ONLY = USUAL.replace("watch: {", "watch: {signals: [calibration, refused], ")
"""`correct` moves with it and would speak first."""


def test_a_service_that_becomes_too_sure_pages_and_ends_when_it_is_right_again() -> None:
    """It says 0.85, which lies in the band from 0.85 to 0.9: what is read is the middle of that."""
    told = begin(85, ONLY).expects()
    told = judged(told, "14:04", 55).expects(
        incident("fired", signal="calibration", sev="sev-2", notify="page", since="14:02", where=None,
                 words="right 55.0 % where 87.5 % was stated")
    )  # fmt: skip
    judged(told, "14:20", 85).expects(incident("resolved", signal="calibration"))


def test_right_more_often_than_it_says_is_told_and_wakes_nobody() -> None:
    told = begin(85, ONLY.replace("[calibration, refused]", "[calibration]")).expects()
    judged(told, "14:06", 100).expects(
        incident(
            "fired", signal="calibration", sev="sev-4", notify="record", words="right 100.0 % where 87.5 % was stated"
        )
    )


def test_what_was_off_from_the_first_day_is_one_ticket_and_its_getting_worse_after_that_is_a_page() -> None:
    """After `rebase_after_s` it is what the service is like, and what it is measured against."""
    told = begin(65, ONLY.replace("watch: {", "watch: {rebase_after_s: 600, ")).expects()
    told = judged(told, "14:04", 65).expects(
        incident(
            "fired", signal="calibration", sev="sev-3", notify="ticket", words="right 65.0 % where 87.5 % was stated"
        )
    )
    told = judged(told, "14:13", 65).expects(
        incident("resolved", why="taken as the new normal after 10 min; learned anew: right answers against the stated "
                 "confidence")
    )  # fmt: skip
    told = judged(told, "14:20", 65).expects()
    told = judged(told, "14:22", 85).expects()  # as it should be is no news either
    judged(told, "14:25", 30).expects(
        incident("fired", signal="calibration", sev="sev-2", notify="page", version=2, since="14:22",
                 words="right 30.0 % where 87.5 % was stated; formerly right 65.0 % where 87.5 % was stated")
    )  # fmt: skip


def test_points_that_an_operator_does_not_mind_are_no_news() -> None:
    told = begin(75, ONLY.replace("watch: {", "watch: {calibration_points: 10, ")).expects()
    told = judged(told, "14:10", 75).expects()
    judged(told, "14:12", 50).expects(incident("fired", signal="calibration", notify="page"))


def test_a_release_of_which_nothing_is_judged_says_nothing() -> None:
    story(ONLY).at("14:00").every("5s", until="14:10").flush(refused=rate(2)).expects()

"""What serves changes under a release, without a deploy: the verdict and the incident say so."""

from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import parse
from schemas.control import Release
from schemas.incidents import Incident
from schemas.moments import written
from schemas.tallies import Passed, encode
from streams.measure import stage as measure
from streams.watch.assess.serving import heard
from streams.watch.assess.tally import Tally
from tests.watch.assess.test_beyond import words
from tests.watch.story import MIDNIGHT, Line, Stages, Story, incident, story
from tests.watch.traffic import Values, mix, one, rate

FORMER, LATTER = "gpt-4-0314", "gpt-4-0613"
DAY_S, STEP_S = 86_400, 1800


def served(told: Story, until: str, refused: int, every: str = "2s", **what: Any) -> Story:
    return told.every(every, until=until).flush(20, refused=rate(refused), answered=rate(99), **what)


def live(**first: Any) -> Story:
    told = story(words()).at("14:00").tell(Release, release="v1", phase="promoted", generation=1)
    return served(told, "14:12", 2, **first).expects()


def test_the_verdict_and_the_incident_say_what_changed_and_that_nobody_deployed() -> None:
    told = served(live(model_served=one(FORMER)), "14:15", 40, model_served=one(LATTER)).expects(
        incident("fired", name="KpiBeyondBand", cause=f"the served model changed from {FORMER} to {LATTER} at "
                 "2026-11-24T14:12:00Z", also=[f"model_served {FORMER} -> {LATTER}"])
    )  # fmt: skip
    said = (
        f"the served model changed from {FORMER} (100 %, now 0 %) to {LATTER} (0 %, now 100 %) at "
        "2026-11-24T14:12:00Z; no deploy since 2026-11-24T14:00:00Z"
    )
    verdict = told.verdicts()[-1]
    assert (verdict.verdict, verdict.phase, verdict.changed) == ("fail", "live", (said,))
    assert said in verdict.reasons
    assert said in told.state().cases[0].said.summary


def test_a_prompt_of_which_a_part_changed_is_told_with_its_shares() -> None:
    told = served(live(prompt_version=one("p1")), "14:15", 40, prompt_version=mix(p1=30, p2=70))
    (said,) = told.expects(incident("fired")).verdicts()[-1].changed
    assert said.startswith("the version of the prompt changed from p1 (100 %, now 30 %) to p2 (0 %, now 70 %) at ")


def test_what_a_deploy_changed_is_no_news() -> None:
    told = live(model_served=one(FORMER)).tell(Release, release="v1", phase="deployed", generation=2)
    told = served(told, "14:15", 40, model_served=one(LATTER)).expects(incident("fired", also=[]))
    assert told.verdicts()[-1].changed == ()


def test_while_all_is_green_nothing_is_said_and_what_changed_long_before_is_no_cause() -> None:
    """What changed at 14:12 is told until an hour and a window before the first window that is beyond."""
    told = served(live(model_served=one(FORMER)), "15:20", 2, "10s", model_served=one(LATTER)).expects()
    assert {one.changed for one in told.verdicts()} == {()}
    told = served(told, "15:23", 40, model_served=one(LATTER)).expects(incident("fired", also=[]))
    assert told.verdicts()[-1].changed == ()


NAMES = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.dictionaries(NAMES, st.integers(0, 500), max_size=3), max_size=30))
def test_however_it_comes_what_is_known_of_it_is_one_time_and_what_was_before(spans: list[dict[str, int]]) -> None:
    """Span by span or all at once it is the same, and nothing is counted that did not come."""
    came = {300 * nth: Tally(named={"model_served": names}) for nth, names in enumerate(spans)}
    known = heard({}, came)
    step_by_step = heard({}, {})
    for start, tally in came.items():
        step_by_step = heard(step_by_step, {start: tally})
    assert step_by_step == known
    total = sum(sum(names.values()) for names in spans)
    for one_ in known.values():
        assert 0 < sum(one_.names.values()) + sum(one_.before.values()) <= total
        assert one_.since in came


# --- a month --------------------------------------------------------------------------------------------------------

MONTH = (
    words()
    .replace("late_after_s: 20", "late_after_s: 20, bucket_s: 60")
    .replace("resolve_after_s: 60, silence_after_s: 600", "resolve_after_s: 600, silence_after_s: 7200")
    .replace("window: 1m", "window: 1h")
)


def coarsely(stages: Stages, begins: int, until: int, fields: dict[str, Values]) -> Iterator[Any]:
    """Send ninety exchanges every half an hour."""
    who = {"service": one("bot"), "release": one("v1")}
    for second in range(begins, until, STEP_S):
        yield from stages.tick(second)
        block = stages.blocks[0]
        line = Line((second,), 0, 90, 0, who | fields)
        records = [
            measure.Record(block.end + i, second * 1000 + 100, event)
            for i, event in enumerate(stages.events((line,), 0, second))
        ]
        block, finished = measure.feed(stages.measuring, block, records)
        stages.blocks[0] = block
        for done in finished:
            yield from stages.tell(second, measure.flushes(stages.measuring, done, final=True))
        yield from stages.tell(second, measure.flushes(stages.measuring, block, final=False))


def test_green_for_a_month_then_red_because_another_model_serves() -> None:
    """Nobody deployed for thirty days. The first hour of the other model, and the second, are beyond."""
    begins = MIDNIGHT - 30 * DAY_S
    changed = MIDNIGHT + 14 * 3600
    stages = Stages(parse(MONTH))
    fact = Release(service="bot", at=begins * 1000, release="v1", phase="promoted", generation=1)
    passed = Passed(source="ai.control", partition=0, offset=0, timestamp=begins * 1000, said=fact)
    assert not list(stages.apply(0, begins, encode(passed)))
    well = {"refused": rate(2), "answered": rate(99), "model_served": one(FORMER)}
    assert not list(coarsely(stages, begins, changed, well))
    month = stages.verdicts
    assert len(month) >= 30 * 24 * 2  # at every flush, of the windows that it shows to be over
    assert {(said.verdict, said.phase, said.changed) for said in month[6:]} == {("pass", "live", ())}
    stages.through_bytes()
    told = list(
        coarsely(stages, changed, changed + 3 * 3600, well | {"refused": rate(40), "model_served": one(LATTER)})
    )
    verdict = stages.verdicts[-1]
    assert (verdict.verdict, verdict.phase) == ("fail", "live")
    assert verdict.changed == (
        f"the served model changed from {FORMER} (100 %, now 0 %) to {LATTER} (0 %, now 100 %) at "
        f"{written(changed * 1000)}; no deploy since {written(begins * 1000)}",
    )
    assert set(verdict.changed) <= set(verdict.reasons)
    (said,) = [msgspec.json.decode(one_.value, type=Incident) for one_ in told if b"KpiBeyondBand" in one_.value][:1]
    assert said.cause == f"the served model changed from {FORMER} to {LATTER} at {written(changed * 1000)}"
    assert verdict.changed[0] in said.summary
    assert [one_.phase for one_ in stages.states[0]["bot"].releases.values()] == ["promoted"]

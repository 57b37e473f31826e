"""More exchanges than usual, or fewer, from flushes to incident; and what is neither: a season, wandering, our lag.

Buckets of five minutes, a flush for each: a week is two thousand records.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from detectors.limits.traffic import Moments
from detectors.limits.traffic import Traffic as Limits
from schemas.config import parse
from schemas.control import Rebaseline
from schemas.incidents import Incident
from schemas.tallies import Passed, Tick, encode
from schemas.taxonomy import Taxonomy
from streams.watch import hours, store, traffic
from streams.watch.alphabet import choose, tally_row
from streams.watch.baseline import Baseline
from streams.watch.plan import Plan
from streams.watch.stage import Record, step
from streams.watch.state import State, Traffic
from tests.watch.tallies import Key, flush

BUCKET_S, DAY = 300, 288
MONDAY = 1_795_996_800
WORDS = """
measure: {bucket_s: 300, late_after_s: 60, slices: [workflow]}
watch: {signals: [refused, traffic], baseline_events: 2000, window_buckets: 6, resolve_after_s: 900,
        silence_after_s: 1800}
"""
TAXONOMY = Taxonomy.load_default()


@dataclass
class Told:
    """A service that sends so many exchanges in each bucket, and the incidents that are told of it."""

    words: str = WORDS
    bucket_s: int = BUCKET_S
    ticks: bool = True
    states: dict[str, State] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    at: int = MONDAY
    offset: int = 0
    anchors: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.plan = Plan.of(parse(self.words), TAXONOMY)

    def send(self, counts: Iterable[int], partition: int = 0, begin: int | None = None) -> "Told":
        """Let a bucket pass with each of these; `begin`: where their own time begins, if that is long ago."""
        own = self.at if begin is None else begin
        for n in counts:
            if begin is None and self.ticks:
                self.record(Tick("w", self.plan.source), self.at)
            if n:
                said = Counter({("s", Key(own, "1", "workflow", "w", 0)): n})
                self.anchors[partition] += 1
                anchor, first = self.anchors[partition], own // self.bucket_s
                what: dict[str, Any] = {
                    "anchor": anchor,
                    "end": anchor + 1,
                    "bucket_s": self.bucket_s,
                    "first_bucket": first,
                }
                self.record(flush(said, partition=partition, **what))
            own += self.bucket_s
            self.at += self.bucket_s if begin is None else 0
        return self

    def record(self, fact: object, at: int | None = None) -> None:
        """Apply a record of the tallies, in the last second of the bucket."""
        at_ms = (self.at + self.bucket_s - 2 if at is None else at) * 1000 + 500
        changed, said = step(self.plan, 0, self.states, Record(self.offset, at_ms, encode(fact)))
        self.states |= changed
        self.offset += 1
        incidents = [msgspec.json.decode(one.value, type=Incident) for one in said if "found" in one.roles]
        self.incidents += [one for one in incidents if one.step != "pending"]  # five seconds before it fires

    def quiet(self, buckets: int, *read: int) -> "Told":
        """Let time pass in which a worker says that it has read these partitions to their end."""
        for second in range(self.at, self.at + buckets * BUCKET_S):
            self.record(Tick("w", self.plan.source, read), second)
        self.at += buckets * BUCKET_S
        return self

    def restarted(self) -> "Told":
        """Take all states through bytes."""
        out, _ = store.writes(self.states, self.states.keys(), store.Written())
        back = store.restore([*out.cold, *out.hot, (store.POSITION, store.position(self.offset, self.states))])
        assert list(back.states) == ["s"]
        self.states = dict(back.states)
        return self

    def expects(self, *wanted: str) -> "Told":
        """All that was told since this was last asked, but for updates: step and summary."""
        said = [f"{one.step}: {one.summary}" for one in self.incidents if one.step != "updated"]
        self.incidents = []
        assert said == list(wanted)
        return self

    @property
    def held(self) -> Traffic:
        return self.states["s"].traffic


def poisson(mean: float, buckets: int, seed: int = 1) -> list[int]:
    counts: list[int] = np.random.default_rng(seed).poisson(mean, buckets).tolist()
    return counts


def test_a_surge_is_a_ticket_that_ends_when_it_has_been_over_for_a_while() -> None:
    """In the first week six times as much is no news: half more of what may be four times the mean of all hours."""
    told = Told().send(poisson(300, DAY)).send(poisson(300 * 5, 12)).expects()
    told.send(poisson(300, 12)).send(poisson(300 * 12, 6))
    [fired, *_] = told.incidents
    [change] = fired.changes
    assert (fired.severity, fired.notify, change.signal, change.direction) == ("sev-3", "ticket", "traffic", "up")
    assert fired.labels["alertname"] == "TrafficChanged"
    assert fired.since == (MONDAY + (DAY + 24) * BUCKET_S) * 1000
    assert fired.how_sure.endswith("such ticket in 1,000 years if nothing had changed")
    assert change.before is not None
    assert change.after is not None
    assert 0.9 < change.before.value < 1.3
    assert change.after.low <= 12 <= change.after.high
    assert change.unit == "/s"
    told.expects(f"fired: s: traffic {change.before.value:g}/s -> {change.after.value:g}/s")
    told.send(poisson(300, 3)).expects()
    told.send(poisson(300, 4))
    [resolved] = told.incidents
    assert (resolved.step, resolved.ended_why) == ("resolved", "all is back within its limits, or better")
    told.incidents = []
    told.send(poisson(300, DAY)).expects()


def test_a_surge_that_ends_in_silence_is_not_over_before_it_is_known_what_comes() -> None:
    """By the exchanges alone it would be: nothing is less than too much."""
    told = Told().send(poisson(300, DAY)).send(poisson(300 * 12, 6))
    assert [one.kind for one in told.incidents if one.step == "fired"] == ["traffic"]
    told.incidents = []
    told.quiet(12, 0).expects("fired: s: no events at all")
    assert [case.said.kind for case in told.states["s"].cases] == ["traffic", "no_data"]
    told.send(poisson(300, 8))
    assert {(one.kind, one.step) for one in told.incidents} == {("no_data", "resolved"), ("traffic", "resolved")}


def test_a_slump_is_found_and_told_by_the_minute_where_that_reads_better() -> None:
    told = Told().send(poisson(290, DAY)).send(poisson(15, 6))
    [fired, *_] = told.incidents
    assert fired.changes[0].direction == "down"
    assert fired.changes[0].after is not None
    assert fired.changes[0].after.low <= 3 <= fired.changes[0].after.high
    assert fired.changes[0].unit == "/min"


def test_four_days_that_wander_say_nothing() -> None:
    told = Told().send(wander(4 * DAY, 1, np.random.default_rng(5))[:, 0].tolist()).expects()
    assert told.held.derived == 6


def test_a_season_of_sixty_percent_is_learned_in_a_week_and_what_is_much_for_the_hour_is_found() -> None:
    """At the bottom of the day four times as much is 1.6 times the mean of all hours, of which six times would be no
    news. Buckets of two minutes, for an hour must have some."""
    told = Told(WORDS.replace("bucket_s: 300", "bucket_s: 120"), bucket_s=120, ticks=False)
    day, chance = 720, np.random.default_rng(3)

    def swinging(begin: float, days: float, times: float = 1.0) -> list[int]:
        of_day = begin + np.arange(round(days * day)) / day
        counts: list[int] = chance.poisson(times * 120 * (1 + 0.6 * np.sin(2 * np.pi * of_day))).tolist()
        return counts

    told.send(swinging(0, 7.1)).expects()
    assert len(told.held.known) == 168
    told.send(swinging(7.1, 0.65)).expects()
    told.restarted().send(swinging(7.75, 0.03, times=4.0))
    [change] = told.incidents[0].changes
    assert (change.signal, change.direction) == ("traffic", "up")
    assert change.before is not None
    assert change.before.value < 0.6  # a second, at that hour; all day it is one


def test_a_restart_in_between_changes_nothing() -> None:
    plain, torn = Told(), Told()
    for counts in (poisson(300, DAY), poisson(300 * 12, 2), poisson(300 * 12, 3), poisson(300, 10)):
        plain.send(counts)
        torn.send(counts).restarted()
    assert [one.id for one in torn.incidents] == [one.id for one in plain.incidents]
    assert torn.incidents == plain.incidents
    assert torn.held == plain.held
    assert {one.step for one in plain.incidents} >= {"fired", "resolved"}


def test_our_own_lag_on_one_partition_is_no_slump() -> None:
    """Half of the traffic is not read for two hours, and then all at once."""
    told = Told()
    both = [n for n in poisson(150, DAY) for _ in (0, 1)]
    for n, m in zip(both[::2], both[1::2], strict=True):
        told.send([m], partition=1, begin=told.at).send([n])
    began = told.at
    told.send(poisson(5, 24)).expects()  # the other one, read in time, has hardly anything
    assert told.held.until <= began
    told.send(poisson(300, 24), partition=1, begin=began).expects()
    told.send(poisson(300, 3)).expects()


def test_a_partition_of_which_nothing_comes_any_more_holds_nothing_up_once_it_is_known_to_be_read() -> None:
    told = Told().send([10], partition=1, begin=MONDAY).send(poisson(300, 4))
    until = told.held.until
    for n in poisson(300, 4):
        told.record(Tick("w", told.plan.source, (1,)), told.at + 200)
        told.send([n])
    assert told.held.until >= until + 3 * BUCKET_S
    assert told.held.reached[1] > MONDAY + 4 * BUCKET_S


def test_silence_is_told_once_and_is_no_slump_when_it_is_over() -> None:
    told = Told().send(poisson(300, DAY)).quiet(12, 0)
    told.expects("fired: s: no events at all")
    told.send(poisson(300, 12)).expects("resolved: s: no events at all")
    assert not told.held.fired
    assert sum(told.held.evidence) < 1e-3


def test_a_gap_too_short_for_silence_is_a_slump() -> None:
    words = WORDS.replace("silence_after_s: 1800", "silence_after_s: 36000")
    told = Told(words).send(poisson(300, DAY)).send([0] * 5).send(poisson(300, 4))
    assert told.incidents[0].changes[0].direction == "down"


def test_what_lasts_is_the_new_normal_after_a_day_and_learned_anew() -> None:
    told = Told(WORDS.replace("silence", "rebase_after_s: 3600, silence")).send(poisson(300, DAY))
    told.send(poisson(300 * 12, 20))
    assert [one.step for one in told.incidents if one.step != "updated"] == ["fired", "resolved"]
    assert told.incidents[-1].ended_why == "taken as the new normal after 1 h; learned anew: traffic"
    assert told.held.derived == 0
    assert told.states["s"].baseline is not None
    assert told.states["s"].counting is None
    told.incidents = []
    told.send(poisson(300 * 12, DAY)).expects()
    assert told.held.derived > 0


def test_a_person_may_have_it_learned_anew() -> None:
    told = Told().send(poisson(300, DAY)).send(poisson(300 * 12, 6))
    told.incidents = []
    said = Rebaseline(service="s", at=0, by="ann", signals=("traffic",))
    told.record(Passed(source="ai.control", partition=0, offset=0, timestamp=0, said=said))
    assert [(one.step, one.ended_why) for one in told.incidents] == [("resolved", "rebaselined by ann")]
    assert (told.held.derived, told.held.fired, told.states["s"].counting) == (0, False, None)


def test_in_shadow_it_is_kept_from_on_call() -> None:
    told = Told(WORDS.replace("watch: {", "watch: {shadow_signals: [traffic], "))
    told.send(poisson(300, DAY)).send(poisson(300 * 12, 6)).expects()
    [case] = told.states["s"].shadow.cases
    assert case.said.changes[0].signal == "traffic"
    told.send(poisson(300, 8)).expects()
    assert not told.states["s"].shadow.cases
    assert not told.held.fired


def test_it_is_not_watched_where_it_is_not_named() -> None:
    told = Told(WORDS.replace("signals: [refused, traffic]", "signals: [refused]"))
    told.send(poisson(300, DAY)).send(poisson(300 * 50, 6)).expects()


def test_what_comes_for_a_closed_bucket_is_not_bet_on_again() -> None:
    told = Told().send(poisson(300, 10))
    before = told.held
    told.send([7], begin=MONDAY + 5 * BUCKET_S)
    assert told.held.closed[MONDAY + 5 * BUCKET_S] == before.closed[MONDAY + 5 * BUCKET_S] + 7
    assert told.held.evidence == before.evidence
    coming = told.held.coming
    told.send([7], begin=MONDAY - 100 * DAY * BUCKET_S)
    assert told.held.coming == coming


# -- the budget -----------------------------------------------------------------------------------------------------

SERVICES, WEEKS, TICKETS = 12, 2, 6.0
MANY = Plan.of(
    parse(f"""
    measure: {{bucket_s: 300, late_after_s: 60}}
    watch: {{signals: [traffic], window_buckets: 6, max_services: {SERVICES}, max_releases: 1,
            false_tickets_per_week: {TICKETS / WEEKS}}}
    """),
    TAXONOMY,
)


def wander(buckets: int, services: int, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts of a mean that wanders by 20 % (one standard deviation) over two and a half hours."""
    keeps, off, counts = math.exp(-1 / 30), rng.normal(size=services), []
    for _ in range(buckets):
        off = keeps * off + math.sqrt(1 - keeps**2) * rng.normal(size=services)
        counts.append(rng.poisson(100 * np.exp(0.2 * off - 0.02)))
    return np.array(counts)


def alarms(plan: Plan, counts: list[int]) -> int:
    """Close one bucket after the other; how often one alarms, where what alarmed is over at once."""
    alphabet = choose({}, (), slices=1, told=1)
    learned = Baseline(1, alphabet, 1, np.zeros(tally_row(alphabet).size, np.int64), {}, (), 0, 10**9)
    state, found = State(service="s", second=0, baseline=learned), 0
    for i, n in enumerate(counts):
        start = MONDAY + i * BUCKET_S
        held = replace(state.traffic, coming={start: n}, reached={0: start + 2 * BUCKET_S})
        state, alarm = traffic.close(plan, replace(state, traffic=held), start)
        if alarm is not None:
            found += 1
            state = replace(state, traffic=replace(state.traffic, fired=False))
    return found


def test_twelve_services_that_wander_keep_the_budget_for_two_weeks_and_with_their_means_for_limits_would_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Six tickets are allowed to all of them; what comes may be the 0.1 % point of a Poisson variable of that mean."""
    counts = wander(WEEKS * 7 * DAY, SERVICES, np.random.default_rng(9)).T.tolist()
    most = stats.poisson.isf(1e-3, TICKETS)
    assert sum(alarms(MANY, each) for each in counts) <= most

    def mean(seen: Moments, level: float, least_ratio: float = 1.0) -> Limits:
        return Limits(seen.events / seen.buckets, seen.events / seen.buckets, 1e9)

    monkeypatch.setattr(hours, "fit", mean)
    assert sum(alarms(MANY, each) for each in counts[:2]) > most

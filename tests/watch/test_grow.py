"""A baseline goes on learning: what was quiet for a day, by hour of the week; narrower limits; and what drifted.

Services with one rate and one number, half an hour of traffic told as a second.
"""

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from benchmarks.full import aged, service
from detectors import delay
from detectors.limits.season import HOURS, hour_of_week
from schemas.cells import CELLS, cells
from schemas.config import parse
from schemas.taxonomy import Taxonomy
from streams.standing import lines, standing
from streams.watch import adopt, own, store
from streams.watch.alphabet import choose, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline, Growth
from streams.watch.cases import Alarm
from streams.watch.derived import watching
from streams.watch.detect import decide
from streams.watch.detector import Detector
from streams.watch.expected import of_the_whole_stream
from streams.watch.grow import DAY_S, came, grown
from streams.watch.own import Own
from streams.watch.packed import unpacked
from streams.watch.plan import Plan
from streams.watch.quiet import of_the_whole
from streams.watch.state import Bucket, State, Stream
from streams.watch.window import events
from tests.watch.logs import in_bytes
from tests.watch.tallies import kept_of

STEP_S, A_STEP, LEARNED, REFUSED = 1800, 1800, 20_000, 0.05
MONDAY = 1_796_000_000 - hour_of_week(1_796_000_000) * 3600 - 1_796_000_000 % 3600
WORDS = """
measure: {slices: []}
watch: {signals: [refused, latency], false_pages_per_week: %s, false_tickets_per_week: %s, max_services: 1,
        max_releases: 1, dependence: none, season_percent: %s}
"""


class Service:
    """A service that is watched, and learns."""

    def __init__(self, seed: int, percent: int = 0, learned_at: float = 1.0, budget: int = 100) -> None:
        self.plan = Plan.of(parse(WORDS % (budget, budget, percent)), Taxonomy.load_default())
        self.rng = np.random.default_rng([11, seed])
        alphabet = choose({}, (), slices=8, told=16)
        self.row = tally_row(alphabet)
        baseline = Baseline(1, alphabet, LEARNED, self.tally(LEARNED, learned_at), {}, ("1",), 0, 3600)
        self.state = State(service="s", offset=0, second=MONDAY, naming=None, baseline=baseline)
        evidence = np.zeros(len(self.found.accumulators.bets), np.float32)
        self.state = replace(self.state, streams={"1": Stream("1", 0, 0, evidence)})

    @property
    def found(self) -> Detector:
        return watching(self.plan, self.state)

    @property
    def budget(self) -> float:
        """Alarms that a step may make in vain."""
        return float(self.found.accumulators.rate.sum())

    def tally(self, n: int, refused: float, slower: float = 1.0) -> Ints:
        """So many exchanges, that are refused so much more often than usual, and are so much slower."""
        at = {segment.signal.name: segment.at(0) for segment in self.row.segments}
        counts, yes = np.zeros(self.row.size, np.int64), int(self.rng.binomial(n, REFUSED * refused))
        counts[at["failed"]], counts[at["refused"]] = [n, 0, 0], [n - yes, yes, 0]
        counts[at["latency"]] = np.bincount(cells(800 * slower * np.exp(self.rng.normal(0, 0.7, n))), minlength=CELLS)
        return counts

    def step(self, *, refused: float = 1.0, slower: float = 1.0, release: str = "1") -> list[Alarm]:
        """Close a second that holds half an hour, as `streams.watch.stage` does; what alarmed is at once forgotten."""
        found, now = self.found, self.state.second
        kept = kept_of(found, self.tally(A_STEP, refused, slower))
        old = self.state.streams[release]
        stream = replace(old, pending=kept, buckets={now: Bucket(kept, kept)}, fired=())
        state = replace(self.state, streams={**self.state.streams, release: stream})
        arrived = came(state)
        stream, alarms = decide(found, stream, now * 1000, STEP_S)
        state = grown(self.plan, found, replace(state, streams={**state.streams, release: stream}), arrived)
        self.state = replace(state, second=now + STEP_S)
        return alarms

    def days(self, n: float, refused: float = 1.0) -> list[Alarm]:
        """Let days pass."""
        return [alarm for _ in range(round(n * DAY_S / STEP_S)) for alarm in self.step(refused=refused)]

    def taken(self) -> int:
        """Say how many exchanges were taken in."""
        growth = self.state.growth
        return events(growth.taken.sums) if growth and growth.taken else 0

    def limits(self, signal: str = "refused") -> tuple[float, float]:
        """Say what the first feature of a signal may be now."""
        table = next(table for table in self.found.tables if table.signal.name == signal)
        return float(table.table.lower[0, 0]), float(table.table.upper[0, 0])

    def smallest(self) -> float:
        """Say which share of refusals, at least, is found some time."""
        table = next(table for table in self.found.tables if table.signal.name == "refused")
        _, up = delay.smallest_share(table.table, 0, "yes")
        assert up is not None
        return up


A_DAY = A_STEP * DAY_S // STEP_S


def test_what_was_quiet_is_taken_in_a_day_later() -> None:
    one = Service(1)
    one.days(2)
    assert one.taken() == 0
    one.step()
    one.days(1 / 12)
    assert one.taken() == A_DAY
    one.days(2)
    assert one.taken() == 3 * A_DAY


def test_it_is_taken_in_by_the_hour_of_the_week() -> None:
    one = Service(2)
    one.days(8.1)
    assert one.state.growth is not None
    assert one.state.growth.taken is not None
    hours = unpacked(one.state.growth.taken.hours, HOURS * len(one.found.whole)).reshape(HOURS, -1)
    failed = hours[:, :3].sum(axis=1)
    assert (failed == A_DAY // 24).all()
    assert one.state.growth.taken.days == 0b1111111


def test_limits_close_in_on_what_is_true_as_more_is_known() -> None:
    """From 20,000 events to ten and twenty times as many: half-widths shrink as the root of that, less a part that
    later derivations cost (`detectors.shares.level`)."""
    one = Service(3)
    lo, hi = one.limits()
    one.days(9.1)
    assert one.state.growth is not None
    assert one.state.growth.derived is not None
    known = LEARNED + events(one.state.growth.derived.sums)
    assert known >= 20 * LEARNED
    lower, upper = one.limits()
    assert lower <= REFUSED <= upper
    assert (upper - lower) / (hi - lo) < 1.4 * np.sqrt(LEARNED / known)


def test_a_small_change_is_found_that_the_first_baseline_never_finds() -> None:
    """From 5.0 to 6.2 %: the first limits lie so far above 5 % that every bet above them loses in the long run."""
    young, old = Service(4), Service(4)
    old.days(9.1)
    assert young.smallest() > 0.062 > old.smallest()
    assert "refused" in {alarm.signal for alarm in old.days(3, refused=1.24)}


def test_what_came_before_an_alarm_is_forgotten() -> None:
    one = Service(5)
    one.days(3.5)
    before = one.taken()
    assert one.step(refused=4)
    assert one.state.growth is not None
    assert one.state.growth.waits is None
    assert one.state.growth.arrived is None
    one.days(1.4)
    assert one.taken() == before


def test_a_clock_that_was_set_back_costs_what_waits_and_stops_nothing() -> None:
    one = Service(8)
    one.days(2.2)
    before = one.taken()
    one.state = replace(one.state, second=one.state.second - 2 * DAY_S)
    one.step()
    assert one.state.growth is not None
    assert one.state.growth.waits is None
    one.days(2.2)
    assert before < one.taken() < before + A_DAY  # of the day that it was set back into, the rest


def test_what_waits_is_not_forgotten_for_nothing() -> None:
    """At the usual budget next to no day has a hundredth of an alarm by chance: `detectors.growth.LOUD`."""
    ever = [Service(seed) for seed in range(20, 23)]
    for one in ever:
        one.days(7.1)
    assert sum(one.taken() for one in ever) >= 0.8 * len(ever) * 6 * A_DAY


def test_of_several_releases_only_the_promoted_one_teaches() -> None:
    one = Service(6)
    canary = replace(one.state.streams["1"], release="2")
    one.state = replace(one.state, present="1", streams={**one.state.streams, "2": canary})
    for _ in range(3 * DAY_S // STEP_S):
        one.step()
        one.state = replace(one.state, second=one.state.second - STEP_S)
        one.step(release="2")
    one.step()
    assert one.taken() == A_DAY


def test_check_says_how_much_was_taken_in_and_what_it_finds_by_that() -> None:
    one = Service(7)
    one.days(9.1)
    said = standing(one.state, one.plan)
    assert said.taken_in == one.taken()
    assert said.hours_of == ("weekdays", "weekends")
    assert f"took in {one.taken():,} since" in "\n".join(lines([said], as_written=True))
    [refused] = [row for row in said.expected if row.signal == "refused"]
    assert refused.up == one.smallest()


@pytest.mark.parametrize("percent", [0, 60])
def test_without_slices_the_whole_stream_has_the_same_limits(percent: int) -> None:
    plan = Plan.of(parse(f"watch: {{season_percent: {percent}}}"), Taxonomy.load_default())
    state = aged(plan, service(plan, 100, np.random.default_rng(3)), weeks=2, rng=np.random.default_rng(4))
    assert state.baseline is not None
    assert state.growth is not None
    assert state.growth.derived is not None
    bare = of_the_whole_stream(state.baseline)
    growth = Growth(0, derived=of_the_whole(state.growth.derived, state.baseline, bare))
    pairs = zip(
        watching(plan, state).tables,
        watching(plan, replace(state, baseline=bare, growth=growth)).tables,
        strict=True,
    )
    for full, alone in pairs:
        assert (full.table.lower[0] == alone.table.lower[0]).all(), full.signal.name
        assert (full.table.upper[0] == alone.table.upper[0]).all(), full.signal.name


def test_growth_keeps_the_budget() -> None:
    """Two services, three weeks, limits that are made anew four times: alarms against what the steps took in."""
    found, allowed = 0, 0.0
    for seed in range(30, 32):
        one = Service(seed, budget=1000)
        found += len(one.days(21))
        allowed += one.budget * 21 * DAY_S / STEP_S
        assert one.state.growth is not None
        assert one.state.growth.derived is not None
        assert one.state.growth.derived.number >= 4
    assert allowed > 1
    assert found <= stats.poisson.isf(1e-3, allowed)


def by_day(service: Service, days: float, night: float = 1.0) -> list[Alarm]:
    """Let days pass that have a season of 60 %; in the hour around the lowest, there may be more."""
    alarms = []
    for _ in range(round(days * DAY_S / STEP_S)):
        hour = service.state.second % DAY_S / DAY_S * 24
        times = (1 - 0.6 * np.cos(2 * np.pi * (hour - 4) / 24)) * (night if 3 <= hour < 5 else 1.0)
        alarms += service.step(refused=float(times), slower=float(times))
    return alarms


def test_days_and_nights_are_told_apart_and_keep_the_budget() -> None:
    """Learned at the lowest hour, as the worst case, and watched for three weeks."""
    one = Service(40, percent=60, learned_at=0.4, budget=1000)
    found, allowed = len(by_day(one, 21)), one.budget * 21 * DAY_S / STEP_S
    assert allowed > 1
    assert found <= stats.poisson.isf(1e-3, allowed)


def test_a_change_at_night_is_found_once_nights_are_known() -> None:
    """Refusals at night from 2 to 6 %, as many as by day: nobody could tell by one limit for all hours."""
    one = Service(43, percent=60, learned_at=0.4)
    by_day(one, 15)
    first = by_day(one, 1, night=3.0)
    assert "refused" in {alarm.signal for alarm in first}
    young = Service(43, percent=60, learned_at=0.4)
    assert not by_day(young, 1, night=3.0)


def test_what_is_usual_is_told_by_the_hour() -> None:
    one = Service(44, percent=60, learned_at=0.4)
    by_day(one, 8.5)
    table = next(table for table in one.found.tables if table.signal.name == "refused")
    no, yes, _ = one.found.usual_now[table.kept.at(0)].tolist()
    assert one.state.second % DAY_S == DAY_S / 2
    assert yes / (no + yes) == pytest.approx(REFUSED * (1 - 0.6 * np.cos(2 * np.pi * 8.5 / 24)), rel=0.15)


def test_a_week_that_is_another_thing_than_what_was_learned_first_is_told_on_a_monday() -> None:
    """Two weeks at 5 %, then what was taken in is made one of 7 %: nothing alarmed, and the comparison says so."""
    one = Service(46)
    one.days(13.9)
    growth = one.state.growth
    assert growth is not None
    assert growth.taken is not None
    assert not growth.drifts
    week = kept_of(one.found, one.tally(6 * A_DAY, 1.4))
    one.state = replace(one.state, growth=replace(growth, taken=replace(growth.taken, weekly=week)))
    one.days(2)
    assert one.state.growth is not None
    [told] = one.state.growth.drifts
    assert told == "requests refused 4.9 % -> 7.0 %"  # the baseline's own luck
    one.days(5)
    assert one.state.growth.drifts == (told,)
    one.days(0.3)
    assert not one.state.growth.drifts


def test_a_drift_is_said_once_and_its_end_as_well() -> None:
    one = Service(47)
    one.step()
    before = one.state
    assert before.growth is not None
    after = replace(before, growth=replace(before.growth, drifts=("refused 5.0 % -> 7.5 %",)))
    known, [said] = own.learned(Own(), "s", before, after, MONDAY)
    assert (said.step, said.labels["alertname"], said.labels["slice"]) == ("fired", "BaselineDrifted", "s")
    assert "refused 5.0 % -> 7.5 %" in said.summary
    assert own.learned(known, "s", after, after, MONDAY + 1).incidents == []
    assert [one.step for one in own.learned(known, "s", after, before, MONDAY + 2).incidents] == ["resolved"]


def test_a_new_baseline_begins_to_learn_anew() -> None:
    one = Service(48)
    one.days(3)
    assert one.taken()
    state = adopt.baseline(one.plan, one.state, MONDAY * 1000).state
    assert state.growth is None


def test_what_was_learned_survives_a_round_trip_through_bytes() -> None:
    one = Service(49, percent=60)
    one.days(3.3)
    out, _ = store.writes({"s": one.state}, ["s"], store.Written())
    read = store.restore([*out.cold, *out.hot]).states["s"]
    assert in_bytes(read) == in_bytes(one.state)
    again = Service(49, percent=60)
    again.state, again.rng, one.rng = read, np.random.default_rng(5), np.random.default_rng(5)
    one.days(1)
    again.days(1)
    assert in_bytes(again.state) == in_bytes(one.state)

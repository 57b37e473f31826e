"""A state stays small, whatever is sent; what is over a cap is counted."""

from collections import Counter

import numpy as np
import pytest
from msgspec.structs import replace

from schemas.config import parse
from schemas.incidents import Incident
from schemas.strict import ConfigError
from schemas.tallies import encode
from schemas.taxonomy import Taxonomy
from schemas.watching import Limits
from streams.watch import group as grouping
from streams.watch import stage
from streams.watch.arrive import arrive
from streams.watch.cases import Alarm
from streams.watch.clock import end_ms
from streams.watch.detector import Detector
from streams.watch.layout import detector
from streams.watch.parts import parts
from streams.watch.place import place
from streams.watch.plan import MOST_BUCKETS, Plan
from streams.watch.state import State
from streams.watch.window import settled
from tests.watch import logs
from tests.watch.logs import PLAN
from tests.watch.tallies import Counts, Key, flush


def known(service: str = "beta") -> tuple[State, Detector]:
    """A service that is watched, at a moment when nothing is open."""
    states, _ = logs.run(logs.plain()[:120])
    state = states[service]
    assert state.baseline is not None
    return state, detector(state.baseline, PLAN, service)


def came(state: State, found: Detector, said: Counts) -> State:
    assert state.baseline is not None
    part = parts(flush(said, bucket_s=2, first_bucket=min(key.start for _, key in said) // 2))["s"]
    return arrive(PLAN, found, state, part, place(state.baseline.alphabet, part))


def some(start: int, release: str = "1", intent: str = "a", n: int = 1) -> Counts:
    return Counter(
        {
            ("s", Key(start, release, "workflow", "w0", 0)): n,
            ("s", Key(start, release, "workflow", "w0", ("intent", intent))): n,
        }
    )


def test_buckets_are_those_of_the_window_whatever_the_events_say_of_their_time() -> None:
    """From the past, from the future: a bucket each, as far as the window goes back from now, and none ahead of it.

    Now is the open second, which ends within the next one of the wall clock.
    """
    state, found = known()
    now = state.second
    for ago in [*range(-86_400, 0, 9600), *range(0, 7200, 60)]:
        state = came(state, found, some((now - ago) // 10 * 10))
    starts = list(state.streams["1"].buckets)
    assert max(starts) <= end_ms(now) // 1000
    assert len(starts) <= PLAN.window_s // PLAN.config.measure.bucket_s


def test_old_buckets_take_as_few_bytes_as_hold_them_and_say_the_same() -> None:
    state, found = known()
    before = dict(state.streams["1"].buckets)
    after = settled(before, PLAN.window_s, 2)
    assert [b.kept.tolist() for b in after.values()] == [b.kept.tolist() for b in before.values()]
    assert {b.kept.itemsize for start, b in after.items() if start <= max(after) - 6} == {1}
    del found


def test_a_bucket_names_the_most_frequent_of_the_names_that_are_strange() -> None:
    state, found = known()
    start = state.second // 10 * 10
    for i in range(40):
        state = came(state, found, some(start, intent=f"new{i:02}", n=1 + 5 * (i % 20 == 7)))
    names = state.streams["1"].buckets[start].others["intent=__unseen__"]
    assert len(names) == PLAN.config.limits.others
    assert list(names)[:2] == ["new07", "new27"]


def limited(**limits: int) -> Plan:
    """The usual plan, with some limits lower."""
    return Plan.of(replace(logs.CONFIG, limits=Limits(**limits)), Taxonomy.load_default())


def test_exemplars_of_modes_that_nobody_defined_do_not_pile_up() -> None:
    plan = limited(exemplars=3)
    state: dict[str, State] = {}
    for i in range(9):
        said = Counter({("s", Key(100, "1", "workflow", "", ("failure_mode", f"M.{i}"))): 1})
        record = stage.Record(i, 100_000, encode(flush(said, anchor=i, end=i + 1)))
        state |= stage.step(plan, 0, state, record)[0]
    assert list(state["s"].exemplars) == ["M.6", "M.7", "M.8"]
    assert state["s"].beyond == {"exemplars": 6}


def alarm(since_s: int, signal: str, monitor: int, notify: str = "page") -> Alarm:
    return Alarm(
        monitor=monitor, bet=0, signal=signal, release="1", severity="sev-2", notify=notify,  # type: ignore[arg-type]
        since=since_s * 1000, since_low=since_s * 1000, since_high=since_s * 1000, alarmed_at=since_s * 1000,
        false_per_week=0.0,
    )  # fmt: skip


def test_incidents_beyond_the_cap_join_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = limited(incidents=2)
    monkeypatch.setattr(grouping, "recovered", lambda *_: False)
    state, found = known()
    names = [table.signal.name for table in found.tables]
    for i in range(4):
        since = state.second - 1000 + 100 * i
        state, _ = grouping.group(plan, found, state, [alarm(since, names[i], found.tables[i].first)], state.second + i)
    assert [len(case.alarms) for case in state.cases] == [1, 3]
    assert state.beyond == {"incidents": 2}


def test_a_fingerprint_that_was_forgotten_never_gets_an_episode_twice() -> None:
    """Ids are made of it: the same id must never be of another incident."""
    plan = limited(episodes=1)
    state, found = known()
    ids = []
    for i in range(12):
        table = found.tables[i % 3]
        one = alarm(state.second - 1000, table.signal.name, table.first)
        state, said = grouping.group(plan, found, state, [one], state.second + i)
        ids += [incident.id for incident in said if isinstance(incident, Incident)]
        state = replace(state, cases=())
    assert len(ids) == len(set(ids)) == 12
    assert len(state.episodes) == 1


def test_a_recovery_that_would_look_back_too_far_is_refused() -> None:
    config = parse("{measure: {bucket_s: 1}, watch: {resolve_after_s: 5000}}")
    with pytest.raises(ConfigError, match=rf"takes 5001 buckets .* at most {MOST_BUCKETS} are kept"):
        Plan.of(config, Taxonomy.load_default())


def test_the_window_is_never_shorter_than_a_recovery_looks_back() -> None:
    plan = Plan.of(parse("{measure: {bucket_s: 2}, watch: {resolve_after_s: 300}}"), Taxonomy.load_default())
    assert plan.window_s > 300


def test_a_bet_that_looks_at_overflowed_names_is_damped_and_no_other() -> None:
    _, found = known()
    touched = found.touched(["workflow"])
    for table in found.tables:
        each = len(table.table.weights)
        rows = touched[table.first_bet : table.first_bet + table.slices * each].reshape(table.slices, each)
        assert np.all(rows == (np.arange(table.slices) > 0)[:, None])  # the slices by workflow; not the whole
    touched = found.touched(["intent"])
    for table in found.tables:
        each = len(table.table.weights)
        rows = touched[table.first_bet : table.first_bet + table.slices * each]
        assert np.all(rows == (table.signal.name == "intent"))

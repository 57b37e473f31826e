"""However a log reaches WATCH, it counts the same and says the same."""

from functools import cache

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.config import Config, parse
from schemas.tallies import FIXED, Tick, decode, encode
from schemas.taxonomy import Taxonomy
from schemas.topics import tallies_partition
from streams.measure import stage as measure
from streams.watch import store
from streams.watch.stage import Finding, Plan, Record, State, step

BEGIN_MS = 1_764_000_000_000
SECONDS = 90
PER_SECOND = 24  # of each service; the baseline needs 400
CHANGE_S, BACK_S = 40, 60
SERVICES = ("alpha", "beta")
SOURCES = 2
BROKEN = "alpha"


@cache
def config() -> Config:
    return parse(
        "watch: {baseline_events: 400, resolve_after_s: 10, update_every_s: 3, silence_after_s: 8,\n"
        "        window_buckets: 30}\n"
        "measure: {bucket_s: 2}\ntopics: {tallies_partitions: 1}"
    )


@cache
def plan() -> Plan:
    return Plan.of(config(), Taxonomy.load_default())


def _records(source: int) -> list[measure.Record]:
    """Two services; one refuses everything from 40 s to 60 s and falls silent at 75 s, the other never changes."""
    chance = np.random.default_rng(source)
    records: list[measure.Record] = []
    for second in range(SECONDS):
        for i in range(PER_SECOND // SOURCES):
            at = BEGIN_MS + second * 1000 + i * 1000 * SOURCES // PER_SECOND
            for service in SERVICES:
                if service == BROKEN and second >= 75:
                    continue
                bad = service == BROKEN and CHANGE_S <= second < BACK_S
                event = {
                    "type": "exchange", "id": f"{source}-{second}-{i}", "service": service, "release": "1", "at": at,
                    "status": "ok", "refused": bool(bad or chance.random() < 0.05), "workflow": f"w{i % 2}",
                    "latency_ms": float(np.exp(chance.normal(6, 0.3))), "intent": str(chance.integers(3)),
                }  # fmt: skip
                records.append(measure.Record(len(records), at, orjson.dumps(event)))
    return records


@cache
def blocks() -> tuple[tuple[int, list[bytes], list[bytes]], ...]:
    """Every block of both sources: its second, its flushes while it was open (two of them), and its final ones."""
    measured = measure.Plan.of(config(), Taxonomy.load_default())
    told = []
    for source in range(SOURCES):
        records = _records(source)
        _, finished = measure.feed(measured, measure.begin(measured.source, source, 0), records)
        for block in finished:
            assert block.first_ms is not None
            mine = records[block.anchor : block.end]
            opened = []
            for part in (len(mine) // 3, len(mine) // 2):
                some, _ = measure.feed(measured, measure.begin(measured.source, source, block.anchor), mine[:part])
                opened += [m.value for m in measure.flushes(measured, some, final=False)]
            second = (block.first_ms - BEGIN_MS) // 1000
            told.append((second, opened, [m.value for m in measure.flushes(measured, block, final=True)]))
    return tuple(sorted(told, key=lambda one: one[0]))


def _log(values: list[tuple[int, bytes]]) -> list[Record]:
    """Stamp each value with the end of its second, and put a tick behind every second."""
    ticked = [(second, value) for second, value in values]
    ticked += [(second, encode(Tick("t", "ai.events", tuple(range(SOURCES))))) for second in range(SECONDS)]
    ticked.sort(key=lambda one: one[0])
    return [Record(i, BEGIN_MS + (second + 1) * 1000, value) for i, (second, value) in enumerate(ticked)]


@cache
def plain() -> tuple[Record, ...]:
    return tuple(_log([(second, value) for second, _, final in blocks() for value in final]))


def run(records: list[Record] | tuple[Record, ...]) -> tuple[dict[str, State], list[Finding]]:
    states: dict[str, State] = {}
    said = []
    for record in records:
        changed, findings = step(plan(), 0, states, record)
        states |= changed
        said += findings
    return states, said


def _what(findings: list[Finding]) -> list[tuple[str, str]]:
    """Step and service of each finding: what does not depend on offsets."""
    return [(orjson.loads(f.value)["step"], orjson.loads(f.value)["service"]) for f in findings]


def test_the_story_is_told() -> None:
    """It fires when refusals begin, is resolved when they end, then falls silent; the other service says nothing."""
    states, said = run(plain())
    steps = _what(said)
    assert {service for _, service in steps} == {BROKEN}
    told = [orjson.loads(finding.value) for finding in said]
    refused = [one for one in told if one["labels"]["alertname"] == "RefusedChanged"]
    assert (refused[0]["step"], refused[-1]["step"]) == ("fired", "resolved")
    assert BEGIN_MS + (CHANGE_S - 2) * 1000 <= refused[0]["since"] <= BEGIN_MS + (CHANGE_S + 2) * 1000
    assert any(one["labels"]["alertname"] == "ServiceSilent" for one in told)
    assert all(tallies_partition(name, 1) == 0 for name in states)


def test_every_event_is_counted_once() -> None:
    states, _ = run(plain())
    last = {source: max(second for second, *_ in blocks()) for source in range(SOURCES)}
    for service in SERVICES:
        seconds = 75 if service == BROKEN else max(last.values()) + 1
        assert states[service].total[:3].sum() == seconds * PER_SECOND


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_open_flushes_repeats_and_zombies_change_no_count(data: st.DataObject) -> None:
    """Flushes of open blocks, the same ones again, and old ones late: what is counted in the end is the same."""
    truth, _ = run(plain())
    values: list[tuple[int, bytes]] = []
    late: list[bytes] = []
    for second, opened, final in blocks():
        if data.draw(st.integers(0, 3)) == 0:
            values += [(second, value) for value in opened]
            late += opened
        values += [(second, value) for value in final]
        if data.draw(st.integers(0, 4)) == 0:
            late += final
        if late and data.draw(st.integers(0, 4)) == 0:
            values.append((second, late[data.draw(st.integers(0, len(late) - 1))]))
    states, _ = run(_log(values))
    for service in SERVICES:
        assert np.array_equal(states[service].total, truth[service].total)
        assert states[service].lost == 0
        assert states[service].total.shape == (FIXED,)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, len(SERVICES) * SECONDS), max_size=6, unique=True))
def test_through_bytes_and_back_at_any_record(cuts: list[int]) -> None:
    """A worker that restarts there goes on as if it never had: the same findings, the same states, byte for byte."""
    truth, said_truth = run(plain())
    states: dict[str, State] = {}
    topic: list[tuple[bytes, bytes | None]] = []
    written = store.Written()
    said = []
    for i, record in enumerate(plain()):
        changed, findings = step(plan(), 0, states, record)
        states |= changed
        said += findings
        if i in cuts:
            (cold, hot, tombstones), written = store.writes(states, list(states), written)
            topic += [*cold, *hot, *tombstones, (store.POSITION, store.position(record.offset + 1, states))]
            back = store.restore(topic)
            assert back.next == record.offset + 1
            states, written = dict(back.states), back.written
    assert said == said_truth
    assert _bytes(states) == _bytes(truth)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 150), st.integers(1, 40), st.booleans())
def test_a_crash_reads_again_and_says_the_same(cut: int, ahead: int, zombie: bool) -> None:
    """Killed after a checkpoint, some states written further than the position; a zombie writes an old one last."""
    truth, said_truth = run(plain())
    records = plain()
    at, then = min(cut, len(records) - 1), min(cut + ahead, len(records) - 1)
    states: dict[str, State] = {}
    topic: list[tuple[bytes, bytes | None]] = []
    said: list[Finding] = []
    written = store.Written()
    for i, record in enumerate(records[: then + 1]):
        changed, findings = step(plan(), 0, states, record)
        states |= changed
        said += findings
        if i == at:
            (cold, hot, _), written = store.writes(states, list(states), written)
            old = [*cold, *hot]
            topic += [*old, (store.POSITION, store.position(record.offset + 1, states))]
    (cold, hot, _), _ = store.writes(states, [SERVICES[0]] if SERVICES[0] in states else [], written)
    topic += [*cold, *hot]
    if zombie:
        topic += old
    back = store.restore(topic)
    assert back.next == records[at].offset + 1
    states = dict(back.states)
    for record in records[at + 1 :]:
        changed, findings = step(plan(), 0, states, record)
        states |= changed
        said += findings
    assert {f.id: f for f in said} == {f.id: f for f in said_truth}
    assert len({(f.id, f.value) for f in said}) == len({f.id for f in said})
    assert _bytes(states) == _bytes(truth)


def test_a_state_behind_the_position_is_read_for_again() -> None:
    """What `@` says of a service is more than its furthest record: reading begins behind that record."""
    records = plain()
    early, _ = run(records[:100])
    late, _ = run(records[:150])
    (cold, hot, _), _ = store.writes(early, list(early), store.Written())
    back = store.restore([*cold, *hot, (store.POSITION, store.position(150, late))])
    assert back.next == min(state.offset for state in early.values()) + 1


def test_no_record_means_the_logs_start() -> None:
    assert store.restore([]).next is None


@pytest.mark.parametrize("times", [2, 3])
def test_a_record_applied_again_changes_nothing(times: int) -> None:
    truth, said_truth = run(plain())
    states, said = run([record for record in plain() for _ in range(times)])
    assert said == said_truth
    assert _bytes(states) == _bytes(truth)


def test_the_log_holds_what_the_test_thinks() -> None:
    kinds = {type(decode(record.value)).__name__ for record in plain()}
    assert kinds == {"Flush", "Tick"}
    assert any(opened for _, opened, _ in blocks())


def _bytes(states: dict[str, State]) -> list[bytes]:
    """A state in bytes, with the parts that it names by their content and not by the offset of their writing."""
    out = []
    for name in sorted(states):
        (cold, hot, _), _ = store.writes({name: states[name]}, [name], store.Written())
        out += [value for _, value in sorted(cold)] + [value for _, value in hot]
    return out


@pytest.mark.parametrize("name", ["@", "a\0b", "a%00b", "service/with/slash", "ä" * 40])
def test_no_name_of_a_service_can_hide_its_state(name: str) -> None:
    """Names come from events; one that looks like another record's key must not take its place."""
    states = {name: State(service=name, second=1, total=np.zeros(FIXED, np.int64), offset=7)}
    (cold, hot, _), _ = store.writes(states, [name], store.Written())
    back = store.restore([*cold, *hot, (store.POSITION, store.position(8, states))])
    assert list(back.states) == [name]
    assert back.next == 8

"""However a log reaches WATCH, it counts the same and says the same."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.tallies import Flush, Tick, decode, encode
from streams.watch.stage import Record
from streams.watch.state import State
from streams.watch.total import laid
from tests.watch import logs
from tests.watch.logs import BEGIN_MS, Arrived, blocks, but_for_offsets, log, plain, run, truth, usual

few = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def counted(state: State) -> list[object]:
    """All that was counted: totals, the baseline, and every bucket of every release."""
    assert state.baseline is not None
    buckets = [
        (release, start, bucket.kept.tolist(), bucket.raw.tolist(), sorted(bucket.modes.items()), bucket.others)
        for release, stream in sorted(state.streams.items())
        for start, bucket in sorted(stream.buckets.items())
    ]
    learned = (state.baseline.tally.tolist(), state.baseline.alphabet.slices, state.baseline.alphabet.categories)
    return [laid(state.total).tolist(), sorted(state.beside.items()), state.late, learned, sorted(buckets, key=str)]


def test_the_log_tells_all_that_is_to_be_found() -> None:
    """What the properties below hold on: a change, its end, silence, late events, and a service that says nothing."""
    states, said = truth(plain())
    told = [orjson.loads(finding.value) for finding in said if finding.roles != ("failures",)]
    assert {one["service"] for one in told} == {"alpha"}
    names = {one["labels"]["alertname"] for one in told}
    assert names == {"RefusedChanged", "ServiceSilent"}
    refused = [one for one in told if one["labels"]["alertname"] == "RefusedChanged"]
    assert [refused[0]["step"], refused[-1]["step"]] == ["fired", "resolved"]
    assert refused[0]["since"] == BEGIN_MS + logs.BAD * 1000
    assert list(states["beta"].streams) == ["1", "2"]
    assert all(state.late and state.beside and state.lost == 0 for state in states.values())


def test_every_event_is_counted_once() -> None:
    """Against a count of the produced bytes themselves."""
    states, _ = truth(plain())
    ends = {block.source: flush.end for block in blocks() if isinstance(flush := decode(block.final), Flush)}
    said = [orjson.loads(r.value) for source, end in ends.items() for r in logs.events(source)[:end] if r.value]
    for service, state in states.items():
        mine = [one for one in said if one["service"] == service]
        refused = [one["refused"] for one in mine if one["type"] in {"exchange", "response"}]
        assert laid(state.total)[6:9].tolist() == [refused.count(False), refused.count(True), 0]
        halves = {kind: n for kind in ("request", "response") if (n := sum(one["type"] == kind for one in mine))}
        assert state.beside == halves


@st.composite
def deliveries(draw: st.DrawFn) -> list[Arrived]:
    """Every block's final flush in its order; before it some of the open block; anything old at any time after."""
    arrived: list[Arrived] = []
    old: list[bytes] = []
    for block in blocks():
        opened = draw(st.lists(st.sampled_from(block.open), max_size=3))
        arrived += [Arrived(block.second, value) for value in opened]
        arrived.append(Arrived(block.second, block.final))
        old += [*opened, block.final]
        arrived += [Arrived(block.second, value) for value in draw(st.lists(st.sampled_from(old), max_size=2))]
    return arrived


@few
@given(deliveries())
def test_any_rhythm_of_flushes_with_repeats_and_zombies_counts_the_same(arrived: list[Arrived]) -> None:
    states, _ = run(log(arrived))
    for service, state in truth(plain())[0].items():
        assert counted(states[service]) == counted(state)
        assert states[service].lost == 0


@few
@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), max_size=40))
def test_what_adds_nothing_changes_nothing(repeats: list[tuple[int, int]]) -> None:
    """Any record, told again at any later time of the same second or after: the same findings, the same states."""
    values = [Arrived((r.timestamp - BEGIN_MS) // 1000 - 1, r.value) for r in usual() if type(decode(r.value)) is Flush]
    for at, back in repeats:
        i = at % len(values)
        values.insert(i + 1, Arrived(values[i].second, values[max(i - back % 30, 0)].value))
    states, said = run(log(values))
    before, told = truth(usual())
    assert but_for_offsets(said) == but_for_offsets(told)
    assert {name: logs.at_no_offset(state) for name, state in states.items()} == {
        name: logs.at_no_offset(state) for name, state in before.items()
    }


@few
@given(st.randoms(use_true_random=False))
def test_the_order_in_which_services_come_within_a_second_does_not_matter(chance: object) -> None:
    """A flush of both is cut into one of each, as a large one is, and these are mixed; each one's own stay in order."""
    second_of = {i: (record.timestamp - BEGIN_MS) // 1000 for i, record in enumerate(plain())}
    mixed: list[Arrived] = []
    for second in sorted(set(second_of.values())):
        flushes = [
            f for i, r in enumerate(plain()) if second_of[i] == second and isinstance(f := decode(r.value), Flush)
        ]
        queues = {name: [logs.only(f, name) for f in flushes if name in f.names] for name in logs.SERVICES}
        while any(queues.values()):
            name = chance.choice([name for name, queue in queues.items() if queue])  # type: ignore[attr-defined]
            mixed.append(Arrived(second - 1, queues[name].pop(0)))
    states, said = run(log(mixed))
    before, told = truth(plain())
    for name in logs.SERVICES:
        assert logs.at_no_offset(states[name]) == logs.at_no_offset(before[name])
        mine = [one for one in but_for_offsets(said) if one["service"] == name]  # type: ignore[index]
        assert mine == [one for one in but_for_offsets(told) if one["service"] == name]  # type: ignore[index]


@pytest.mark.parametrize("times", [2, 3])
def test_a_record_applied_again_changes_nothing(times: int) -> None:
    states, said = run([record for record in usual() for _ in range(times)])
    before, told = truth(usual())
    assert tuple(said) == told
    assert {name: logs.in_bytes(state) for name, state in states.items()} == {
        name: logs.in_bytes(state) for name, state in before.items()
    }


def test_a_record_that_says_nothing_of_a_service_leaves_its_state_the_very_same_object() -> None:
    """So that it need not be stored again: an idle service costs a checkpoint nothing."""
    states, _ = run(plain())
    last, tick = plain()[-1], encode(Tick("another worker", "ai.events"))
    quiet = [Record(last.offset + 1 + i, last.timestamp + (20 + i) * 1000, tick) for i in range(100)]
    after, said = run(quiet, states)
    assert said == []
    assert states["alpha"].cases
    assert all(after[name] is states[name] for name in states)

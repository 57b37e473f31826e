"""Which records GATHER steps, and when it makes durable what it knows."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace

from schemas.config import Config
from schemas.found import OURS, Rules, Wake, decode
from schemas.tallies import Loss
from schemas.tallies import decode as fact_of
from streams.gather import records
from streams.gather.records import Exits
from streams.gather.state import State
from streams.shell import gather_agent
from streams.shell.exits import Doubt, Fuse, TopicError
from streams.shell.gather_agent import Gather
from streams.shell.metrics import Metrics
from streams.shell.outbox import Headers, Outbox, Sent
from streams.telling.findings import finding
from tests.gather.incidents import found
from tests.shell.fakes import Producer, settle

CONFIG = replace(Config(), watch=replace(Config().watch, checkpoint_every_s=0.1))


class Broker:
    """Two topics; what is put into `log` is read from then on.

    Attributes
    ----------
    begin : first offset of the inner topic that is still there
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, states: Sequence[State] = (), begin: int = 0, exits: Exits | None = None
    ) -> None:  # fmt: skip
        self.log: list[Any] = []
        self.begin, self.seeks = begin, list[int]()
        kept = [(records.KEY, records.encode(one)) for one in states]
        kept += [(records.EXITS, records.encode_exits(exits))] if exits is not None else []
        self._states = [SimpleNamespace(offset=n, key=key, value=value) for n, (key, value) in enumerate(kept)]
        self._at: dict[str, int] = {}
        monkeypatch.setattr(gather_agent, "reading", self._reading)

    def has(self, *services: str, offset: int | None = None) -> None:
        for service in services:
            said = finding(found(service))
            n = self.begin + len(self.log) if offset is None else offset
            self.log.append(SimpleNamespace(offset=n, timestamp=0, value=said.value, headers=said.headers))

    @asynccontextmanager
    async def _reading(self, _: Config) -> AsyncIterator["Broker"]:
        yield self

    def assign(self, _: Sequence[TopicPartition]) -> None: ...

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._at[tp.topic] = offset
        self.seeks.append(offset)

    async def position(self, tp: TopicPartition) -> int:
        return self._at[tp.topic]

    async def beginning_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.begin if tp.topic.endswith("incidents") else 0 for tp in tps}

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.begin + len(self.log) if tp.topic.endswith("incidents") else len(self._states) for tp in tps}

    async def getmany(self, tp: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0)
        there = self.log if tp.topic.endswith("incidents") else self._states
        got = [one for one in there if one.offset >= self._at[tp.topic]]
        if got:
            self._at[tp.topic] = got[-1].offset + 1
        return {tp: got} if got else {}


class Ran:
    """GATHER as it runs, and what it wrote."""

    def __init__(self, producer: Producer | None = None) -> None:
        self.producer, self.fuse, self.metrics = producer or Producer(), Fuse(), Metrics()
        self.gather = Gather(CONFIG, Outbox(self.producer, CONFIG), self.metrics, self.fuse)

    def wrote(self, topic: str) -> list[bytes]:
        pairs = zip(self.producer.sent, self.producer.values, strict=True)
        return [value or b"" for (name, _), value in pairs if name == topic]

    def kept(self) -> list[State]:
        states = [records.restore([(records.KEY, value)]) for value in self.wrote("barograph.gathered")]
        return [state for state in states if state is not None]


async def until_kept(ran: Ran, n: int) -> State:
    async with asyncio.timeout(60):
        while not (there := [state for state in ran.kept() if state.next == n]):
            await asyncio.sleep(0.01)
    return there[0]


async def test_only_the_owner_of_the_first_partition_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, ran = Broker(monkeypatch), Ran()
    broker.has("a")
    ran.gather.own([1, 2, 3])
    await settle()
    assert (ran.producer.sent, ran.gather.missing(), await ran.gather.progress()) == ([], [], [])
    ran.gather.own([0, 3])
    assert ran.gather.missing() == ["gather: its state is not restored yet"]
    await until_kept(ran, 1)
    assert ran.gather.missing() == []
    [progress] = await ran.gather.progress()
    assert (progress.read, progress.done, progress.held) == (1, 1, False)
    await ran.gather.release()
    assert await ran.gather.progress() == []


async def test_findings_are_with_the_broker_before_the_state_that_rests_on_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, producer = Broker(monkeypatch, [State(rules=Rules.of(CONFIG))]), Producer(acknowledges=False)
    ran = Ran(producer)
    broker.has("a", "b", "c")
    ran.gather.own([0])
    await asyncio.sleep(0.3)
    assert [name for name, _ in producer.sent] == ["ai.incidents", "ai.incidents.state"] * 4, "three, and their cause"
    producer.acknowledges = True
    producer.acknowledge()
    assert len((await until_kept(ran, 3)).parents) == 1
    await ran.gather.release()
    assert "barograph_held_back_total 1.0" in ran.metrics.page().decode()


async def test_what_cannot_be_delivered_is_a_doubt_and_no_state_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, producer = Broker(monkeypatch, [State(rules=Rules.of(CONFIG))]), Producer(acknowledges=False)
    ran = Ran(producer)
    broker.has("a")
    ran.gather.own([0])
    await settle()
    producer.fail()
    await ran.fuse.blown()
    assert isinstance(ran.fuse.why, Doubt)
    assert ran.kept() == []


async def test_the_furthest_state_counts_and_what_stands_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Ran()
    broker = Broker(monkeypatch)
    broker.has("a", "b")
    first.gather.own([0])
    known = await until_kept(first, 2)
    await first.gather.release()
    heir, again = Ran(), Broker(monkeypatch, [State(next=1), known, State(next=0)])
    again.has("a", "b", "c")
    heir.gather.own([0])
    await until_kept(heir, 3)
    await heir.gather.release()
    assert again.seeks[-1] == 2
    assert heir.wrote("ai.incidents.state")[:2] == first.wrote("ai.incidents.state")
    assert len(heir.wrote("ai.incidents")) == 2, "the third, and what it has in common with the two"


async def test_a_hole_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, ran = Broker(monkeypatch), Ran()
    broker.has("a")
    broker.has("b", offset=2)
    ran.gather.own([0])
    await ran.fuse.blown()
    assert isinstance(ran.fuse.why, Doubt)
    assert str(ran.fuse.why) == "barograph.incidents:0 skipped records: 1 was next, 2 came"
    assert ran.wrote("ai.incidents") == []


async def test_what_retention_took_is_declared_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, ran = Broker(monkeypatch, [State(next=3)], begin=7), Ran()
    broker.has("a")
    ran.gather.own([0])
    await until_kept(ran, 8)
    await ran.gather.release()
    [lost] = [fact_of(value) for value in ran.wrote("barograph.tallies")]
    assert lost == Loss(topic="barograph.incidents", partition=0, begin=3, end=7, why="retention")


async def test_a_log_that_ends_before_its_state_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    Broker(monkeypatch, [State(next=3)])
    ran = Ran()
    ran.gather.own([0])
    await ran.fuse.blown()
    assert isinstance(ran.fuse.why, TopicError)
    assert "ends at 0, but GATHER's state knows it up to 3" in str(ran.fuse.why)


async def test_rules_are_written_once_by_whom_they_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Ran()
    Broker(monkeypatch)
    ran.gather.own([0])
    await settle()
    await ran.gather.release()
    assert [decode(value) for value in ran.wrote("barograph.incidents")] == [Rules.of(CONFIG)]
    assert ("barograph.incidents", OURS) in ran.producer.sent
    same = Ran()
    Broker(monkeypatch, [State(rules=Rules.of(CONFIG))])
    same.gather.own([0])
    await settle()
    await same.gather.release()
    assert same.wrote("barograph.incidents") == []


async def test_time_is_written_while_something_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather_agent, "WAKE_S", 0.0)
    later = found("d").updated_at / 1000 + CONFIG.watch.update_every_s
    monkeypatch.setattr(gather_agent, "time", SimpleNamespace(time=lambda: later, monotonic=time.monotonic))
    broker, ran = Broker(monkeypatch, [State(rules=Rules.of(CONFIG))]), Ran()
    broker.has("a", "b", "c")
    ran.gather.own([0])
    await until_kept(ran, 3)
    assert ran.wrote("barograph.incidents") == [], "the third is in the first word on their cause"
    broker.has("d")
    await until_kept(ran, 4)
    async with asyncio.timeout(60):
        while not ran.wrote("barograph.incidents"):
            await asyncio.sleep(0.01)
    await ran.gather.release()
    assert decode(ran.wrote("barograph.incidents")[0]) == Wake()


async def test_a_release_that_is_given_up_leaves_nothing_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebalance may be given up while the broker does not answer; the next one begins all the same."""
    producer = Producer(acknowledges=False)
    broker, ran = Broker(monkeypatch, [State(rules=Rules.of(CONFIG))]), Ran(producer)
    broker.has("a")
    ran.gather.own([0])
    await settle()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ran.gather.release()
    assert await ran.gather.progress() == []
    producer.acknowledges = True
    producer.acknowledge()
    ran.gather.own([0])
    broker.has("b")
    await until_kept(ran, 2)
    await ran.gather.release()
    assert ran.fuse.why is None


async def test_all_that_must_come_in_one_order_lies_in_one_partition() -> None:
    """Though the topic has more, as on the embedded broker; what people read lies where its key says."""
    where: dict[str, int | None] = {}

    class Placing(Producer):
        async def send(
            self, topic: str, value: bytes | None, key: bytes, partition: int | None, *, headers: Headers
        ) -> Sent:
            where[topic] = partition
            return await super().send(topic, value, key, partition, headers=headers)

    outbox = Outbox(Placing(), CONFIG)
    for role in ("found", "gathered", "incidents"):
        await outbox.put(role, b"key", b"value")
    assert where == {"barograph.incidents": 0, "barograph.gathered": 0, "ai.incidents": None}


async def test_a_bug_ends_three_owners_and_then_the_incident_goes_through_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(gather_agent, "step", broken)
    exits: Exits | None = None
    for times in (1, 2, 3):
        broker, ran = Broker(monkeypatch, exits=exits), Ran()
        broker.has("a")
        ran.gather.own([0])
        await ran.fuse.blown()
        assert ran.wrote("ai.incidents") == []
        exits = records.exits((records.EXITS, value) for value in ran.wrote("barograph.gathered"))
        assert exits == Exits(0, times)
    broker, heir = Broker(monkeypatch, exits=exits), Ran()
    broker.has("a")
    heir.gather.own([0])
    await until_kept(heir, 1)
    await heir.gather.release()
    assert heir.wrote("ai.incidents") == [finding(found("a")).value]
    assert heir.fuse.why is None
    assert 'barograph_overflow_total{cap="bugs",stage="gather"} 1.0' in heir.metrics.page().decode()

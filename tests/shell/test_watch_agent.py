"""Which records WATCH steps, whatever Faust brings."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition

from schemas.config import Config
from schemas.incidents import Incident
from schemas.tallies import Tick, encode
from schemas.taxonomy import Taxonomy
from streams.shell import turns, watch_agent
from streams.shell.checkpoint import Part
from streams.shell.exits import Doubt, Fuse
from streams.shell.metrics import Metrics
from streams.shell.outbox import AHEAD, UNDELIVERED_S, Outbox
from streams.shell.watch_agent import Watch
from streams.watch.own import Own
from streams.watch.partition import Advanced, Engine, advancing
from streams.watch.pieces import Pieces
from streams.watch.stage import Record, State
from streams.watch.store import Written
from streams.watch.unlearned import NOT_LEARNED, unlearned
from tests.shell.fakes import Producer, settle
from tests.watch import logs

TICK = encode(Tick(worker="w", source="ai.events"))


@dataclass
class Message:
    offset: int
    partition: int = 0
    timestamp: float = 1_795_000_000.0
    value: bytes = TICK


class Event:
    def __init__(self, offset: int, timestamp: float = Message.timestamp, value: bytes = TICK) -> None:
        self.message = Message(offset, timestamp=timestamp, value=value)
        self.acked = False

    def ack(self) -> bool:
        self.acked = True
        return True


class Log:
    """What restoring finds, and which records were stepped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.at = at
        self.stepped: list[int] = []
        self.states: dict[str, State] = {}
        self.read: Callable[[int], None] = lambda _: None
        self.may_restore = asyncio.Event()
        self.may_restore.set()
        monkeypatch.setattr(watch_agent, "restore", self._restore)
        monkeypatch.setattr(watch_agent, "between", self._between)
        monkeypatch.setattr(watch_agent, "advancing", self._advancing)

    async def _restore(self, _config: Config, partition: int, read: Callable[[int], None]) -> Part:
        self.read = read
        await self.may_restore.wait()
        return Part(partition, next=self.at, durable=self.at, states=self.states, written=Written())

    async def _between(self, _config: Config, _tp: TopicPartition, begin: int, end: int) -> AsyncIterator[Record]:
        for offset in range(begin, end):
            yield Record(offset, 0, TICK)

    def _advancing(
        self, _engine: Engine, _partition: int, known: Own, _states: object, record: Record
    ) -> Pieces[Advanced]:
        self.stepped.append(record.offset)
        yield
        return Advanced(known, {}, (), [])


def watching(producer: Producer) -> Watch:
    config = Config()
    return Watch(config, Engine(config, Taxonomy.load_default()), Outbox(producer, config), Metrics(), Fuse())


async def feed(watch: Watch, *offsets: int) -> list[Event]:
    events = [Event(offset) for offset in offsets]

    async def stream() -> AsyncIterator[Any]:
        for event in events:
            yield event

    await watch.run(stream())
    return events


async def test_what_lies_between_the_state_and_faust_is_read_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, at=3)
    await feed(watching(Producer()), 7, 8)
    assert log.stepped == [3, 4, 5, 6, 7, 8]


async def test_what_the_state_knows_is_given_back_without_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    log, watch = Log(monkeypatch, at=9), watching(Producer())
    events = await feed(watch, 7, 8, 9)
    assert log.stepped == [9]
    await watch.checkpoint()
    assert all(event.acked for event in events)


async def test_a_hole_is_a_doubt_and_nothing_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    log, watch = Log(monkeypatch, at=0), watching(Producer())
    with pytest.raises(Doubt, match="1 was next, 2 came"):
        await feed(watch, 0, 2)
    assert log.stepped == [0]


async def test_a_rebalance_writes_and_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    log, producer = Log(monkeypatch, at=0), Producer()
    watch = watching(producer)
    watch.own([0, 1])
    assert watch.missing() == [f"watch: partition {p} is not restored yet" for p in (0, 1)]
    events = await feed(watch, 0)
    assert watch.missing() == ["watch: partition 1 is not restored yet"]
    assert not events[0].acked, "what is not durable is not given back"
    await watch.release()
    assert [sent for sent in producer.sent if sent[0] == "barograph.state"] == [("barograph.state", b"@")]
    assert events[0].acked
    assert watch.missing() == ["watch: no assignment yet"]
    await feed(watch, 0)
    assert log.stepped == [0, 0], "it was restored again"


async def test_what_is_revoked_while_it_is_restored_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    log, producer = Log(monkeypatch, at=0), Producer()
    watch = watching(producer)
    log.may_restore.clear()
    feeding = asyncio.create_task(feed(watch, 0))
    await settle()
    await watch.release()
    log.may_restore.set()
    [event] = await feeding
    assert log.stepped == []
    assert not event.acked, "Faust brings it again, to whoever owns it now"


async def test_much_that_is_held_brings_a_checkpoint_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Log(monkeypatch, at=0)
    monkeypatch.setattr(watch_agent, "HELD_BYTES", 2 * len(TICK))
    events = await feed(watching(Producer()), 0, 1, 2)
    assert [event.acked for event in events] == [True, True, False]


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_nothing_is_stepped_while_findings_cannot_be_delivered(
    monkeypatch: pytest.MonkeyPatch, acknowledged: bool
) -> None:
    log, producer, clock = Log(monkeypatch, at=0), Producer(), [0.0]
    config = Config()
    outbox = Outbox(producer, config, now=lambda: clock[0])
    watch = Watch(config, Engine(config, Taxonomy.load_default()), outbox, Metrics(), Fuse())
    watch.own([0])
    await feed(watch, 0)
    producer.acknowledges = acknowledged
    await outbox.put("found", b"fingerprint", b"finding")
    clock[0] = UNDELIVERED_S + 1
    feeding = asyncio.create_task(feed(watch, 1, 2))
    await settle()
    assert log.stepped == ([0, 1, 2] if acknowledged else [0])
    assert [one.held for one in await watch.progress()] == [not acknowledged]
    producer.acknowledges = True
    producer.acknowledge()
    await feeding
    assert log.stepped == [0, 1, 2]
    assert not (await watch.progress())[0].held


async def test_too_many_findings_on_their_way_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    log, producer = Log(monkeypatch, at=0), Producer(acknowledges=False)
    config = Config()
    outbox = Outbox(producer, config)
    watch = Watch(config, Engine(config, Taxonomy.load_default()), outbox, Metrics(), Fuse())
    for _ in range(AHEAD + 1):
        await outbox.put("found", b"fingerprint", b"finding")
    feeding = asyncio.create_task(feed(watch, 0))
    await settle()
    assert log.stepped == []
    producer.acknowledges = True
    producer.acknowledge()
    await feeding
    assert log.stepped == [0]


async def test_everything_else_has_its_turns_while_a_record_is_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    """But no checkpoint: that would have a state without its position."""
    Log(monkeypatch, at=0)
    monkeypatch.setattr(turns, "TURN_S", 0.0)
    producer, others = Producer(), list[str]()
    watch = watching(producer)
    await feed(watch, 0)
    producer.sent.clear()

    def advancing(_engine: Engine, _partition: int, known: Own, _states: object, _record: Record) -> Pieces[Advanced]:
        others.append("before")
        for _ in range(10):
            yield
        assert producer.sent == [], "the checkpoint waits"
        others.append("after")
        return Advanced(known, {}, (), [])

    async def other() -> None:
        others.append("other")

    monkeypatch.setattr(watch_agent, "advancing", advancing)
    feeding = asyncio.create_task(feed(watch, 1))
    checkpoint, turn = asyncio.create_task(watch.checkpoint()), asyncio.create_task(other())
    await asyncio.gather(feeding, checkpoint, turn)
    assert others == ["before", "other", "after"]
    assert ("barograph.state", b"@") in producer.sent


async def test_progress_is_whatever_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long restore is no stall, and neither is what is read between the state and Faust's first record."""
    log, watch = Log(monkeypatch, at=3), watching(Producer())
    watch.own([0, 1])
    log.may_restore.clear()
    feeding = asyncio.create_task(feed(watch, 7))
    await settle()
    [restoring, waiting] = sorted(await watch.progress())
    assert (restoring.read, restoring.done, waiting.read, waiting.done) == (None, 0, None, 0)
    assert (restoring.held, waiting.held) == (False, True), "one agent restores one after the other"
    log.read(5)
    assert min(await watch.progress()).done == 5
    log.may_restore.set()
    await feeding
    [restored, waiting] = sorted(await watch.progress())
    assert restored[2:4] == (8, 10), "and the records 3 to 7"
    assert (restored.held, waiting.held) == (False, False)
    await watch.release()
    assert await watch.progress() == []


async def test_what_goes_over_a_cap_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    log, metrics, config = Log(monkeypatch, at=0), Metrics(), Config()
    over = [{"cases": 1}, {"cases": 1}, {"cases": 3, "episodes": 2}]

    def advancing(_engine: Engine, _partition: int, known: Own, _states: object, record: Record) -> Pieces[Advanced]:
        yield
        state = State(service="a", second=0, beyond=over[record.offset])
        return Advanced(msgspec.structs.replace(known, beyond={"services": record.offset}), {"a": state}, (), [])

    monkeypatch.setattr(watch_agent, "advancing", advancing)
    watch = Watch(config, Engine(config, Taxonomy.load_default()), Outbox(Producer(), config), metrics, Fuse())
    await feed(watch, 0, 1, 2)
    page = metrics.page().decode()
    assert 'barograph_overflow_total{cap="cases",stage="watch"} 3.0' in page
    assert 'barograph_overflow_total{cap="episodes",stage="watch"} 2.0' in page
    assert 'barograph_overflow_total{cap="services",stage="watch"} 2.0' in page
    assert log.stepped == []


async def test_what_could_not_be_learned_is_counted_by_reason_at_every_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two services that are watched and one that is not; when their partition is gone, none."""
    baseline = next(state.baseline for state in logs.truth(logs.usual())[0].values() if state.baseline)
    log, metrics, config = Log(monkeypatch, at=5), Metrics(), Config()
    log.states = {
        "a": State(service="a", second=0, baseline=baseline),
        "b": State(service="b", second=0, baseline=baseline),
        "new": State(service="new", second=0),
    }
    engine = Engine(config, Taxonomy.load_default())
    watch = Watch(config, engine, Outbox(Producer(), config), metrics, Fuse())
    watched = {signal.name for signal in engine.plan(Own()).signals}
    said = [why for name, why in unlearned(baseline).items() if name in watched]
    expected = {reason: 2 * sum(why.startswith(reason) for why in said) for reason in NOT_LEARNED}
    assert expected["not observed"] > 0

    def shown() -> dict[str, float]:
        rows = [row for row in metrics.page().decode().splitlines() if row.startswith("barograph_unlearned_signals{")]
        return {row.split('"')[1]: float(row.split()[-1]) for row in rows}

    await feed(watch, 5)
    await watch.checkpoint()
    assert shown() == expected
    await watch.release()
    await watch.checkpoint()
    assert shown() == dict.fromkeys(NOT_LEARNED, 0)


async def test_what_incidents_of_a_real_log_name_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engine, agent and outbox as they are: what is counted is what new incidents on `barograph.incidents` say."""
    Log(monkeypatch, at=0)
    monkeypatch.setattr(watch_agent, "advancing", advancing)
    producer, metrics = Producer(), Metrics()
    engine = Engine(logs.CONFIG, Taxonomy.load_default())
    watch = Watch(logs.CONFIG, engine, Outbox(producer, logs.CONFIG), metrics, Fuse())
    events = [Event(record.offset, record.timestamp / 1000, record.value) for record in logs.usual()]

    async def stream() -> AsyncIterator[Any]:
        for event in events:
            yield event

    await watch.run(stream())
    told = [
        msgspec.json.decode(value, type=Incident)
        for (name, _), value in zip(producer.sent, producer.values, strict=True)
        if name == "barograph.incidents" and value
    ]
    named = Counter((change.signal, change.direction) for one in told if one.step == "fired" for change in one.changes)
    assert {("refused", "up"), ("silence", "down")} <= named.keys()
    page = metrics.page().decode().splitlines()
    counted = {
        (found[2], found[1]): float(found[3])
        for found in (re.match(r'barograph_changes_total{direction="(.*)",signal="(.*)"} (.*)', row) for row in page)
        if found and float(found[3])
    }
    assert counted == named

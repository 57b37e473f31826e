"""Which records WATCH steps, whatever Faust brings."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.config import Config
from schemas.tallies import Tick, encode
from schemas.taxonomy import Taxonomy
from streams.shell import watch_agent
from streams.shell.checkpoint import Part
from streams.shell.exits import Doubt, Fuse
from streams.shell.metrics import Metrics
from streams.shell.outbox import Outbox
from streams.shell.watch_agent import Watch
from streams.watch.own import Own
from streams.watch.partition import Advanced, Engine
from streams.watch.stage import Record
from streams.watch.store import Written
from tests.shell.fakes import Producer, settle

TICK = encode(Tick(worker="w", source="ai.events"))


@dataclass
class Message:
    offset: int
    partition: int = 0
    timestamp: float = 1_795_000_000.0
    value: bytes = TICK


class Event:
    def __init__(self, offset: int) -> None:
        self.message = Message(offset)
        self.acked = False

    def ack(self) -> bool:
        self.acked = True
        return True


class Log:
    """What restoring finds, and which records were stepped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.at = at
        self.stepped: list[int] = []
        self.may_restore = asyncio.Event()
        self.may_restore.set()
        monkeypatch.setattr(watch_agent, "restore", self._restore)
        monkeypatch.setattr(watch_agent, "between", self._between)
        monkeypatch.setattr(watch_agent, "advance", self._advance)

    async def _restore(self, _config: Config, partition: int) -> Part:
        await self.may_restore.wait()
        return Part(partition, next=self.at, durable=self.at, states={}, written=Written())

    async def _between(self, _config: Config, _tp: TopicPartition, begin: int, end: int) -> AsyncIterator[Record]:
        for offset in range(begin, end):
            yield Record(offset, 0, TICK)

    def _advance(self, _engine: Engine, _partition: int, known: Own, _states: object, record: Record) -> Advanced:
        self.stepped.append(record.offset)
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

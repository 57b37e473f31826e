"""What a checkpoint writes, in which order, and what it does when the broker does not take it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from schemas.config import Config
from streams.shell.checkpoint import Part, checkpoint
from streams.shell.exits import Doubt
from streams.shell.outbox import Outbox
from streams.watch import store
from streams.watch.pieces import Pieces
from streams.watch.store import Writes, Written
from tests.shell.fakes import Producer, settle

ACK = ("Faust", b"ack")
COLD, HOT, GONE, AT = (("barograph.state", key) for key in (b"svc\0bucket", b"svc", b"svc\0old", b"@"))


class Event:
    def __init__(self, order: list[Any]) -> None:
        self._order = order

    def ack(self) -> bool:
        self._order.append(ACK)
        return True


@pytest.fixture(autouse=True)
def one_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """One service with a part to be written and one to be deleted."""

    def writing(
        _: Mapping[str, Any], changed: set[str], written: Written, *_more: Any
    ) -> Pieces[tuple[Writes, Written]]:
        found = Writes([(COLD[1], b"cold")], [(HOT[1], b"hot")], [(GONE[1], None)]) if changed else Writes([], [], [])
        yield
        return found, written

    monkeypatch.setattr(store, "writing", writing)
    monkeypatch.setattr(store, "position", lambda after, *_: b"%d" % after)


def part(producer: Producer) -> Part:
    return Part(
        partition=1, next=8, durable=5, states={}, written=Written(), dirty={"svc"}, events=[Event(producer.sent)]
    )


async def test_each_step_waits_until_the_last_is_acknowledged() -> None:
    producer = Producer(acknowledges=False)
    one = part(producer)
    outbox = Outbox(producer, Config())
    one.told.append(await outbox.put("incidents", b"fingerprint", b"finding"))
    writing = asyncio.create_task(checkpoint(one, outbox, Config()))

    steps = []
    for _ in range(5):
        await settle()
        steps.append(list(producer.sent))
        producer.acknowledge()
    await writing

    finding = ("ai.incidents", b"fingerprint")
    assert steps == [
        [finding],
        [finding, COLD],
        [finding, COLD, HOT],
        [finding, COLD, HOT, GONE],
        [finding, COLD, HOT, GONE, AT],
    ]
    assert producer.sent[-1] == ACK, "Faust may commit when all of it is durable"
    assert one.durable == 8


@pytest.mark.parametrize("step", range(5))
async def test_what_is_not_acknowledged_ends_the_checkpoint(step: int) -> None:
    producer = Producer(acknowledges=False)
    one = part(producer)
    outbox = Outbox(producer, Config())
    one.told.append(await outbox.put("incidents", b"fingerprint", b"finding"))
    writing = asyncio.create_task(checkpoint(one, outbox, Config()))
    for _ in range(step):
        await settle()
        producer.acknowledge()
    await settle()
    before = list(producer.sent)
    producer.fail()
    with pytest.raises(Doubt):
        await writing
    assert producer.sent == before, "nothing that rests on it was sent, and no event given back"


async def test_what_comes_during_a_checkpoint_belongs_to_the_next() -> None:
    producer = Producer(acknowledges=False)
    one = part(producer)
    writing = asyncio.create_task(checkpoint(one, Outbox(producer, Config()), Config()))
    await settle()
    one.next, one.dirty = 9, {"svc"}
    one.events.append(Event(producer.sent))
    producer.acknowledges = True
    producer.acknowledge()
    await writing
    assert producer.sent.count(ACK) == 1
    assert (one.durable, one.dirty, len(one.events)) == (8, {"svc"}, 1)
    await checkpoint(one, Outbox(producer, Config()), Config())
    assert producer.sent.count(ACK) == 2
    assert one.durable == 9


async def test_a_state_is_not_taken_without_its_findings() -> None:
    producer = Producer()
    one = part(producer)
    async with one.lock:  # as while a record is stepped and its findings are being sent
        writing = asyncio.create_task(checkpoint(one, Outbox(producer, Config()), Config()))
        await settle()
        assert producer.sent == []
    await writing
    assert AT in producer.sent


async def test_without_news_nothing_is_written() -> None:
    producer = Producer()
    one = Part(partition=1, next=5, durable=5, states={}, written=Written())
    await checkpoint(one, Outbox(producer, Config()), Config())
    assert producer.sent == []


async def test_the_last_checkpoint_writes_what_is_not_due_though_nothing_came_since() -> None:
    producer = Producer()
    one = part(producer)
    one.written = Written({}, {"svc": 0})  # written just now
    outbox = Outbox(producer, Config())
    await checkpoint(one, outbox, Config())
    assert HOT not in producer.sent, "it is not due"
    await checkpoint(one, outbox, Config())
    assert producer.sent.count(("barograph.state", b"@")) == 1, "nothing came"
    await checkpoint(one, outbox, Config(), last=True)
    assert HOT in producer.sent

"""The state topic -> a partition of tallies as its last owner left it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.config import Config
from schemas.strict import ConfigError
from schemas.tallies import Loss
from streams.shell.checkpoint import Part
from streams.shell.clients import reading, topic
from streams.shell.exits import TopicError
from streams.shell.sizes import Sizes
from streams.watch import store

log = logging.getLogger(__name__)

POLL_MS: Final = 200


async def restore(config: Config, partition: int, read: Callable[[int], None] = lambda _: None) -> Part:
    """Read the furthest record of each key, and where the tallies go on from there.

    Parameters
    ----------
    read : told how many records were read, from another thread, whenever some were

    Raises
    ------
    TopicError
        If the log of tallies ends before what the state knows of it, or the state is not one that this version reads.
    """
    states = TopicPartition(topic(config, "state"), partition)
    tallies = TopicPartition(topic(config, "tallies"), partition)
    sizes = Sizes()
    async with reading(config) as consumer:
        begin, end = await bounds(consumer, tallies)
        coming = batches(consumer, states, *await bounds(consumer, states))
        # In a thread: a day of states is more than fits into memory, and longer work than the loop may be kept from.
        pulled = _watched(_pulled(coming, asyncio.get_running_loop()), sizes, read)
        try:
            found = await asyncio.to_thread(store.restore, pulled)
        except ConfigError as wrong:
            raise TopicError(f"{states.topic}:{partition}: {wrong}") from None
        at = begin if found.next is None else found.next
        if at > end:  # its last owner may have gone on meanwhile
            begin, end = await bounds(consumer, tallies)
    if at > end:
        raise TopicError(
            f"the log of {tallies.topic}:{partition} ends at {end}, but its state knows it up to {at}: "
            f"the topic was made again; delete {states.topic}, too, to begin anew"
        )
    born, now = found.position.partitions, config.topics.tallies_partitions
    if born not in (0, now):
        raise TopicError(
            f"{tallies.topic} had {born} partitions when its services were first seen, and `topics.tallies_partitions` "
            f"says {now}: services would be sent where their state is not; set it to {born}"
        )
    part = Part(
        partition, next=at, durable=at, states=dict(found.states), written=found.written, own=found.position.own,
        exits=found.exits, snapshot=found.position.snapshot, sizes=sizes,
    )  # fmt: skip
    if at < begin:
        log.warning("retention overtook us: %s:%d holds nothing below %d; %d was next", *tallies, begin, at)
        part.lost = Loss(topic=tallies.topic, partition=partition, begin=at, end=begin, why="retention")
        part.next = part.durable = begin
    return part


async def between(config: Config, tp: TopicPartition, begin: int, end: int) -> AsyncIterator[Any]:
    """Read the records of ``[begin, end)``; offsets that hold none, as compaction leaves them, are passed over."""
    if begin < end:
        async with reading(config) as consumer:
            async for batch in batches(consumer, tp, begin, end):
                for record in batch:
                    yield record


async def bounds(consumer: AIOKafkaConsumer, tp: TopicPartition) -> tuple[int, int]:
    """Find the first offset that a partition holds, and the one behind its last."""
    consumer.assign([tp])  # a partition that the client has not heard of costs a tenth of a second
    return (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]


async def batches(consumer: AIOKafkaConsumer, tp: TopicPartition, begin: int, end: int) -> AsyncIterator[list[Any]]:
    """Read the records of ``[begin, end)``, as they come."""
    consumer.assign([tp])
    consumer.seek(tp, begin)
    while await consumer.position(tp) < end:
        got = await consumer.getmany(tp, timeout_ms=POLL_MS)
        yield [record for record in got.get(tp, ()) if record.offset < end]


def _pulled(coming: AsyncIterator[list[Any]], loop: asyncio.AbstractEventLoop) -> Iterator[tuple[bytes, bytes | None]]:
    """Bring what the loop reads to another thread, batch by batch as that thread asks for it."""

    async def following() -> list[Any] | None:
        return await anext(coming, None)

    while (batch := asyncio.run_coroutine_threadsafe(following(), loop).result()) is not None:
        for record in batch:
            yield record.key, record.value


def _watched(
    records: Iterator[tuple[bytes, bytes | None]], sizes: Sizes, read: Callable[[int], None]
) -> Iterator[tuple[bytes, bytes | None]]:
    for record in records:
        sizes.wrote([record])
        read(1)
        yield record

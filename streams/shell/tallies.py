"""What a broker recorded -> tallies, snapshots and states, partition by partition."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.config import Config
from schemas.strict import ConfigError
from schemas.tallies import Quarantine, decode
from streams.shell.clients import admin, close, reader, topic
from streams.shell.exits import BrokerError, TopicError
from streams.shell.knock import knock
from streams.shell.restore import batches, bounds
from streams.shell.snapshot import KEY_BYTES
from streams.watch import store
from streams.watch.clock import second_of
from streams.watch.partition import Begun
from streams.watch.stage import Record
from streams.watch.store import Restored


def recorded(config: Config, begun: Mapping[int, int] = MappingProxyType({})) -> Iterator[tuple[int, Record]]:
    """Read `barograph.tallies` from its start to where it ends now.

    Parameters
    ----------
    config : says where the broker is
    begun : partition -> offset to begin at, for those that do not begin at their start

    Yields
    ------
    partition, record

    Raises
    ------
    BrokerError
        If nobody answers, or we are not let in.
    TopicError
        If there is no such topic, or its number of partitions is not the configured one.
    """
    for partition, record in _records(config, "tallies", begun):
        yield partition, Record(record.offset, record.timestamp, record.value)


def quarantines(config: Config) -> list[tuple[int, Quarantine]]:
    """Find every service that was put into quarantine: a replay must know it before it comes to the fact."""
    marked = ((partition, record) for partition, record in recorded(config) if b"quarantine" in record.value[:16])
    facts = [(partition, decode(record.value)) for partition, record in marked]
    return [(partition, fact) for partition, fact in facts if isinstance(fact, Quarantine)]


def snapshots(config: Config, before_s: int | None) -> dict[int, Begun]:
    """Read of each partition the last whole snapshot before a moment.

    Parameters
    ----------
    before_s : seconds since 1970; None for the first that there is

    Returns
    -------
    dict of int to Begun
        Nothing of a partition that has none.
    """
    found: dict[int, Begun] = {}
    held: dict[tuple[int, bytes], list[tuple[bytes, bytes | None]]] = {}
    for partition, record in _records(config, "snapshots"):
        at, key = record.key[:KEY_BYTES], record.key[KEY_BYTES:]
        held.setdefault((partition, at), []).append((key, record.value))
        if key == store.POSITION:
            one = store.restore(held.pop((partition, at)))
            late = before_s is not None and one.position.own.second > second_of(before_s * 1000)
            if not late and (before_s is not None or partition not in found):
                found[partition] = Begun(one.position.own, one.states, one.position.next)
    return found


def states(config: Config) -> Iterator[Restored]:
    """Read what a running system last wrote of its services, partition by partition; whoever runs is not disturbed.

    Raises
    ------
    BrokerError
        If nobody answers, or we are not let in.
    TopicError
        If there is no topic of states, its number of partitions is not the configured one, or the states are of another
        version.
    """
    for partition, coming in groupby(_records(config, "state"), key=itemgetter(0)):
        try:
            yield store.restore((record.key, record.value) for _, record in coming)
        except ConfigError as wrong:
            raise TopicError(f"{topic(config, 'state')}:{partition}: {wrong}") from None


def _records(
    config: Config, role: str, begun: Mapping[int, int] = MappingProxyType({})
) -> Iterator[tuple[int, Any]]:  # fmt: skip
    """Read a topic, one partition after the other, each to where it ends now."""
    with asyncio.Runner() as runner:
        runner.run(knock(config))
        coming = _batches(config, role, begun)
        try:
            while (batch := runner.run(anext(coming, None))) is not None:
                yield from batch
        finally:
            runner.run(coming.aclose())


async def _batches(
    config: Config, role: str, begun: Mapping[int, int]
) -> AsyncGenerator[list[tuple[int, Any]], None]:  # fmt: skip
    """Read records as they come; whatever a consumer does, its `assign` too, it does within a running loop."""
    consumer = await _connected(config)
    try:
        for tp in await _partitions(config, role):
            begin, end = await bounds(consumer, tp)
            async for batch in batches(consumer, tp, max(begin, begun.get(tp.partition, 0)), end):
                yield [(tp.partition, record) for record in batch]
    finally:
        await close(consumer)


async def _connected(config: Config) -> AIOKafkaConsumer:
    consumer = reader(config)
    try:
        await consumer.start()
    except KafkaConnectionError:
        await close(consumer)
        raise BrokerError(f"the Kafka broker at {config.kafka.bootstrap} does not answer any more") from None
    return consumer


async def _partitions(config: Config, role: str) -> list[TopicPartition]:
    name, wanted = topic(config, role), config.topics.tallies_partitions
    # A consumer knows only of topics that it follows.
    async with admin(config) as asking:
        described = await asking.describe_topics([name]) if name in await asking.list_topics() else []
    there = sorted(found["partition"] for one in described for found in one["partitions"])
    if not there:
        raise TopicError(f"there is no topic `{name}` at `{config.kafka.bootstrap}`; nothing was recorded")
    if len(there) != wanted:
        raise TopicError(f"topic `{name}` has {len(there)} partitions, not the {wanted} of `topics.tallies_partitions`")
    return [TopicPartition(name, partition) for partition in there]

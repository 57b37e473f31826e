"""Topics of what was found and said -> all that they hold now, and single records by their place."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from math import inf
from typing import NoReturn

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.config import Config
from schemas.incidents import Exemplar
from streams.shell.clients import admin, reading, topic
from streams.shell.exits import BrokerError, TopicError, forbidden
from streams.shell.knock import knock
from streams.shell.restore import batches, bounds
from streams.story.log import Log, Record

Place = tuple[str, int, int]
"""Topic, partition, offset."""


def logs(config: Config, roles: Collection[str], needed: str, key: bytes = b"") -> dict[str, Log]:
    """Read topics from their start to where they end now.

    Most are small: what was found and said, in a month at most. No consumer group is needed, and nobody is disturbed.

    Parameters
    ----------
    roles : of the topics
    needed : the role of the one without which there is nothing to say
    key : only records are kept whose key begins so; hours of all services are too many to be held at once

    Raises
    ------
    BrokerError
        If nobody answers, or we are not let in.
    TopicError
        If the topic that is needed is not there.
    """
    return asyncio.run(_logs(config, roles, needed, key))


def records(config: Config, wanted: Collection[Exemplar]) -> dict[Place, bytes]:
    """Read records of events by their place; those that are gone are left out.

    An incident may name any topic, but only the config's own topic of events is read.

    Raises
    ------
    BrokerError
        If nobody answers, or we are not let in.
    TopicError
        If there is no topic of events that we may see: they are not for everybody who reads incidents.
    """
    return asyncio.run(_records(config, wanted))


async def _logs(config: Config, roles: Collection[str], needed: str, key: bytes) -> dict[str, Log]:
    names = {role: topic(config, role) for role in roles}
    async with _connected(config) as consumer:
        there = await _partitions(config, set(names.values()))
        if names[needed] not in there:
            raise _absent(config, names[needed])
        return {role: await _log(consumer, name, there.get(name), key) for role, name in names.items()}


async def _log(consumer: AIOKafkaConsumer, name: str, partitions: list[int] | None, key: bytes) -> Log:
    """Read one topic, partition by partition."""
    if partitions is None:
        return Log(name, there=False)
    found: list[Record] = []
    begins: float | None = None
    for partition in partitions:
        tp = TopicPartition(name, partition)
        begin, end = await bounds(consumer, tp)
        first = inf
        async for batch in batches(consumer, tp, begin, end):
            first = min(first, batch[0].timestamp if batch else inf)
            found += [
                Record(partition, one.offset, one.timestamp, one.value)
                for one in batch
                if one.value is not None and (one.key or b"").startswith(key)
            ]
        if begin:
            begins = max(begins or 0, first)
    return Log(name, tuple(found), begins=begins)


async def _records(config: Config, wanted: Collection[Exemplar]) -> dict[Place, bytes]:
    events = topic(config, "events")
    found: dict[Place, bytes] = {}
    async with _connected(config) as consumer:
        partitions = (await _partitions(config, {events})).get(events)
        if partitions is None:
            raise _absent(config, events)
        for one in wanted:
            if one.topic != events or one.partition not in partitions:
                continue
            tp = TopicPartition(events, one.partition)
            begin, end = await bounds(consumer, tp)
            if begin <= one.offset < end:
                async for batch in batches(consumer, tp, one.offset, one.offset + 1):
                    found |= {(events, one.partition, record.offset): record.value or b"" for record in batch}
    return found


def _absent(config: Config, name: str) -> TopicError:
    return TopicError(
        f"there is no topic `{name}` at `{config.kafka.bootstrap}`, or this user may not see it: "
        "`barograph topics --create` makes it, `barograph topics --acls` prints how to grant it"
    )


@asynccontextmanager
async def _connected(config: Config) -> AsyncIterator[AIOKafkaConsumer]:
    """Connect a reader; what the broker answers otherwise becomes one sentence."""
    await knock(config)
    try:
        async with reading(config) as consumer:
            yield consumer
    except (KafkaError, TimeoutError) as error:
        _refused(config, error)


def _refused(config: Config, error: BaseException) -> NoReturn:
    address = config.kafka.bootstrap
    if isinstance(error, KafkaConnectionError):
        raise BrokerError(f"the Kafka broker at {address} does not answer any more") from None
    said = f"the Kafka broker at {address} does not do its work: {error!r}"
    raise (forbidden(error) or BrokerError(said)) from None


async def _partitions(config: Config, names: Collection[str]) -> Mapping[str, list[int]]:
    """Find the partitions of topics that are there, without creating one by the question, as brokers may do."""
    async with admin(config) as asking:
        known = sorted(set(names) & set(await asking.list_topics()))
        described = await asking.describe_topics(known) if known else []
    return {one["topic"]: sorted(part["partition"] for part in one["partitions"]) for one in described}

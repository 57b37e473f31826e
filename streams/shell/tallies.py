"""The recorded tallies of a broker -> records, partition by partition."""

import asyncio
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.config import Config
from schemas.tallies import Quarantine, decode
from streams.shell.clients import reader, topic
from streams.shell.exits import BrokerError, TopicError
from streams.shell.knock import knock
from streams.shell.snapshot import KEY_BYTES
from streams.watch import store
from streams.watch.partition import Begun
from streams.watch.stage import Record


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
    with asyncio.Runner() as runner:
        runner.run(knock(config))
        consumer = runner.run(_connected(config))
        try:
            for tp in runner.run(_partitions(config, consumer, "tallies")):
                consumer.assign([tp])
                begin = max(runner.run(consumer.beginning_offsets([tp]))[tp], begun.get(tp.partition, 0))
                end = runner.run(consumer.end_offsets([tp]))[tp]
                consumer.seek(tp, begin)
                while runner.run(consumer.position(tp)) < end:
                    batches = runner.run(consumer.getmany(tp, timeout_ms=500))
                    for record in batches.get(tp, ()):
                        if record.offset < end:
                            yield tp.partition, Record(record.offset, record.timestamp, record.value)
        finally:
            runner.run(consumer.stop())


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
    with asyncio.Runner() as runner:
        consumer = runner.run(_connected(config))
        try:
            for tp in runner.run(_partitions(config, consumer, "snapshots")):
                consumer.assign([tp])
                end = runner.run(consumer.end_offsets([tp]))[tp]
                runner.run(consumer.seek_to_beginning(tp))
                held: dict[bytes, list[tuple[bytes, bytes | None]]] = {}
                while runner.run(consumer.position(tp)) < end:
                    for record in runner.run(consumer.getmany(tp, timeout_ms=500)).get(tp, ()):
                        at, key = record.key[:KEY_BYTES], record.key[KEY_BYTES:]
                        held.setdefault(at, []).append((key, record.value))
                        if key == store.POSITION:
                            one = store.restore(held.pop(at))
                            late = before_s is not None and one.position.own.second > before_s
                            if not late and (before_s is not None or tp.partition not in found):
                                found[tp.partition] = Begun(one.position.own, one.states, one.position.next)
        finally:
            runner.run(consumer.stop())
    return found


async def _connected(config: Config) -> AIOKafkaConsumer:
    consumer = reader(config)
    try:
        await consumer.start()
    except KafkaConnectionError:
        await consumer.stop()
        raise BrokerError(f"the Kafka broker at {config.kafka.bootstrap} does not answer any more") from None
    return consumer


async def _partitions(config: Config, consumer: AIOKafkaConsumer, role: str) -> list[TopicPartition]:
    name, wanted = topic(config, role), config.topics.tallies_partitions
    there = consumer.partitions_for_topic(name) if name in await consumer.topics() else None
    if not there:
        raise TopicError(f"there is no topic `{name}` at `{config.kafka.bootstrap}`; nothing was recorded")
    if len(there) != wanted:
        raise TopicError(f"topic `{name}` has {len(there)} partitions, not the {wanted} of `topics.tallies_partitions`")
    return [TopicPartition(name, partition) for partition in sorted(there)]

"""The recorded tallies of a broker -> records, partition by partition."""

import asyncio
from collections.abc import Iterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.config import Config
from streams.shell.clients import reader, topic
from streams.shell.exits import BrokerError, TopicError
from streams.watch.stage import Record


def recorded(config: Config) -> Iterator[tuple[int, Record]]:
    """Read `barograph.tallies` from its start to where it ends now.

    Parameters
    ----------
    config : says where the broker is

    Yields
    ------
    partition, record

    Raises
    ------
    BrokerError
        If nobody answers.
    TopicError
        If there is no such topic, or its number of partitions is not the configured one.
    """
    with asyncio.Runner() as runner:
        consumer = runner.run(_connected(config))
        try:
            for tp in runner.run(_partitions(config, consumer)):
                consumer.assign([tp])
                begin = runner.run(consumer.beginning_offsets([tp]))[tp]
                end = runner.run(consumer.end_offsets([tp]))[tp]
                consumer.seek(tp, begin)
                while runner.run(consumer.position(tp)) < end:
                    batches = runner.run(consumer.getmany(tp, timeout_ms=500))
                    for record in batches.get(tp, ()):
                        if record.offset < end:
                            yield tp.partition, Record(record.offset, record.timestamp, record.value)
        finally:
            runner.run(consumer.stop())


async def _connected(config: Config) -> AIOKafkaConsumer:
    consumer = reader(config)
    try:
        await consumer.start()
    except KafkaConnectionError:
        await consumer.stop()
        raise BrokerError(
            f"no Kafka broker answers at `{config.kafka.bootstrap}`: start it, or put its address in `kafka.bootstrap`"
        ) from None
    return consumer


async def _partitions(config: Config, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
    name, wanted = topic(config, "tallies"), config.topics.tallies_partitions
    there = consumer.partitions_for_topic(name) if name in await consumer.topics() else None
    if not there:
        raise TopicError(f"there is no topic `{name}` at `{config.kafka.bootstrap}`; nothing was recorded")
    if len(there) != wanted:
        raise TopicError(f"topic `{name}` has {len(there)} partitions, not the {wanted} of `topics.tallies_partitions`")
    return [TopicPartition(name, partition) for partition in sorted(there)]

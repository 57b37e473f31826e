"""A bootstrap address -> the few things that a test asks of a broker: create, produce, read, look up."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code


@asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, closed at the end."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create(bootstrap: str, topic: str, partitions: int = 1, settings: Mapping[str, str] | None = None) -> None:
    """Create a topic; raises the broker's error, which aiokafka only returns."""
    async with admin(bootstrap) as client:
        answer = await client.create_topics([NewTopic(topic, partitions, 1, topic_configs=dict(settings or {}))])
    for name, code, *words in answer.topic_errors:
        if code:
            raise for_code(code)(f"{name}: {words}")


async def produce(bootstrap: str, topic: str, values: Iterable[bytes], partition: int = 0) -> None:
    """Append the values to one partition and wait until all are acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        for sent in [await producer.send(topic, value, partition=partition) for value in values]:
            await sent


async def read(bootstrap: str, topic: str, partition: int = 0) -> list[ConsumerRecord]:
    """Everything that one partition holds from its start to its present end."""
    place = TopicPartition(topic, partition)
    records: list[ConsumerRecord] = []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            records += (await consumer.getmany(place, timeout_ms=200)).get(place, [])
    return records

"""What Barograph's own connections do on a real broker that aiokafka alone does not."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.shell import topics
from streams.shell.clients import reader, reading, topic
from streams.shell.restore import bounds
from tests.shell.on_kafka import configured

TIMES = 10
LONG_S = 120
"""Each of them takes tens of milliseconds, and one that hangs takes for ever."""


async def let_go(consumer: AIOKafkaConsumer, tp: TopicPartition, at: int) -> None:
    consumer.assign([tp])
    consumer.seek(tp, at)
    await consumer.getmany(tp, timeout_ms=5)
    consumer.assign([tp])


async def test_a_reader_closes_even_in_the_moment_in_which_it_lets_go_of_what_it_read(
    kafka: str, namespace: str
) -> None:
    config = configured(kafka, namespace)
    await asyncio.to_thread(topics.ensure, config)
    tp = TopicPartition(topic(config, "found"), 0)
    async with asyncio.timeout(LONG_S):
        for _ in range(TIMES):
            async with reading(config) as consumer:
                _, end = await bounds(consumer, tp)
                await let_go(consumer, tp, end)


async def test_it_is_aiokafka_that_would_hang_there(kafka: str, namespace: str) -> None:
    """When this fails, aiokafka is mended, and `streams.shell.clients.close` may go."""
    config = configured(kafka, namespace)
    await asyncio.to_thread(topics.ensure, config)
    tp = TopicPartition(topic(config, "found"), 0)
    hung = 0
    for _ in range(TIMES):
        consumer = reader(config)
        await consumer.start()
        _, end = await bounds(consumer, tp)
        await let_go(consumer, tp, end)
        closing = asyncio.ensure_future(consumer.stop())
        while not (await asyncio.wait([closing], timeout=2))[0]:
            hung += 1
            closing.cancel()
        if hung:
            break
    assert hung

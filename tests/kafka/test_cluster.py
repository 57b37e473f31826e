"""The harness keeps its own promise: what a broker has acknowledged outlives kill -9."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.kafka import clients
from tests.kafka.cluster import Cluster
from tests.shell.workers import until


async def test_records_and_commits_outlive_a_kill(own_kafka: Cluster, namespace: str) -> None:
    bootstrap, topic = own_kafka.bootstrap, f"{namespace}.events"
    sent = [b"%d" % number for number in range(1_000)]  # more than one produce request
    await clients.create(bootstrap, topic)
    await clients.produce(bootstrap, topic, sent)
    await _commit(bootstrap, namespace, TopicPartition(topic, 0), 700, "anchor")
    before = own_kafka.pid

    own_kafka.kill()
    await asyncio.to_thread(own_kafka.restart)

    assert own_kafka.pid != before
    assert own_kafka.bootstrap == bootstrap

    async def committed() -> bool:  # a broker answers before it has read all commits back, and then says that none are
        return await _committed(bootstrap, namespace) == {TopicPartition(topic, 0): (700, "anchor")}

    await until(committed)
    await clients.produce(bootstrap, topic, [b"after"])
    assert [record.value for record in await clients.read(bootstrap, topic)] == [*sent, b"after"]


async def _commit(bootstrap: str, group: str, place: TopicPartition, offset: int, metadata: str) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([place])
        await consumer.commit({place: (offset, metadata)})


async def _committed(bootstrap: str, group: str) -> dict[TopicPartition, tuple[int, str]]:
    async with clients.admin(bootstrap) as admin:
        offsets = await admin.list_consumer_group_offsets(group)
    return {place: (found.offset, found.metadata) for place, found in offsets.items()}

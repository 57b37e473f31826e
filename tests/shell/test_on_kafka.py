"""Whole workers on a real broker: what is promised of topics, counts, crashes and stops."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from schemas.config import Config, Kafka, Topics, Watch, Worker
from schemas.taxonomy import Taxonomy
from schemas.topics import TOPICS
from streams.shell import topics
from streams.shell.exits import TopicError
from streams.watch.stage import Plan, Record, State, step
from streams.watch.store import restore
from tests.kafka.clients import admin, read
from tests.kafka.cluster import Cluster
from tests.shell.traffic import exchanges, known, sent, told
from tests.shell.workers import Running, until, worker

PARTITIONS = 3


@pytest.fixture
def config(kafka: Cluster, namespace: str) -> Config:
    return _config(kafka.bootstrap, namespace)


def _config(bootstrap: str, namespace: str) -> Config:
    return Config(
        kafka=Kafka(bootstrap=bootstrap, group=namespace, session_timeout_s=6),
        topics=Topics(prefix=f"{namespace}.", events_partitions=PARTITIONS, tallies_partitions=2),
        worker=Worker(http_port=0),
        watch=Watch(checkpoint_every_s=0.5, baseline_events=1000),
    )


async def _produce(config: Config, events: Sequence[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap, enable_idempotence=True) as producer:
        topic = f"{config.topics.prefix}ai.events"
        for i, event in enumerate(events):
            last = await producer.send(topic, event, partition=i % PARTITIONS)
        await producer.flush()
        await last


async def _all(config: Config, name: str, partitions: int) -> list[list[ConsumerRecord]]:
    return [await read(config.kafka.bootstrap, config.topics.prefix + name, p) for p in range(partitions)]


async def _states(config: Config) -> list[State]:
    found = await _all(config, "barograph.state", config.topics.tallies_partitions)
    return [
        state
        for records in found
        for state in restore((record.key, record.value) for record in records).states.values()
    ]


def _counted(config: Config, events: Sequence[bytes]) -> Callable[[], object]:
    async def counted() -> bool:
        return known(await _states(config)) == sent(events)

    return counted

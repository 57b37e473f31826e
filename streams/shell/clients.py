"""A config -> connections to Kafka, with the settings that exactness and speed ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient

from schemas.config import Config
from schemas.topics import BY_ROLE

FETCH_BYTES: Final = 1 << 20
"""Bytes a partition and fetch: some 1,400 events, so that no partition keeps the others waiting."""

DRIP_BYTES: Final = 128 << 10
DRIP_MS: Final = 100
"""A fetch waits so long for so much: counting ten events at once costs a third of counting them one by one."""

BATCH_BYTES: Final = 512 << 10
"""A request carries so much of a partition: half of what `barograph.tallies` takes in one batch."""

BEATS: Final = 4
"""Heartbeats within a session's timeout."""


def topic(config: Config, role: str) -> str:
    """Name the topic that has this role."""
    return config.topics.prefix + BY_ROLE[role].name


def measure_group(config: Config) -> str:
    """Name MEASURE's consumer group."""
    return f"{config.kafka.group}-measure"


def watch_group(config: Config) -> str:
    """Name WATCH's consumer group, which is also the id of its Faust app."""
    return f"{config.kafka.group}-watch"


def producer(config: Config) -> AIOKafkaProducer:
    """Make the one producer of a worker: what it acknowledged is on every replica, once and in order."""
    return AIOKafkaProducer(
        bootstrap_servers=config.kafka.bootstrap,
        client_id=config.worker.name,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        max_request_size=max(topic.max_message_bytes for topic in BY_ROLE.values()) + (1 << 20),
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
    )


def group_consumer(config: Config) -> AIOKafkaConsumer:
    """Make MEASURE's consumer, a static member of its group: a restart within the session moves no partition."""
    return AIOKafkaConsumer(
        bootstrap_servers=config.kafka.bootstrap,
        client_id=config.worker.name,
        group_id=measure_group(config),
        group_instance_id=config.worker.name,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=_ms(config.kafka.session_timeout_s),
        heartbeat_interval_ms=_ms(config.kafka.session_timeout_s / BEATS),
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_min_bytes=DRIP_BYTES,
        fetch_max_wait_ms=DRIP_MS,
    )


def reader(config: Config) -> AIOKafkaConsumer:
    """Make a consumer without a group, that reads what it is told to."""
    return AIOKafkaConsumer(
        bootstrap_servers=config.kafka.bootstrap,
        client_id=f"{config.worker.name}-reader",
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",  # an open transaction is nothing that could be read yet
        fetch_max_wait_ms=DRIP_MS,  # a broker answers one question a connection: the next waits so long at most
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
    )


@asynccontextmanager
async def admin(config: Config) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an admin client, and close it in any case."""
    client = AIOKafkaAdminClient(
        bootstrap_servers=config.kafka.bootstrap,
        client_id=f"{config.worker.name}-admin",
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
    )
    try:
        await client.start()
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def connection(config: Config, what: str) -> AsyncIterator[AIOKafkaClient]:
    """Connect a bare client, for requests that the others do not make, and close it in any case."""
    client = AIOKafkaClient(
        bootstrap_servers=config.kafka.bootstrap,
        client_id=f"{config.worker.name}-{what}",
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
    )
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

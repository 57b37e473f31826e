"""A config -> connections to Kafka, with the settings that exactness and speed ask for."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.partitioner import DefaultPartitioner

from schemas.config import Config
from schemas.security import Security
from schemas.strict import ConfigError
from schemas.topics import BY_ROLE
from streams.shell import secret

FETCH_BYTES: Final = 1 << 20
"""Bytes a partition and fetch: some 1,400 events, so that no partition keeps the others waiting."""

DRIP_BYTES: Final = 128 << 10
DRIP_MS: Final = 100
"""A fetch waits so long for so much: counting ten events at once costs a third of counting them one by one."""

BATCH_BYTES: Final = 512 << 10
"""A request carries so much of a partition: half of what `barograph.tallies` takes in one batch."""

NEWS_MS: Final = 10_000
"""How often the source is looked at for partitions that were added; aiokafka would look every five minutes."""

CLOSED_S: Final = 1.0
"""A reader that is not closed within this time hangs: it has no group to leave and nothing to send."""

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


def actuate_group(config: Config) -> str:
    """Name the consumer group of actuators."""
    return f"{config.kafka.group}-actuate"


class Token(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """The token of OAUTHBEARER, as its file holds it when a connection is made."""

    def __init__(self, security: Security) -> None:
        self._security = security

    async def token(self) -> str:
        """Read it.

        Raises
        ------
        OSError
            If it is missing or empty just now; the client then tries again, as when a broker does not answer.
        """
        try:
            return (await asyncio.to_thread(secret.token, self._security)).reveal()
        except ConfigError as wrong:
            raise OSError(str(wrong)) from None


def access(config: Config) -> dict[str, Any]:
    """Say how every client connects: to whom, and how both sides know each other.

    Raises
    ------
    ConfigError
        If a secret or a certificate cannot be read.
    """
    security = config.kafka.security
    logging.getLogger("aiokafka.conn").addFilter(_no_requests)
    said: dict[str, Any] = {
        "bootstrap_servers": config.kafka.bootstrap,
        "security_protocol": security.protocol,
        "ssl_context": secret.tls(security),
    }
    if security.mechanism:
        said["sasl_mechanism"] = security.mechanism
    if security.mechanism == "OAUTHBEARER":
        said["sasl_oauth_token_provider"] = Token(security)
    elif password := secret.password(security):
        said |= {"sasl_plain_username": security.username, "sasl_plain_password": password.reveal()}
    return said


def _no_requests(record: logging.LogRecord) -> bool:
    """Drop what the client logs at level DEBUG: every request as it is, that of SASL with the password."""
    return record.levelno > logging.DEBUG


class _Partitioner(DefaultPartitioner):  # type: ignore[misc]  # aiokafka has no types
    """Kafka's own, which need not hash a key where there is nothing to choose."""

    def __call__(self, key: bytes | None, every: Sequence[int], available: Sequence[int]) -> int:
        return every[0] if len(every) == 1 else int(super().__call__(key, every, available))


def producer(config: Config) -> AIOKafkaProducer:
    """Make the one producer of a worker: what it acknowledged is on every replica, once and in order."""
    return AIOKafkaProducer(
        **access(config),
        client_id=config.worker.name,
        partitioner=_Partitioner(),
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
        **access(config),
        client_id=config.worker.name,
        group_id=measure_group(config),
        group_instance_id=config.worker.name,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=_ms(config.kafka.session_timeout_s),
        heartbeat_interval_ms=_ms(config.kafka.session_timeout_s / BEATS),
        metadata_max_age_ms=NEWS_MS,
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_min_bytes=DRIP_BYTES,
        fetch_max_wait_ms=DRIP_MS,
    )


def commands_consumer(config: Config) -> AIOKafkaConsumer:
    """Make an actuator's consumer of commands, a static member of its group."""
    return AIOKafkaConsumer(
        **access(config),
        client_id=config.worker.name,
        group_id=actuate_group(config),
        group_instance_id=config.worker.name,
        enable_auto_commit=False,
        auto_offset_reset="latest",  # what was asked for before anybody acted was not asked of us
        isolation_level="read_committed",
        session_timeout_ms=_ms(config.kafka.session_timeout_s),
        heartbeat_interval_ms=_ms(config.kafka.session_timeout_s / BEATS),
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
        fetch_max_wait_ms=DRIP_MS,
    )


def reader(config: Config) -> AIOKafkaConsumer:
    """Make a consumer without a group, that reads what it is told to."""
    return AIOKafkaConsumer(
        **access(config),
        client_id=f"{config.worker.name}-reader",
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",  # an open transaction is nothing that could be read yet
        fetch_max_wait_ms=DRIP_MS,  # a broker answers one question a connection: the next waits so long at most
        request_timeout_ms=_ms(config.kafka.request_timeout_s),
    )


@asynccontextmanager
async def reading(config: Config) -> AsyncIterator[AIOKafkaConsumer]:
    """Connect a `reader`, and close it in any case."""
    consumer = reader(config)
    try:
        await consumer.start()
        yield consumer
    finally:
        await close(consumer)


async def close(consumer: AIOKafkaConsumer) -> None:
    """Close a `reader`.

    Its fetcher loses a cancellation that comes while it lets go of an assignment, and aiokafka waits for ever for the
    fetcher to end; a rebalance that waited for a reader has stood still for ninety seconds so. Whoever is cancelled
    while he waits for a task hands that on to it: so the close itself is cancelled until it is over.
    """
    closing = asyncio.ensure_future(consumer.stop())
    while not (await asyncio.wait([closing], timeout=CLOSED_S))[0]:
        closing.cancel()
    if not closing.cancelled():
        closing.result()


@asynccontextmanager
async def admin(config: Config) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an admin client, and close it in any case."""
    client = AIOKafkaAdminClient(
        **access(config),
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
        **access(config),
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

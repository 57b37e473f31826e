"""A config -> its topics as logs: to append to as fast as librdkafka goes, and to read from start to end."""

import asyncio
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from schemas.config import Config
from streams.shell.clients import topic
from tests.kafka.clients import admin

FLUSH_S: Final = 120
LARGEST: Final = 16 << 20
"""Bytes of the largest record that may be sent or read, where the broker lets it pass."""

Delivered = Callable[[KafkaError | None, Message], None]


class Lost(RuntimeError):
    """A record was not acknowledged, or a log could not be read."""


class Append:
    """Appends to one topic, by keys as Kafka's own clients spread them; at the end all is acknowledged.

    Parameters
    ----------
    role : of the topic, as `schemas.topics` calls it
    settings : for librdkafka, over those here
    """

    def __init__(self, config: Config, role: str, **settings: Any) -> None:
        self._topic = topic(config, role)
        self._refused: list[str] = []
        self._producer = Producer({
            "bootstrap.servers": config.kafka.bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random",
            "linger.ms": 50, "batch.size": 1 << 20, **{name.replace("_", "."): said for name, said in settings.items()},
        })  # fmt: skip

    def send(self, value: bytes | None, key: bytes, timestamp_ms: int = 0, told: Delivered | None = None) -> None:
        """Queue a record; wait while the queue is full. Its timestamp is now, if none is given."""
        while True:
            try:
                self._producer.produce(
                    self._topic, value, key, timestamp=timestamp_ms, on_delivery=told or self._delivered
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def poll(self) -> None:
        """Hear what was acknowledged by now."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until everything is acknowledged.

        Raises
        ------
        Lost
            If something is not.
        """
        if (left := self._producer.flush(FLUSH_S)) or self._refused:
            raise Lost(f"{left} records were not acknowledged to {self._topic}; refused: {self._refused[:3]}")

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._refused.append(error.str())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.flush()


class Read(NamedTuple):
    """A record of a log."""

    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes | None


def read(config: Config, role: str, partition: int, begin: int | None = None, end: int | None = None) -> Iterator[Read]:
    """Read the offsets ``[begin, end)`` of a partition; its start and its present end, where they are not given.

    Raises
    ------
    Lost
        If the broker does not give them.
    """
    consumer = Consumer({
        "bootstrap.servers": config.kafka.bootstrap, "group.id": "reads-without-a-group", "enable.auto.commit": False,
        "auto.offset.reset": "error", "fetch.message.max.bytes": LARGEST,
    })  # fmt: skip
    place = TopicPartition(topic(config, role), partition)
    try:
        low, high = consumer.get_watermark_offsets(place, timeout=30)
        place.offset, stop = low if begin is None else begin, high if end is None else end
        at = place.offset
        consumer.assign([place])
        while at < stop:
            for message in consumer.consume(10_000, timeout=1.0):
                if message.error() is not None:
                    raise Lost(f"{place.topic}:{partition} cannot be read: {message.error()}")
                at = _int(message.offset()) + 1
                if at <= stop:
                    yield Read(partition, at - 1, message.timestamp()[1], _bytes(message.key()), _raw(message.value()))
            if at < stop and consumer.position([place])[0].offset >= stop:
                return  # nothing but gaps up to the end
    finally:
        consumer.close()


def forget(config: Config, *roles: str) -> None:
    """Delete topics, and wait until they are gone."""
    asyncio.run(_forget(config, {topic(config, role) for role in roles}))


async def _forget(config: Config, names: set[str]) -> None:
    async with admin(config.kafka.bootstrap) as client:
        if there := names & set(await client.list_topics()):
            await client.delete_topics(sorted(there))
        while names & set(await client.list_topics()):  # noqa: ASYNC110  # a broker sets no event
            await asyncio.sleep(0.1)


def ends(config: Config, role: str, partitions: int) -> list[int]:
    """Say where each partition ends by now."""
    consumer = Consumer({"bootstrap.servers": config.kafka.bootstrap, "group.id": "reads-without-a-group"})
    try:
        name = topic(config, role)
        return [consumer.get_watermark_offsets(TopicPartition(name, one), timeout=30)[1] for one in range(partitions)]
    finally:
        consumer.close()


def _int(offset: int | None) -> int:
    assert offset is not None
    return offset


def _raw(value: object) -> bytes | None:
    assert value is None or isinstance(value, bytes)
    return value


def _bytes(key: object) -> bytes:
    return _raw(key) or b""

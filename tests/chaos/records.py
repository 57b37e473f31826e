"""Topics on a broker -> all that they hold, or what they say right now of how far the work is."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.config import Config
from schemas.tallies import Flush, decode
from schemas.topics import BY_ROLE
from streams.watch.store import POSITION

FETCH: Final = 8 << 20


class Kept(NamedTuple):
    """A record, as it lies in a topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


Topic = list[list[Kept]]
"""The records of every partition, in order."""


def name(config: Config, role: str) -> str:
    """Name the topic of a role."""
    return config.topics.prefix + BY_ROLE[role].name


async def everything(config: Config, roles: Iterable[str]) -> dict[str, Topic]:
    """Read topics from their start to their end."""
    return {role: await _all(config, role) for role in roles}


async def _all(config: Config, role: str) -> Topic:
    async with _consumer(config) as consumer:
        places = _places(config, role)
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        found: Topic = [[] for _ in places]
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                found[place.partition] += [
                    Kept(r.offset, r.timestamp, r.key, r.value, tuple((k, bytes(v)) for k, v in r.headers))
                    for r in records
                ]
    return found


async def counted(config: Config) -> None:
    """Wait until the topics say that every event was told of, and all that was told was watched.

    Told: every tallies partition has a flush up to the end of every events partition (the driver's last records are
    one block of services of every tallies partition). Watched: the position of every tallies partition has passed
    where that one ended by then.
    """
    async with _consumer(config) as consumer:
        events = [(await consumer.end_offsets([place]))[place] for place in _places(config, "events")]
        tallies, state = _places(config, "tallies"), _places(config, "state")
        consumer.assign([*tallies, *state])
        await consumer.seek_to_beginning()
        told = {(source, place.partition): -1 for source in range(len(events)) for place in tallies}
        positions = dict.fromkeys((place.partition for place in state), -1)
        ends: dict[TopicPartition, int] = {}
        while not ends or any(positions[place.partition] < ends[place] for place in tallies):
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    if place in state:
                        if record.key == POSITION:
                            positions[place.partition] = max(positions[place.partition], position(record.value))
                    elif isinstance(flush := decode(record.value), Flush):
                        told[flush.partition, place.partition] = max(told[flush.partition, place.partition], flush.end)
            if not ends and all(end >= events[source] for (source, _), end in told.items()):
                ends = await consumer.end_offsets(tallies)


class _Position(msgspec.Struct):
    next: int


_position: Final = msgspec.msgpack.Decoder(_Position).decode


def position(value: bytes) -> int:
    """Read how far a partition was watched."""
    return _position(value).next


def _consumer(config: Config) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=config.kafka.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH,
    )  # fmt: skip


def _places(config: Config, role: str) -> list[TopicPartition]:
    sizes = {"events": config.topics.events_partitions, "tallies": config.topics.tallies_partitions, "one": 1}
    return [TopicPartition(name(config, role), n) for n in range(sizes[BY_ROLE[role].partitions])]

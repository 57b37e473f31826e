"""Topics on a broker -> all that they hold, or what they say right now of how far the work is."""

import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.config import Config
from schemas.tallies import Flush, Passed, decode
from schemas.topics import BY_ROLE
from streams.gather.records import KEY
from streams.watch.store import POSITION

FETCH: Final = 8 << 20
POLL_MS: Final = 200


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
            for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                found[place.partition] += [
                    Kept(r.offset, r.timestamp, r.key, r.value, tuple((k, bytes(v)) for k, v in r.headers))
                    for r in records
                ]
    return found


async def counted(config: Config) -> None:
    """Wait until every event was told of, every control fact passed on, and all that was told by then was watched.

    Every tallies partition must have a flush up to the end of every events partition: the driver's last records are of
    services of every tallies partition, and all of one block.
    """
    async with _consumer(config) as consumer:
        events, tallies = _places(config, "events"), _places(config, "tallies")
        ends = await consumer.end_offsets(events)
        [said] = (await consumer.end_offsets(_places(config, "control"))).values()
        consumer.assign(tallies)
        await consumer.seek_to_beginning()
        open_ends = {(source.partition, place): ends[source] for source in events for place in tallies}
        unheard = set(range(said))
        while open_ends or unheard:
            for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    fact = decode(record.value)
                    if isinstance(fact, Passed):
                        unheard.discard(fact.offset)
                    elif isinstance(fact, Flush) and fact.end >= open_ends.get((fact.partition, place), math.inf):
                        del open_ends[fact.partition, place]
    await watched(config)


async def watched(config: Config) -> None:
    """Wait until the positions of all tallies partitions have passed where these end now, and GATHER's likewise."""
    async with _consumer(config) as consumer:
        tallies, state = _places(config, "tallies"), _places(config, "state")
        ends = await consumer.end_offsets(tallies)
        consumer.assign(state)
        await consumer.seek_to_beginning()
        behind = {place.partition: ends[place] for place in tallies if ends[place]}
        while behind:
            for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    if record.key == POSITION and position(record.value) >= behind.get(place.partition, math.inf):
                        del behind[place.partition]
    await _gathered(config)


async def _gathered(config: Config) -> None:
    async with _consumer(config) as consumer:
        [found], gathered = _places(config, "found"), _places(config, "gathered")
        end = (await consumer.end_offsets([found]))[found]
        consumer.assign(gathered)
        await consumer.seek_to_beginning()
        behind = end > 0
        while behind:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                behind &= not any(furthest([record]) >= end for record in records)


def furthest(records: Iterable[Any]) -> int:
    """Read how far GATHER had come, by its states."""
    return max((_state(record.value).state.next for record in records if record.key == KEY), default=0)


class _Position(msgspec.Struct):
    next: int


class _State(msgspec.Struct):
    state: _Position


_state: Final = msgspec.msgpack.Decoder(_State).decode
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
    sizes = {"events": config.topics.events_partitions, "tallies": config.topics.tallies_partitions}
    return [TopicPartition(name(config, role), n) for n in range(sizes.get(BY_ROLE[role].partitions, 1))]

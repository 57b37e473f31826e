"""A namespace of a real broker -> a config, events in it, and what Barograph wrote there."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import orjson
from aiokafka import AIOKafkaProducer, ConsumerRecord
from msgspec import Struct

from schemas.config import Config
from schemas.incidents import Incident
from schemas.sections import Kafka, Topics, Worker
from schemas.watching import Watch
from streams.watch.stage import State
from streams.watch.store import Restored, restore
from tests.chaos.records import watched
from tests.kafka.clients import read
from tests.shell.traffic import known, sent
from tests.shell.workers import PATIENCE_S, until

PARTITIONS = 3


def configured(bootstrap: str, namespace: str) -> Config:
    return Config(
        kafka=Kafka(bootstrap=bootstrap, group=namespace, session_timeout_s=6),
        topics=Topics(prefix=f"{namespace}.", events_partitions=PARTITIONS, tallies_partitions=2),
        worker=Worker(http_port=0),
        watch=Watch(checkpoint_every_s=0.5, state_every_s=0, baseline_events=1000, dependence="none", season_percent=0),
    )


async def produce(config: Config, events: Sequence[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap, enable_idempotence=True) as producer:
        topic = f"{config.topics.prefix}ai.events"
        partitions = config.topics.events_partitions
        await asyncio.gather(*[
            await producer.send(topic, event, partition=i % partitions) for i, event in enumerate(events)
        ])  # fmt: skip


async def produce_dated(config: Config, events: Sequence[bytes]) -> None:
    """Send events when they say that they happened: a record that is written much later is late."""
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap, enable_idempotence=True) as producer:
        for i, event in enumerate(events):
            at_ms = round(datetime.fromisoformat(orjson.loads(event)["at"]).timestamp() * 1000)
            await producer.send(f"{config.topics.prefix}ai.events", event, partition=i % PARTITIONS, timestamp_ms=at_ms)


async def incidents(config: Config, name: str = "ai.incidents") -> list[Incident]:
    [records] = await read_topic(config, name, 1)
    return [msgspec.json.decode(record.value, type=Incident) for record in records]


async def read_topic(config: Config, name: str, partitions: int) -> list[list[ConsumerRecord]]:
    return [await read(config.kafka.bootstrap, config.topics.prefix + name, p) for p in range(partitions)]


async def tallies_of(config: Config) -> list[list[ConsumerRecord]]:
    return await read_topic(config, "barograph.tallies", config.topics.tallies_partitions)


async def states_of(config: Config) -> list[State]:
    return [state for kept in await kept_by(config) for state in kept.states.values()]


async def kept_by(config: Config) -> list[Restored]:
    """What the last owner of each partition left."""
    found = await read_topic(config, "barograph.state", config.topics.tallies_partitions)
    return [restore((record.key, record.value) for record in records) for records in found]


async def counted(config: Config, events: Sequence[bytes]) -> None:
    """Wait until the state topic knows of all of them."""

    async def all_of_them() -> bool:
        return known(await states_of(config)) == sent(events)

    await until(all_of_them)


async def all_is_said(config: Config) -> list[int]:
    """Wait until all that lies in the tallies now was watched and gathered; where each partition of them ends now.

    A worker that stops leaves its last ticks to the next one: of what they bring about, nothing need be said yet.
    """
    ends = [records[-1].offset + 1 for records in await tallies_of(config)]
    await asyncio.wait_for(watched(config), PATIENCE_S)
    return ends


class _Place(Struct):
    partition: int
    offset: int


def before(ends: Sequence[int], found: Iterable[bytes]) -> set[bytes]:
    """Choose of what was found what lies before where partitions of the tallies end."""
    place = msgspec.json.Decoder(_Place).decode
    return {line for line in found if (at := place(line)).offset < ends[at.partition]}

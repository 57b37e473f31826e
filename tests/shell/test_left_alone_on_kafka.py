"""Whole workers on a real broker: what a worker says and does that is left alone with a broker that is not well."""

import asyncio
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from msgspec.structs import replace

from schemas.config import Config
from schemas.tallies import Stall, decode
from streams.shell import topics
from streams.shell.exits import Doubt, TopicError
from streams.shell.outbox import UNDELIVERED_S
from tests.kafka.cluster import Cluster
from tests.shell.on_kafka import configured, counted, produce, read_topic, tallies_of
from tests.shell.traffic import exchanges, sent, told
from tests.shell.workers import until, worker


@pytest.fixture
def config(kafka: str, namespace: str) -> Config:
    return configured(kafka, namespace)


@pytest.mark.long
async def test_a_broker_that_takes_nothing_is_waited_for_and_said(
    own_kafka: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Frozen, as behind a network that drops everything: reading stops, `/ready` says so, and it goes on by itself."""
    config = configured(own_kafka.bootstrap, namespace)
    events = list(exchanges(3000))
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce(config, events[:1500])
        await counted(config, events[:1500])
        with _frozen(own_kafka):
            said = ""

            async def undelivered() -> bool:
                nonlocal said
                status, said = await running.ask("/ready")
                return status == 503 and "not acknowledged a record for" in said

            await until(undelivered)
            assert "nothing is read on until it does" in said
            _, page = await running.ask("/metrics")
            [waited] = [line for line in page.splitlines() if line.startswith("barograph_unacknowledged_seconds ")]
            assert float(waited.split()[1]) > UNDELIVERED_S
            assert "barograph_ready 0.0" in page
        await running.ready()
        await produce(config, events[1500:])
        await counted(config, events)
        assert await running.stop() == 0
    assert told(record for records in await tallies_of(config) for record in records) == sent(events)


@pytest.mark.long
async def test_a_broker_that_takes_nothing_for_too_long_ends_the_worker(
    own_kafka: Cluster, namespace: str, tmp_path: Path
) -> None:
    config = configured(own_kafka.bootstrap, namespace)
    config = replace(config, kafka=replace(config.kafka, delivery_timeout_s=10))
    async with worker(config, tmp_path) as running:
        await running.ready()
        with _frozen(own_kafka):
            assert await running.ended() == Doubt.code
    assert "longer than `kafka.delivery_timeout_s` of 10: nothing that rests on it was committed" in running.said[-1]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            "stuck",
            r"barograph: watch made no progress on .*barograph\.tallies:[01] for 10 s, with \d+ records to read from",
        ),
        ("hang", r"barograph: the event loop stood still for 10 s \(`worker.stall_after_s`\): a bug"),
    ],
)
async def test_a_worker_that_stands_still_ends_itself(config: Config, tmp_path: Path, how: str, said: str) -> None:
    config = replace(config, worker=replace(config.worker, stall_after_s=10))
    async with worker(config, tmp_path, how) as running:
        await _produce_once_there(config, list(exchanges(100)))
        assert await running.ended() == Doubt.code
    assert re.match(said, running.said[-1])
    facts = [decode(record.value) for records in await tallies_of(config) for record in records]
    stalls = [fact for fact in facts if isinstance(fact, Stall)]
    assert len(stalls) == (how == "stuck"), "of which the next owner makes an incident; a loop that hangs says nothing"


async def _produce_once_there(config: Config, events: Sequence[bytes]) -> None:
    await asyncio.to_thread(topics.ensure, config)
    await produce(config, events)


@contextmanager
def _frozen(kafka: Cluster) -> Iterator[None]:
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(kafka.pid, signal.SIGCONT)


@pytest.mark.alone
async def test_a_stop_under_load_drains_in_time_and_loses_nothing(config: Config, tmp_path: Path) -> None:
    """Asked to stop with most of a backlog unread: it ends with 0, so within `DRAIN_S`, and the next one goes on."""
    events = list(exchanges(60_000))
    await asyncio.to_thread(topics.ensure, config)
    await produce(config, events)
    async with worker(config, tmp_path) as stopped:

        async def begun() -> bool:
            return sum(len(records) for records in await tallies_of(config)) > 0

        await until(begun)
        assert await stopped.stop() == 0
    async with worker(config, tmp_path) as following:
        await counted(config, events)
        assert await following.stop() == 0
    assert told(record for records in await tallies_of(config) for record in records) == sent(events)


@pytest.mark.parametrize(
    ("version", "said"), [(99, "format 99, of a newer version"), (0, "format 0, of an older version")]
)
async def test_a_state_of_another_version_is_one_sentence(
    config: Config, tmp_path: Path, version: int, said: str
) -> None:
    """As a rolled back upgrade finds it; the state is left as it is."""
    events = list(exchanges(300))
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce(config, events)
        await counted(config, events)
        assert await running.stop() == 0
    name = f"{config.topics.prefix}barograph.state"
    before = await read_topic(config, "barograph.state", config.topics.tallies_partitions)
    [record] = [record for record in before[0] if record.value and record.key == _service_of(before[0])][-1:]
    other = msgspec.msgpack.decode(record.value) | {"version": version}
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap) as producer:
        await producer.send_and_wait(name, msgspec.msgpack.encode(other), record.key, 0)
    async with worker(config, tmp_path) as refused:
        assert await refused.ended() == TopicError.code
    lines = [line for line in refused.said if line.startswith("barograph: ")]
    assert len(lines) == 1
    assert f"{name}:0: a state has {said}" in lines[0]
    assert "delete the topic to learn anew" in lines[0]
    assert not any("Traceback" in line for line in refused.said)
    after = await read_topic(config, "barograph.state", 1)
    assert len(after[0]) == len(before[0]) + 1


def _service_of(records: Sequence[ConsumerRecord]) -> bytes:
    """A service that has its state in these records of the state topic."""
    return bytes(next(record.key for record in records if record.key != b"@" and b"\0" not in record.key))

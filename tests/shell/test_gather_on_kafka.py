"""Twelve services with one cause, on a real broker, through MEASURE, WATCH and GATHER: three pages, not twelve."""

import random
import signal
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson
from aiokafka import AIOKafkaProducer, ConsumerRecord
from msgspec.structs import replace

from schemas.config import Config
from schemas.control import Acknowledge
from schemas.found import MANY, Rules
from schemas.incidents import Incident
from schemas.rejected import Rejected
from streams.gather.stage import State, Word, present, step
from tests.chaos.records import furthest
from tests.shell.on_kafka import PARTITIONS, configured, incidents, read_topic, states_of
from tests.shell.workers import until, worker

SERVICES = [f"svc-{n:02}" for n in range(12)]
USUAL_S, CHANGED_S, PER_S = 120, 40, 10


def events(begin: float, seconds: range) -> Iterator[tuple[float, bytes]]:
    """Make exchanges of all services; behind the usual time most are refused, and another model serves."""
    rng = random.Random(seconds.start)
    for second in seconds:
        changed = second >= USUAL_S
        for n, service in enumerate(SERVICES):
            for i in range(PER_S):
                at = begin + second + i / PER_S
                yield at, orjson.dumps({
                    "type": "exchange", "id": f"{n}-{second}-{i}", "service": service, "release": "1", "status": "ok",
                    "at": datetime.fromtimestamp(at, UTC).isoformat(),
                    "refused": rng.random() < (0.6 if changed else 0.02),
                    "model_served": "gpt-y" if changed and rng.random() < 0.9 else "gpt-x",
                })  # fmt: skip


async def produce(config: Config, said: Sequence[tuple[float, bytes]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap, enable_idempotence=True) as producer:
        for i, (at, event) in enumerate(said):
            topic = f"{config.topics.prefix}ai.events"
            await producer.send(topic, event, partition=i % PARTITIONS, timestamp_ms=round(at * 1000))


async def records(config: Config, name: str) -> list[ConsumerRecord]:
    [found] = await read_topic(config, name, 1)
    return found


async def acknowledge(config: Config, fingerprint: str, by: str) -> None:
    said = Acknowledge(service=MANY, at=int(time.time() * 1000), fingerprint=fingerprint, by=by)
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap) as producer:
        await producer.send_and_wait(f"{config.topics.prefix}ai.control", msgspec.json.encode(said), MANY.encode())


async def test_one_cause_of_twelve_services_pages_once_and_not_by_each(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    config = configured(kafka, namespace)
    config = replace(
        config,
        measure=replace(config.measure, bucket_s=5),
        watch=replace(config.watch, update_every_s=2, silence_after_s=3600, resolve_after_s=600),
    )
    begin = time.time() - USUAL_S - CHANGED_S

    async def learned() -> bool:
        return sum(state.baseline is not None for state in await states_of(config)) == len(SERVICES)

    async def gathered() -> Incident | None:
        parents = [one for one in await incidents(config) if one.service == MANY]
        whole = [one for one in parents if {child.service for child in one.children} == set(SERVICES)]
        return whole[-1] if whole else None

    async def taken() -> bool:
        return any(one.step == "acknowledged" for one in await incidents(config))

    async def refused() -> list[Rejected]:
        return [msgspec.json.decode(one.value, type=Rejected) for one in await records(config, "ai.events.rejected")]

    # The first worker dies with findings said and no state kept: the second says the same again, and goes on.
    async with worker(config, tmp_path, "gather.before_findings", "3") as dying:
        await dying.ready()
        await produce(config, list(events(begin, range(USUAL_S))))
        await until(learned)
        await produce(config, list(events(begin, range(USUAL_S, USUAL_S + CHANGED_S))))
        assert await dying.ended() == -signal.SIGKILL
    async with worker(config, tmp_path) as running:
        parent = await until(gathered)
        await acknowledge(config, parent.fingerprint, "ann")
        await until(taken)
        await acknowledge(config, parent.fingerprint, "bob")
        [twice] = await until(refused)
        _, page = await running.ask("/metrics")
        assert await running.stop() == 0

    told = await incidents(config)
    fired = {one.id: one for one in told if one.step == "fired" and one.notify == "page"}
    paged = [one.service for one in fired.values()]
    assert MANY in paged
    assert len(paged) == config.common.services, "those that came before it was known, and the cause that they share"
    first = next(one for one in told if one.service == MANY)
    assert (first.kind, first.common, first.labels["slice"]) == ("common", "provider", "model_served=gpt-y")
    assert abs(first.since / 1000 - begin - USUAL_S) <= 2 * config.measure.bucket_s
    late = [one for one in told if one.step == "fired" and one.service not in paged]
    assert {one.notify for one in late} == {"record"}
    assert {one.parent for one in late} == {first.fingerprint}
    assert (twice.reason, twice.source) == ("already_acknowledged", f"{config.topics.prefix}ai.control")
    assert "barograph_held_back_total" in page

    # Whoever reads the inner log again from its start, with nothing in hand, says all of it and nothing else; what was
    # found while the worker stopped is the next one's.
    state, again = State(), set[tuple[bytes, bytes]]()
    read = furthest(await records(config, "barograph.gathered"))
    for record in (await records(config, "barograph.incidents"))[:read]:
        word = Word(record.offset, record.timestamp, record.value, tuple(record.headers))
        state, findings = step(Rules.of(config), state, word)
        again |= {(one.key, one.value) for one in findings if "incidents" in one.roles}
    assert {(record.key, record.value) for record in await records(config, "ai.incidents")} == again
    latest = {record.key: record.value for record in await records(config, "ai.incidents.state")}
    assert latest == {one.key: one.value for one in present(state)}

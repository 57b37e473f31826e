"""Whole workers on a real broker: what they hear from people, and what they say of themselves."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from msgspec.structs import replace

from schemas.config import Config
from schemas.control import Acknowledge, Release
from schemas.incidents import Incident
from schemas.tallies import Effective, Flush, Loss, decode
from streams import replay
from streams.shell import say, tallies, topics
from streams.shell.clients import admin
from tests.kafka.cluster import Cluster
from tests.shell.on_kafka import PARTITIONS, configured, counted, produce, read_topic, states_of, tallies_of
from tests.shell.traffic import exchanges, known, sent
from tests.shell.workers import until, worker


@pytest.fixture
def config(kafka: Cluster, namespace: str) -> Config:
    return configured(kafka.bootstrap, namespace)


async def tell(config: Config, fact: Any) -> None:
    value = msgspec.json.encode(fact)
    await asyncio.to_thread(say.say, config, fact.service, value)


async def incidents(config: Config, alert: str) -> list[Incident]:
    [published] = await read_topic(config, "ai.incidents", 1)
    said = [msgspec.json.decode(record.value, type=Incident) for record in published]
    return [one for one in said if one.labels["alertname"] == alert]


async def test_a_control_fact_reaches_its_service_once_and_a_wrong_one_is_refused(
    config: Config, tmp_path: Path
) -> None:
    events = list(exchanges(600))
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce(config, events)
        await counted(config, events)
        await tell(config, Release(service="svc-1", at=7, release="v1", phase="promoted", generation=4))
        await tell(config, Release(service="svc-1", at=7, release="v0", phase="promoted", generation=3))
        await tell(config, Acknowledge(service="ghost", at=7, fingerprint="f", by="ana"))

        async def refused() -> dict[str, str]:
            [records] = await read_topic(config, "ai.events.rejected", 1)
            said = {one["reason"]: one["said"] for one in (orjson.loads(record.value) for record in records)}
            return said if len(said) == 2 else {}

        said = await until(refused)
        assert "older than 4" in said["older_generation"]
        assert "`ghost`" in said["unknown_service"]
        assert await running.stop() == 0
    [state] = [one for one in await states_of(config) if one.service == "svc-1"]
    assert (state.present, state.generation, state.controls) != ("v0", 3, {})
    assert (state.present, state.generation) == ("v1", 4)


async def test_a_topic_that_is_made_again_is_counted_from_its_start_and_the_loss_is_said(
    config: Config, tmp_path: Path
) -> None:
    """Deleted between two lives; the second log is longer than the first was."""
    first, second = list(exchanges(600)), list(exchanges(900, seed=1))
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce(config, first)
        await counted(config, first)
        assert await running.stop() == 0
    async with admin(config) as client:
        await client.delete_topics([f"{config.topics.prefix}ai.events"])
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce(config, second)
        await counted(config, [*first, *second])
        [said] = await until(lambda: incidents(config, "LossDeclared"))
        assert "made again" in said.summary
        assert await running.stop() == 0


async def test_retention_that_overtakes_a_worker_is_declared_and_adds_up(config: Config, tmp_path: Path) -> None:
    first, lost, last = list(exchanges(600)), list(exchanges(300, seed=1)), list(exchanges(600, seed=2))
    topic = f"{config.topics.prefix}ai.events"
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce(config, first)
        await counted(config, first)
        assert await running.stop() == 0
    await produce(config, lost)
    async with admin(config) as client:
        records = RecordsToDelete(before_offset=(len(first) + len(lost)) // PARTITIONS)
        await client.delete_records({TopicPartition(topic, p): records for p in range(PARTITIONS)})
    await produce(config, last)
    async with worker(config, tmp_path) as running:
        await counted(config, [*first, *last])

        async def all_said() -> bool:
            said = await incidents(config, "LossDeclared")
            return len({one.labels["slice"] for one in said}) == PARTITIONS

        await until(all_said)
        assert await running.stop() == 0
    facts = [decode(record.value) for records in await tallies_of(config) for record in records]
    ends = dict[tuple[int, int], int]()
    for fact in facts:
        if isinstance(fact, Flush):
            ends[fact.partition, fact.anchor] = max(fact.end, ends.get((fact.partition, fact.anchor), 0))
    # A loss begins at an anchor; what was told of that block while it was open is not lost.
    losses = [fact for fact in facts if isinstance(fact, Loss)]
    assert sum(loss.end - ends.get((loss.partition, loss.begin), loss.begin) for loss in losses) == len(lost)


async def test_a_service_at_fault_is_quarantined_by_the_third_owner_and_the_others_go_on(
    config: Config, tmp_path: Path
) -> None:
    events = list(exchanges(8000))
    ends = 0
    await asyncio.to_thread(topics.ensure, config)
    await produce(config, events)
    for _ in range(3):
        async with worker(config, tmp_path, "broken", "svc-2") as running:
            ends += await running.ended() == 4
            assert any("service `svc-2` cannot be applied" in line for line in running.said)
    assert ends == 3
    others = [event for event in events if b'"svc-2"' not in event]
    async with worker(config, tmp_path, "broken", "svc-2") as running:

        async def all_others() -> bool:
            now = known(await states_of(config))
            return {one: n for one, n in now.items() if one[0] != "svc-2"} == dict(sent(others))

        await until(all_others)
        [said] = await until(lambda: incidents(config, "ServiceQuarantined"))
        assert said.labels["slice"] == "svc-2"
        assert "ZeroDivisionError" in said.summary
        assert await running.stop() == 0
    async with worker(config, tmp_path) as cured:  # the same version: it stays out
        await cured.ready()
        assert await cured.stop() == 0
    assert [one.step for one in await incidents(config, "ServiceQuarantined")] == ["fired"]


async def test_another_config_is_a_fact_and_a_replay_follows_it(config: Config, tmp_path: Path) -> None:
    """From a snapshot as well as from the log's start, the findings are those of the live run, byte for byte."""
    config = replace(config, watch=replace(config.watch, baseline_events=200))
    other = replace(config, watch=replace(config.watch, update_every_s=2, resolve_after_s=5))
    for life, now in enumerate((config, other, other)):
        async with worker(now, tmp_path) as running:
            await running.ready()
            for part in range(3):
                await produce(config, list(exchanges(500, seed=10 * life + part, failing=0.05 if life < 2 else 0.9)))
                await asyncio.sleep(1)
            events_of_now = [
                event for past in range(life + 1) for part in range(3)
                for event in exchanges(500, seed=10 * past + part, failing=0.05 if past < 2 else 0.9)
            ]  # fmt: skip
            await counted(config, events_of_now)
            assert await running.stop() == 0
    facts = [decode(record.value) for records in await tallies_of(config) for record in records]
    assert len({fact.said for fact in facts if isinstance(fact, Effective)}) == 2
    published = {record.value for [records] in [await read_topic(config, "ai.incidents", 1)] for record in records}
    assert published

    def replayed() -> tuple[set[bytes], set[bytes]]:
        whole = set(replay.topic(config, tallies.recorded(config), as_recorded=True))
        begun = tallies.snapshots(config, None)
        assert sorted(begun) == list(range(config.topics.tallies_partitions))
        starts = {partition: start.next for partition, start in begun.items()}
        return whole, set(replay.topic(config, tallies.recorded(config, starts), begun, as_recorded=True))

    whole, from_snapshot = await asyncio.to_thread(replayed)
    assert whole == published
    assert from_snapshot <= published

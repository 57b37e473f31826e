"""Whole workers on a real broker: what they hear from people, and what they say of themselves."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from schemas.config import Config
from schemas.control import Acknowledge, Release
from schemas.tallies import Effective, decode
from schemas.watching import Common
from streams import replay
from streams.shell import say, tallies
from tests.chaos import ordeals
from tests.shell.on_kafka import all_is_said, before, configured, counted, produce, read_topic, states_of, tallies_of
from tests.shell.traffic import exchanges
from tests.shell.workers import until, worker


@pytest.fixture
def config(kafka: str, namespace: str) -> Config:
    return configured(kafka, namespace)


async def tell(config: Config, fact: Any) -> None:
    value = msgspec.json.encode(fact)
    await asyncio.to_thread(say.say, config, fact.service, value)


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


@pytest.mark.long
@pytest.mark.parametrize("name", ordeals.ORDEALS)
async def test_what_was_sent_was_counted_or_declared_lost(name: str, config: Config, tmp_path: Path) -> None:
    """Retention overtakes, the topic is made again, partitions are added, a service is quarantined."""
    account = await ordeals.ORDEALS[name](config, tmp_path)
    assert account.failed() == []
    assert account.counted < account.sent or name == "partitions_added"


@pytest.mark.long
async def test_another_config_is_a_fact_and_a_replay_follows_it(config: Config, tmp_path: Path) -> None:
    """From a snapshot as well as from the log's start, the findings are those of the live run, byte for byte."""
    # Each service by itself: of what they have in common, a replay of the tallies says the same only nearly.
    config = replace(config, watch=replace(config.watch, baseline_events=200), common=Common(services=0))
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
            ends = await all_is_said(config)
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
    assert before(ends, whole) <= published <= whole
    assert from_snapshot <= published

"""Whole workers on a real broker: what is promised of topics, counts, crashes and stops."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from msgspec.structs import replace

from schemas.config import Config
from schemas.found import OURS, Rules
from schemas.taxonomy import Taxonomy
from schemas.topics import BY_ROLE, TOPICS
from streams.gather import stage as gather
from streams.shell import topics
from streams.shell.exits import TopicError
from streams.shell.failpoints import Failpoint
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from streams.watch.stage import Record, State
from tests.chaos.records import furthest
from tests.kafka.clients import admin
from tests.shell.on_kafka import (
    PARTITIONS,
    all_is_said,
    configured,
    counted,
    kept_by,
    produce,
    read_topic,
    tallies_of,
)  # fmt: skip
from tests.shell.traffic import exchanges, known, sent, told
from tests.shell.workers import worker


@pytest.fixture
def config(kafka: str, namespace: str) -> Config:
    return configured(kafka, namespace)


async def _members(config: Config, stage: str) -> int:
    async with admin(config.kafka.bootstrap) as client:
        [described] = await client.describe_consumer_groups([f"{config.kafka.group}-{stage}"])
    return sum(len(group["members"]) for group in described.to_object()["groups"])


async def test_topics_are_created_with_their_settings(config: Config) -> None:
    await asyncio.to_thread(topics.ensure, config)

    wanted = {config.topics.prefix + topic.name: topic.config() for topic in TOPICS}
    async with admin(config.kafka.bootstrap) as client:
        answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted])
    resources = [resource for answer in answers for resource in answer.resources]
    found = {resource[3]: {entry[0]: entry[1] for entry in resource[4]} for resource in resources}
    assert {name: {key: found[name][key] for key in settings} for name, settings in wanted.items()} == wanted
    assert all(row.there == row.wanted for row in await asyncio.to_thread(topics.show, config))


async def test_workers_may_create_topics_at_once(config: Config) -> None:
    await asyncio.gather(*(asyncio.to_thread(topics.ensure, config) for _ in range(3)))
    assert all(row.there == row.wanted for row in await asyncio.to_thread(topics.show, config))


async def test_topics_that_do_not_fit_are_refused(config: Config, tmp_path: Path) -> None:
    await asyncio.to_thread(topics.ensure, config)

    asks_more = replace(config, topics=replace(config.topics, events_partitions=PARTITIONS + 1))
    with pytest.raises(TopicError, match=r"ai\.events has 3 partitions, but `topics.events_partitions` says 4"):
        await asyncio.to_thread(topics.ensure, asks_more)
    asks_less = replace(config, topics=replace(config.topics, events_partitions=PARTITIONS - 1))
    await asyncio.to_thread(topics.ensure, asks_less)
    async with worker(replace(config, topics=replace(config.topics, tallies_partitions=1)), tmp_path) as refused:
        assert await refused.ended() == 3
    assert len(refused.said) == 1
    assert "barograph.tallies has 2 partitions, but `topics.tallies_partitions` says 1" in refused.said[0]


async def test_a_broker_that_is_not_there_is_one_sentence(namespace: str, tmp_path: Path) -> None:
    async with worker(configured("127.0.0.1:1", namespace), tmp_path) as refused:
        assert await refused.ended() == 3
    assert len(refused.said) == 1
    assert "no Kafka broker answers at 127.0.0.1:1" in refused.said[0]


async def test_events_are_counted_and_a_stop_leaves_the_groups(config: Config, tmp_path: Path) -> None:
    events = [*exchanges(3000), b"no event"]
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce(config, events)
        await counted(config, events[:-1])
        _, page = await running.ask("/metrics")
        assert 'barograph_events_total{type="exchange"} 3000.0' in page
        assert 'barograph_rejected_total{reason="not_json"} 1.0' in page
        assert (await running.ask("/live"))[0] == 200
        assert await running.stop() == 0

    assert told(record for records in await tallies_of(config) for record in records) == sent(events[:-1])
    [[rejected]] = await read_topic(config, "ai.events.rejected", 1)
    assert rejected.key == f"{config.topics.prefix}ai.events:0:1000".encode()
    assert [await _members(config, stage) for stage in ("measure", "watch")] == [0, 0]
    # The first group of a broker's life waits for the broker's own topic of offsets, and aiokafka complains of that.
    said = [line for line in running.said if " aiokafka" not in line]
    assert len(said) == 2, "normal operation says that it has started, and that it has stopped"


async def test_each_stage_runs_alone(config: Config, tmp_path: Path) -> None:
    events = list(exchanges(1000))
    measures = replace(config, worker=replace(config.worker, name="m", stages=("measure",)))
    watches = replace(config, worker=replace(config.worker, name="w", stages=("watch",)))
    async with worker(watches, tmp_path) as watching:
        await watching.ready()  # its own ticks make it restore its partitions
        async with worker(measures, tmp_path) as measuring:
            await produce(config, events)
            await counted(config, events)
            assert await measuring.stop() == 0
        assert await watching.stop() == 0


Said = tuple[bytes, bytes]
"""Key and value of a record."""

DEATHS: Sequence[Failpoint] = (
    "measure.mid_open",
    "measure.mid_final",
    "measure.after_final",
    "watch.before_findings",
    "watch.mid_state",
    "gather.before_findings",
    "gather.before_state",
    "watch.before_ack",
)
"""One of each kind; `make chaos` dies everywhere."""


ROLES = ("found", "changes", "failures")
"""Roles of the topics that WATCH speaks in under this config."""


@pytest.mark.long
async def test_nothing_is_lost_or_counted_twice_wherever_a_worker_dies(config: Config, tmp_path: Path) -> None:
    config = replace(config, failures=replace(config.failures, report_every_s=1))
    events: list[bytes] = []
    for life, failpoint in enumerate(DEATHS):
        async with worker(config, tmp_path, failpoint) as dying:
            # In the later lives most exchanges fail, so that there is something to find, and to say again.
            fresh = list(exchanges(1500, seed=life, failing=0.05 if life < 3 else 0.9))
            for part in (fresh[:800], fresh[800:]):
                events += part
                await produce(config, part)
                await asyncio.sleep(1)  # the next part lies in another second, and so in another block
            assert await dying.ended() == -signal.SIGKILL
    async with worker(config, tmp_path) as last:
        await counted(config, events)
        await all_is_said(config)
        assert await last.stop() == 0

    tallies = await tallies_of(config)
    assert told(record for records in tallies for record in records) == sent(events)
    # The last ticks may have come too late to be watched, and the last words of WATCH to be gathered.
    kept = await kept_by(config)
    replayed, found = _replay(config, [tallies[n][: one.position.next] for n, one in enumerate(kept)])
    assert known(state for one in kept for state in one.states.values()) == known(replayed)
    published = {
        role: (await read_topic(config, BY_ROLE[role].name, 1))[0] for role in (*ROLES, "gathered", "incidents")
    }
    for role in ROLES:
        assert {(record.key, record.value) for record in published[role] if record.key != OURS} == found[role], role
    assert found["found"]
    assert found["failures"]
    words = published["found"][: furthest(published["gathered"])]
    assert {(record.key, record.value) for record in published["incidents"]} == _gathered(config, words)


def _gathered(config: Config, published: Iterable[ConsumerRecord]) -> set[Said]:
    """Step once over all that was found, likewise."""
    state, said = gather.State(), set[Said]()
    for record in published:
        word = gather.Word(record.offset, record.timestamp, record.value, tuple(record.headers))
        state, findings = gather.step(Rules.of(config), state, word)
        said |= {(finding.key, finding.value) for finding in findings if "incidents" in finding.roles}
    return said


def _replay(config: Config, tallies: list[list[ConsumerRecord]]) -> tuple[list[State], dict[str, set[Said]]]:
    """Step once over what was recorded, as a run does that never dies: the states, and what is said by its topic."""
    engine, states, found = Engine(config, Taxonomy.load_default()), list[State](), defaultdict[str, set[Said]](set)
    for partition, records in enumerate(tallies):
        own, mine = Own(), dict[str, State]()
        for record in records:
            done = advance(engine, partition, own, mine, Record(record.offset, record.timestamp, record.value))
            own = done.own
            done.put(mine)
            for finding in done.findings:
                for role in finding.roles:
                    found[role].add((finding.key, finding.value))
        states += mine.values()
    assert found.keys() <= set(ROLES), "each is compared with its topic"
    return states, found

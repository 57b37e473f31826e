"""`barograph incidents`, `explain` and `failures` on a real broker, as a user runs them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from msgspec.structs import replace

from schemas.config import Config
from schemas.incidents import Exemplar, Incident
from streams.cli import main
from streams.shell import topics
from streams.story.failing import NOBODY
from streams.story.listed import NOBODY as NONE_OPEN
from tests.kafka.clients import admin
from tests.shell.on_kafka import configured
from tests.story.life import FIRED, GRAVER, LIFE, OVER, SAID, TAKEN, report

Said = pytest.CaptureFixture[str]

EVENTS = [json.dumps({"type": "exchange", "id": f"a-{i}", "service": "shop"}).encode() for i in range(4)]


@pytest.fixture
async def config(kafka: str, namespace: str) -> Config:
    made = configured(kafka, namespace)
    await asyncio.to_thread(topics.ensure, made)
    return made


async def write(config: Config, name: str, messages: Sequence[Any], key: bytes = b"9f0c") -> None:
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap) as producer:
        for said in messages:
            at, what = said if isinstance(said, tuple) else (None, said)
            value = what if isinstance(what, bytes | None) else msgspec.json.encode(what)
            topic = config.topics.prefix + name
            await producer.send_and_wait(topic, value, key=key, partition=0, timestamp_ms=at)


async def cut(config: Config, name: str, offset: int) -> None:
    """Let retention take what lies before an offset."""
    async with admin(config.kafka.bootstrap) as client:
        await client.delete_records({TopicPartition(config.topics.prefix + name, 0): RecordsToDelete(offset)})


async def run(config: Config, folder: Path, said: Said, *argv: str) -> tuple[int, str, str]:
    path = folder / "told.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    code = await asyncio.to_thread(main, [*argv, "--config", str(path)])
    out, error = said.readouterr()
    return code, out, error


def places(config: Config, life: Sequence[Incident]) -> list[Incident]:
    """Let the exchanges that an incident names lie on this broker: the second and the third."""
    found = tuple(
        Exemplar("SAF.OVER_REFUSAL", f"a-{i}", "", f"{config.topics.prefix}ai.events", 0, i) for i in (1, 2)
    )  # fmt: skip
    return [replace(one, exemplars=found if one.exemplars else ()) for one in life]


async def test_a_whole_story_is_told_and_what_retention_takes_of_it_is_missing(
    config: Config, tmp_path: Path, capsys: Said
) -> None:
    life = places(config, LIFE)
    await write(config, "ai.events", EVENTS)
    await write(config, "ai.incidents", [*life, life[1]])
    await write(config, "ai.incidents.state", [life[-1]])
    await write(config, "ai.control", sorted(SAID, key=lambda said: said[0]))

    code, out, error = await run(config, tmp_path, capsys, "explain", "9f0c-1-3", "--events")
    assert (code, error) == (0, "")
    for promised in ("fired", "taken by ana: rolling back", "promoted, generation 7", '{"type":"exchange","id":"a-1"'):
        assert promised in out
    assert "What the topics do not have" not in out

    await cut(config, "ai.events", 2)
    await cut(config, "ai.incidents", 2)
    await cut(config, "ai.control", 4)
    code, out, _ = await run(config, tmp_path, capsys, "explain", "9f0c", "--events")
    text = " ".join(out.split())
    assert code == 0
    assert "ai.events:0:1 its record is gone: retention took it, or the topic" in text
    assert '"id":"a-2"' in text
    assert f"step 1 is not on {config.topics.prefix}ai.incidents, which begins at" in text
    assert "what was said before is gone" in text

    code, out, _ = await run(config, tmp_path, capsys, "explain", "9f0c", "--json")
    story: Mapping[str, Any] = json.loads(out)
    assert [step["sequence"] for step in story["steps"]] == [2, 3, 4]
    assert story["events"] is None
    assert len(story["missing"]) == 2


async def test_open_incidents_are_listed_and_an_unknown_one_is_refused_with_them(
    config: Config, tmp_path: Path, capsys: Said
) -> None:
    assert (await run(config, tmp_path, capsys, "incidents"))[:2] == (0, f"{NONE_OPEN}\n")
    await write(config, "ai.incidents.state", [FIRED, TAKEN, GRAVER])  # a zombie repeats the second
    await write(config, "ai.incidents.state", [replace(OVER, fingerprint="beef", service="bank")], b"beef")
    await write(config, "ai.incidents.state", [None], b"gone")
    code, out, _ = await run(config, tmp_path, capsys, "incidents")
    assert code == 0
    [_, line] = out.splitlines()
    assert ("9f0c" in line, "ana" in line) == (True, True)
    code, out, _ = await run(config, tmp_path, capsys, "incidents", "--all", "--json")
    assert [json.loads(one)["fingerprint"] for one in out.splitlines()] == ["9f0c", "beef"]
    assert (await run(config, tmp_path, capsys, "incidents", "--service", "bank"))[1] == f"{NONE_OPEN}\n"
    code, out, error = await run(config, tmp_path, capsys, "explain", "f00d")
    assert (code, out) == (2, "")
    assert "open are: 9f0c (shop) - at `ID`" in error


async def test_how_releases_fail_is_told_from_their_last_reports(config: Config, tmp_path: Path, capsys: Said) -> None:
    assert (await run(config, tmp_path, capsys, "failures"))[:2] == (0, f"{NOBODY}\n")
    await write(config, "ai.failures", [report(sequence=2), report(summary="an old one")], b"shop:v2")
    code, out, _ = await run(config, tmp_path, capsys, "failures", "shop", "--release", "v2")
    assert code == 0
    assert "mostly refusals" in out
    assert "an old one" not in out
    code, out, error = await run(config, tmp_path, capsys, "failures", "shpo")
    assert (code, out) == (2, "")
    assert "no failures of a service `shpo` were reported; there are: shop" in error


@pytest.mark.parametrize(
    ("argv", "topic"),
    [(["incidents"], "ai.incidents.state"), (["explain", "9f0c"], "ai.incidents"), (["failures"], "ai.failures")],
    ids=lambda argv: argv[0] if isinstance(argv, list) else "",
)
async def test_where_the_topic_is_not_there_it_is_named_with_3(
    argv: list[str], topic: str, kafka: str, namespace: str, tmp_path: Path, capsys: Said
) -> None:
    code, out, error = await run(configured(kafka, namespace), tmp_path, capsys, *argv)
    assert (code, out) == (3, "")
    assert f"there is no topic `{namespace}.{topic}`" in error
    assert error.count("\n") == 1

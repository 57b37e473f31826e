"""`barograph check --live` on a real broker: what it says of services that a worker learned, is learning, or left."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from schemas.config import Config
from streams.cli import main
from streams.shell import topics
from streams.standing import ANOTHER, NOBODY
from tests.shell.on_kafka import configured, counted, produce
from tests.shell.traffic import exchanges
from tests.shell.workers import worker

Said = pytest.CaptureFixture[str]


@pytest.fixture
def config(kafka: str, namespace: str) -> Config:
    made = configured(kafka, namespace)
    return replace(made, watch=replace(made.watch, baseline_events=400))


async def check(config: Config, folder: Path, said: Said, *more: str) -> tuple[int, str, str]:
    path = folder / "live.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    code = await asyncio.to_thread(main, ["check", "--live", str(path), *more])
    out, error = said.readouterr()
    return code, out, error


async def more(config: Config, events: list[bytes], n: int, seeds: tuple[int, ...]) -> list[bytes]:
    """Send so many events after those, again and again: a block is learned from when a later one begins."""
    for seed in seeds:
        events = [*events, *exchanges(n, seed=seed)]
        await produce(config, events[-n:])
        await counted(config, events)
    return events


async def write(config: Config, key: bytes, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap) as producer:
        await producer.send_and_wait(f"{config.topics.prefix}barograph.state", value, key=key, partition=0)


async def test_every_service_of_a_running_system_is_told(config: Config, tmp_path: Path, capsys: Said) -> None:
    """Of five services some fifty exchanges come, and fifty more, then two hundred again and again; 400 teach."""
    code, out, error = await check(config, tmp_path, capsys)
    assert (code, out) == (3, "")
    assert f"there is no topic `{config.topics.prefix}barograph.state`" in error
    await asyncio.to_thread(topics.ensure, config)
    assert (await check(config, tmp_path, capsys))[:2] == (0, f"{NOBODY}\n")

    async with worker(config, tmp_path) as running:
        await running.ready()
        events = await more(config, [], 250, seeds=(1, 2))
        learning = by_name(await check(config, tmp_path, capsys, "--json"))
        assert len(learning) == 5
        assert {one["state"] for one in learning.values()} == {"learning"}
        assert all(0 < one["learned"] < one["needed"] == 400 for one in learning.values())

        await more(config, events, 1000, seeds=(3, 4, 5, 6))
        watched = by_name(await check(config, tmp_path, capsys, "--json"))
        assert {one["state"] for one in watched.values()} == {"watched"}
        for one in watched.values():
            assert one["baseline"] == 1
            assert one["exchanges"] >= 200
            assert one["unlearned"]["accepted"] == "not observed"
            assert {"failed", "latency", "model_served"} <= {row["signal"] for row in one["expected"]}
        code, out, _ = await check(config, tmp_path, capsys)
        assert code == 0
        assert ANOTHER not in out
        assert all(f"{name}: watched since " in out for name in watched)

        code, out, _ = await check(config, tmp_path, capsys, "--service", "svc-3", "--json")
        assert [json.loads(line)["service"] for line in out.splitlines()] == ["svc-3"]
        code, out, error = await check(config, tmp_path, capsys, "--service", "svc-9")
        assert (code, out) == (2, "")
        assert "`svc-9`" in error

        async def shown() -> str:
            return next(
                (row.split()[-1] for row in (await running.ask("/metrics"))[1].splitlines()
                 if row.startswith('barograph_unlearned_signals{why="not observed"}')), "",
            )  # fmt: skip

        unseen = sum(why == "not observed" for one in watched.values() for why in one["unlearned"].values())
        await asyncio.sleep(2 * config.watch.checkpoint_every_s)
        assert float(await shown()) == unseen
        assert await running.stop() == 0

    other = replace(config, watch=replace(config.watch, min_effect_points=1.0))
    assert ANOTHER in (await check(other, tmp_path, capsys))[1]


def by_name(said: tuple[int, str, str]) -> dict[str, Any]:
    code, out, error = said
    assert (code, error) == (0, "")
    return {one["service"]: one for one in map(json.loads, out.splitlines())}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (msgspec.msgpack.encode({"format": "x", "version": 99}), "a state has format 99, of a newer version"),
        (msgspec.msgpack.encode({"format": "x", "version": 3}), "counts or bets otherwise"),
        (b"hello", "no state of Barograph's"),
    ],
)
async def test_states_of_another_version_are_refused_in_a_sentence(
    value: bytes, sentence: str, config: Config, tmp_path: Path, capsys: Said
) -> None:
    await asyncio.to_thread(topics.ensure, config)
    await write(config, b"svc-1", value)
    code, out, error = await check(config, tmp_path, capsys)
    assert (code, out, error.count("\n")) == (3, "", 1)
    assert f"{config.topics.prefix}barograph.state:0: " in error
    assert sentence in error

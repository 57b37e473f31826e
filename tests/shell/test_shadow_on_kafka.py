"""A worker with a service in shadow, and a trial of taking it out, on a real broker."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from schemas import config as configs
from schemas.config import Config
from schemas.watching import Service
from streams.cli import main
from streams.trial import Difference
from tests.shell.on_kafka import configured, counted, incidents, produce, read_topic
from tests.shell.traffic import exchanges
from tests.shell.workers import worker

DARK = "svc-1"


async def test_what_is_in_shadow_is_told_apart_and_a_trial_says_what_it_would_have_paged(
    kafka: str, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(kafka, namespace)
    config = replace(
        config, watch=replace(config.watch, baseline_events=200), services=(Service(name=DARK, shadow=True),)
    )
    events: list[bytes] = []
    async with worker(config, tmp_path) as running:
        await running.ready()
        for part in range(6):  # from the third second on most exchanges fail
            fresh = list(exchanges(500, seed=part, failing=0.05 if part < 3 else 0.9))
            events += fresh
            await produce(config, fresh)
            await asyncio.sleep(1)
        await counted(config, events)
        await asyncio.sleep(2)  # a ticket waits five seconds for its like, a page for nothing
        _, page = await running.ask("/metrics")
        assert await running.stop() == 0

    live, state, dark = [
        await incidents(config, name) for name in ("ai.incidents", "ai.incidents.state", "ai.incidents.shadow")
    ]
    assert {one.service for one in dark} == {DARK}
    assert DARK not in {one.service for one in (*live, *state)}
    assert {"svc-0", "svc-2", "svc-3", "svc-4"} <= {one.service for one in live}
    assert all(one.shadow and one.id.startswith("shadow-") for one in dark)
    assert any(one.notify != "record" and one.step == "fired" for one in dark)
    [records] = await read_topic(config, "ai.incidents.shadow", 1)
    assert all(("ce_shadow", b"true") in record.headers for record in records)
    assert "barograph_shadow_total{tier=" in page

    def tried(new: Config, *options: str) -> str:
        path = tmp_path / "new.yaml"
        path.write_text(configs.show(new))
        capsys.readouterr()
        assert main(["replay", "--topic", *options, "--config", str(path)]) == 0
        return capsys.readouterr().out

    same = msgspec.json.decode(await asyncio.to_thread(tried, config, "--json"), type=Difference)
    assert same.both
    assert all(pair.same for pair in same.both)
    assert not same.only_found
    assert not same.only_would
    told = msgspec.json.decode(await asyncio.to_thread(tried, replace(config, services=()), "--json"), type=Difference)
    mine = [pair for pair in told.both if pair.found.service == DARK]
    assert mine
    assert {(pair.found.shadow, pair.would.shadow) for pair in mine} == {(True, False)}
    for tier in ("pages", "tickets"):
        assert told.sums[tier][1] == told.sums[tier][0] + told.sums[f"{tier} in shadow"][0]
    assert " in shadow -> " in await asyncio.to_thread(tried, replace(config, services=()))

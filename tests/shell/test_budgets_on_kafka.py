"""Three hours on a real broker, read again: hours are kept, each once, and the command line says what is left."""

import asyncio
import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from schemas import config as configs
from schemas import rollups
from schemas.config import parse
from streams.cli import main
from tests.shell.on_kafka import configured, produce_dated, read_topic
from tests.shell.workers import until, worker
from tests.watch.assess.test_budget import PROMISED

EVERY_S = 4


def exchange(n: int, at_s: float, rng: random.Random) -> bytes:
    return orjson.dumps({
        "type": "exchange", "id": f"x{n}", "service": "bot", "release": "v1", "output_tokens": 40,
        "status": "error" if rng.random() < 0.01 else "ok", "at": datetime.fromtimestamp(at_s, UTC).isoformat(),
    })  # fmt: skip


async def test_hours_are_kept_and_budgets_are_read_from_them(
    kafka: str, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records are dated when their events were, as after an outage of ours: so they are not late, and make hours."""
    config = replace(configured(kafka, namespace), releases=parse(PROMISED).releases)
    # The hour before this one is silent: so whenever this runs, two hours are over for good, and no third comes to be.
    whole, rng = 2 * 3600 // EVERY_S, random.Random(7)
    first = time.time() // 3600 * 3600 - 3 * 3600 + 1
    sent = [exchange(n, first + n * EVERY_S, rng) for n in range(whole)]
    failed = sum(orjson.loads(one)["status"] == "error" for one in sent)

    async def kept() -> list[rollups.Rollup]:
        found = await read_topic(config, "barograph.rollups", config.topics.tallies_partitions)
        return [rollups.decode(one.value) for records in found for one in records]

    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce_dated(config, sent)

        async def two_hours() -> bool:
            return len(await kept()) >= 2

        await until(two_hours)
        assert await running.stop() == 0
    hours = await kept()
    assert [one.hour for one in sorted(hours, key=lambda one: one.hour)] == [int(first) - 1, int(first) + 3599]
    assert sum(sum(one.signals["failed"][1]) for one in hours) == whole

    path = tmp_path / "barograph.yaml"
    path.write_text(configs.show(config))
    assert await asyncio.to_thread(main, ["budgets", "bot", "--config", str(path), "--json"]) == 0
    [budget] = json.loads(capsys.readouterr().out)["budgets"]
    assert (budget["bad"], budget["total"], budget["known_s"]) == (failed, whole, 7200)
    assert await asyncio.to_thread(main, ["budgets", "bot", "--config", str(path)]) == 0
    said = capsys.readouterr().out
    assert "error budget" in said
    assert "99.5 % over 30d" in said

    kpis = tmp_path / "kpis.yaml"
    kpis.write_text(msgspec.yaml.encode(config.releases.kpi_sets[0]).decode())
    words = ["calibrate", "bot", "--config", str(path), "--kpis", str(kpis)]
    assert await asyncio.to_thread(main, words) == 2
    assert "hours of 2 h are kept of `bot`, and 7 days are needed" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["budgets", "nobody", "--config", str(path)]) == 2
    assert "no hour of a service `nobody` was kept yet" in capsys.readouterr().err

"""A release on a real broker: GPT-4's June fails as a canary, is promoted anyway, and is taken back; March passes."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas import config as configs
from schemas.config import Config
from schemas.rollbacks import Rollback, RollbackResult
from schemas.verdicts import Verdict
from streams.demo.primes import JUNE, MARCH, SERVICE
from streams.shell.demo_release import Stage, release
from streams.shell.demo_service import Flags
from tests.shell.on_kafka import configured, read_topic
from tests.shell.workers import worker

DEMO = Path(__file__).parents[2] / "streams" / "demo"


def config_of_the_demo(bootstrap: str, namespace: str) -> Config:
    shipped = configs.parse((DEMO / "demo.yaml").read_text(), DEMO)
    return replace(
        configured(bootstrap, namespace), measure=shipped.measure, releases=shipped.releases, services=shipped.services
    )


async def said(config: Config, name: str, kind: Any) -> list[Any]:
    [records] = await read_topic(config, name, 1)
    return [msgspec.json.decode(record.value, type=kind) for record in records]


@pytest.mark.long
async def test_a_release_that_fails_is_taken_back_once_a_person_says_so(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    config, shown = config_of_the_demo(kafka, namespace), list[str]()
    async with worker(config, tmp_path) as running:
        await running.ready()
        told = await release(Stage(config, tmp_path / "barograph.yaml", await running.address(), shown.append), seed=1)
        assert await running.stop() == 0

    assert (told.march.verdict, told.march.phase) == ("pass", "live")
    assert (told.canary.verdict, told.canary.phase, told.canary.baseline) == ("fail", "canary", MARCH)
    assert told.canary.reasons[0].startswith("`right` is red, which blocks: surely under 70")
    assert (told.promoted.verdict, told.promoted.phase) == ("fail", "live")
    assert told.promoted.reasons[0].startswith("`right` is red, which rolls back: surely under 70")
    assert told.again.verdict == "pass"
    assert told.again.evaluated_at > told.result.at

    verdicts = await said(config, "ai.verdicts", Verdict)
    june = [one.verdict for one in verdicts if one.release == JUNE]
    assert set(june[june.index("fail") :]) <= {"fail", "no_data"}  # it never passes again
    beside = [one for one in verdicts if one.release == MARCH and one.evaluated_at <= told.canary.evaluated_at]
    assert "pass" in {one.verdict for one in beside}
    assert not {"fail", "marginal"} & {one.verdict for one in verdicts if one.release == MARCH}

    assert await said(config, "ai.rollbacks", Rollback) == [told.command]
    assert (told.command.expected.release, told.command.expected.generation) == (JUNE, 2)
    assert (told.command.to.release, told.command.mode) == (MARCH, "require_approval")
    results = await said(config, "ai.rollbacks.results", RollbackResult)
    assert [(one.key, one.outcome) for one in results] == [
        (told.command.key, "waiting_for_approval"), (told.command.key, "applied")
    ]  # fmt: skip
    assert told.result.approved_by == "ana"

    flag = Flags(tmp_path / "flags.json").read()
    assert (flag["defaultVariant"], flag["metadata"]["generation"]) == (MARCH, 1)
    assert flag["metadata"]["rollbackKey"] == told.command.key
    assert flag["metadata"]["version"] == 3 + 1  # three deployments, and one flip

    events = [json.loads(record.value) for records in await read_topic(config, "ai.events", 3) for record in records]
    assert {one["service"] for one in events} == {SERVICE}
    after = [one["release"] for one in events if one["type"] == "exchange" and one["at"] > told.result.at + 1000]
    assert after
    assert set(after) == {MARCH}
    facts = [line.split()[3:] for line in "\n".join(shown).split("\n") if line.startswith("$ barograph control")]
    assert [fact[0] for fact in facts] == ["release", "release", "release", "approve", "release"]

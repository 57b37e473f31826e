"""An injected regression on a real broker: one incident, with the right modes, severity, slice, onset and examples.

Every answer says that all is well. Since some moment six of ten answers of one workflow do not hold their schema, or
quote what was never retrieved.
"""

import asyncio
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson
from msgspec.structs import replace

from schemas.failures import FailureReport
from streams import replay
from streams.shell import tallies
from tests.shell.on_kafka import PARTITIONS, configured, incidents, produce_dated, read_topic, states_of
from tests.shell.traffic import known
from tests.shell.workers import until, worker

WELL_S, BROKEN_S, PER_S = 400, 60, 5
WORKFLOWS = ("refunds", "billing", "search")


def exchange(n: int, at_s: float, broken: bool, rng: random.Random) -> bytes:
    workflow = rng.choice(WORKFLOWS)
    bad = rng.random() < (0.6 if broken and workflow == "refunds" else 0.01)
    return orjson.dumps({
        "type": "exchange", "id": f"x{n}", "service": "bot", "release": "v1", "status": "ok", "workflow": workflow,
        "at": datetime.fromtimestamp(at_s, UTC).isoformat(), "schema_valid": not (bad and n % 3), "output_tokens": 40,
        "retrieval": {"n": 3, "citations_valid": not (bad and n % 3 == 0)},
        "guardrails": [{"name": "schema-guard", "fired": bad}],
    })  # fmt: skip


def events(begin: float, first: int, seconds: int, broken: bool) -> list[bytes]:
    rng = random.Random(broken)
    return [exchange(first + n, begin + n / PER_S, broken, rng) for n in range(seconds * PER_S)]


async def test_an_injected_regression_is_one_incident_that_says_what_fails_since_when_and_for_whom(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    config = configured(kafka, namespace)
    config = replace(
        config,
        measure=replace(config.measure, slices=("workflow",), late_after_s=5),
        watch=replace(config.watch, update_every_s=1, window_buckets=60, resolve_after_s=300, silence_after_s=600),
        failures=replace(config.failures, report_every_s=1),
    )
    begin = time.time() - WELL_S - BROKEN_S
    onset = begin + WELL_S
    well, broken = events(begin, 0, WELL_S, False), events(onset, 10**6, BROKEN_S, True)
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce_dated(config, well)

        async def counted(n: int) -> bool:
            return known(await states_of(config)).total() == n

        await until(lambda: counted(len(well)))
        assert not await incidents(config)
        await produce_dated(config, broken)
        await until(lambda: counted(len(well) + len(broken)))

        async def told() -> bool:
            found = await incidents(config)
            return any(one.notify == "page" and one.modes and one.concentration for one in found)

        await until(told)
        _, page = await running.ask("/metrics")
        assert await running.stop() == 0

    found = await incidents(config)
    assert len({one.fingerprint for one in found}) == 1, "one cause, one incident"
    last = found[-1]
    assert (last.severity, last.notify, last.status) == ("sev-2", "page", "firing")
    assert {mode.mode for mode in last.modes} == {"FMT.SCHEMA_INVALID", "GRD.BAD_CITATION"}
    assert last.slice is not None
    assert (last.slice.dimension, last.slice.name) == ("workflow", "refunds")
    assert abs(last.since / 1000 - onset) <= 2 * config.measure.bucket_s
    assert last.concentration is not None
    assert last.concentration.name == "refunds"
    assert [one.guardrail for one in last.guardrails] == ["schema-guard"]
    assert "severity table" in last.why_severity
    assert last.lineage.taxonomy

    log = await read_topic(config, "ai.events", PARTITIONS)
    assert 0 < len(last.exemplars) <= 3
    for one in last.exemplars:
        record = next(record for record in log[one.partition] if record.offset == one.offset)
        said = orjson.loads(record.value)
        assert (said["id"], said["status"]) == (one.id, "ok")
        assert said["schema_valid"] is (one.mode != "FMT.SCHEMA_INVALID")
    assert 'barograph_failures_total{mode="FMT.SCHEMA_INVALID"}' in page

    [reports] = await read_topic(config, "ai.failures", 1)
    report = msgspec.json.decode(reports[-1].value, type=FailureReport)
    failed = sum(orjson.loads(event)["guardrails"][0]["fired"] for event in [*well, *broken])
    assert report.all.failed <= failed  # those before the baseline taught it
    assert set(report.all.diversity.critical) == {"FMT.SCHEMA_INVALID", "GRD.BAD_CITATION"}
    assert report.all.concentration[0].name == "refunds"

    def again() -> set[bytes]:
        return set(replay.topic(config, tallies.recorded(config), as_recorded=True))

    [records] = await read_topic(config, "ai.incidents", 1)
    assert {record.value for record in records} <= await asyncio.to_thread(again)

"""A service of which everything changes at once, on a real broker: inputs, answers, workflow and traffic are told.

Two hours of its own time are sent in seconds: one exchange a second, as traffic is learned from 4,725 s of buckets at
least, and then twenty times as many, that are all unlike those before. Each has its outcome.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from msgspec.structs import replace

from schemas.own import OwnSignal
from schemas.signals import TRAFFIC
from streams import replay
from streams.shell import tallies
from tests.shell.on_kafka import all_is_said, before, configured, incidents, produce_dated, read_topic, states_of
from tests.shell.traffic import known
from tests.shell.workers import until, worker

USUAL_S, CHANGED_S, TIMES = 6500, 120, 20
INPUT = {"input_tokens", "intent", "language", "persona"}
OUTPUT = {
    "answered", "refused", "abstained", "schema_valid", "missing_fields", "prohibited", "latency", "ttft",
    "output_tokens", "cost", "confidence", "finish_reason",
}  # fmt: skip
OUTCOME = {"correct", "critical_fields_ok", "rule_ok", "accepted", "resolved", "escalated", "repeat_contact"}
WORKFLOW = {
    "fallback", "tool_error", "served_differs", "citations_valid", "guardrail_fired", "steps", "retries", "tool_calls",
    "retrieved", "retrieval_coverage", "retrieval_score", "document_age", "model_served", "route", "tool_path",
    "prompt_version",
}  # fmt: skip


def exchange(i: int, at_s: float, changed: bool, rng: random.Random) -> Iterator[bytes]:
    """Make an exchange and its outcome; what changed is far from what was usual."""

    def yes(usual: float, now: float) -> bool:
        return rng.random() < (now if changed else usual)

    def about(usual: float, times: float) -> float:
        return round(usual * (times if changed else 1) * rng.lognormvariate(0, 0.3), 4)

    def one_of(usual: list[str], now: str) -> str:
        return now if changed and rng.random() < 0.8 else rng.choice(usual)

    when = datetime.fromtimestamp(at_s, UTC).isoformat()
    tools = ["search", "cancel_order"] if changed else ["search"]
    who = {"service": "bot", "release": "1", "at": when}
    said: dict[str, Any] = {
        "type": "exchange", "id": f"x{i}", **who, "workflow": rng.choice(["refunds", "orders"]), "status": "ok",
        "intent": one_of(["refund", "order", "address"], "lottery"), "language": one_of(["en", "de"], "nl"),
        "persona": one_of(["buyer", "seller"], "agent"), "input_tokens": int(about(300, 4)),
        "answered": yes(0.97, 0.4), "refused": yes(0.03, 0.5), "abstained": yes(0.03, 0.5),
        "schema_valid": yes(0.98, 0.4), "missing_fields": ["total"] if yes(0.02, 0.6) else [],
        "prohibited": ["pii"] if yes(0.01, 0.4) else [], "latency_ms": about(800, 4), "ttft_ms": about(90, 4),
        "output_tokens": int(about(150, 4)), "cost_usd": about(0.01, 4),
        "confidence": min(about(0.6, 0.3), 1.0), "finish_reason": one_of(["stop"], "length"),
        "fallback": yes(0.02, 0.6), "model_requested": "gpt-x", "model_served": one_of(["gpt-x"], "gpt-y"),
        "route": one_of(["fast", "slow"], "human"), "prompt_version": one_of(["7"], "8"), "steps": int(about(5, 4)),
        "retries": 3 if yes(0.05, 0.8) else 0,
        "tools": [{"name": tool, "ok": not yes(0.02, 0.6)} for tool in tools],
        "guardrails": [{"name": "pii", "fired": yes(0.02, 0.6)}],
        "retrieval": {
            "n": int(about(20, 0.2)), "coverage": min(about(0.6, 0.2), 1.0), "top_score": min(about(0.6, 0.2), 1.0),
            "newest_age_days": about(10, 6), "citations_valid": yes(0.98, 0.4),
        },
        "attributes": {"vip": yes(0.05, 0.7)},
    }  # fmt: skip
    yield orjson.dumps(said)
    outcome = {
        "type": "outcome", "about": f"x{i}", **who, "correct": yes(0.95, 0.3), "confidence": 0.9,
        "critical_fields_ok": yes(0.95, 0.3),
        "rule_ok": yes(0.95, 0.3), "accepted": yes(0.9, 0.3), "resolved": yes(0.9, 0.3), "escalated": yes(0.05, 0.6),
        "repeat_contact": yes(0.05, 0.6),
    }  # fmt: skip
    yield orjson.dumps(outcome)


def told(usual: bool, begin: float) -> list[bytes]:
    """Make the events of the usual hours, or of the two minutes after them."""
    rng = random.Random(usual)
    if usual:
        times = [begin + second for second in range(USUAL_S)]
    else:
        times = [begin + USUAL_S + n / TIMES for n in range(CHANGED_S * TIMES)]
    return [event for n, at in enumerate(times) for event in exchange(n + usual * 10**6, at, not usual, rng)]


async def test_every_signal_that_moves_is_told_with_what_when_and_how_sure(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    config = configured(kafka, namespace)
    config = replace(
        config,
        measure=replace(config.measure, slices=("workflow",), late_after_s=5),
        watch=replace(
            config.watch,
            baseline_events=4000,
            update_every_s=1,
            window_buckets=30,
            resolve_after_s=300,
            silence_after_s=600,
        ),
        signals=(OwnSignal(name="vip", source="attribute", kind="rate", bad="up", consequence="process"),),
    )
    begin = time.time() - USUAL_S - CHANGED_S
    wanted = {*INPUT, *OUTPUT, *OUTCOME, *WORKFLOW, "vip", "failed", "calibration", TRAFFIC.name}
    async with worker(config, tmp_path) as running:
        await running.ready()
        await produce_dated(config, told(usual=True, begin=begin))

        async def counted() -> bool:
            return known(await states_of(config)).total() == USUAL_S

        await until(counted)
        assert not [one for one in await incidents(config) if one.notify != "record"]

        async def all_of_them() -> bool:
            return wanted <= {change.signal for one in await incidents(config) for change in one.changes}

        await produce_dated(config, told(usual=False, begin=begin))

        await until(all_of_them)
        ends = await all_is_said(config)
        _, page = await running.ask("/metrics")
        assert await running.stop() == 0

    found = await incidents(config)
    first = next(one for one in found if one.notify == "page")
    assert abs(first.since / 1000 - begin - USUAL_S) <= 2 * config.measure.bucket_s
    assert first.since_low <= first.since <= first.since_high
    assert first.how_sure.endswith("if nothing had changed")
    latest = found[-1]
    what = {(one.signal, one.feature) for one in latest.changes}
    assert {
        ("intent", "name=lottery"),
        ("model_served", "name=gpt-y"),
        ("tool_path", "name=search>cancel_order"),
    } <= what
    assert {"model_served", "prompt_version"} <= {one.what for one in latest.also}
    assert all(one.false_per_week < 1 for one in latest.changes)
    assert 'barograph_budget_spent_total{tier="page"}' in page

    def again() -> set[bytes]:
        return set(replay.topic(config, tallies.recorded(config), as_recorded=True))

    [records] = await read_topic(config, "ai.incidents", 1)
    replayed = await asyncio.to_thread(again)
    assert before(ends, replayed) <= {record.value for record in records} <= replayed

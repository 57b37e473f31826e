"""Knobs -> the events of an hour: each KPI's input is one knob, and turning it leaves all other inputs as they were."""

from collections.abc import Iterator
from math import gcd
from typing import Any

SERVED = 4000
_STEPS = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069, 1087, 1091, 1093, 1097, 1103, 1109)

Knobs = dict[str, Any]
USUAL: Knobs = {
    # Of exchanges: how many; percent of them; numbers, of which one in ten is another where there are two.
    "served": SERVED, "failed": 0.0, "failed_in_a": 50, "schema_invalid": 0.0, "missing_fields": 0.0, "refused": 10.0,
    "abstained": 10.0, "fallback": 5.0, "tool_error": 0.0, "unauthorized": 0.0, "unsafe": 0.0, "bad_citations": 0.0,
    "retried": 2.0, "stale": 2.0, "fast": 70.0, "latency": 300, "slowest": 1000, "ttft": 300, "steps": 8,
    "cost": 0.002, "coverage": 0.85, "intents": (50, 30, 20),
    # Of outcomes: how many; percent of them.
    "judged": SERVED, "correct": 100.0, "fields_ok": 100.0, "rule_ok": 100.0, "accepted": 100.0, "resolved": 100.0,
    "escalated": 0.0, "repeat_contact": 0.0,
    # Of a thousand outcomes with stated confidence: what was stated, and how many were right.
    "stated": 0.975, "right": 975,
    # Outcomes that say nothing but a mode: how many of each.
    "modes": {},
}  # fmt: skip


class _Chosen:
    """Percent of so many, exactly, each time others, and as many of every other one as of those between."""

    def __init__(self, of: int) -> None:
        self.of = of
        self.steps = iter([step for step in _STEPS if gcd(step, of) == 1])

    def __call__(self, percent: float) -> list[bool]:
        step, some = next(self.steps), round(self.of * percent / 100)
        return [i * step % self.of < some for i in range(self.of)]


def hour(**knobs: Any) -> Iterator[dict[str, Any]]:
    """Make the events of an hour."""
    assert knobs.keys() <= USUAL.keys(), knobs.keys() - USUAL.keys()
    said = USUAL | knobs
    yield from _exchanges(said)
    yield from _outcomes(said)


def _exchanges(said: Knobs) -> Iterator[dict[str, Any]]:
    n = said["served"]
    chosen = _Chosen(n)
    flags = ("schema_invalid", "missing_fields", "refused", "abstained", "fallback", "tool_error", "unauthorized")
    of = {name: chosen(said[name]) for name in (*flags, "unsafe", "bad_citations", "retried", "stale", "fast")}
    slow = chosen(10.0)
    failing = round(n * said["failed"] / 100)
    in_a = round(failing * said["failed_in_a"] / 100)
    failed = {2 * i for i in range(in_a)} | {2 * i + 1 for i in range(failing - in_a)}  # even ones are of `a`
    intents = [name for name, share in zip("xyz", said["intents"], strict=True) for _ in range(share)]
    for i in range(n):
        yield {
            "type": "exchange", "id": f"{i}", "status": "error" if i in failed else "ok",
            "workflow": "ab"[i % 2], "model_served": f"model-{'ab'[i % 2]}", "intent": intents[i % 100],
            "route": "fast" if of["fast"][i] else "slow",
            "latency_ms": said["slowest"] if slow[i] else said["latency"], "ttft_ms": said["ttft"] if slow[i] else 200,
            "steps": said["steps"] if slow[i] else 4, "cost_usd": said["cost"],
            "refused": of["refused"][i], "abstained": of["abstained"][i], "fallback": of["fallback"][i],
            "schema_valid": not of["schema_invalid"][i], "retries": int(of["retried"][i]),
            "missing_fields": ["iban"] if of["missing_fields"][i] else [],
            "sql": "DELETE FROM orders" if of["unsafe"][i] else "SELECT 1",
            "retrieval": {
                "n": 3, "coverage": said["coverage"], "citations": 2, "citations_valid": not of["bad_citations"][i],
                "newest_age_days": 31 if of["stale"][i] else 30,
            },
            "tools": [{"name": "t", "ok": not of["tool_error"][i], "authorized": not of["unauthorized"][i]}],
            "evals": [{"name": name, "value": value} for name, value in
                      (("over_refusal", 0.0), ("abstention", 1.0), ("faithfulness", 1.0))],
        }  # fmt: skip


def _outcomes(said: Knobs) -> Iterator[dict[str, Any]]:
    chosen = _Chosen(said["judged"])
    names = ("correct", "fields_ok", "rule_ok", "accepted", "resolved", "escalated", "repeat_contact")
    of = {name: chosen(said[name]) for name in names}
    of["critical_fields_ok"] = of.pop("fields_ok")
    for i in range(said["judged"]):
        yield {"type": "outcome", "about": f"{i}", **{name: flags[i] for name, flags in of.items()}}
    for i in range(1000):
        yield {"type": "outcome", "about": f"{i}", "confidence": said["stated"], "correct": i < said["right"]}
    for mode, times in said["modes"].items():
        for i in range(times):
            yield {"type": "outcome", "about": f"{i}", "mode": mode}

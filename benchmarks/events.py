"""A seed -> the traffic of all throughput benchmarks: exchanges of 50 services, with every signal, of 1 kB each."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson

SEED: Final = 20_261_124
SERVICES: Final = 50
FAILING: Final = 0.02
BYTES: Final = 1_040
START_MS: Final = 1_795_478_400_000
"""2026-11-24T00:00:00Z, in milliseconds."""

WORKFLOWS: Final = ("answer", "summarise", "triage", "refund", "onboarding", "search", "draft_reply", "handoff")
INTENTS: Final = (
    "billing_question", "cancel_order", "change_address", "reset_password", "track_parcel", "complaint",
    "invoice_copy", "upgrade_plan", "warranty", "opening_hours", "fraud_report", "other",
)  # fmt: skip
MODELS: Final = (
    ("gpt-x-large", "gpt-x-large-2026-10-02"), ("gpt-x-large", "gpt-x-mini-2026-09-11"),
    ("claude-y", "claude-y-20261001"), ("llama-z-70b", "llama-z-70b-instruct-fp8"),
)  # fmt: skip
TOOLS: Final = ("lookup_order", "create_ticket", "search_kb", "issue_refund")
PERSONAS: Final = ("customer", "agent", "partner")

FAILURES: Final[tuple[dict[str, Any], ...]] = (
    {"status": "error", "http_status": 429, "error_type": "RateLimitError", "answered": False},
    {"status": "error", "http_status": 529, "error_type": "overloaded_error", "answered": False},
    {"status": "error", "http_status": 500, "error_type": "InternalServerError", "answered": False},
    {"status": "timeout", "http_status": 504, "error_type": "APITimeoutError", "answered": False},
    {"status": "aborted", "error_type": "MidStreamFallbackError", "answered": False},
    {"finish_reason": "length", "schema_valid": False},
    {"schema_valid": False},
    {"output_tokens": 0, "answered": False},
)
"""Ways in which the failing ones fail; each has a mode of the taxonomy."""


class Produced(NamedTuple):
    """A record to produce: its key is the service, so that a service lies on one partition."""

    key: bytes
    timestamp_ms: int
    value: bytes


def exchanges(
    n: int, per_s: float, start_ms: int = START_MS, seed: int = SEED, failing: float = FAILING
) -> Iterator[Produced]:
    """Make `n` exchanges, evenly spread over time, each the latest when it is produced.

    Parameters
    ----------
    per_s : events a second of the log's time
    failing : share that fails, in equal parts by each of `FAILURES`

    Examples
    --------
    >>> [(one.key, one.timestamp_ms - START_MS) for one in exchanges(3, per_s=100)]
    [(b'assistant-11', 0), (b'assistant-29', 10), (b'assistant-35', 20)]
    """
    chance = random.Random(seed)
    for i in range(n):
        ms = start_ms + int(i * 1000 / per_s)
        said = exchange(chance, ms, chance.randrange(SERVICES), failing)
        yield Produced(said["service"].encode(), ms, orjson.dumps(said))


def exchange(chance: random.Random, ms: int, number: int, failing: float = FAILING) -> dict[str, Any]:
    """Make one exchange of the service of that number, at that time."""
    requested, served = MODELS[number % 4] if chance.random() < 0.9 else chance.choice(MODELS)
    latency = round(chance.lognormvariate(6.8, 0.5), 1)
    tokens_in, tokens_out = int(chance.lognormvariate(6.5, 0.6)) + 1, int(chance.lognormvariate(5.0, 0.7)) + 1
    said: dict[str, Any] = {
        "type": "exchange",
        "id": f"{chance.getrandbits(96):024x}",
        "service": f"assistant-{number:02d}",
        "release": f"2026.11.{chance.random() < 0.1:d}",
        "at": rfc3339(ms),
        "env": "production",
        "workflow": WORKFLOWS[int(8 * chance.random() ** 2)],
        "intent": INTENTS[int(12 * chance.random() ** 2)],
        "persona": PERSONAS[int(3 * chance.random() ** 2)],
        "language": "en" if chance.random() < 0.8 else chance.choice(("de", "fr", "es", "ja")),
        "tenant_tier": chance.choice(("free", "pro", "enterprise")),
        "session": f"{chance.getrandbits(64):016x}",
        "turn": chance.randrange(1, 9),
        "trace": f"{chance.getrandbits(128):032x}",
        "model_requested": requested,
        "prompt_version": f"v{number % 7 + 12}",
        "input_tokens": tokens_in,
        "deadline_ms": 120_000,
        "status": "ok",
        "model_served": served,
        "route": "primary",
        "http_status": 200,
        "latency_ms": latency,
        "ttft_ms": round(latency * chance.uniform(0.1, 0.3), 1),
        "output_tokens": tokens_out,
        "cost_usd": round((3 * tokens_in + 15 * tokens_out) / 1e6, 6),
        "finish_reason": "tool_calls" if chance.random() < 0.2 else "stop",
        "answered": True,
        "refused": chance.random() < 0.03,
        "abstained": chance.random() < 0.02,
        "schema_valid": True,
        "missing_fields": ["order_id"] if chance.random() < 0.01 else [],
        "prohibited": ["pii"] if chance.random() < 0.001 else [],
        "fallback": chance.random() < 0.01,
        "retries": int(chance.random() < 0.04),
        "steps": 1,
        "confidence": round(chance.random(), 3),
        "tools": [],
        "guardrails": [{"name": "input", "fired": chance.random() < 0.01}, {"name": "output", "fired": False}],
        "attributes": {"channel": chance.choice(("web", "app", "mail")), "basket_eur": round(200 * chance.random(), 2)},
    }
    if chance.random() < 0.8:
        said["retrieval"] = _retrieval(chance)
    if chance.random() < 1 / 3:
        said["tools"] = [_call(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
        said["steps"] += len(said["tools"])
    if chance.random() < 0.1:  # evaluators are dear, and see a sample
        said["evals"] = [{"name": "groundedness", "value": round(chance.random() ** 0.2, 2), "judge": "judge-3"}]
    if chance.random() < failing:
        said |= chance.choice(FAILURES)
    return said


def _retrieval(chance: random.Random) -> dict[str, Any]:
    return {
        "n": chance.randrange(1, 9),
        "coverage": round(chance.random() ** 0.3, 3),
        "top_score": round(chance.gauss(0.8, 0.07), 4),
        "newest_age_days": round(chance.expovariate(1 / 30), 1),
        "citations": chance.randrange(4),
        "citations_valid": chance.random() < 0.97,
    }


def _call(chance: random.Random) -> dict[str, Any]:
    if chance.random() < 0.02:
        return {"name": chance.choice(TOOLS), "ok": False, "error": "timeout"}
    return {"name": chance.choice(TOOLS), "ok": True}


def rfc3339(ms: int) -> str:
    """Write a time as most producers do."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def mean_size(n: int = 2_000) -> float:
    """Measure the mean size of the events' JSON, in bytes.

    Examples
    --------
    >>> abs(mean_size() - BYTES) < 0.01 * BYTES
    True
    """
    return sum(len(one.value) for one in exchanges(n, per_s=1_000)) / n

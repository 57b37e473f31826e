"""A seed -> what the services send: every kind of event, every kind of mistake, and changes that come and go.

Pure: the same script and start give the same records, bytes, partitions and timestamps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, NamedTuple

import orjson

SERVICES: Final = (
    "checkout-bot", "search-rag", "support-bot", "code-helper", "summarizer", "extractor",
    "voice-agent", "translator", "planner", "moderator", "ranker", "batch-scorer",
)  # fmt: skip
CHANGING: Final = SERVICES[:6]
SILENT: Final = "batch-scorer"
FLOODED: Final = "code-helper"
CLOSING: Final = ("voice-agent", "planner", "extractor", "ranker")
"""One service of each of the four tallies partitions: when a flush tells of the last of them, all has been told."""

PARTITIONS: Final = 4
FLOOD_S: Final = 11.0
"""How often a flood of names comes."""


@dataclass(frozen=True)
class Script:
    """How much comes, and what changes when, in seconds from the start; it has no end.

    Attributes
    ----------
    rate : events a second, of all services together
    warm : before it, nothing changes: baselines are learned
    cycle, change : each changing service changes for `change` seconds of every `cycle`, one after the other
    """

    rate: float = 300.0
    warm: float = 30.0
    cycle: float = 84.0
    change: float = 22.0

    def mood(self, service: str, at: float) -> str:
        """Say how a service is: "well", "refusing", "slow", "failing" or "silent".

        >>> [Script().mood("checkout-bot", at) for at in (0, 40, 60, 120)]
        ['well', 'refusing', 'well', 'refusing']
        """
        nth = CHANGING.index(service) if service in CHANGING else 0
        since = at - self.warm - nth * self.cycle / len(CHANGING)
        if service not in (*CHANGING, SILENT) or since < 0 or since % self.cycle >= self.change:
            return "well"
        return "silent" if service == SILENT else ("refusing", "slow", "failing")[nth % 3]


class Beat(NamedTuple):
    """A record to produce: when (ms since the start), where, under which timestamp (ms since 1970), and what."""

    due: int
    partition: int
    timestamp: int
    value: bytes | None


def story(script: Script, seed: int, start_ms: int) -> Iterator[Beat]:
    """Tell the story, in the order of time, without an end."""
    rng = Random(seed)
    waiting: list[tuple[int, int, Beat]] = []  # the second halves of split exchanges, and what else comes later
    told, at, flood = 0, 0.0, FLOOD_S
    while True:
        at += rng.expovariate(script.rate)
        coming = list(_record(rng, script, start_ms, at))
        if at > flood:
            coming += _flood(rng, start_ms, int(at * 1000))
            flood += FLOOD_S
        for beat in coming:
            told += 1
            heappush(waiting, (beat.due, told, beat))
        while waiting and waiting[0][0] <= at * 1000:
            yield heappop(waiting)[2]


def closing(start_ms: int, due: int) -> list[Beat]:
    """Tell the end: on every partition one exchange of a service of each tallies partition, all of one block."""
    rng = Random(due)
    return [
        Beat(due, partition, start_ms + due, orjson.dumps(_exchange(rng, service, "well", start_ms + due)))
        for partition in range(PARTITIONS)
        for service in CLOSING
    ]


def _record(rng: Random, script: Script, start_ms: int, at: float) -> Iterator[Beat]:
    """Make one event; a split exchange is two records, the second a little later."""
    due = int(at * 1000)
    timestamp = start_ms + due
    # Every partition has lulls of three seconds: in them, blocks stay open and are flushed as they are.
    partition = rng.choice([p for p in range(PARTITIONS) if int(at) % 28 not in range(7 * p, 7 * p + 3)])
    if rng.random() < 0.0005:
        timestamp -= 90_000  # a producer whose clock is wrong: its record ends the block
    service = rng.choice(SERVICES)
    if (mood := script.mood(service, at)) == "silent":
        return
    if rng.random() < 0.01:
        yield Beat(due, partition, timestamp, mistake(rng, service, timestamp))
        return
    said = timestamp - int(rng.expovariate(1 / 400))
    if rng.random() < 0.005:
        said -= rng.randint(60, 300) * 1000  # late
    kind = rng.random()
    if kind < 0.04:
        outcome = {"type": "outcome", "about": f"x{rng.getrandbits(40):x}", "correct": rng.random() < 0.9}
        yield Beat(due, partition, timestamp, orjson.dumps(outcome | _who(rng, service, said)))
    elif kind < 0.05:
        case = {"type": "evaluation", "pack": "core", "pack_version": "3", "case": f"c{rng.randrange(50)}"}
        yield Beat(due, partition, timestamp, orjson.dumps(case | {"suite": "core"} | _who(rng, service, said)))
    elif kind < 0.3:
        yield from _split(rng, _exchange(rng, service, mood, said), Beat(due, partition, timestamp, None), start_ms)
    else:
        yield Beat(due, partition, timestamp, orjson.dumps(_exchange(rng, service, mood, said)))


ASKED: Final = ("workflow", "intent", "input_tokens")


def _split(rng: Random, whole: dict[str, Any], asks: Beat, start_ms: int) -> Iterator[Beat]:
    """Send an exchange as a request and, by and by, a response; one in five in some way as it should not be."""
    request = {name: whole[name] for name in ("id", "service", "release", "at", *ASKED)} | {"type": "request"}
    due = asks.due + int(whole["latency_ms"])
    response = whole | {"type": "response", "at": _time(rng, start_ms + due)}
    if rng.random() < 0.7:
        response = {name: value for name, value in response.items() if name not in ASKED}
    request_due, times, answers = asks.due, 1, 1
    match rng.choices(SPLITS, [80, *[20 / (len(SPLITS) - 1)] * (len(SPLITS) - 1)])[0]:
        case "unanswered":
            answers = 0
        case "too late":
            due += rng.randint(3000, 9000)
        case "response first":
            request_due, due = due, request_due
        case "asked twice":
            times = 2
        case "answered twice":
            answers = 2
        case "of another service":
            response["service"] = rng.choice(SERVICES)
        case "request refused":
            request["at"] = "soon"
        case "response refused":
            response["input_tokens"] = -1
    for n in range(times):
        at = request_due + 50 * n
        yield Beat(at, asks.partition, asks.timestamp + at - asks.due, orjson.dumps(request))
    for n in range(answers):
        at = due + 50 * n
        yield Beat(at, asks.partition, start_ms + at, orjson.dumps(response))


SPLITS: Final = (
    "as it should be", "unanswered", "too late", "response first", "asked twice", "answered twice",
    "of another service", "request refused", "response refused",
)  # fmt: skip


def _flood(rng: Random, start_ms: int, begins: int) -> Iterator[Beat]:
    """Send more names within a second than are told apart (of intents, of releases, or of services), and more requests
    that nothing will answer than may be open."""
    partition, kind = rng.randrange(PARTITIONS), rng.choice(["intent", "release", "service"])
    for n in range(40):
        due = begins + n * 20
        event = _exchange(rng, FLOODED, "well", start_ms + due)
        event[kind] = f"{kind}-{rng.randrange(60) if kind != 'service' else rng.randrange(24)}"
        yield Beat(due, partition, start_ms + due, orjson.dumps(event))
        asked = _exchange(rng, rng.choice(SERVICES), "well", start_ms + due)
        request = {name: asked[name] for name in ("id", "service", "release", "at", *ASKED)} | {"type": "request"}
        yield Beat(due, partition, start_ms + due, orjson.dumps(request))


def _who(rng: Random, service: str, at_ms: int) -> dict[str, Any]:
    return {"service": service, "release": f"2026.{1 + (rng.random() < 0.3)}", "at": _time(rng, at_ms)}


def _time(rng: Random, at_ms: int) -> str | int:
    """Write a time in one of the ways in which producers do."""
    zone = UTC if rng.random() < 0.9 else timezone(timedelta(hours=2))
    if rng.random() < 0.2:
        return at_ms
    text = datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec=rng.choice(["seconds", "milliseconds"]))
    return text.replace("+00:00", "Z")


def _exchange(rng: Random, service: str, mood: str, at_ms: int) -> dict[str, Any]:
    """Make an exchange; about two in a hundred fail, and more where the service is failing."""
    slow = 6.0 if mood == "slow" else 1.0
    tokens = int(rng.lognormvariate(5, 0.7))
    event = _who(rng, service, at_ms) | {
        "type": "exchange", "id": f"x{rng.getrandbits(48):x}", "workflow": rng.choice(["chat", "chat", "batch"]),
        "intent": rng.choice(["ask", "ask", "ask", "buy", "return", "complain", "praise", None]),
        "model_served": "m-2" if mood == "slow" else "m-1", "status": "ok", "finish_reason": "stop",
        "latency_ms": round(rng.lognormvariate(5.5, 0.5) * slow, 1), "input_tokens": int(rng.lognormvariate(6, 0.6)),
        "output_tokens": tokens, "cost_usd": round(tokens * 3e-6, 7), "answered": rng.random() < 0.97,
        "refused": rng.random() < (0.45 if mood == "refusing" else 0.02), "schema_valid": True,
        "fallback": rng.random() < 0.03,
    }  # fmt: skip
    if service != "summarizer":
        event["ttft_ms"] = round(event["latency_ms"] * rng.uniform(0.2, 0.6), 1)
    if rng.random() < (0.4 if mood == "failing" else 0.02):
        event |= rng.choice([
            {"status": "error", "http_status": 429}, {"status": "timeout", "answered": None},
            {"schema_valid": False}, {"finish_reason": "length"}, {"status": "error", "error_type": "overloaded_error"},
            {"status": "error", "error_type": "who knows"}, {"missing_fields": ["total"]},
        ])  # fmt: skip
    return event


MISTAKES: Final = (
    "empty", "not_json", "nan", "no_service", "wrong_type", "negative", "unknown_type", "too_large", "too_deep",
    "bad_time", "no_zone", "future",
)  # fmt: skip


def mistake(rng: Random, service: str, at_ms: int, kind: str | None = None) -> bytes | None:
    """Make a record that is no event."""
    event = _exchange(rng, service, "well", at_ms)
    match kind or rng.choice(MISTAKES):
        case "empty":
            return None
        case "not_json":
            return orjson.dumps(event)[: rng.randint(1, 60)]
        case "nan":
            return orjson.dumps(event).replace(b'"latency_ms":', b'"latency_ms":NaN,"x":')
        case "no_service":
            del event["service"]
        case "wrong_type":
            event["input_tokens"] = "many"
        case "negative":
            event["latency_ms"] = -1.5
        case "unknown_type":
            event["type"] = "telemetry"
        case "too_large":
            event["trace"] = "x" * 5000
        case "too_deep":
            return orjson.dumps(event)[:-1] + b',"deep":' + b"[" * 1500 + b"]" * 1500 + b"}"
        case "bad_time":
            event["at"] = "yesterday"
        case "no_zone":
            event["at"] = "2026-11-23T14:02:05"
        case "future":
            event["at"] = at_ms + 2 * 86_400_000
    return orjson.dumps(event)

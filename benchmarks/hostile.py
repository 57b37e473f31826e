"""A seed -> records that mean harm, of a score of kinds, and what is designed to become of each.

A record of a kind either is rejected, for one of the reasons named, or it is valid and counts. What is valid says so
under a service of its own, ``hostile-...``, so that whether it was counted can be seen apart from the good ones.
"""

import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from benchmarks.events import exchange
from schemas.rejected import Reason

FEW: Final = 100
"""So many of those kinds of which a record is as large as thousands of others: a thousand of the million tools alone
would be 13 GB among 0.7 GB of good events, and what is measured were how fast those are decompressed."""
BIG_BYTES: Final = 5_000_000
MILLION: Final = 1_000_000
LIMIT_BYTES: Final = 256 << 10
"""`measure.max_event_bytes`, by default."""
DAY_MS: Final = 86_400_000
CONTROLS: Final = ("\0", "\x01\x02", "\t\n\r", "\x1b[2J", "\x7f", "\u202egnp", "\u0085", "@", "%00", "a\0bucket\0b")
"""Names that hold what nobody should print; two look like the keys of Barograph's own state."""

Make = Callable[[random.Random, dict[str, Any]], bytes | None]


class Kind(NamedTuple):
    """A way to do harm.

    Attributes
    ----------
    reasons : for which it is rejected; none where it is valid and counts
    few : whether there are `FEW` of it, unless more are asked for
    late : whether what counts of it counts as late
    """

    name: str
    make: Make
    reasons: tuple[Reason, ...] = ()
    few: bool = False
    late: bool = False


class Record(NamedTuple):
    """A hostile record; `service` is the one that it counts for, None where it is to be rejected."""

    kind: Kind
    key: bytes
    value: bytes | None
    service: str | None


def _with(**fields: Any) -> Make:
    """Make an event that says this."""
    return lambda _, good: orjson.dumps(good | fields)


def _raw(field: bytes, said: bytes) -> Make:
    """Make an event in which a field is given as these very bytes."""
    return lambda _, good: (
        orjson.dumps({k: v for k, v in good.items() if k != field.decode()})[:-1] + (b',"%s":%s}' % (field, said))
    )


def _random_bytes(chance: random.Random, _: dict[str, Any]) -> bytes:
    return chance.randbytes(chance.randrange(1, 2_000))


def _truncated(chance: random.Random, good: dict[str, Any]) -> bytes:
    whole = orjson.dumps(good)
    return whole[: chance.randrange(1, len(whole))]


def _deep(chance: random.Random, good: dict[str, Any]) -> bytes:
    depth = chance.choice((501, 5_000, 50_000))
    opened = chance.choice((b"[", b'{"a":'))
    return orjson.dumps(good)[:-1] + b',"attributes":' + opened * depth


@lru_cache(maxsize=1)
def _text() -> str:
    return random.Random(0).randbytes(BIG_BYTES // 2).hex()


def _five_mb(_: random.Random, good: dict[str, Any]) -> bytes:
    return orjson.dumps(good)[:-1] + b',"sql":"' + _text().encode() + b'"}'


@lru_cache(maxsize=64)
def _tools(n: int) -> bytes:
    return b",".join([b'{"name":"a"}'] * n)


def _million_tools(_: random.Random, good: dict[str, Any]) -> bytes:
    return orjson.dumps({k: v for k, v in good.items() if k != "tools"})[:-1] + b',"tools":[' + _tools(MILLION) + b"]}"


def _at_limit(_: random.Random, good: dict[str, Any]) -> bytes:
    """Hold as many tools as are still read, which is the dearest valid event that we know."""
    rest = orjson.dumps({k: v for k, v in good.items() if k != "tools"})[:-1] + b',"tools":['
    return rest + _tools((LIMIT_BYTES - len(rest) - len(b"]}")) // len(b'{"name":"a"},')) + b"]}"


def _controls(chance: random.Random, good: dict[str, Any]) -> bytes:
    odd = chance.choice(CONTROLS)
    fields = dict.fromkeys(("release", "intent", "workflow", "model_served", "session"), odd)
    return orjson.dumps(good | fields | {"service": f"hostile-{odd}"})


def _far_past(chance: random.Random, good: dict[str, Any]) -> bytes:
    at = chance.choice(("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", 0, 1))
    return orjson.dumps(good | {"at": at})


def _far_future(chance: random.Random, good: dict[str, Any]) -> bytes:
    return orjson.dumps(good | {"at": chance.choice(("9999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", 2**53))})


def _duplicates(_: random.Random, good: dict[str, Any]) -> bytes:
    """Say some things twice; the last word counts."""
    lie = {"service": "hostile-lie", "status": "timeout", "latency_ms": 9e9}
    return orjson.dumps(lie)[:-1] + b"," + orjson.dumps(good)[1:]


KINDS: Final[tuple[Kind, ...]] = (
    Kind("random bytes", _random_bytes, ("not_json", "invalid")),  # some begin as a number does
    Kind("cut off", _truncated, ("not_json",)),
    Kind("deep nesting", _deep, ("too_deep",)),
    Kind("5 MB", _five_mb, ("too_large",), few=True),
    Kind("a million tools", _million_tools, ("too_large",), few=True),
    Kind("tools up to the limit", _at_limit, few=True),
    Kind("NaN", _raw(b"latency_ms", b"NaN"), ("not_json",)),
    Kind("1e999", _raw(b"cost_usd", b"1e999"), ("invalid",)),
    Kind("wrong type", _with(latency_ms="fast"), ("invalid",)),
    Kind("10^30 of a count", _raw(b"input_tokens", b"1" + b"0" * 30), ("invalid",)),
    Kind("10^30 of an amount", _raw(b"latency_ms", b"1" + b"0" * 30)),
    Kind("10^30 as a time", _raw(b"at", b"1" + b"0" * 30), ("invalid",)),
    Kind("far future", _far_future, ("future",)),
    Kind("far past", _far_past, late=True),
    Kind("no such time", _with(at="2026-02-30T25:00:00Z"), ("bad_time",)),
    Kind("negative number", _with(latency_ms=-1.5), ("invalid",)),
    Kind("control characters in names", _controls),
    Kind("control characters unescaped", _raw(b"intent", b'"a\0\x1bb"'), ("not_json",)),
    Kind("duplicate keys", _duplicates),
    Kind("bad UTF-8", _raw(b"intent", b'"\xff\xfe\xc0\x80"'), ("not_json",)),
    Kind("lone surrogate", _raw(b"intent", b'"\\ud800"'), ("not_json",)),
    Kind("unknown type", _with(type="exploit"), ("unknown_type",)),
    Kind("no service", _with(service=""), ("invalid",)),
    Kind("nothing at all", lambda _, __: b"", ("not_json",)),
    Kind("tombstone", lambda _, __: None, ("empty",)),
)


def numbers(n: int, few: int = FEW) -> dict[str, int]:
    """Say how many of each kind make `n`: `few` of the large ones, an equal share of the others.

    Examples
    --------
    >>> sum(numbers(100_000).values()), numbers(100_000)["5 MB"], numbers(100_000)["NaN"] >= 1_000
    (100000, 100, True)
    """
    few = min(few, n // len(KINDS))
    many = [kind.name for kind in KINDS if not kind.few]
    share, left = divmod(n - few * (len(KINDS) - len(many)), len(many))
    counts = {name: share + (place < left) for place, name in enumerate(many)}
    return {kind.name: counts.get(kind.name, few) for kind in KINDS}


def hostile(n: int, start_ms: int, end_ms: int, seed: int, few: int = FEW) -> Iterator[Record]:
    """Make `n` records, all kinds mixed; their events claim times from `start_ms` to `end_ms`, unless they lie."""
    chance = random.Random(seed)
    of = numbers(n, few)
    kinds = [kind for kind in KINDS for _ in range(of[kind.name])]
    chance.shuffle(kinds)
    for i, kind in enumerate(kinds):
        good = exchange(chance, start_ms + (end_ms - start_ms) * i // n, chance.randrange(50))
        good["service"] = f"hostile-{kind.name.replace(' ', '-')}"
        value = kind.make(chance, good)
        service = None if kind.reasons else orjson.loads(value or b"")["service"]
        yield Record(kind, f"key-{chance.randrange(1000)}".encode(), value, service)

"""A seed, or Hypothesis -> logs of a source partition as messy as they come: offset, timestamp, value."""

import random
from typing import Any

import orjson
from hypothesis import strategies as st

from schemas.config import Config, Measure
from schemas.taxonomy import Taxonomy
from streams.measure.stage import Block, Plan, Record, begin, feed

SECOND = 1_795_478_400
"""2026-11-24T00:00:00Z."""

TAXONOMY = Taxonomy.load_default()
CONFIG = Config(measure=Measure(names_per_block=16))
PLAN = Plan.of(CONFIG, TAXONOMY)

JUNK: tuple[bytes | None, ...] = (
    None, b"", b"no json", b"\xff\xfe", b"[1]", b'{"type":"later","service":"s"}', b'{"type":"exchange","id":"1"}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":"soon"}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":9000000000000000}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":0,"latency_ms":NaN}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":0,"latency_ms":-1}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":0,"cost_usd":"12.5"}',
)  # fmt: skip

names = st.sampled_from(["", "a", "b", "__other__", "ä" * 130, "ä" * 129, "en", "\0"]) | st.text(max_size=3)
flags = st.none() | st.booleans()
amounts = (
    st.none()
    | st.sampled_from([0, -0.0, 1, 2.0, 2**-5, 2**24, 2.0**0.125, 1e30, 1e305, 1e-300])
    | st.floats(0, 1e8, allow_subnormal=False)
)
counts = st.none() | st.sampled_from([0, 1, 2**53]) | st.integers(0, 5000)
telling = st.sampled_from([takes for mode in TAXONOMY.modes for takes in (*mode.examples.takes, *mode.examples.leaves)])


@st.composite
def times(draw: st.DrawFn, second: int) -> str | int:
    """A time as producers write it: nearly now, late, of another zone, in milliseconds."""
    said = second - draw(st.sampled_from([0, 0, 0, 1, 9, 10, 119, 120, 121, 5000, -3, -86_400, -86_401]))
    written = [said * 1000 + 7, iso(said), iso(said, ".25"), iso(said, ".25", 90), iso(said, ".250", zone="z")]
    return draw(st.sampled_from(written))


@st.composite
def events(draw: st.DrawFn, second: int) -> dict[str, Any]:
    """An event that every field of the catalogue may be in, or not, or null."""
    kind = draw(st.sampled_from(["exchange"] * 8 + ["request", "response", "outcome", "evaluation"]))
    said: dict[str, Any] = {
        "type": kind, "id": draw(st.sampled_from("abcdefgh")), "service": draw(st.sampled_from(["s", "t", "ü" * 200])),
        "release": draw(st.sampled_from(["1", "2"])), "at": draw(times(second)),
    }  # fmt: skip
    if kind == "outcome":
        said["about"] = "a"
    elif kind == "evaluation":
        said |= {"pack": "p", "pack_version": "1", "case": "c", "suite": "core"}
    elif kind in ("exchange", "response"):
        said |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "workflow": names, "intent": names, "model_served": names, "finish_reason": names | st.none(),
                    "answered": flags, "refused": flags, "schema_valid": flags, "fallback": flags,
                    "latency_ms": amounts, "ttft_ms": amounts, "cost_usd": amounts, "input_tokens": counts,
                    "output_tokens": counts, "trace": st.none() | st.just("t"), "nobody_reads_this": st.just([1, {}]),
                },
            )
        )  # fmt: skip
        if draw(st.integers(0, 3)) == 0:
            said |= draw(telling)
    return said


@st.composite
def logs(draw: st.DrawFn, most: int = 25) -> list[Record]:
    """Some records of a partition: time mostly goes on, offsets may leave gaps and pass a multiple of 65,536."""
    offset, ms = draw(st.sampled_from([0, 65_530])), SECOND * 1000 + draw(st.sampled_from([0, 990]))
    log = []
    for _ in range(draw(st.integers(0, most))):
        offset += draw(st.sampled_from([1] * 12 + [2, 5, 70_000]))
        ms += draw(st.sampled_from([0] * 12 + [1, 10, 400, 1000, -500, -59_999, -60_001, 61_000]))
        value = draw(st.sampled_from(JUNK)) if draw(st.integers(0, 9)) == 0 else _bytes(draw(events(ms // 1000)))
        log.append(Record(offset, ms, value))
    return log


def flood(seed: int, n: int = 600, different: int = 40) -> list[Record]:
    """Traffic with more services, releases and names than a block may have, where the order decides which count."""
    chance = random.Random(seed)
    log = []
    for i in range(n):
        said = {
            "type": "exchange", "id": f"{i}", "at": (SECOND + i // 200) * 1000,
            "service": f"s{int(different * chance.random() ** 3)}",
            "release": f"r{int(different * chance.random() ** 4)}",
            "intent": chance.choice(["", f"i{chance.randrange(different)}", "__other__"]),
            "workflow": f"w{int(different * chance.random() ** 2)}", "answered": chance.random() < 0.9,
        }  # fmt: skip
        if chance.random() < 0.3:
            said |= {"status": "error", "http_status": chance.choice([429, 500, 504]), "trace": f"t{i}"}
        log.append(Record(i, (SECOND + i // 200) * 1000, _bytes(said)))
    return log


def measured(log: list[Record], plan: Plan = PLAN, start: int = 0) -> list[Block]:
    """Feed a whole log: its blocks, the open one last."""
    block, finished = feed(plan, begin(plan.source, 0, start), log)
    return [*finished, block]


def iso(second: int, fraction: str = "", minutes: int = 0, zone: str = "Z") -> str:
    """Write a time in RFC 3339, in a zone some minutes east of Greenwich."""
    days, rest = divmod(second + minutes * 60, 86_400)
    year, month, day = _civil(days)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    zone = f"+{minutes // 60:02d}:{minutes % 60:02d}" if minutes else zone
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}{fraction}{zone}"


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970 -> a date, by counting leap days from March on (H. Hinnant, "chrono-compatible date algorithms")."""
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return era * 400 + year + (month >= 10), (month + 2) % 12 + 1, day - (153 * month + 2) // 5 + 1


def _bytes(said: dict[str, Any]) -> bytes:
    return orjson.dumps(said)

"""A seed, or Hypothesis -> logs of a source partition as messy as they come: offset, timestamp, value."""

import random
from typing import Any

import orjson
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.config import Config
from schemas.kpi_measures import Measured
from schemas.kpi_sets import preset
from schemas.own import OwnSignal
from schemas.releases import Releases
from schemas.sections import Measure
from schemas.tallies import KINDS
from schemas.taxonomy import Taxonomy
from streams.measure.stage import Block, Plan, Record, begin, feed

SECOND = 1_795_478_400
"""2026-11-24T00:00:00Z."""

TAXONOMY = Taxonomy.load_default()
OWN = (
    OwnSignal(name="vip", source="attribute", kind="rate", sliced=True),
    OwnSignal(name="basket", source="attribute", kind="number", field="basket_eur", smallest=0.01, sliced=True),
    OwnSignal(name="channel", source="attribute", kind="category"),
    OwnSignal(name="attribute-intent", source="attribute", kind="category", field="intent"),
    OwnSignal(name="grounded", source="evaluator", kind="rate", field="judge"),
    OwnSignal(name="grounding", source="evaluator", kind="number", field="judge"),
    OwnSignal(name="grade", source="evaluator", kind="category", field="judge"),
)
"""Every source and kind."""

_RETRIED = preset("workflow-agent").kpi("retried")
TARGETS = (("latency", 1.0), ("latency", 2.0), ("retries", 0.0), ("basket", 0.5), ("grounding", 1.0))
KPIS = replace(preset("workflow-agent"), kpis=tuple(
    replace(_RETRIED, measures=Measured(stat="share_above", signal=signal, above=above)) for signal, above in TARGETS
))  # fmt: skip
"""Targets within cells, at their edges, and off the scale, of signals that are sliced and that are not."""

CONFIG = Config(measure=Measure(names_per_block=16), signals=OWN, releases=Releases(kpi_sets=(KPIS,)))
PLAN = Plan.of(CONFIG, TAXONOMY)

JUNK: tuple[bytes | None, ...] = (
    None, b"", b"no json", b"\xff\xfe", b"[1]", b'{"type":"later","service":"s"}', b'{"type":"exchange","id":"1"}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":"soon"}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":9000000000000000}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":0,"latency_ms":NaN}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":0,"latency_ms":-1}',
    b'{"type":"exchange","id":"1","service":"s","release":"r","at":0,"cost_usd":"12.5"}',
)  # fmt: skip

NAMES = ("", "a", "b", "__other__", "ä" * 130, "ä" * 129, "en", "\0", "FMT.EMPTY", None)
FLAGS = (None, False, True)
AMOUNTS = (None, 0, -0.0, 1, 2.0, 2**-5, 2**24, 2.0**0.125, 1e30, 1e305, 1e-300)
COUNTS = (None, 0, 1, 7, 4096, 2**53)
SHARES = (None, 0, 0.05, 0.1 + 0.05, 0.35, 0.5499999999999999, 0.55, 1, 1.0)
NUMBERS = (*AMOUNTS, -1, -0.5, -1e305)
TEXTS: tuple[list[str], ...] = ([], ["x"], ["x", ""])
ATTRIBUTES = (None, True, False, 0, 1, 0.0, 2, 0.5, -3, 1e305, -1e305, "", "a", "true", "ä" * 130)
LABELS = (None, "", "yes", "PASS", "fail", "b", "ä" * 130)
MODELS = (None, "", "m-1", "m-2")
JUDGED = (
    "correct", "critical_fields_ok", "rule_ok", "accepted", "resolved", "escalated", "escalation_correct",
    "repeat_contact",
)  # fmt: skip
AGO = (0, 0, 0, 1, 9, 10, 119, 120, 121, 5000, -3, -86_400, -86_401)
TELLING = [takes for mode in TAXONOMY.modes for takes in (*mode.examples.takes, *mode.examples.leaves)]


def event(chance: random.Random, second: int) -> dict[str, Any]:
    """Make an event that every field of the catalogue may be in, or not, or null, of a time as producers write it."""
    said, kind = second - chance.choice(AGO), chance.choice(["exchange"] * 8 + list(KINDS))
    made: dict[str, Any] = {
        "type": kind, "id": chance.choice("abcdefgh"), "service": chance.choice(["s", "t", "ü" * 200]),
        "release": chance.choice("12"),
        "at": chance.choice([said * 1000 + 7, iso(said), iso(said, ".25"), iso(said, ".25", 90), iso(said, zone="z")]),
    }  # fmt: skip
    if kind == "outcome":
        judged = {name: chance.choice(FLAGS) for name in JUDGED if chance.random() < 0.8}
        return made | {"about": "a", "confidence": chance.choice(SHARES)} | judged
    if kind == "evaluation":
        return made | {"pack": "p", "pack_version": "1", "case": "c", "suite": "core"}
    if kind == "request":
        return made | {"intent": chance.choice(NAMES), "model_requested": chance.choice(MODELS)}
    for values, fields in (
        (NAMES, ("workflow", "intent", "finish_reason", "persona", "language", "route", "prompt_version", "trace")),
        (MODELS, ("model_requested", "model_served")),
        (FLAGS, ("answered", "refused", "abstained", "schema_valid", "fallback")),
        (AMOUNTS, ("latency_ms", "ttft_ms", "cost_usd")),
        (COUNTS, ("input_tokens", "output_tokens", "steps", "retries")),
        (SHARES, ("confidence",)),
        (TEXTS, ("missing_fields", "prohibited")),
        (([1, {}], None), ("nobody_reads_this",)),
    ):
        made |= {name: chance.choice(values) for name in fields if chance.random() < 0.6}
    for name, parts in PARTS.items():
        if chance.random() < 0.5:
            made[name] = parts(chance)
    for name in ("latency_ms", "cost_usd"):
        if chance.random() < 0.5:
            made[name] = chance.lognormvariate(3, 4)
    return made | (chance.choice(TELLING) if chance.random() < 0.25 else {})


def _retrieval(chance: random.Random) -> dict[str, Any] | None:
    said = {"n": COUNTS, "coverage": SHARES, "top_score": NUMBERS, "newest_age_days": AMOUNTS, "citations_valid": FLAGS}
    return chance.choice(
        [None, {name: chance.choice(values) for name, values in said.items() if chance.random() < 0.8}]
    )


def _tools(chance: random.Random) -> list[dict[str, Any]]:
    """Some calls; now and then more than a path tells."""
    return [
        {"name": chance.choice(["search", "", "ä" * 60]), "ok": chance.choice(FLAGS), "error": chance.choice(["", "x"])}
        if chance.random() < 0.5 else {"name": chance.choice(["search", "mail"])}
        for _ in range(chance.choice([0, 1, 1, 2, 3, 9]))
    ]  # fmt: skip


def _guardrails(chance: random.Random) -> list[dict[str, Any]]:
    return [{"name": "g", "fired": chance.choice(FLAGS)} for _ in range(chance.randrange(3))]


def _evals(chance: random.Random) -> list[dict[str, Any]]:
    return [
        {"name": chance.choice(["judge", "other"]), "value": chance.choice(NUMBERS), "label": chance.choice(LABELS)}
        for _ in range(chance.randrange(4))
    ]


def _attributes(chance: random.Random) -> dict[str, Any] | None:
    names = [name for name in ("vip", "basket_eur", "channel", "intent") if chance.random() < 0.8]
    return chance.choice([None, *[{name: chance.choice(ATTRIBUTES) for name in names}] * 4])


PARTS = {
    "retrieval": _retrieval, "tools": _tools, "guardrails": _guardrails, "evals": _evals, "attributes": _attributes,
}  # fmt: skip


@st.composite
def logs(draw: st.DrawFn, most: int = 25) -> list[Record]:
    """Some records of a partition: time mostly goes on, offsets may leave gaps and pass a multiple of 65,536."""
    chance = random.Random(draw(st.integers(0, 9999)))
    offset, ms = draw(st.sampled_from([-1, 65_530])), SECOND * 1000 + draw(st.sampled_from([0, 990]))
    log = []
    for gap, step, junk in draw(st.lists(st.tuples(GAPS, STEPS, st.integers(0, 9)), max_size=most)):
        offset, ms = offset + gap, ms + step
        value = chance.choice(JUNK) if junk == 9 else orjson.dumps(event(chance, ms // 1000))
        log.append(Record(offset, ms, value))
    return log


GAPS = st.sampled_from([1] * 12 + [2, 5, 70_000])
STEPS = st.sampled_from([0] * 12 + [1, 10, 400, 1000, -500, -59_999, -60_001, 61_000])


@st.composite
def halves(draw: st.DrawFn, most: int = 30) -> list[Record]:
    """Some records of a partition of split traffic with few ids, so that every rule of pairing comes to bear."""
    chance = random.Random(draw(st.integers(0, 9999)))
    offset, ms = draw(st.sampled_from([-1, 65_530])), SECOND * 1000 + draw(st.sampled_from([0, 990]))
    log = []
    for gap, step, kind in draw(st.lists(st.tuples(GAPS, PAUSES, KIND), max_size=most)):
        offset, ms = offset + gap, ms + step
        said = event(chance, ms // 1000) | {
            "type": kind, "id": chance.choice("abc"), "service": chance.choice(["s", "s", "t", "ü" * 200]),
        }  # fmt: skip
        if kind == "request":
            said["trace"] = chance.choice([None, "t1", "t" * 200])
            said |= {name: chance.choice(NAMES) for name in ("workflow", "language") if chance.random() < 0.6}
            said |= {"input_tokens": chance.choice(COUNTS), "deadline_ms": chance.choice(AMOUNTS)}
        log.append(Record(offset, ms, chance.choice(JUNK) if kind == "junk" else orjson.dumps(said)))
    return log


KIND = st.sampled_from(["request"] * 4 + ["response"] * 4 + ["exchange", "junk"])
PAUSES = st.sampled_from([0] * 8 + [1, 300, 999, 1000, 1001, -500, -1500, 2001, -59_999, -60_001, 61_000])


@st.composite
def pairings(draw: st.DrawFn) -> Config:
    """Make settings under which requests time out, are overtaken and overflow within a few records."""
    measure = Measure(
        names_per_block=16, pairing=True, pair_timeout_s=draw(st.sampled_from([1, 2, 60])),
        pair_lookback=draw(st.sampled_from([1, 2, 3, 5, 9, 70_000])),
        open_requests=draw(st.sampled_from([1, 2, 3, 50])),
    )  # fmt: skip
    return Config(measure=measure)


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
        log.append(Record(i, (SECOND + i // 200) * 1000, orjson.dumps(said)))
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
    """Days since 1970 -> a date, in years that begin in March (H. Hinnant, "chrono-compatible date algorithms")."""
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return era * 400 + year + (month >= 10), (month + 2) % 12 + 1, day - (153 * month + 2) // 5 + 1

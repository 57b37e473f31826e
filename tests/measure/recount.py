"""The bytes of a source partition -> what every cell must hold, counted one event after the other.

The oracle of MEASURE's tests and of the crash test: dicts and loops, and no code of `streams.measure`. `recount` says
what must be there, `settled` what flushes say; the two must be equal.

>>> from schemas.config import Config, Measure
>>> log = [(0, 5_000, b'{"type":"exchange","id":"1","service":"s","release":"r","at":5000,"answered":true}')]
>>> counted = recount(log, Config())
>>> counted["s", 0, "r", "workflow", ""]["answered", "yes"]
1
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from zlib import crc32

import msgspec

from schemas.config import Config
from schemas.events import Exchange, Outcome
from schemas.kpi_edges import Edge
from schemas.sections import Measure
from schemas.signals import CALIBRATIONS, CATALOGUE, CATEGORIES, MARKS, NUMBERS, RATES, Signal
from schemas.tallies import Flush
from schemas.taxonomy import Taxonomy
from streams.measure.classify import compile
from tests.measure.fates import Fates, completed, fates, unanswered
from tests.measure.words import Refused, event, second

Log = Iterable[tuple[int, int, bytes | None]]
"""Records of one partition in order: offset, timestamp in milliseconds, value."""

Key = tuple[str, int | Literal["late"], str, str, str]
"""Service, bucket (seconds since 1970 // bucket_s), release, dimension, name."""

Cell = tuple[str, str | int]
"""Signal, and what was seen of it: "no", "yes", "missing", the cell of a number or of calibration, a name."""

Cells = dict[Key, Counter[Cell]]
Beside = Counter[tuple[str, str, str]]
"""(service, release, kind) -> events that are counted beside the exchanges."""

Exemplars = dict[tuple[str, str, str], list[tuple[str, str, int]]]
"""(service, release, mode) -> (id, trace, offset) of failed exchanges."""

SPAN: Final = 65_536
EDGES: Final = [2.0 ** (i / 8) for i in range(-5 * 8, 24 * 8 + 1)]
BANDS: Final = [i / 20 for i in range(20)]
FLAGS: Final = {False: "no", True: "yes", None: "missing"}
VERDICTS: Final = {
    "yes": True, "true": True, "pass": True, "passed": True, "ok": True, "good": True, "correct": True,
    "no": False, "false": False, "fail": False, "failed": False, "bad": False, "incorrect": False,
}  # fmt: skip
KINDS: Final = ("request", "response", "outcome", "evaluation")


@dataclass
class Count:
    """What one block holds; `requests` says what became there of those sent apart, as `barograph_requests` does.

    `mistyped` counts, of each of the user's own signals, values of another type.
    """

    anchor: int
    end: int
    cells: Cells = field(default_factory=lambda: defaultdict(Counter))
    beside: Beside = field(default_factory=Counter)
    exemplars: Exemplars = field(default_factory=lambda: defaultdict(list))
    refused: dict[int, Refused] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    mistyped: Counter[str] = field(default_factory=Counter)


def recount(log: Log, config: Config, start: int = 0) -> Cells:
    """Count a whole partition: the sum over its blocks."""
    return total(count.cells for count in counts(log, config, start))


def total(parts: Iterable[Cells]) -> Cells:
    """Add up."""
    added: Cells = defaultdict(Counter)
    for part in parts:
        for key, cells in part.items():
            added[key].update(cells)
    return dict(added)


def counts(log: Log, config: Config, start: int = 0) -> list[Count]:
    """Count each block of a partition; the last one may still be open."""
    cut = blocks(log, start)
    found = Fates()
    if config.measure.pairing:
        found = fates([one for *_, records in cut for one in records], [anchor for anchor, *_ in cut], config.measure)
    return [_count(anchor, end, records, config, found) for anchor, end, records in cut]


def blocks(log: Log, start: int = 0) -> list[tuple[int, int, list[tuple[int, int, bytes | None]]]]:
    """Cut a log that begins at `start` into blocks: anchor, end, records."""
    cut: list[tuple[int, int, list[tuple[int, int, bytes | None]]]] = []
    anchor, records = start, list[tuple[int, int, bytes | None]]()
    for offset, timestamp, value in log:
        if offset // SPAN > anchor // SPAN:
            begins: int | None = offset // SPAN * SPAN
        elif records and (timestamp // 1000 > records[0][1] // 1000 or timestamp < records[0][1] - 60_000):
            begins = offset
        else:
            begins = None
        if begins is not None:
            cut.append((anchor, begins, records))
            anchor, records = begins, []
        records.append((offset, timestamp, value))
    cut.append((anchor, records[-1][0] + 1 if records else anchor, records))
    return cut


def _count(anchor: int, end: int, records: Log, config: Config, found: Fates) -> Count:
    """Count one block."""
    measure, count = config.measure, Count(anchor, end)
    names = _Names(Caps(measure.names_per_block), Caps(min(measure.names_per_block, 64)))
    everything = (*CATALOGUE, *config.own_signals())
    signals = [one for one in everything if one.source != "outcome" and one.name != "failure_mode"]
    above = [(edge.signal(), edge) for edge in config.edges()]
    rates = [signal for signal, _ in above]
    for timestamp, offset, said in _events(records, config, found, count):
        if isinstance(said, Refused):
            count.refused[offset] = said
            continue
        values = dict[str, Any]()
        if said["type"] in ("exchange", "response"):
            values = {signal.name: _value(said, signal, count.mistyped) for signal in signals}
            values |= {signal.name: _above(values[edge.of.name], edge) for signal, edge in above}
        at = second(said["at"])
        if at is None or at > timestamp // 1000 + 86_400:
            count.refused[offset] = Refused("bad_time" if at is None else "future", "$.at")
            continue
        bucket: int | Literal["late"] = min(at, timestamp // 1000) // measure.bucket_s
        if timestamp // 1000 - at > measure.late_after_s:
            bucket = "late"
        service = names.capped.name("service", "", said["service"])
        release = names.capped.name("release", service, said["release"])
        if said["type"] != "exchange":
            count.beside[service, release, said["type"]] += 1
        who = service, bucket, release
        if said["type"] == "outcome":
            _count_outcome(count, measure, names, who, said, offset)
        if values:
            _count_exchange(count, measure, names, who, said, offset, signals + rates, values)
    for key, held in count.exemplars.items():
        ranked = sorted(held, key=lambda one: (crc32(one[0].encode()), one[0], one[2]))
        count.exemplars[key] = ranked[: measure.exemplars]
    if not measure.exemplars:
        count.exemplars.clear()
    return count


Who = tuple[str, int | Literal["late"], str]
"""Service, bucket, release."""


def _count_outcome(
    count: Count, measure: Measure, names: "_Names", who: Who, said: dict[str, Any], offset: int
) -> None:
    group = count.cells[*who, (measure.slices or ("",))[0], ""]
    group.update(_judged(said))
    marks = names.marked(who[0], verdict(said))
    group.update(marks)
    for column, name in marks:
        if column != "also" and name != "__other__":
            count.exemplars[who[0], who[2], name].append((said["about"], "", offset))


def _count_exchange(
    count: Count, measure: Measure, names: "_Names", who: Who, said: dict[str, Any], offset: int,
    signals: list[Signal], values: dict[str, Any],
) -> None:  # fmt: skip
    mode, dimensions = failure(said), measure.slices or ("",)
    values["failed"] = mode is not None
    cells = {
        signal: names.capped.name(signal.name, who[0], values[signal.name])
        if signal.kind == "category"
        else _cell(signal, values[signal.name])
        for signal in signals
    }
    marks = names.marked(who[0], beside(said, mode))
    for dimension in dimensions:
        name = names.capped.name(f"slice {dimension}", who[0], said.get(dimension)) if dimension else ""
        group, first = count.cells[*who, dimension, name], dimension == dimensions[0]
        group.update((signal.name, cell) for signal, cell in cells.items() if first or signal.sliced)
        if first:
            group.update(marks)
            group.update([("failure_mode", mode)] if mode else [])
    looks = (name for column, name in marks if column == "signature" and name != "__other__")
    for what in filter(None, (mode, *looks)):
        count.exemplars[who[0], who[2], what].append((said["id"], said.get("trace") or "", offset))


@dataclass
class _Names:
    """Which names of a block are told apart: of what failures look like, and of guardrails, 64 at most."""

    capped: "Caps"
    looks: "Caps"

    def marked(self, service: str, marks: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        found = []
        for column, name in marks:
            caps = self.looks if column in ("signature", "guardrail") else self.capped
            found.append((column, caps.name(column, service, name)))
        return found


def _events(
    records: Log, config: Config, found: Fates, count: Count
) -> Iterable[tuple[int, int, dict[str, Any] | Refused]]:
    """Give what counts: when it arrived, where an exemplar of it lies, what it says."""
    for offset, timestamp, value in records:
        count.requests.update(found.became.get(offset, {}))
        for asked, request in found.given_up.get(offset, ()):
            yield timestamp, asked, unanswered(request)
        said = event(value, config.measure.max_event_bytes)
        if isinstance(said, dict) and offset in found.answered:
            said = completed(said, found.answered[offset])
        yield timestamp, offset, said


class Caps:
    """The first so many names of each owner keep their own; what comes later is ``__other__``. None is no name."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.known: dict[tuple[str, str], set[str]] = defaultdict(set)

    def name(self, kind: str, owner: str, said: str | None) -> str:
        """Say under which name it is counted."""
        if not said:
            return ""
        said, known = said[:128], self.known[kind, owner]
        if said not in known and len(known) >= self.most:
            return "__other__"
        known.add(said)
        return said


def failure(said: dict[str, Any]) -> str | None:
    """Find the mode by asking every rule of the taxonomy, in order."""
    for rule in Taxonomy.load_default().matching(_exchange(said)):
        if rule.mode.counts == "failure":
            return rule.mode.id
    return None


def beside(said: dict[str, Any], mode: str | None) -> Iterable[tuple[str, str]]:
    """List what an exchange has a name of beside its primary mode."""
    if mode == "UNK.UNCLASSIFIED":
        yield "signature", CLASSIFIER.signature(_exchange(said))
    for other in dict.fromkeys(rule.mode.id for rule in Taxonomy.load_default().matching(_exchange(said))):
        if other != mode:
            yield "also", other
    for name in dict.fromkeys(one["name"] for one in said.get("guardrails") or [] if one.get("fired")):
        yield "guardrail", name


def verdict(said: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """List the modes that an outcome is in."""
    judged = CLASSIFIER.judge_outcome(msgspec.convert(said, Outcome))
    if judged is not None:
        if judged.primary:
            yield "judged", judged.primary
        yield from (("also", mode) for mode in judged.others)
        if judged.unknown:
            yield "signature", f"mode={judged.unknown}"


def _exchange(said: dict[str, Any]) -> Exchange:
    return msgspec.convert(
        {name: value for name, value in said.items() if name in Exchange.__struct_fields__}, Exchange
    )


CLASSIFIER: Final = compile(Taxonomy.load_default())


def _judged(said: dict[str, Any]) -> Iterable[Cell]:
    """Read an outcome."""
    for signal in RATES:
        if signal.source == "outcome":
            yield signal.name, FLAGS[said.get(signal.field)]
    confidence, correct = said.get("confidence"), said.get("correct")
    if confidence is None or correct is None:
        yield "calibration", "missing"
    else:
        yield "calibration", 2 * (bisect_right(BANDS, confidence) - 1) + int(correct)


def _cell(signal: Signal, value: Any) -> str | int:
    """Say what a value of a rate or a number is counted as."""
    if signal.kind == "rate":
        return FLAGS[value]
    return "missing" if value is None else bisect_right(EDGES, value * signal.per_unit)


def _above(value: Any, edge: Edge) -> bool | None:
    return None if value is None else value > edge.above


def _value(said: dict[str, Any], signal: Signal, mistyped: Counter[str]) -> Any:
    """Read what an exchange says of a signal; None where nothing."""
    if signal.source in ("attribute", "evaluator"):
        right, value = (_attribute if signal.source == "attribute" else _opinion)(said, signal)
        mistyped[signal.name] += not right
        return value if right else None
    tools, guardrails = said.get("tools") or [], said.get("guardrails") or []
    match signal.name:
        case "missing_fields" | "prohibited":
            return len(said.get(signal.field) or []) > 0
        case "tool_calls":
            return len(tools)
        case "tool_path":
            return ">".join(tool["name"] for tool in tools[:8])
        case "tool_error":
            failed = [tool.get("ok") is False or bool(tool.get("error")) for tool in tools]
            known = any(failed) or any(tool.get("ok") is not None for tool in tools)
            return any(failed) if known else None
        case "guardrail_fired":
            fired = [guardrail.get("fired") for guardrail in guardrails]
            return True if True in fired else False if False in fired else None
        case "served_differs":
            models = {said.get("model_requested"), said.get("model_served")}
            return None if None in models else len(models) == 2
        case _:
            outer, _, inner = signal.field.partition(".")
            return (said.get(outer) or {}).get(inner) if inner else said.get(outer)


def _attribute(said: dict[str, Any], signal: Signal) -> tuple[bool, Any]:
    """Say whether an attribute is of the declared type, and what it is."""
    value = (said.get("attributes") or {}).get(signal.field)
    if value is None:
        return True, None
    match signal.kind:
        case "rate":
            return type(value) is not str and value in (0, 1), value
        case "number":
            return type(value) in (int, float), value
        case _:
            return type(value) is str, value


def _opinion(said: dict[str, Any], signal: Signal) -> tuple[bool, Any]:
    """Say whether an evaluator's first word is of the declared type, and what it is."""
    words = [one for one in said.get("evals") or [] if one["name"] == signal.field]
    value, label = (words[0].get("value"), words[0].get("label") or None) if words else (None, None)
    match signal.kind:
        case "rate":
            said_so = VERDICTS.get(label.lower()) if label else None
            found = (None if value is None else value >= 0.5) if said_so is None else said_so
            return found is not None or label is None, found
        case "number":
            return value is not None or label is None, value
        case _:
            return label is not None or value is None, label


def read(flush: Flush) -> Cells:
    """Read what a flush counts."""
    own = {kind: [name for of, name in flush.own if of == kind] for kind in ("rate", "number", "category")}
    meanings: list[Cell] = [(signal.name, flag) for signal in RATES for flag in FLAGS.values()]
    for signal in NUMBERS:
        meanings += [(signal.name, cell) for cell in (*range(len(EDGES) + 1), "missing")]
    for signal in CALIBRATIONS:
        meanings += [(signal.name, cell) for cell in (*range(2 * len(BANDS)), "missing")]
    meanings += [(name, flag) for name in own["rate"] for flag in FLAGS.values()]
    meanings += [(name, cell) for name in own["number"] for cell in (*range(len(EDGES) + 1), "missing")]
    for column in (*(signal.name for signal in CATEGORIES), *MARKS, *own["category"]):
        meanings += [(column, name) for name in flush.names]
    cells, numbers = iter(_numbers(flush.cells)), iter(_numbers(flush.counts))
    found: Cells = {}
    for service, bucket, release, dimension, name, size in _table(flush.groups, 6):
        key: Key = (
            flush.names[service],
            flush.first_bucket + bucket - 1 if bucket else "late",
            flush.names[release],
            flush.dimensions[dimension] if flush.dimensions else "",
            flush.names[name],
        )
        assert key not in found, f"{key} is there twice"
        found[key] = Counter({meanings[next(cells)]: next(numbers) for _ in range(size)})
        assert min(found[key].values()) > 0
    assert next(cells, None) is next(numbers, None) is None, "cells of no group"
    return found


def read_beside(flush: Flush) -> Beside:
    """Read what a flush counts beside the exchanges."""
    found: Beside = Counter()
    for service, release, kind, n in _table(flush.beside, 4):
        found[flush.names[service], flush.names[release], KINDS[kind]] += n
    return found


def read_exemplars(flush: Flush) -> Exemplars:
    """Read the examples that a flush names."""
    return {
        (flush.names[service], flush.names[release], flush.names[mode]): [(e.id, e.trace, e.offset) for e in held]
        for service, release, mode, held in flush.exemplars
    }


def settled(flushes: Iterable[Flush]) -> Cells:
    """Add up the longest flush of every anchor and service, in whatever order and however often they come."""
    longest: dict[tuple[str, int, int, str], tuple[int, Cells]] = {}
    for flush in flushes:
        services: dict[str, Cells] = defaultdict(dict)
        for key, cells in read(flush).items():
            services[key[0]][key] = cells
        for service, part in services.items():
            place = (flush.source, flush.partition, flush.anchor, service)
            if place not in longest or flush.end > longest[place][0]:
                longest[place] = (flush.end, part)
    return total(part for _, part in longest.values())


def _numbers(packed: bytes) -> list[int]:
    width = packed[0]
    return [int.from_bytes(packed[i : i + width], "little") for i in range(1, len(packed), width)]


def _table(packed: bytes, columns: int) -> Sequence[Sequence[int]]:
    numbers = _numbers(packed)
    assert len(numbers) % columns == 0
    return [numbers[i : i + columns] for i in range(0, len(numbers), columns)]

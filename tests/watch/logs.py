"""One minute of two services -> the ways in which its log may reach WATCH.

`alpha` refuses everything for a while, gets well, and falls silent; `beta` gets a second release and stays as it is.
Both send the odd event late, and halves of exchanges beside whole ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np
import orjson

from schemas.config import parse
from schemas.tallies import Flush, Tick, encode, pack, unpack
from schemas.taxonomy import Taxonomy
from streams.measure import stage as measure
from streams.watch import store
from streams.watch.stage import Finding, Plan, Record, State, step

BEGIN_MS = 1_764_000_000_000
SECONDS, EACH = 60, 6
SOURCES = 2
BAD, WELL, SILENT, NEWER = 24, 36, 50, 30
SERVICES = ("alpha", "beta")
CONFIG = parse("""
topics: {tallies_partitions: 1}
measure: {bucket_s: 2, slices: [workflow], late_after_s: 5}
watch:
  {baseline_events: 200, resolve_after_s: 6, update_every_s: 3, silence_after_s: 6, window_buckets: 12,
   dependence: none, season_percent: 0}
""")
MEASURING = measure.Plan.of(CONFIG, Taxonomy.load_default())
PLAN = Plan.of(CONFIG, Taxonomy.load_default())


class Block(NamedTuple):
    """A block of a source: when it was over, and its flushes: after every event of it, and the final one."""

    source: int
    second: int
    open: tuple[bytes, ...]
    final: bytes


class Arrived(NamedTuple):
    """A value of the tallies log, and the second in which it got there."""

    second: int
    value: bytes


@cache
def events(source: int) -> tuple[measure.Record, ...]:
    """All that a source partition holds."""
    chance, records = Random(source), list[measure.Record]()
    for second in range(SECONDS):
        for i in range(EACH):
            at = BEGIN_MS + second * 1000 + i * 100
            for service in SERVICES:
                if service == "alpha" and second >= SILENT:
                    continue
                bad = service == "alpha" and BAD <= second < WELL
                said = {
                    "type": "exchange", "id": f"{source}-{second}-{i}", "service": service, "status": "ok",
                    "release": "2" if service == "beta" and second >= NEWER and i % 2 else "1",
                    "at": at - (7000 if chance.random() < 0.03 else 0),
                    "refused": bad or chance.random() < 0.05, "workflow": f"w{i % 3}", "intent": chance.choice("abc"),
                    "latency_ms": round(chance.lognormvariate(6, 0.3), 3),
                }  # fmt: skip
                if chance.random() < 0.05:
                    said["status"] = "timeout"
                if chance.random() < 0.05:
                    said["type"] = chance.choice(["request", "response"])
                records.append(measure.Record(len(records), at, orjson.dumps(said)))
    return tuple(records)


@cache
def blocks() -> tuple[Block, ...]:
    """The blocks of all sources, in the order in which they are over."""
    told = []
    for source in range(SOURCES):
        records = events(source)
        _, finished = measure.feed(MEASURING, measure.begin(MEASURING.source, source, 0), records)
        for block in finished:
            assert block.first_ms is not None
            at, opened = measure.begin(MEASURING.source, source, block.anchor), []
            for record in records[block.anchor : block.end]:
                at, _ = measure.feed(MEASURING, at, [record])
                opened += [message.value for message in measure.flushes(MEASURING, at, final=False)]
            [final] = measure.flushes(MEASURING, block, final=True)
            told.append(Block(source, (block.first_ms - BEGIN_MS) // 1000, tuple(opened), final.value))
    return tuple(sorted(told, key=lambda block: (block.second, block.source)))


def log(arrived: Iterable[Arrived]) -> list[Record]:
    """Number what arrives, with a tick at the end of every second."""
    ticks = [Arrived(second, TICK) for second in range(SECONDS + 2)]
    ordered = sorted([*arrived, *ticks], key=lambda one: one.second)
    return [Record(i, BEGIN_MS + (one.second + 1) * 1000, one.value) for i, one in enumerate(ordered)]


TICK = encode(Tick("worker", MEASURING.source, tuple(range(SOURCES))))


@cache
def plain() -> tuple[Record, ...]:
    """Each block told once, when it is over."""
    return tuple(log(Arrived(block.second, block.final) for block in blocks()))


@cache
def usual() -> tuple[Record, ...]:
    """As it is at low traffic: a block is told when it is a while open, and again when it is over."""
    arrived = []
    for i, block in enumerate(blocks()):
        arrived += [Arrived(block.second, block.open[(7 * i) % len(block.open)])] if i % 2 else []
        arrived.append(Arrived(block.second + i % 2, block.final))
    return tuple(log(arrived))


def run(records: Sequence[Record], states: Mapping[str, State] | None = None) -> tuple[dict[str, State], list[Finding]]:
    """Step over a log."""
    now, said = dict(states or {}), []
    for record in records:
        changed, findings = step(PLAN, 0, now, record)
        now |= changed
        said += findings
    return now, said


@cache
def truth(records: tuple[Record, ...]) -> tuple[dict[str, State], tuple[Finding, ...]]:
    """What a run that never stops knows and says in the end."""
    states, said = run(records)
    return states, tuple(said)


def only(flush: Flush, service: str) -> bytes:
    """Cut one service out of a flush."""
    who = flush.names.index(service)
    groups, beside = unpack(flush.groups, 6), unpack(flush.beside, 4)
    mine = groups[:, 0] == who
    rows = np.repeat(mine, groups[:, 5])
    return encode(
        msgspec.structs.replace(
            flush,
            groups=pack(groups[mine]),
            cells=pack(unpack(flush.cells)[rows]),
            counts=pack(unpack(flush.counts)[rows]),
            beside=pack(beside[beside[:, 0] == who]),
            exemplars=tuple(some for some in flush.exemplars if some[0] == who),
        )
    )


def in_bytes(state: State) -> bytes:
    """Write a state out: equal states are equal bytes."""
    (cold, hot, _), _ = store.writes({state.service: state}, [state.service], store.Written())
    return b"".join(value for _, value in [*sorted(cold), *hot])


def but_for_offsets(findings: Iterable[Finding]) -> list[object]:
    """What findings say, without where in the log they were said."""
    return [{**orjson.loads(finding.value), "offset": None} for finding in findings]


def at_no_offset(state: State) -> bytes:
    """A state without where in the log it last changed."""
    replace = msgspec.structs.replace
    cases = tuple(replace(case, said=replace(case.said, offset=0)) for case in state.cases)
    ended = tuple(replace(one, offset=0) for one in state.ended)
    return in_bytes(replace(state, offset=0, cases=cases, ended=ended))

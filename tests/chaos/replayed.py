"""A partition of the tallies, or all that was found -> the states and findings of a worker that never crashed.

`step` from the log's start to its end; nothing is restored, nothing is remembered but what `step` gave.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from schemas.config import Config
from schemas.found import Rules
from schemas.signals import BANDS, CALIBRATIONS, NUMBERS, RATES
from schemas.taxonomy import Taxonomy
from streams.gather import stage as gather
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from streams.watch.stage import Finding, Record, State
from streams.watch.total import laid
from tests.chaos.records import Kept
from tests.measure.recount import EDGES


@dataclass
class Replayed:
    """What a crash-free worker would have said.

    Attributes
    ----------
    findings : each with the offset of the record that it followed from, in order
    states : those asked for, as bytes
    """

    findings: list[tuple[int, Finding]] = field(default_factory=list)
    states: dict[str, bytes] = field(default_factory=dict)


def replay(config: Config, partition: int, records: Iterable[Kept], wanted: dict[str, int]) -> Replayed:
    """Run WATCH over a partition.

    Parameters
    ----------
    wanted : service -> offset at which its state is to be kept
    """
    engine, own = Engine(config, Taxonomy.load_default()), Own()
    found, states = Replayed(), dict[str, State]()
    for record in records:
        stepped = Record(record.offset, record.timestamp, record.value or b"")
        done = advance(engine, partition, own, states, stepped)
        own = done.own
        done.put(states)
        found.findings += ((record.offset, finding) for finding in done.findings)
        for name, state in done.changed.items():
            if wanted.get(name) == state.offset:
                found.states[name] = canonical(state)
    return found


def gathered(config: Config, records: Iterable[Kept]) -> Replayed:
    """Run GATHER over all that was found."""
    said, state = Replayed(), gather.State()
    for record in records:
        word = gather.Word(record.offset, record.timestamp, record.value or b"", record.headers)
        state, findings = gather.step(Rules.of(config), state, word)
        said.findings += ((record.offset, finding) for finding in findings)
    return said


def canonical(state: State) -> bytes:
    """Write a state so that equal states, and no others, give equal bytes, however wide their arrays lie."""
    return msgspec.msgpack.encode(_plain(state))


def _plain(value: Any) -> Any:
    match value:
        case msgspec.Struct():
            return [_plain(getattr(value, field)) for field in value.__struct_fields__]
        case dict():  # in its order, which decides what is forgotten first
            return [[_plain(key), _plain(held)] for key, held in value.items()]
        case frozenset():
            return sorted(value)
        case tuple():
            return [_plain(one) for one in value]
        case np.ndarray():
            numbers = value if value.dtype.kind == "f" else value.astype(np.int64)
            return [numbers.dtype.str, list(numbers.shape), numbers.tobytes()]
        case _:
            return value


def totals(state: State) -> Counter[tuple[object, ...]]:
    """Lay out what a state holds in all, as the recount does: (signal, seen) -> events, and (kind,) -> events."""
    meanings: list[tuple[str, str | int]] = [(s.name, flag) for s in RATES for flag in ("no", "yes", "missing")]
    for signal in NUMBERS:
        meanings += [(signal.name, cell) for cell in range(len(EDGES) + 1)] + [(signal.name, "missing")]
    for signal in CALIBRATIONS:
        meanings += [(signal.name, cell) for cell in range(2 * BANDS)] + [(signal.name, "missing")]
    found: Counter[tuple[object, ...]] = Counter(
        {meaning: n for meaning, n in zip(meanings, laid(state.total).tolist(), strict=True) if n}
    )
    found.update({("beside", kind): n for kind, n in state.beside.items()})
    found["late",] = state.late
    return +found

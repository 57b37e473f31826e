"""Plain counts <-> flushes and parts: the oracle of what a part says."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from schemas.signals import Kind
from schemas.tallies import LATE, Exemplar, Flush, pack
from streams.watch.arrays import Ints
from streams.watch.detector import Detector
from streams.watch.measured import layout_of
from streams.watch.segments import summed
from streams.watch.state import Part

BUCKET_S = 10
DIMENSIONS = ("workflow", "intent")
OWN: tuple[tuple[Kind, str], ...] = (("category", "tier"), ("rate", "escaped"), ("number", "score"))
"""Signals of a user, beside the catalogue's."""
LAYOUT = layout_of(OWN)
FIXED, COLUMNS = LAYOUT.fixed, LAYOUT.columns


class Key(NamedTuple):
    """What is counted: a cell that needs no name, or a name in a column."""

    start: int
    release: str
    dimension: str
    name: str
    cell: int | tuple[str, str]


Counts = Counter[tuple[str, Key]]
"""(service, key) -> events."""


def counts(
    names: tuple[str, ...] = ("", "x", "y", "__other__"), services: tuple[str, ...] = ("s", "t")
) -> st.SearchStrategy[Counts]:
    """Counts of anything that a flush may hold."""
    cell = st.integers(0, FIXED - 1) | st.tuples(st.sampled_from(COLUMNS), st.sampled_from(names))
    key = st.builds(
        Key, st.sampled_from([LATE, 100, 110, 250]), st.sampled_from("12"), st.sampled_from(DIMENSIONS),
        st.sampled_from(names), cell,
    )  # fmt: skip
    return st.dictionaries(st.tuples(st.sampled_from(services), key), st.integers(1, 300), max_size=30).map(Counter)


def flush(said: Counts, beside: Counter[tuple[str, str, int]] | None = None, **what: Any) -> Flush:
    """Write counts as MEASURE would."""
    beside = beside or Counter()
    texts = {""} | {text for service, key in said for text in _texts(service, key)}
    texts |= {text for service, release, _ in beside for text in (service, release)}
    names = tuple(sorted(texts))
    at = {name: i for i, name in enumerate(names)}
    first = min((key.start for _, key in said if key.start), default=0) // BUCKET_S
    rows = sorted(
        (
            DIMENSIONS.index(key.dimension), at[service], at[key.release],
            LATE if key.start == LATE else key.start // BUCKET_S - first + 1, at[key.name], _cell(key.cell, at), n,
        )
        for (service, key), n in said.items()
    )  # fmt: skip
    groups = Counter(row[:5] for row in rows)
    usual: dict[str, Any] = {
        "source": "ai.events", "partition": 0, "anchor": 0, "end": 1, "final": True, "digest": "d",
        "bucket_s": BUCKET_S, "first_bucket": first, "dimensions": DIMENSIONS, "names": names,
        "groups": pack(_array([(s, b, r, d, n, size) for (d, s, r, b, n), size in groups.items()], 6)),
        "cells": pack(_array([row[5] for row in rows], 1)), "counts": pack(_array([row[6] for row in rows], 1)),
        "own": OWN, "beside": pack(_array(sorted((at[s], at[r], kind, n) for (s, r, kind), n in beside.items()), 4)),
        "exemplars": tuple(
            sorted({
                (at[service], at[key.release], at[key.cell[1]], (Exemplar(key.cell[1], "", 7),))
                for service, key in said
                if isinstance(key.cell, tuple) and key.cell[0] == "failure_mode"
            }, key=str)
        ),
    }  # fmt: skip
    return Flush(**usual | what)


def told(part: Part) -> Counter[Key]:
    """Read what a part says."""
    n, found, at = len(part.names), Counter[Key](), 0
    for start, release, dimension, name, size in part.groups.tolist():
        for cell, count in zip(part.cells[at : at + size].tolist(), part.counts[at : at + size].tolist(), strict=True):
            column, who = divmod(cell - FIXED, n)
            what = cell if cell < FIXED else (COLUMNS[column], part.names[who])
            found[Key(start, part.names[release], part.dimensions[dimension], part.names[name], what)] += count
        at += size
    assert at == len(part.cells) == len(part.counts)
    return found


def told_beside(part: Part) -> Counter[tuple[str, int]]:
    """Read what a part says of events beside exchanges."""
    return Counter({(part.names[release], kind): n for release, kind, n in part.beside.tolist()})


def of(said: Counts, service: str) -> Counter[Key]:
    """One service's counts."""
    return Counter({key: n for (who, key), n in said.items() if who == service})


def _texts(service: str, key: Key) -> set[str]:
    return {service, key.release, key.name, key.cell[1] if isinstance(key.cell, tuple) else ""}


def _cell(cell: int | tuple[str, str], at: dict[str, int]) -> int:
    return cell if isinstance(cell, int) else FIXED + COLUMNS.index(cell[0]) * len(at) + at[cell[1]]


def _array(rows: list[Any], columns: int) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, columns) if columns > 1 else np.array(rows, np.int64)


def kept_of(found: Detector, tally: Ints) -> Ints:
    """Fold counters of the alphabet's row into kept counters."""
    return summed(found.fold, tally, found.kept_size)

"""A seed -> events of some services; what Barograph wrote -> how many of them it counted, added up another way."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from random import Random

from aiokafka import ConsumerRecord

from schemas.signals import NO, RATE_CELLS, RATES, YES
from schemas.tallies import Flush, decode, unpack
from streams.watch.stage import State
from streams.watch.total import laid

Counts = Counter[tuple[str, bool]]
"""(service, failed) -> exchanges."""

FAILED = [rate.name for rate in RATES].index("failed")


def exchanges(n: int, seed: int = 0, failing: float = 0.05) -> Iterator[bytes]:
    """Draw exchanges of five services; the share `failing` of them failed."""
    rng = Random(seed)
    for i in range(n):
        failed = rng.random() < failing
        yield json.dumps({
            "type": "exchange", "id": f"{seed}-{i}", "service": f"svc-{rng.randrange(5)}", "release": "v1",
            "at": 1_795_000_000_000 + i, "status": "error" if failed else "ok", "workflow": rng.choice("abc"),
            "latency_ms": rng.lognormvariate(5, 1), "model_served": "m-1",
        }).encode()  # fmt: skip


def sent(events: Iterable[bytes]) -> Counts:
    """Count what was produced."""
    read = [json.loads(event) for event in events]
    return Counter((event["service"], event["status"] == "error") for event in read)


def told(tallies: Iterable[ConsumerRecord]) -> Counts:
    """Count what MEASURE told: of each block the flushes that cover most of it.

    Raises
    ------
    AssertionError
        If two blocks overlap, or what covers the same was not told with the same bytes.
    """
    flushes = {
        (flush.partition, flush.anchor, flush.end, flush.final, flush.names): record.value
        for record in tallies
        if isinstance(flush := decode(record.value), Flush)
    }
    for record in tallies:
        if isinstance(flush := decode(record.value), Flush):
            assert flushes[flush.partition, flush.anchor, flush.end, flush.final, flush.names] == record.value
    ends: dict[tuple[int, int], int] = {}
    for partition, anchor, end, _, _ in flushes:
        ends[partition, anchor] = max(end, ends.get((partition, anchor), 0))
    blocks = sorted((partition, anchor, end) for (partition, anchor), end in ends.items())
    for (partition, _, end), (other, anchor, _) in pairwise(blocks):
        assert partition != other or end <= anchor
    whole = {
        (partition, anchor, names): value
        for (partition, anchor, end, _, names), value in flushes.items()
        if end == ends[partition, anchor]
    }
    return sum((_of(decode(value)) for value in whole.values()), Counts())


def _of(flush: object) -> Counts:
    assert isinstance(flush, Flush)
    found, at = Counts(), 0
    cells, counts = unpack(flush.cells), unpack(flush.counts)
    for service, _, _, dimension, _, n in unpack(flush.groups, 6).tolist():
        if dimension == 0:
            for cell, count in zip(cells[at : at + n].tolist(), counts[at : at + n].tolist(), strict=True):
                if cell // RATE_CELLS == FAILED:
                    found[flush.names[service], cell % RATE_CELLS == YES] += count
        at += n
    return found


def known(states: Iterable[State]) -> Counts:
    """Count what WATCH added up."""
    return +Counter({
        (state.service, failed): int(laid(state.total)[FAILED * RATE_CELLS + cell])
        for state in states
        for failed, cell in ((False, NO), (True, YES))
    })  # fmt: skip

"""Exchanges of which three of a hundred fail -> what it costs to find and classify those, beside not doing it.

In one process, in turns: the columns of MEASURE with the shipped taxonomy, and with one that knows no mode. All else is
the same, decoding is left out. The least of many turns counts, since whatever else the machine does only adds.

    python -m benchmarks.classified
"""

import gc
import json
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from benchmarks.events import exchanges
from schemas.config import Config
from schemas.events import Exchange
from schemas.taxonomy import Taxonomy, load
from streams.measure.columns import NONE_LOOKED, Columns
from streams.measure.decode import CHUNK, Record, decode
from streams.measure.plan import Plan
from streams.measure.texts import Texts
from streams.shell.app import GC_THRESHOLD

FAILING: Final = 0.03
EVENTS: Final = 40_000
TURNS: Final = 15
BEFORE_US: Final = 0.44
"""What it cost before there were silent failures, nested rules and evidence: 17 modes of status and output (measured
on the same machine and events, commit 15d34ca)."""


class Cost(NamedTuple):
    """What classification costs.

    Attributes
    ----------
    us : a microsecond an event more than without any mode
    failing, suspected : shares of the events
    without_us : what the columns cost without any mode
    """

    us: float
    failing: float
    suspected: float
    without_us: float


def measure(events: int = EVENTS, turns: int = TURNS) -> Cost:
    """Measure it, with the garbage collector as a worker has it."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    full, none = (Plan.of(Config(), taxonomy) for taxonomy in (Taxonomy.load_default(), load("modes: []")))
    chunks = _chunks(full, events)
    n = sum(map(len, chunks))
    spent = [(_spent(none, chunks), _spent(full, chunks)) for _ in range(turns)]
    without, with_ = (min(side) / n * 1e6 for side in zip(*spent, strict=True))
    suspected = sum(len(full.classifier.suspects(chunk)) for chunk in chunks)
    failed = sum(_failed(full, chunk) for chunk in chunks)
    return Cost(with_ - without, failed / n, suspected / n, without)


def _chunks(plan: Plan, events: int) -> list[list[Exchange]]:
    """Decode events, and keep of those that fail no more than three of a hundred."""
    made = exchanges(2 * events, per_s=100_000, failing=FAILING)
    decoded, _ = decode([Record(i, one.timestamp_ms, one.value) for i, one in enumerate(made)], 1 << 18)
    kept: list[Exchange] = []
    failed = 0
    for event in decoded:
        assert isinstance(event, Exchange)
        bad = plan.classifier.judge(event).primary is not None
        if bad and failed >= FAILING * len(kept):
            continue
        failed += bad
        kept.append(event)
        if len(kept) == events:
            break
    return [kept[begin : begin + CHUNK] for begin in range(0, len(kept), CHUNK)]


def _failed(plan: Plan, chunk: Sequence[Exchange]) -> int:
    columns = Columns(plan.readers, plan.classifier, plan.mask, Texts(), NONE_LOOKED)
    columns.add(chunk)
    return len(columns.failed)


def _spent(plan: Plan, chunks: Sequence[Sequence[Exchange]]) -> float:
    columns, begin = Columns(plan.readers, plan.classifier, plan.mask, Texts(), NONE_LOOKED), time.process_time()
    for chunk in chunks:
        columns.add(chunk)
    return time.process_time() - begin


def main() -> None:
    """Measure it, print a line, and JSON as the last."""
    cost = measure()
    print(told(cost))
    print(json.dumps({"ok": cost.us < 1, "classify_us": round(cost.us, 3), "before_us": BEFORE_US,
                      "failing": round(cost.failing, 4), "suspected": round(cost.suspected, 4)}))  # fmt: skip


def told(cost: Cost) -> str:
    """Say it in a line."""
    return (
        f"classification: {cost.us:.2f} us an event at {cost.failing:.1%} failing ({cost.suspected:.1%} looked at); "
        f"{BEFORE_US:g} before, with status and output alone"
    )


if __name__ == "__main__":
    main()

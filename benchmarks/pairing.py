"""Exchanges, whole and split -> what pairing costs: on the hot path, at a takeover, and in memory.

``python -m benchmarks.pairing [--exchanges 100000] [--rounds 5]``: one process and no broker. The sides take turns of
2,000 records, so that all of them have the same weather; each counts the same exchanges and makes the same flushes but
for what split ones add. An exchange in two records is two records to fetch, decode and count: so costs are told for an
exchange and for a record.
"""

import argparse
import gc
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from typing import Final, NamedTuple

import orjson

from benchmarks.events import exchanges, rfc3339
from schemas.config import Config
from schemas.events import Request
from schemas.sections import Measure
from schemas.taxonomy import Taxonomy
from streams.measure.stage import BATCH, Plan, Record, begin, feed, flushes, remember

PER_S: Final = 20_000
"""Exchanges a second of the log's time, on one partition: some 10,000 requests are open at a time."""

UNANSWERED: Final = 100
"""One of so many split exchanges has no response."""

LOOKBACK: Final = 100_000
REQUEST_SIDE: Final = frozenset(Request.__struct_fields__)
WHO: Final = ("id", "service", "release")
OFF: Final = Plan.of(Config(), Taxonomy.load_default())
ON: Final = Plan.of(Config(measure=Measure(pairing=True, pair_lookback=LOOKBACK)), Taxonomy.load_default())


class Side(NamedTuple):
    """What is counted, and under which plan."""

    name: str
    plan: Plan
    log: list[Record]


def whole(n: int) -> list[Record]:
    """Make a log of whole exchanges."""
    return [Record(i, one.timestamp_ms, one.value) for i, one in enumerate(exchanges(n, PER_S))]


def split(n: int, every: int) -> list[Record]:
    """Make a log in which every so many exchange is a request and, by its latency later, a response.

    Examples
    --------
    >>> [orjson.loads(record.value)["type"] for record in split(2, 1)]
    ['request', 'request', 'response', 'response']
    """
    told: list[tuple[int, bytes]] = []
    for i, one in enumerate(exchanges(n, PER_S)):
        if i % every:
            told.append((one.timestamp_ms, one.value))
            continue
        said = orjson.loads(one.value)
        who = {name: said[name] for name in WHO}
        asks = {name: value for name, value in said.items() if name in REQUEST_SIDE}
        told.append((one.timestamp_ms, orjson.dumps(asks | {"type": "request"})))
        answers = {name: value for name, value in said.items() if name not in REQUEST_SIDE}
        answers |= who | {"type": "response", "at": rfc3339(one.timestamp_ms + int(said["latency_ms"]))}
        if i // every % UNANSWERED != UNANSWERED - 1:
            told.append((one.timestamp_ms + int(said["latency_ms"]), orjson.dumps(answers)))
    told.sort(key=lambda one: one[0])
    return [Record(offset, stamp, value) for offset, (stamp, value) in enumerate(told)]


def counting(side: Side) -> Iterator[float]:
    """Count a log batch by batch, with the flush of every block that ends; give the CPU seconds of each batch."""
    block = begin(side.plan.source, 0, 0)
    for at in range(0, len(side.log), BATCH):
        began = time.process_time()
        block, finished = feed(side.plan, block, side.log[at : at + BATCH])
        for one in finished:
            flushes(side.plan, one, final=True)
        yield time.process_time() - began


def round_of(sides: list[Side]) -> list[float]:
    """Let all sides count their logs in turns; CPU seconds of each."""
    spent = [0.0 for _ in sides]
    running = dict(enumerate(map(counting, sides)))
    while running:
        for nth, batches in list(running.items()):
            if (seconds := next(batches, None)) is None:
                del running[nth]
            else:
                spent[nth] += seconds
    return spent


def taking_over(log: list[Record]) -> tuple[float, int, float]:
    """Read back as a new owner does: us a record, requests that are open then, and bytes that each of them holds."""
    middle = len(log) * 2 // 3  # at the end, all is answered
    near = log[max(middle - LOOKBACK, 0) : middle]
    block = begin(ON.source, 0, near[-1].offset + 1)
    began = time.process_time()
    remember(ON, block, near)
    seconds = time.process_time() - began
    gc.collect()
    tracemalloc.start()
    owner = remember(ON, block, near)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    waiting = len(owner.waiting.requests)
    return seconds / len(near) * 1e6, waiting, held / waiting


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pairing")
    parser.add_argument("--exchanges", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    n = asked.exchanges
    logs = whole(n), split(n, 2), split(n, 1)
    sides = [
        Side("whole, pairing off", OFF, logs[0]), Side("whole, pairing on", ON, logs[0]),
        Side("half split, pairing off", OFF, logs[1]), Side("half split, pairing on", ON, logs[1]),
        Side("all split, pairing on", ON, logs[2]),
    ]  # fmt: skip
    gc.freeze()
    gc.set_threshold(100_000)  # as in a worker
    round_of(sides)
    rounds = [round_of(sides) for _ in range(asked.rounds)]
    print(f"{n:,} exchanges, {asked.rounds} rounds, CPU; medians, and the range of the ratios within a round")
    print(f"{'':<26}{'us an exchange':>16}{'us a record':>14}   an exchange, against whole and off")
    for nth, side in enumerate(sides):
        cost = statistics.median(spent[nth] for spent in rounds) * 1e6
        ratios = [spent[nth] / spent[0] for spent in rounds]
        print(
            f"{side.name:<26}{cost / n:>16.2f}{cost / len(side.log):>14.2f}"
            f"   x {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        )
    us, waiting, held = taking_over(logs[1])
    print(f"reading back at a takeover: {us:.2f} us a record, {us * LOOKBACK / 1e6:.2f} s for {LOOKBACK:,}")
    print(f"requests open then: {waiting:,}, of {held:.0f} bytes each")


if __name__ == "__main__":
    main()

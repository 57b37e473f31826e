"""One worker, or two, on one source partition, or four -> how many more events a second two workers read.

The same prepared log lies on a topic of one partition and on one of four. One or two workers as `barograph run` starts
them read it from its start; the clock runs from the moment at which all of them own partitions, have read a part, and
all services are watched, to that at which the first of them has read nine tenths of what there was. Events a second are
wall time, all workers together.

The broker is a process on the same cores, and so is whatever else runs here. So the table says what each took: workers,
broker, others, and what was idle. Two workers on two cores cannot be twice as fast as one if the broker takes half of
one. So where less than a tenth of a core was idle, the bound is asked of what the workers' own CPU allows: twice the
events that two workers count in a CPU second, divided by those that one counts. Both ratios are told in any case. A
single partition cannot be shared: there a second worker only takes its part of WATCH, and nothing is asked of it.

    python -m benchmarks.scale [--json] [--events 3000000] [--rounds 3]
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.cores import Cores, Used
from benchmarks.events import SERVICES, exchanges
from benchmarks.logs import Append, forget
from benchmarks.worker import Look, Worker
from schemas.config import Config
from schemas.sections import Kafka, Topics
from schemas.watching import Watch
from streams.shell.clients import topic
from tests.kafka.clients import create
from tests.kafka.cluster import Cluster

RATE: Final = 100_000
"""Events a second of the log's own time: about what one worker keeps up with."""
BASELINE_EVENTS: Final = 1_000
BOUND: Final = 1.7
PARTITIONS: Final = (1, 4)
WORKERS: Final = (1, 2)
STARTED: Final = 0.15
ENOUGH: Final = 0.9
ROOM: Final = 0.1
"""Cores that were idle: with less, the machine was full."""
PATIENCE_S: Final = 600.0
PAUSE_S: Final = 0.25


class Speed(NamedTuple):
    """What some workers read, and what took the cores meanwhile."""

    events_per_s: float
    per_cpu_s: float
    cores: Cores
    shares: tuple[float, ...]


def main() -> int:
    """Run it, print a table and, if asked, JSON as the last line."""
    asked = argparse.ArgumentParser(description="How many more events a second two workers read than one.")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    asked.add_argument("--events", type=int, default=3_000_000)
    asked.add_argument("--rounds", type=int, default=3)
    args = asked.parse_args()
    if reason := Cluster.available():
        sys.exit(reason)
    speeds: dict[tuple[int, int], list[Speed]] = {}
    with tempfile.TemporaryDirectory() as name, Cluster(Path(name) / "kafka", "1g") as kafka:
        assert kafka.pid is not None
        config = Config(
            kafka=Kafka(bootstrap=kafka.bootstrap),
            watch=Watch(baseline_events=BASELINE_EVENTS, dependence="none", season_percent=0),
        )
        for partitions in PARTITIONS:
            produce(_on(config, partitions), args.events)
        print(f"{args.events:,} exchanges of {SERVICES} services are prepared", flush=True)
        for number in range(args.rounds):
            for partitions in PARTITIONS:
                for workers in WORKERS if number % 2 == 0 else WORKERS[::-1]:
                    own = _on(config, partitions)
                    own = replace(own, kafka=replace(own.kafka, group=f"{partitions}-{workers}-{number}"))
                    speed = run(own, Path(name), workers, args.events, kafka.pid)
                    speeds.setdefault((partitions, workers), []).append(speed)
                    print(f"round {number + 1}: {_said(partitions, workers, speed)}", flush=True)
    return _tell(speeds, args.json)


def _on(config: Config, partitions: int) -> Config:
    return replace(config, topics=Topics(prefix=f"on{partitions}.", events_partitions=partitions))


def produce(config: Config, events: int) -> None:
    """Prepare the log; its time ends when about all is sent."""
    name, partitions = topic(config, "events"), config.topics.events_partitions
    asyncio.run(create(config.kafka.bootstrap, name, partitions, {"retention.ms": "-1"}))
    start_ms = int(time.time() * 1000) - int(events / RATE * 1000)
    with Append(config, "events") as log:
        for key, timestamp_ms, value in exchanges(events, RATE, start_ms):
            log.send(value, key, timestamp_ms)


def run(config: Config, folder: Path, n: int, events: int, broker: int) -> Speed:
    """Let `n` workers read the log, with groups and a state of their own."""
    forget(config, "tallies", "state")
    with ExitStack() as stack:
        workers = []
        for number in range(n):
            named = replace(config, worker=replace(config.worker, name=f"{config.kafka.group}-{number}"))
            workers.append(stack.enter_context(Worker(named, folder)))
        ids = {"broker": broker} | {f"worker {i}": worker.process.pid for i, worker in enumerate(workers)}
        first = _until(workers, lambda looks: _warm(looks, events, min(n, config.topics.events_partitions)))
        used = Used.now(ids)
        last = _until(workers, lambda looks: _nearly(looks, events))
        cores = Cores.between(used, Used.now(ids))
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.wait(PATIENCE_S)
    counted = [b.events - a.events for a, b in zip(first, last, strict=True)]
    wall_s = statistics.mean(b.at - a.at for a, b in zip(first, last, strict=True))
    cpu_s = sum(b.cpu_s - a.cpu_s for a, b in zip(first, last, strict=True))
    shares = tuple(one / sum(counted) for one in counted)
    return Speed(sum(counted) / wall_s, sum(counted) / cpu_s, cores, shares)


def _warm(looks: Sequence[Look], events: int, readers: int) -> bool:
    busy = sum(look.events > 0 for look in looks) >= readers
    watched = sum(look.watched for look in looks) >= SERVICES
    return busy and watched and sum(look.events for look in looks) >= STARTED * events


def _nearly(looks: Sequence[Look], events: int) -> bool:
    """Whether the log is nearly read, or one of the workers has nearly read its part."""
    near = any(0 < look.lag < (1 - ENOUGH) * events / len(looks) for look in looks)
    return near or sum(look.events for look in looks) >= ENOUGH * events


def _until(workers: Sequence[Worker], true: Callable[[Sequence[Look]], bool]) -> list[Look]:
    """Look at all workers again and again until it is so."""
    began = time.monotonic()
    while True:
        looks = [look for worker in workers if (look := worker.look()) is not None]
        if len(looks) == len(workers) and true(looks):
            return looks
        if time.monotonic() - began > PATIENCE_S:
            raise RuntimeError(f"the workers do not get on: {looks}")
        time.sleep(PAUSE_S)


def _said(partitions: int, workers: int, speed: Speed) -> str:
    cores = speed.cores
    ours = sum(used for name, used in cores.of.items() if name != "broker")
    shares = " / ".join(f"{share:.0%}" for share in speed.shares)
    return (
        f"{partitions} partition{'s' * (partitions > 1)}, {workers} worker{'s' * (workers > 1)}: "
        f"{speed.events_per_s:9,.0f} events/s, {speed.per_cpu_s:9,.0f} a CPU second; cores: workers {ours:.2f}, "
        f"broker {cores.of['broker']:.2f}, others {cores.others:.2f}, idle {cores.idle:.2f}; read by {shares}"
    )


def _tell(speeds: dict[tuple[int, int], list[Speed]], as_json: bool) -> int:
    bounds, figures = list[Bound](), dict[str, float]()
    for partitions in PARTITIONS:
        one, two = (speeds[partitions, workers] for workers in WORKERS)
        wall = statistics.median(b.events_per_s / a.events_per_s for a, b in zip(one, two, strict=True))
        by_cpu = statistics.median(2 * b.per_cpu_s / a.per_cpu_s for a, b in zip(one, two, strict=True))
        idle = statistics.median(speed.cores.idle for speed in two)
        broker, others = (
            statistics.median(said) for said in zip(*((s.cores.of["broker"], s.cores.others) for s in two), strict=True)
        )  # fmt: skip
        full = idle < ROOM
        for workers, some in zip(WORKERS, (one, two), strict=True):
            rate = statistics.median(speed.events_per_s for speed in some)
            figures[f"{partitions} partitions, {workers} workers"] = round(rate)
            bounds.append(Bound(f"{partitions} partitions, {workers} workers: events/s", TOLD, f"{rate:,.0f}", True))
        bound = f"at least {BOUND:g}" if partitions > 1 else TOLD
        which = by_cpu if full else wall
        met = partitions == 1 or which >= BOUND
        judged = partitions > 1
        bounds += [
            Bound(f"{partitions} partitions: two are faster, by wall time", bound if judged and not full else TOLD,
                  f"{wall:.2f}", met or full),
            Bound(f"{partitions} partitions: two are faster, by CPU", bound if judged and full else TOLD,
                  f"{by_cpu:.2f}", met or not full),
            Bound(f"{partitions} partitions: what two left", "told",
                  f"{idle:.2f} cores idle; broker {broker:.2f}, others {others:.2f}", True),
        ]  # fmt: skip
        figures |= {f"wall ratio on {partitions}": round(wall, 3), f"cpu ratio on {partitions}": round(by_cpu, 3)}
    return tell(bounds, figures, as_json)


if __name__ == "__main__":
    sys.exit(main())

"""A real Kafka and events of 1 kB -> what counting and watching them costs, beside only reading, and beside Faust.

Four sides read the same partitions, each in a process of its own:

- limit: fetch and decode, with MEASURE's consumer, structs, decoder and chunks, and do nothing else
- measure: ``barograph run`` with `stages: [measure]`; every flush is acknowledged, every anchor committed
- both: ``barograph run`` as it is; every service has learned its baseline and is watched before the clock starts, and
  every event is in the checkpointed state at the end
- faust: an agent that decodes each event with the same decoder, counts it for its service, and feeds its latency to
  the service's river ADWIN

What it takes of that to find and classify failures, at 3 % of them, is told apart, in one process (`classified`).

In every round each of the others takes turns with the limit, so that both run in the same weather. Cost is CPU time of
the process per event, user and system, after a warm-up. A share of the limit is taken within a round and between those
two; how many times more Faust costs, between their shares.

    python -m benchmarks.throughput [--json] [--rounds 5] [--events 2000000] [--rate 100000]
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from benchmarks import classified, turns
from benchmarks.events import BYTES, FAILING, SERVICES, exchanges, mean_size
from benchmarks.logs import Append, forget
from benchmarks.tallies import bytes_per_event
from benchmarks.worker import Cost, Worker
from schemas.config import Config, show
from schemas.sections import Kafka, Measure
from schemas.signals import RATE_CELLS
from schemas.watching import Watch
from streams.shell.clients import topic
from streams.shell.restore import restore
from streams.watch.total import laid
from tests.kafka.clients import create
from tests.kafka.cluster import Cluster

EVENTS: Final = 2_000_000
WARM_UP: Final = 0.2
FAUST_EVENTS: Final = 60_000
RATE: Final = 100_000
"""Events a second of the log's own time: about what one worker keeps up with."""

BASELINE_EVENTS: Final = 1_000
"""A service is watched after so many; the clock starts when all are."""

FLUSH_AFTER_S: Final = 2.5
"""A side runs half of the time, so that a block is open twice as long; it is no more to be told of early than if it ran
all the time."""

SESSION_S: Final = 120.0
"""Whoever waits for its turn is not gone."""

SIDES: Final = ("measure", "both", "faust")


class Pair(NamedTuple):
    """A side, and the limit that took turns with it."""

    side: Cost
    limit: Cost

    @property
    def share(self) -> float:
        """What part of the side's CPU the limit takes."""
        return self.limit.us / self.side.us


Round = dict[str, Pair]


def main() -> None:
    """Run it, print a table and, if asked, JSON as the last line."""
    asked = argparse.ArgumentParser(description="What counting and watching events of 1 kB costs.")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--events", type=int, default=EVENTS)
    asked.add_argument("--rate", type=int, default=RATE, help="events a second of the log's own time")
    args = asked.parse_args()
    if reason := Cluster.available():
        sys.exit(reason)
    assert abs(mean_size() - BYTES) < 0.01 * BYTES
    print(
        f"{args.events:,} exchanges of {mean_size():.0f} bytes, {SERVICES} services, {FAILING:.0%} failing by their "
        f"status, 3 slices, {args.rate:,} a second of log; 4 partitions; {args.rounds} rounds",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as kafka:
        config = Config(
            kafka=Kafka(bootstrap=kafka.bootstrap, session_timeout_s=SESSION_S),
            measure=Measure(flush_after_s=FLUSH_AFTER_S),
            watch=Watch(baseline_events=BASELINE_EVENTS, dependence="none", season_percent=0),
        )
        produce(config, args.events, args.rate)
        rounds = [_round(config, Path(folder), number, args.events) for number in range(args.rounds)]
    figures = _figures(rounds)
    _print(rounds, figures)
    cost = classified.measure()
    figures |= {"classify_us": round(cost.us, 2), "classify_us_before": classified.BEFORE_US}
    print(classified.told(cost))
    if args.json:
        print(json.dumps(figures))


def produce(config: Config, events: int, rate: int) -> None:
    """Produce the log, by services' keys as Kafka's own clients spread them. Its time ends when about all is sent."""
    name = topic(config, "events")
    asyncio.run(create(config.kafka.bootstrap, name, config.topics.events_partitions, {"retention.ms": "-1"}))
    start_ms = int(time.time() * 1000) - int(events / rate * 1000)
    with Append(config, "events") as log:
        for key, timestamp_ms, value in exchanges(events, rate, start_ms):
            log.send(value, key, timestamp_ms)


def _round(config: Config, folder: Path, number: int, events: int) -> Round:
    """Pair each side with the limit, every round beginning with another one."""
    order = SIDES[number % len(SIDES) :] + SIDES[: number % len(SIDES)]
    pairs = {side: pair(side, config, folder, f"{side}-{number}", events) for side in order}
    told = "; ".join(f"{side} {pairs[side].side.us:.2f}, limit {pairs[side].limit.us:.2f}" for side in SIDES)
    print(f"round {number + 1}: us/event: {told}; {pairs['both'].side.findings} findings", flush=True)
    return pairs


def pair(side: str, config: Config, folder: Path, group: str, events: int) -> Pair:
    """Let a side and the limit read the log in turns, with groups of their own."""
    config = replace(config, kafka=replace(config.kafka, group=group))
    limit = _reader("limit", replace(config, kafka=replace(config.kafka, group=f"{group}-limit")), folder, events)
    with turns.ending(limit):
        turns.stopped(limit)
        if side == "faust":
            cost, waited_s = _faust(config, folder, limit)
        else:
            cost, waited_s = _ours(side, config, folder, limit, events)
        limit.terminate()
        limit.send_signal(turns.GO)
        return Pair(cost, _measured(limit, waited_s))


def _ours(side: str, config: Config, folder: Path, limit: Popen[str], events: int) -> tuple[Cost, float]:
    """Let a worker take turns with the limit; how long that one ran, too."""
    forget(config, "tallies", "state")
    stages: Any = ("measure",) if side == "measure" else ("measure", "watch")
    config = replace(config, worker=replace(config.worker, stages=stages))
    with Worker(config, folder) as worker:
        worker.warm(int(events * WARM_UP), SERVICES if side == "both" else 0)
        ran_s, waited_s = turns.take(worker.process, limit, lambda: worker.counted(events))
        cost = worker.finish(events, ran_s)
    if side == "both":
        _check(config, events)
    return cost, waited_s


def _faust(config: Config, folder: Path, limit: Popen[str]) -> tuple[Cost, float]:
    faust = _reader("faust", config, folder, FAUST_EVENTS)
    with turns.ending(faust):
        turns.stopped(faust)
        ran_s, waited_s = turns.take(faust, limit, lambda: faust.poll() is not None)
        return _measured(faust, ran_s), waited_s


def _reader(side: str, config: Config, folder: Path, events: int) -> Popen[str]:
    (path := folder / f"{side}.yaml").write_text(show(config))
    command = [sys.executable, "-m", "benchmarks.sides", side, str(path), str(events)]
    return Popen(command, stdout=PIPE, text=True)


def _measured(reader: Popen[str], wall_s: float) -> Cost:
    said, _ = reader.communicate()
    if reader.returncode:
        raise RuntimeError(f"{reader.args!r} ended with {reader.returncode}")
    return Cost(**json.loads(said), wall_s=wall_s)


def _check(config: Config, events: int) -> None:
    """Make sure that WATCH did its work: every event is in a state."""
    parts = [asyncio.run(restore(config, partition)) for partition in range(config.topics.tallies_partitions)]
    states = [state for part in parts for state in part.states.values()]
    counted = sum(int(laid(state.total)[:RATE_CELLS].sum()) for state in states)
    if counted != events or len(states) != SERVICES:
        raise RuntimeError(f"WATCH holds {counted} of {events} events, of {len(states)} services")


def _figures(rounds: Sequence[Round]) -> dict[str, Any]:
    measured = [one["measure"] for one in rounds]
    per_s = statistics.median(one.side.events / one.side.wall_s for one in measured)
    return {
        "events_per_s": round(per_s),
        "cpu_us_per_event": round(statistics.median(one.side.us for one in measured), 2),
        "share_of_limit": round(statistics.median(one.share for one in measured), 3),
        "ratio_faust_river": round(statistics.median(one["measure"].share / one["faust"].share for one in rounds), 1),
        "share_with_watch": round(statistics.median(one["both"].share for one in rounds), 3),
        "rss_mb": round(max(one["both"].side.rss_mb for one in rounds)),
        "tallies_bytes_per_event": {
            name: round(bytes_per_event(rate, Config()), 1)
            for name, rate in {"100/s": 100.0, "1000/s": 1_000.0, "full speed": per_s}.items()
        },
    }


def _print(rounds: Sequence[Round], figures: dict[str, Any]) -> None:
    print(f"\n{'':10}{'CPU us/event':>24}{'events/s of wall time':>30}{'the limit takes of it':>24}{'peak RSS':>12}")
    of_limit = [pair.limit for one in rounds for pair in one.values()]
    for side in ("limit", *SIDES):
        costs = of_limit if side == "limit" else [one[side].side for one in rounds]
        share = [1.0] if side == "limit" else [one[side].share for one in rounds]
        print(
            f"{side:10}{_span([cost.us for cost in costs], '.2f'):>24}"
            f"{_span([cost.events / cost.wall_s for cost in costs], ',.0f'):>30}{_span(share, '.3f'):>24}"
            f"{max(cost.rss_mb for cost in costs):>9.0f} MB"
        )
    faust = [one["measure"].share / one["faust"].share for one in rounds]
    print(f"Faust and river cost {_span(faust, '.1f')} times what MEASURE does\n")
    size = figures["tallies_bytes_per_event"]
    for said, value, bound, met in (
        ("MEASURE reaches of the limit", figures["share_of_limit"], "at least 0.6", figures["share_of_limit"] >= 0.6),
        ("times a Faust agent", figures["ratio_faust_river"], "at least 12", figures["ratio_faust_river"] >= 12),
        ("both stages reach", figures["share_with_watch"], "at least 0.5", figures["share_with_watch"] >= 0.5),
        ("bytes an event at 100/s", size["100/s"], "at most 350", size["100/s"] <= 350),
        ("bytes an event at 1000/s", size["1000/s"], "at most 350", size["1000/s"] <= 350),
        ("bytes an event at full speed", size["full speed"], "told", True),
    ):
        print(f"{said:32}{value:>8}   {bound:14}{'met' if met else 'NOT MET'}")


def _span(values: Sequence[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


if __name__ == "__main__":
    main()

"""A real Kafka and 750-byte events -> what counting and watching them costs, beside only reading, and beside Faust.

Four sides read the same partitions, each in a process of its own, one after the other, in every round:

- limit: fetch and decode, with MEASURE's consumer, structs, decoder and chunks, and do nothing else
- measure: ``barograph run`` with `stages: [measure]`; every flush is acknowledged, every anchor committed
- both: ``barograph run`` as it is; every service has learned its baseline and is watched before the clock starts, and
  every event is in the checkpointed state at the end
- faust: an agent that decodes each event with the same decoder, counts it for its service, and feeds its latency to
  the service's river ADWIN

Cost is CPU time of the process per event, user and system, after a warm-up. Ratios are taken within a round.

    python -m benchmarks.throughput [--json] [--rounds 5] [--events 800000]
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Producer
from msgspec.structs import replace

from benchmarks import worker
from benchmarks.events import BYTES, FAILING, SERVICES, exchanges, mean_size
from benchmarks.tallies import bytes_per_event
from benchmarks.worker import Cost
from schemas.config import Config, Kafka, Topics, Watch, show
from schemas.signals import RATE_CELLS
from streams.shell.clients import topic
from streams.shell.restore import restore
from tests.kafka.clients import admin, create
from tests.kafka.cluster import Cluster

EVENTS: Final = 800_000
WARM_UP: Final = 0.3
FAUST_EVENTS: Final = 60_000
PER_S: Final = 30_000
"""Events a second of the log's own time: blocks that are full long before `measure.flush_after_s`, as in a backlog."""

BASELINE_EVENTS: Final = 1_000
"""A service is watched after so many; the clock starts when all are."""

SIDES: Final = ("limit", "measure", "both", "faust")
Round = dict[str, Cost]


def main() -> None:
    """Run it, print a table and, if asked, JSON as the last line."""
    asked = argparse.ArgumentParser(description="What counting and watching 750-byte events costs.")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--events", type=int, default=EVENTS)
    args = asked.parse_args()
    if reason := Cluster.available():
        sys.exit(reason)
    assert abs(mean_size() - BYTES) < 0.01 * BYTES
    print(
        f"{args.events} exchanges of {mean_size():.0f} bytes, {SERVICES} services, {FAILING:.0%} failing, 3 slices, "
        f"{PER_S:,} a second of log; 4 partitions; {args.rounds} rounds",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as kafka:
        rounds = [_round(kafka.bootstrap, Path(folder), number, args.events) for number in range(args.rounds)]
    figures = _figures(rounds)
    _print(rounds, figures)
    if args.json:
        print(json.dumps(figures))


def _round(bootstrap: str, folder: Path, number: int, events: int) -> Round:
    """Produce a log that ends now, and let each side read it; every round begins with another one."""
    config = Config(
        kafka=Kafka(bootstrap=bootstrap), topics=Topics(prefix=f"round-{number}-"),
        watch=Watch(baseline_events=BASELINE_EVENTS),
    )  # fmt: skip
    _produce(config, events)
    costs = {side: _cost(side, config, folder, events) for side in SIDES[number % 4 :] + SIDES[: number % 4]}
    told = ", ".join(f"{side} {_us(costs[side]):.2f}" for side in SIDES)
    print(f"round {number + 1}: us/event: {told}; {costs['both'].findings} findings", flush=True)
    asyncio.run(_delete(config, [topic(config, "events")]))
    return costs


def _produce(config: Config, events: int) -> None:
    """Produce the log, by services' keys as Kafka's own clients spread them. Its time ends when about all is sent."""
    name = topic(config, "events")
    asyncio.run(create(config.kafka.bootstrap, name, config.topics.events_partitions, {"retention.ms": "-1"}))
    producer = Producer({
        "bootstrap.servers": config.kafka.bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random",
        "linger.ms": 50, "batch.size": 1 << 20,
    })  # fmt: skip
    start_ms = int(time.time() * 1000) - int(events / PER_S * 1000)
    for key, timestamp_ms, value in exchanges(events, PER_S, start_ms):
        while True:
            try:
                producer.produce(name, value, key, timestamp=timestamp_ms)
                break
            except BufferError:
                producer.poll(0.1)
    if left := producer.flush(60):
        raise RuntimeError(f"{left} events were not acknowledged")


def _cost(side: str, config: Config, folder: Path, events: int) -> Cost:
    """Let one side read the log, with a group of its own."""
    config = replace(config, kafka=replace(config.kafka, group=f"{config.topics.prefix}{side}"))
    warm_up = int(events * WARM_UP)
    if side in ("limit", "faust"):
        if side == "faust":
            events, warm_up = min(FAUST_EVENTS, events), min(FAUST_EVENTS, events) // 10
        (path := folder / f"{side}.yaml").write_text(show(config))
        command = [sys.executable, "-m", "benchmarks.sides", side, str(path), str(events), str(warm_up)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        if said.returncode:
            raise RuntimeError(f"{side}: {said.stderr}")
        return Cost(**json.loads(said.stdout))
    asyncio.run(_delete(config, [topic(config, role) for role in ("tallies", "state")]))
    stages: Any = ("measure",) if side == "measure" else ("measure", "watch")
    config = replace(config, worker=replace(config.worker, stages=stages))
    cost = worker.cost(config, folder, events, warm_up, watched=SERVICES if side == "both" else 0)
    if side == "both":
        _check(config, events)
    return cost


def _check(config: Config, events: int) -> None:
    """Make sure that WATCH did its work: every event is in a state."""
    parts = [asyncio.run(restore(config, partition)) for partition in range(config.topics.tallies_partitions)]
    states = [state for part in parts for state in part.states.values()]
    counted = sum(int(state.total[:RATE_CELLS].sum()) for state in states)
    if counted != events or len(states) != SERVICES:
        raise RuntimeError(f"WATCH holds {counted} of {events} events, of {len(states)} services")


async def _delete(config: Config, names: Sequence[str]) -> None:
    """Delete topics, and wait until they are gone."""
    async with admin(config.kafka.bootstrap) as client:
        if there := set(names) & set(await client.list_topics()):
            await client.delete_topics(sorted(there))
        while set(names) & set(await client.list_topics()):  # noqa: ASYNC110  # a broker sets no event
            await asyncio.sleep(0.1)


def _us(cost: Cost) -> float:
    return cost.cpu_s / cost.events * 1e6


def _figures(rounds: Sequence[Round]) -> dict[str, Any]:
    def ratio(one: str, other: str) -> float:
        return statistics.median(_us(costs[one]) / _us(costs[other]) for costs in rounds)

    per_s = statistics.median(costs["measure"].events / costs["measure"].wall_s for costs in rounds)
    return {
        "events_per_s": round(per_s),
        "cpu_us_per_event": round(statistics.median(_us(costs["measure"]) for costs in rounds), 2),
        "share_of_limit": round(ratio("limit", "measure"), 3),
        "ratio_faust_river": round(ratio("faust", "measure"), 1),
        "share_with_watch": round(ratio("limit", "both"), 3),
        "rss_mb": round(max(costs["both"].rss_mb for costs in rounds)),
        "tallies_bytes_per_event": {
            name: round(bytes_per_event(rate, Config()), 1)
            for name, rate in {"100/s": 100.0, "1000/s": 1_000.0, "full speed": per_s}.items()
        },
    }


def _print(rounds: Sequence[Round], figures: dict[str, Any]) -> None:
    print(f"\n{'':10}{'CPU us/event':>24}{'events/s of wall time':>30}{'CPU of limit':>22}{'peak RSS':>12}")
    for side in SIDES:
        costs = [one[side] for one in rounds]
        share = [_us(one["limit"]) / _us(one[side]) for one in rounds]
        print(
            f"{side:10}{_span([_us(cost) for cost in costs], '.2f'):>24}"
            f"{_span([cost.events / cost.wall_s for cost in costs], ',.0f'):>30}{_span(share, '.3f'):>22}"
            f"{max(cost.rss_mb for cost in costs):>9.0f} MB"
        )
    faust = [_us(one["faust"]) / _us(one["measure"]) for one in rounds]
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

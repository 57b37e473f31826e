"""A million good events with 100,000 hostile ones among them -> whether any harm is done.

The good events are those of `benchmarks.throughput`; after every ten comes a hostile one (`benchmarks.hostile`), spread
over the same four partitions. A second topic holds the good ones alone. First each topic is read by a worker that has
the machine for itself, to its end, and then looked at:

- whether each hostile record is on the rejected topic, once, by its position and with a reason of its kind; or, where
  its kind is valid, counts under its own service (as late, where it claims the far past);
- whether every good one counts: events of each service, in the tallies as in the state of WATCH, against what was sent;
- how long the event loop was blocked at the longest (`benchmarks.gauge`, within the worker's own process), from the
  first counted event to the last flush. What another process took of a core is no block of ours. The clean run is the
  control.

Then, in every round, a worker reads the one topic alone, and another the other, and what a good event costs in CPU is
compared: on the poisoned topic, everything the hostile ones cost is charged to the good ones. They do not take turns of
a second (decision 16): a worker that stands still for every other second tells of blocks that it would have finished,
and one that is slower does so more often.

    python -m benchmarks.poison [--json] [--good 1000000] [--hostile 100000] [--rounds 3] [--few 100] [--seed 1]
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import KafkaError, Message
from msgspec.structs import replace

from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.counted import Told
from benchmarks.events import SERVICES, exchanges
from benchmarks.gauge import COMMAND, Gap, gaps, longest
from benchmarks.hostile import FEW, KINDS, Kind, Record, hostile
from benchmarks.logs import LARGEST, Append, forget, read
from benchmarks.worker import Look, Worker, peak_mb
from schemas.config import Config
from schemas.rejected import Rejected
from schemas.sections import Kafka, Topics
from schemas.signals import RATE_CELLS
from schemas.watching import Watch
from streams.shell.clients import topic
from streams.shell.restore import restore
from streams.watch.total import laid
from tests.kafka.clients import create
from tests.kafka.cluster import Cluster

SPAN_S: Final = 10.0
"""Seconds of the log's own time; a million events in so many are about what one worker keeps up with."""
BASELINE_EVENTS: Final = 1_000
SESSION_S: Final = 120.0
WARM_UP: Final = 0.2
PATIENCE_S: Final = 1800.0
MOST_BLOCK_S: Final = 0.1
LEAST_SHARE: Final = 0.5
Place = tuple[int, int]


@dataclass
class Sent:
    """What was produced.

    Attributes
    ----------
    services : exchanges of each service that must count
    kinds : where each hostile record lies
    """

    services: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    kinds: dict[Place, Kind] = field(default_factory=dict)

    def note(self, record: Record) -> Callable[[KafkaError | None, Message], None]:
        """Note a hostile record, and when it is acknowledged, where it lies."""
        if record.service is not None:
            self.services[record.service] += 1
            self.late[record.service] += record.kind.late

        def told(error: KafkaError | None, message: Message) -> None:
            partition, offset = message.partition(), message.offset()
            if error is not None or partition is None or offset is None:
                raise RuntimeError(f"a record of the kind {record.kind.name} was not taken: {error}")
            self.kinds[partition, offset] = record.kind

        return told


@dataclass
class Ran:
    """What a worker made of a topic that it read alone."""

    blocks: list[Gap]
    rss_mb: float
    told: Counter[str]
    known: dict[str, tuple[int, int]]
    rejected: dict[Place, list[Rejected]]


def main() -> int:
    """Run it, print a table and, if asked, JSON as the last line."""
    asked = argparse.ArgumentParser(description="Whether hostile records do harm.")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    asked.add_argument("--good", type=int, default=1_000_000)
    asked.add_argument("--hostile", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--few", type=int, default=FEW, help="records of each of the kinds of megabytes")
    asked.add_argument("--seed", type=int, default=1)
    args = asked.parse_args()
    if reason := Cluster.available():
        sys.exit(reason)
    settings = {"message.max.bytes": str(LARGEST), "replica.fetch.max.bytes": str(LARGEST)}
    with tempfile.TemporaryDirectory() as name, Cluster(Path(name) / "kafka", "1g", settings) as kafka:
        folder = Path(name)
        config = Config(
            kafka=Kafka(bootstrap=kafka.bootstrap, session_timeout_s=SESSION_S),
            watch=Watch(baseline_events=BASELINE_EVENTS, dependence="none", season_percent=0),
        )
        clean, poisoned = (replace(config, topics=Topics(prefix=prefix)) for prefix in ("clean.", "poisoned."))
        good, sent = produce(clean, args, 0), produce(poisoned, args, args.hostile)
        print(
            f"{args.good:,} good events, and {args.hostile:,} hostile ones of {len(KINDS)} kinds among them", flush=True
        )
        control, ran = alone(clean, folder, args.good), alone(poisoned, folder, args.good + args.hostile)
        shares = [share(clean, poisoned, folder, number, args) for number in range(args.rounds)]
    if wrong := _wrong(control, good):
        raise RuntimeError(f"without any poison, these services are counted wrong: {sorted(wrong)[:10]}")
    return _tell(args, sent, control, ran, shares)


def produce(config: Config, args: argparse.Namespace, bad: int) -> Sent:
    """Produce the good events and, evenly among them, `bad` hostile ones."""
    asyncio.run(
        create(
            config.kafka.bootstrap, topic(config, "events"), config.topics.events_partitions,
            {"retention.ms": "-1", "max.message.bytes": str(LARGEST)},
        )
    )  # fmt: skip
    sent, end_ms = Sent(), int(time.time() * 1000)
    start_ms = end_ms - int(SPAN_S * 1000)
    harm = hostile(bad, start_ms, end_ms, args.seed, args.few)
    settings = {"message_max_bytes": LARGEST, "compression_type": "lz4", "queue_buffering_max_kbytes": 256 << 10}
    with Append(config, "events", **settings) as log:
        for i, (key, timestamp_ms, value) in enumerate(exchanges(args.good, args.good / SPAN_S, start_ms)):
            log.send(value, key, timestamp_ms)
            sent.services[key.decode()] += 1
            for _ in range((i + 1) * bad // args.good - i * bad // args.good):
                record = next(harm)
                log.send(record.value, record.key, timestamp_ms, sent.note(record))
    return sent


def alone(config: Config, folder: Path, records: int) -> Ran:
    """Let a worker read the topic to its end; then look at what came of it."""
    config = replace(config, worker=replace(config.worker, name=f"{config.topics.prefix}alone"))
    with Worker(config, folder, COMMAND) as worker:
        worker.until(lambda look: look.events > 0)
        began = time.monotonic()
        worker.until(lambda look: look.events + look.rejected >= records, PATIENCE_S)
        told = worker.until(_Settled(config.measure.flush_after_s + 2), PATIENCE_S)
        rss_mb = peak_mb(worker.process.pid)
        worker.stop()
    found = Told()
    for partition in range(config.topics.tallies_partitions):
        found.add(record.value or b"" for record in read(config, "tallies", partition))
    parts = [asyncio.run(restore(config, partition)) for partition in range(config.topics.tallies_partitions)]
    known = {
        state.service: (int(laid(state.total)[:RATE_CELLS].sum()), state.late)
        for part in parts
        for state in part.states.values()
    }
    rejected: dict[Place, list[Rejected]] = {}
    for record in read(config, "rejected", 0):
        one = msgspec.json.decode(record.value or b"", type=Rejected)
        assert record.key == f"{one.source}:{one.partition}:{one.offset}".encode()
        rejected.setdefault((one.partition, one.offset), []).append(one)
    return Ran(gaps(folder / f"{config.worker.name}.yaml", began, told.at), rss_mb, found.by_service(), known, rejected)


class _Settled:
    """Whether nothing was flushed for so long."""

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s, self._last = quiet_s, (0.0, -1)

    def __call__(self, look: Look) -> bool:
        if look.flush_bytes != self._last[1]:
            self._last = (look.at, look.flush_bytes)
        return look.at - self._last[0] >= self._quiet_s


def share(clean: Config, poisoned: Config, folder: Path, number: int, args: argparse.Namespace) -> float:
    """Let each worker read its topic alone: what part of what the poisoned one costs the clean one does."""
    costs = [cost(_group(config, number), folder, bad, args) for config, bad in ((clean, 0), (poisoned, args.hostile))]
    print(f"round {number + 1}: CPU us a good event: clean {costs[0]:.2f}, poisoned {costs[1]:.2f}", flush=True)
    return costs[0] / costs[1]


def cost(config: Config, folder: Path, bad: int, args: argparse.Namespace) -> float:
    """Say what a good event costs, in microseconds of CPU, once all services are watched: learning is paid once."""
    records = args.good + bad
    with Worker(config, folder) as worker:
        first = worker.until(lambda look: look.events >= args.good * WARM_UP and look.watched >= SERVICES)
        last = worker.until(lambda look: look.events + look.rejected >= records, PATIENCE_S)
        worker.stop()
    read = last.events + last.rejected - first.events - first.rejected
    if not read:
        raise RuntimeError("all was read before all services were watched: raise --good")
    us: float = (last.cpu_s - first.cpu_s) / (read * args.good / records) * 1e6
    return us


def _group(config: Config, number: int) -> Config:
    """Begin anew: a group of its own, and no state."""
    forget(config, "tallies", "state")
    name = f"{config.topics.prefix}{number}"
    return replace(config, kafka=replace(config.kafka, group=name), worker=replace(config.worker, name=name))


def _wrong(ran: Ran, sent: Sent) -> set[str]:
    """Name the services of which the tallies or the state do not say what was sent."""
    known = {service: n for service, (n, _) in ran.known.items()}
    late = {service: n for service, (_, n) in ran.known.items()}
    named = sent.services.keys() | ran.told.keys() | known.keys()
    return {
        name
        for name in named
        if not (sent.services[name] == ran.told[name] == known.get(name, 0) and sent.late[name] == late.get(name, 0))
    }


def _amiss(ran: Ran, sent: Sent) -> Counter[str]:
    """Count, by kind, hostile records that are not where they should be; and rejected ones that nobody sent so."""
    found: Counter[str] = Counter()
    for place, kind in sent.kinds.items():
        said = ran.rejected.get(place, [])
        same = all(one == said[0] for one in said)
        if bool(said) != bool(kind.reasons) or not same or (said and said[0].reason not in kind.reasons):
            found[kind.name] += 1
    found["good events"] = sum(place not in sent.kinds for place in ran.rejected)
    return +found


def _tell(args: argparse.Namespace, sent: Sent, control: Ran, ran: Ran, shares: list[float]) -> int:
    wrong, amiss = _wrong(ran, sent), _amiss(ran, sent)
    bad_services = {name for name in wrong if name.startswith("hostile-")}
    good = sum(ran.told[name] for name in sent.services if not name.startswith("hostile-"))
    counts = Counter(kind.name for kind in sent.kinds.values())
    reasons: Mapping[str, int] = Counter(said[0].reason for said in ran.rejected.values())
    designed = sum(n for name, n in sent.services.items() if name.startswith("hostile-"))
    block, clean = longest(ran.blocks), longest(control.blocks)
    over, before = (sum(gap.own_s >= MOST_BLOCK_S for gap in one.blocks) for one in (ran, control))
    part = statistics.median(shares)
    for kind in KINDS:
        print(f"  {kind.name:30}{counts[kind.name]:8,}  {' or '.join(kind.reasons) or 'counts'}")
    if amiss or wrong:
        print(f"amiss: {dict(amiss)}; services that are wrong: {sorted(wrong)[:10]}")
    few = min(counts[kind.name] for kind in KINDS if not kind.few)
    least = min(1_000, args.hostile // (len(KINDS) * 2))
    bounds = [
        Bound("least of a kind", f"{least:,} ({args.few} of the largest)", f"{few:,}", few >= least),
        Bound("hostile, not where they should be", "0", f"{sum(amiss.values())}", not amiss),
        Bound("rejected, with reason and position", f"{len(sent.kinds) - designed:,}", f"{len(ran.rejected):,}",
              len(ran.rejected) == len(sent.kinds) - designed),
        Bound("valid, counted as designed", f"{designed:,}", f"{len(bad_services)} services wrong", not bad_services),
        Bound("good events counted", f"{args.good:,}", f"{good:,}; {len(wrong - bad_services)} services wrong",
              not wrong - bad_services and good == args.good),
        Bound("share of the clean throughput", f"at least {LEAST_SHARE:g}",
              f"{part:.3f} ({min(shares):.3f}-{max(shares):.3f})", part >= LEAST_SHARE),
        Bound("longest block of the loop", f"at most {MOST_BLOCK_S * 1000:.0f} ms",
              f"{block.own_s * 1000:.0f} ms; {over} above (clean: {clean.own_s * 1000:.0f} ms; {before})",
              block.own_s <= MOST_BLOCK_S),
        Bound("the same, with other processes' turns", "told",
              f"{max((g.late_s for g in ran.blocks), default=0) * 1000:.0f} ms", True),
        Bound("peak RSS", TOLD, f"{ran.rss_mb:.0f} MB (clean: {control.rss_mb:.0f} MB)", True),
    ]  # fmt: skip
    return tell(
        bounds,
        {"amiss": dict(amiss), "wrong": sorted(wrong), "share": part, "block_ms": block.own_s * 1000,
         "blocks_above": over, "clean_blocks_above": before, "clean_block_ms": clean.own_s * 1000,
         "reasons": reasons, "rss_mb": ran.rss_mb},
        args.json,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

"""Live traffic with a change every 20 seconds -> how long after the decisive event the incident can be read.

2,000 events a second of 80 services go to a real Kafka and are read by a worker as `barograph run` starts it, under the
default config but for the baselines, which are learned from 500 exchanges each. When all services are watched, every
20 seconds another one begins to fail (half of its exchanges, for 20 seconds); every change hits a service that never
changed before.

What is timed, for each change:

- from: the append of the *decisive* event. Afterwards the recorded tallies and events are replayed, and the second in
  which the incident fired is replayed event by event (`benchmarks.crossing`). The event at which the evidence crosses
  is the first after which nothing more was needed. Its append is the broker's own timestamp (`LogAppendTime`).
- to: the moment at which a plain consumer, in a process of its own, has the incident's first record in its hands, by
  its own reading of this machine's clock.

So the figure holds all that comes between what could be known and what was told: fetching, the block that has to end,
the flush, WATCH's second that has to close, sending, and the reader's own fetch. It does not hold how long a change
takes to become evident, which is statistics and stands in `docs/`. Only pages are timed against the bound: a ticket
waits five seconds by design (decision 13).

    python -m benchmarks.latency [--json] [--changes 60] [--every 20] [--rate 2000] [--services 80] [--flush-after 1.25]
"""

import argparse
import asyncio
import math
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import orjson
from confluent_kafka import Consumer

from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.crossing import Crossing, Fired, crossing, replayed
from benchmarks.events import FAILING, SEED, exchange
from benchmarks.logs import Append, read
from benchmarks.turns import ending
from benchmarks.worker import Worker
from schemas.config import Config, load, show
from schemas.incidents import Incident
from schemas.sections import Kafka, Measure
from schemas.taxonomy import Taxonomy
from schemas.watching import Watch
from streams.measure import stage as measure
from streams.shell.clients import topic
from streams.shell.restore import restore
from streams.watch import stage as watch
from streams.watch.partition import Engine
from tests.kafka.clients import create
from tests.kafka.cluster import Cluster

BOUND_S: Final = 2.0
BASELINE_EVENTS: Final = 500
CHANGED: Final = 0.5
"""Share of a changed service's exchanges that fail."""

PAUSE_S: Final = 0.005
LAST_S: Final = 10.0
"""After the last change, so long may its incident take to come."""


class Change(NamedTuple):
    """A service that fails from one moment to another, in seconds since 1970."""

    service: str
    begins: float
    ends: float


class Timed(NamedTuple):
    """An incident from the decisive event on, in seconds since 1970."""

    incident: Incident
    crossed: Crossing
    received: float

    @property
    def seconds(self) -> float:
        """From the append of the decisive event to the incident in a reader's hands."""
        return self.received - self.crossed.event.timestamp / 1000


class Traffic:
    """Steady traffic, of which one service may fail; a thread of its own.

    Parameters
    ----------
    rate : events a second
    """

    def __init__(self, config: Config, rate: int, services: int) -> None:
        self.failing: int | None = None
        self.sent = 0
        self._config, self._rate, self._services = config, rate, services
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        chance, began = random.Random(SEED), time.time()
        with Append(self._config, "events", linger_ms=5) as log:
            while not self._over.wait(PAUSE_S):
                due = int((time.time() - began) * self._rate)
                for _ in range(due - self.sent):
                    number = chance.randrange(self._services)
                    failing = CHANGED if number == self.failing else FAILING
                    said = exchange(chance, int(time.time() * 1000), number, failing)
                    log.send(orjson.dumps(said), said["service"].encode())
                self.sent = due
                log.poll()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send for the length of the block."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    def change(self, number: int, for_s: float) -> Change:
        """Let a service fail for so long."""
        began, self.failing = time.time(), number
        time.sleep(for_s)
        self.failing = None
        return Change(f"assistant-{number:02d}", began, time.time())


def main() -> int:
    """Run it, print a table and, if asked, JSON as the last line."""
    asked = argparse.ArgumentParser(description="How long after the decisive event an incident can be read.")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    asked.add_argument("--changes", type=int, default=60)
    asked.add_argument("--every", type=float, default=20.0, help="seconds between two changes")
    asked.add_argument("--rate", type=int, default=2000, help="events a second")
    asked.add_argument("--services", type=int, default=80)
    asked.add_argument("--flush-after", type=float, default=Measure().flush_after_s, help="`measure.flush_after_s`")
    args = asked.parse_args()
    if args.changes > args.services:
        sys.exit("each change needs a service of its own: raise --services")
    if reason := Cluster.available():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as kafka:
        config = Config(
            kafka=Kafka(bootstrap=kafka.bootstrap),
            measure=Measure(flush_after_s=args.flush_after),
            watch=Watch(baseline_events=BASELINE_EVENTS, dependence="none", season_percent=0),
        )
        changes, received = live(config, Path(folder), args)
        findings = dict(replay(config))
        timed = list(times(config, changes, received, findings))
    live_only, replayed_only = (
        set(found := [value for _, value in received]) - set(findings),
        set(findings) - set(found),
    )
    for value in (*live_only, *replayed_only):
        print(f"{'live' if value in live_only else 'replayed'} only: {value[:400].decode()}")
    return _tell(args, changes, timed, not (live_only or replayed_only), len(found))


def live(config: Config, folder: Path, args: argparse.Namespace) -> tuple[list[Change], list[tuple[float, bytes]]]:
    """Run the traffic with its changes; what a plain consumer got of it, and when."""
    asyncio.run(
        create(
            config.kafka.bootstrap, topic(config, "events"), config.topics.events_partitions,
            {"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"},
        )
    )  # fmt: skip
    (path := folder / "reader.yaml").write_text(show(config))
    traffic = Traffic(config, args.rate, args.services)
    with Worker(config, folder) as worker, traffic.running(), (folder / "received").open("w+b") as out:
        worker.until(lambda look: look.watched >= args.services)
        reader = subprocess.Popen([sys.executable, "-m", "benchmarks.latency", "reader", str(path)], stdout=out)
        with ending(reader):
            time.sleep(LAST_S)
            print(f"all {args.services} services are watched; {args.changes} changes follow", flush=True)
            changes = []
            for number in range(args.changes):
                changes.append(traffic.change(number, args.every))
                if (number + 1) % 10 == 0:
                    print(f"{number + 1} changes", flush=True)
            time.sleep(LAST_S)
            worker.stop()  # what is still to be said is said
            time.sleep(1.0)
        out.seek(0)
        received = [(float(at), value) for at, value in (line.rstrip(b"\n").split(b" ", 1) for line in out)]
    return changes, received


def reader(path: Path) -> None:
    """Print the moment at which each incident came, and the incident: a plain consumer with its own defaults."""
    config = load(path)
    consumer = Consumer({
        "bootstrap.servers": config.kafka.bootstrap, "group.id": "on-call", "auto.offset.reset": "earliest",
    })  # fmt: skip
    consumer.subscribe([topic(config, "incidents")])
    while True:
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            at, value = time.time(), message.value()
            assert isinstance(value, bytes)
            sys.stdout.buffer.write(b"%.6f %s\n" % (at, value))
            sys.stdout.buffer.flush()


def replay(config: Config) -> Iterator[tuple[bytes, Fired | None]]:
    """Step the recorded tallies again, as far as the worker came before it was stopped."""
    engine = Engine(config, Taxonomy.load_default())
    for partition in range(config.topics.tallies_partitions):
        log = read(config, "tallies", partition, end=asyncio.run(restore(config, partition)).next)
        yield from replayed(engine, partition, (watch.Record(r.offset, r.timestamp, r.value or b"") for r in log))


def times(
    config: Config, changes: Sequence[Change], received: Sequence[tuple[float, bytes]], findings: dict[bytes, Any]
) -> Iterator[Timed]:
    """Find of each change the first page that followed, and the event that decided it."""
    taxonomy = Taxonomy.load_default()
    measured, plan = measure.Plan.of(config, taxonomy), watch.Plan.of(config, taxonomy)

    @lru_cache(maxsize=64)
    def events(service: str, partition: int, begin: int, end: int) -> Sequence[measure.Record]:
        log = read(config, "events", partition, begin, end)
        return [measure.Record(r.offset, r.timestamp, r.value) for r in log if r.key == service.encode()]

    came = [(at, msgspec.json.decode(value, type=Incident), value) for at, value in received]
    for change in changes:
        for at, incident, value in came:
            fired = findings.get(value)
            if (incident.service, incident.step, incident.notify) != (change.service, "fired", "page") or not fired:
                continue
            if at >= change.begins and (crossed := crossing(measured, plan, fired, events)) is not None:
                yield Timed(incident, crossed, at)
                break


def quantile(values: Sequence[float], q: float) -> float:
    """Take the smallest value that at least the share `q` of them does not exceed.

    Examples
    --------
    >>> quantile([3.0, 1.0, 2.0, 4.0], 0.5), quantile([3.0, 1.0], 0.99)
    (2.0, 3.0)
    """
    return sorted(values)[max(math.ceil(q * len(values)) - 1, 0)]


def _tell(args: argparse.Namespace, changes: Sequence[Change], timed: Sequence[Timed], same: bool, n: int) -> int:
    begins = {change.service: change.begins for change in changes}
    seconds = [one.seconds for one in timed]
    took = [one.crossed.event.timestamp / 1000 - begins[one.incident.service] for one in timed]
    if silent := sorted(begins.keys() - {one.incident.service for one in timed}):
        print(f"changed, but paged nobody: {', '.join(silent)}")
    if not timed:
        return tell([Bound("changes that paged", f"{len(changes)}", "0", False)], {}, args.json)
    for one in sorted(timed, key=lambda one: -one.seconds)[:3]:
        print(f"slowest: {one.seconds:.3f} s, {one.incident.service}, decided at record {one.crossed.event.offset}")
    p50, p95, p99 = (quantile(seconds, q) for q in (0.5, 0.95, 0.99))
    evident = f"{quantile(took, 0.5):.1f} s (p50), {max(took):.1f} s (longest)"
    bounds = [
        Bound("changes that paged", f"all {len(changes)}", f"{len(timed)}", len(timed) == len(changes)),
        Bound("findings, replayed from the tallies", "the same bytes", f"{n} {'same' if same else 'DIFFER'}", same),
        Bound("from the change to its decisive event", TOLD, evident, True),
        Bound("from that to the incident in hand, p50", TOLD, f"{p50:.3f} s", True),
        Bound("p95", TOLD, f"{p95:.3f} s", True),
        Bound("p99", f"below {BOUND_S:g} s", f"{p99:.3f} s", p99 < BOUND_S),
    ]
    figures = {"changes": len(changes), "paged": len(timed), "p50_s": p50, "p95_s": p95, "p99_s": p99, "same": same}
    return tell(bounds, {**figures, "all_s": [round(one, 3) for one in sorted(seconds)]}, args.json)


if __name__ == "__main__":
    if sys.argv[1:2] == ["reader"]:
        reader(Path(sys.argv[2]))
    sys.exit(main())

"""Ten million events, and never twice the same names -> whether a worker's memory stays as it is.

Every event has an id, a session and a trace of its own, and of every hundred some bring a service, a release, names,
fields, tools and error types that never were before (`benchmarks.novel`): 300,000 services, 100,000 releases and a
million names by the end. A worker as `barograph run` starts it reads them as they are produced, a little behind; what
it has read the broker deletes, so that the disk does not fill.

The worker's resident memory is read twice a second, and a line fitted to the second half (`benchmarks.line`): it is
flat if its slope lies within three standard errors of none. Its metrics may have no more series than their labels
allow, and WATCH may hold no more services than `watch.services_per_partition` says. A picture goes to
``benchmarks/out/soak.svg``. A worker that takes more than `--most-mb`, or that counts nothing for two minutes, has
failed, and is ended there.

    python -m benchmarks.soak [--json] [--events 10000000] [--stages measure,watch] [--most-mb 4000]
"""

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from benchmarks.bounds import Bound, tell
from benchmarks.counted import Told
from benchmarks.line import fit
from benchmarks.logs import Append, read
from benchmarks.novel import OF, Novelties
from benchmarks.plot import svg
from benchmarks.worker import EVERY_S, Look, Worker, rss_mb
from schemas.config import Config
from schemas.sections import Kafka
from schemas.tallies import OTHER
from schemas.watching import Watch
from streams.shell.clients import topic
from streams.shell.restore import restore
from tests.kafka.clients import create
from tests.kafka.cluster import Cluster

OUT: Final = Path(__file__).parent / "out"
AHEAD: Final = 200_000
"""So many events lie before the worker at most; the broker keeps several times as many."""
RETENTION: Final = {"retention.bytes": str(256 << 20), "segment.bytes": str(64 << 20), "retention.ms": "-1"}
BROKER: Final = {"log.retention.check.interval.ms": "5000"}
WATCH: Final = Watch(window_buckets=6, resolve_after_s=60)
"""Everything by default but the history that is kept, a minute in the place of a quarter of an hour: it has to be full
when the second half begins, and ten million events take some minutes."""
MOST_SERIES: Final = 200
"""A label is one of a list in the code, a partition, or one of fifty names of unknown fields."""
STALLED_S: Final = 120.0
FAILED: Final = "ended: "


class Reading(NamedTuple):
    """The worker at one moment."""

    events: int
    rss_mb: float
    services: int
    series: int


class Traffic(threading.Thread):
    """Produces, and waits whenever it is too far ahead; what it sent by now, and what the worker counted by now."""

    def __init__(self, config: Config, events: int) -> None:
        super().__init__(daemon=True)
        self.counted = 0
        self.over = threading.Event()
        self._config, self._events = config, events
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Send them all, or until it is over."""
        try:
            self._send()
        except BaseException as error:
            self.failed = error
            raise

    def _send(self) -> None:
        novelties = Novelties()
        with Append(self._config, "events", compression_type="lz4") as log:
            for n in range(self._events):
                if n % 1_000 == 0:
                    now_ms = int(time.time() * 1000)
                    while n - self.counted > AHEAD:
                        log.poll()
                        if self.over.wait(0.02):
                            return
                one = novelties.of(n, now_ms)
                log.send(one.value, one.service)


def main() -> int:
    """Run it, print a table and, if asked, JSON as the last line."""
    asked = argparse.ArgumentParser(description="Whether a worker's memory stays bounded under ever-new names.")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    asked.add_argument("--events", type=int, default=10_000_000)
    asked.add_argument("--stages", default="measure,watch", help="what the worker runs")
    asked.add_argument("--most-mb", type=float, default=4000.0, help="more resident memory ends the run")
    args = asked.parse_args()
    if reason := Cluster.available():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka", "1g", BROKER) as kafka:
        config = Config(kafka=Kafka(bootstrap=kafka.bootstrap), watch=WATCH)
        config = replace(config, worker=replace(config.worker, stages=tuple(args.stages.split(","))))
        name, partitions = topic(config, "events"), config.topics.events_partitions
        asyncio.run(create(config.kafka.bootstrap, name, partitions, RETENTION))
        readings, failed = run(config, Path(folder), args)
        told, beyond = _told(config), {} if failed else _beyond(config)
    return _tell(args, config, readings, failed, told, beyond)


def run(config: Config, folder: Path, args: argparse.Namespace) -> tuple[list[Reading], str]:
    """Let a worker read what is produced meanwhile; what was read of it, and why it was ended early, if it was."""
    traffic, readings, said = Traffic(config, args.events), list[Reading](), 0
    with Worker(config, folder) as worker:
        traffic.start()
        moved, failed = time.monotonic(), ""
        while not readings or readings[-1].events < args.events:
            time.sleep(EVERY_S)
            if (look := worker.look()) is None:
                continue
            one = _reading(worker, look)
            if not readings or one.events > readings[-1].events:
                moved = time.monotonic()
            readings.append(one)
            traffic.counted = one.events
            if one.events >= said + args.events // 10:
                said = one.events
                print(f"{one.events:12,} events, {one.rss_mb:6.0f} MB, {one.services:,} services", flush=True)
            if traffic.failed is not None:
                raise RuntimeError(f"nothing more was produced: {traffic.failed!r}")
            if one.rss_mb > args.most_mb:
                failed = f"{FAILED}{one.rss_mb:.0f} MB after {one.events:,} events"
            elif time.monotonic() - moved > STALLED_S:
                failed = f"{FAILED}nothing counted for {STALLED_S:g} s after {one.events:,} events"
            if failed:
                break
        traffic.over.set()
        traffic.join()
        if not failed:
            time.sleep(config.measure.flush_after_s + 2)
            worker.stop()
    return readings, failed


def _reading(worker: Worker, look: Look) -> Reading:
    return Reading(look.events, rss_mb(worker.process.pid), look.watched + look.learning, look.series)


def _told(config: Config) -> Told:
    told = Told()
    for partition in range(config.topics.tallies_partitions):
        told.add(record.value or b"" for record in read(config, "tallies", partition))
    return told


def _beyond(config: Config) -> dict[str, int]:
    """Add up what the partitions and the states say was over a cap."""
    found: Counter[str] = Counter()
    for partition in range(config.topics.tallies_partitions):
        part = asyncio.run(restore(config, partition))
        found.update(part.own.beyond)
        for state in part.states.values():
            found.update(state.beyond)
    return dict(found)


def _halved(readings: Sequence[Reading]) -> list[Reading]:
    return [one for one in readings if one.events >= readings[-1].events / 2]


def _tell(
    args: argparse.Namespace,
    config: Config,
    readings: Sequence[Reading],
    failed: str,
    told: Told,
    beyond: dict[str, Any],
) -> int:
    later = _halved(readings)
    rss = fit([one.events / 1e6 for one in later], [one.rss_mb for one in later])
    held = config.watch.services_per_partition * config.topics.tallies_partitions
    OUT.mkdir(exist_ok=True)
    x = [one.events / 1e6 for one in readings]
    title = f"RSS of a worker, MB ({args.stages}); second half {rss.slope:+.3f} +- {rss.error:.3f} MB a million events"
    picture = OUT / "soak.svg"
    picture.write_text(svg(x, [one.rss_mb for one in readings], rss, later[0].events / 1e6, title, "million events"))
    counted, cap = sum(told.by_service().values()), config.measure.names_per_block
    folded = told.by_service()[OTHER]
    share = 100 * rss.slope * args.events / 1e6 / readings[-1].rss_mb
    bounds = [
        Bound("events", f"{args.events:,}", f"{readings[-1].events:,} {failed}", not failed),
        Bound("RSS of the second half, MB a million events", "within 3 standard errors of 0",
              f"{rss.slope:+.3f} +- {rss.error:.3f}", not failed and rss.flat),
        Bound("RSS at the end; as many events more would add", "told",
              f"{readings[-1].rss_mb:.0f} MB; {share:+.1f} %", True),
        Bound("services that WATCH holds at the most", f"at most {held:,}",
              f"{max(one.services for one in readings):,}", max(one.services for one in readings) <= held),
        Bound("series of the metrics", f"at most {MOST_SERIES}", f"{readings[-1].series}",
              readings[-1].series <= MOST_SERIES),
        Bound("services named in a block", f"at most {cap} and {OTHER}", f"{told.most_services:,}",
              told.most_services <= cap + 1),
        Bound("every event told of, those over a cap as well", f"{args.events:,}",
              f"{counted:,}; {folded:,} under {OTHER}", counted == args.events and folded > 0),
    ]  # fmt: skip
    if "watch" in config.worker.stages:
        said = ", ".join(f"{n:,} {what}" for what, n in sorted(beyond.items())) or "nothing"
        bounds.append(Bound("over a cap, counted by WATCH", "services", said, beyond.get("services", 0) > 0))
    print(f"{picture.relative_to(Path.cwd()) if picture.is_relative_to(Path.cwd()) else picture} shows it; "
          f"one service in {OF} is new")  # fmt: skip
    figures = {"events": readings[-1].events, "rss_mb": readings[-1].rss_mb, "slope": rss.slope, "error": rss.error}
    return tell(bounds, {**figures, "services": readings[-1].services, "beyond": beyond, "failed": failed}, args.json)


if __name__ == "__main__":
    sys.exit(main())

"""A broker and a topic of events -> what reading them costs, in a process of its own: the limit, and a Faust agent.

``python -m benchmarks.sides limit CONFIG EVENTS WARM_UP`` reads and decodes, and does nothing else: as MEASURE does it,
by the same consumer, structs, decoder and chunks. ``python -m benchmarks.sides faust CONFIG EVENTS WARM_UP`` is what
one writes first: an agent that decodes each event with the same decoder, counts it for its service, and feeds its
latency to the service's ADWIN. Both print one line of JSON: CPU and wall seconds of the events after the warm-up.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

import faust
import msgspec
from river.drift import ADWIN

from benchmarks.worker import peak_mb
from schemas.config import Config, load
from schemas.events import Event, Exchange
from streams.measure.batch import CHUNK
from streams.measure.decode import decode
from streams.shell.app import GC_THRESHOLD
from streams.shell.clients import group_consumer, topic
from streams.shell.source import POLL_MS, RECORDS

MAX_BYTES: Final = 1 << 20


class Stopwatch:
    """CPU and wall seconds from the event after the warm-up to the last."""

    def __init__(self, events: int, warm_up: int) -> None:
        self.events, self.warm_up, self.seen = events, warm_up, 0
        self._began: tuple[float, float] | None = None

    def count(self, n: int) -> bool:
        """Count events; true when it was the last."""
        self.seen += n
        if self._began is None and self.seen >= self.warm_up:
            self.warm_up, self._began = self.seen, (time.process_time(), time.monotonic())
        return self.seen >= self.events

    def report(self) -> str:
        """Write what was measured."""
        assert self._began is not None
        cpu_s, wall_s = time.process_time() - self._began[0], time.monotonic() - self._began[1]
        return json.dumps(
            {"events": self.seen - self.warm_up, "cpu_s": cpu_s, "wall_s": wall_s, "rss_mb": peak_mb(os.getpid())}
        )


async def limit(config: Config, watch: Stopwatch) -> None:
    """Fetch and decode."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    consumer = group_consumer(config)
    consumer.subscribe([topic(config, "events")])
    await consumer.start()
    done = False
    while not done:
        for records in (await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS)).values():
            for begins in range(0, len(records), CHUNK):
                events, faults = decode(records[begins : begins + CHUNK], MAX_BYTES)
                done = watch.count(len(events) + len(faults))
            await asyncio.sleep(0)  # as between MEASURE's batches
    print(watch.report(), flush=True)
    await consumer.stop()


async def agent(config: Config, watch: Stopwatch) -> None:
    """Count and watch with Faust and river, event by event."""
    app = faust.App(
        f"{config.kafka.group}-faust", broker=f"kafka://{config.kafka.bootstrap}", store="memory://",
        consumer_auto_offset_reset="earliest", topic_allow_declare=False, topic_disable_leader=True, web_enabled=False,
        datadir=tempfile.mkdtemp(),
    )  # fmt: skip
    read = msgspec.json.Decoder(Event).decode
    counts, drifts, done = Counter[str](), defaultdict[str, ADWIN](ADWIN), asyncio.Event()

    async def look(stream: faust.Stream[bytes]) -> None:
        async for value in stream:
            event = read(value)
            assert isinstance(event, Exchange)
            counts[event.service] += 1
            if event.latency_ms is not None:
                drifts[event.service].update(event.latency_ms)  # type: ignore[no-untyped-call]  # river's own
            if watch.count(1) and not done.is_set():
                print(watch.report(), flush=True)
                done.set()

    app.agent(app.topic(topic(config, "events"), key_serializer="raw", value_serializer="raw"))(look)  # type: ignore[arg-type]  # Faust's StreamT
    await app.start()
    await done.wait()
    await app.stop()


SIDES: Final = {"limit": limit, "faust": agent}

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    side, path, events, warm_up = sys.argv[1:]
    asyncio.run(SIDES[side](load(Path(path)), Stopwatch(int(events), int(warm_up))))

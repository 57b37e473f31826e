"""A broker and a topic of events -> what reading them costs, in a process of its own: the limit, and a Faust agent.

``python -m benchmarks.sides limit CONFIG EVENTS`` reads and decodes, and does nothing else: as MEASURE does it, by the
same consumer, structs, decoder and chunks; the same log again and again, until it is asked to end.
``python -m benchmarks.sides faust CONFIG EVENTS`` is what one writes first: an agent that decodes each event with the
same decoder, counts it for its service, and feeds its latency to the service's ADWIN; it ends after so many. Each stops
itself when it is warm and waits for its turn, and prints at its end what it measured from there on.
"""

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

import faust
import msgspec
from river.drift import ADWIN

from benchmarks.turns import stop_self
from benchmarks.worker import peak_mb
from schemas.config import Config, load
from schemas.events import Event, Exchange
from streams.measure.decode import CHUNK, decode
from streams.shell.app import GC_THRESHOLD
from streams.shell.clients import group_consumer, topic
from streams.shell.source import POLL_MS, RECORDS

MAX_BYTES: Final = 1 << 20
WARM_UP: Final = 8
"""An eighth of the events come before the clock starts."""


class Stopwatch:
    """CPU and wall seconds from the end of the warm-up on; the process stops itself there, until its turn comes."""

    def __init__(self, warm_up: int) -> None:
        self.events = -warm_up
        self._cpu_s = 0.0

    def count(self, n: int) -> None:
        """Count events."""
        warming = self.events < 0
        self.events += n
        if warming and self.events >= 0:
            self.events, self._cpu_s = 0, time.process_time()
            stop_self()

    def report(self) -> str:
        """Write what was measured."""
        cpu_s, rss_mb = time.process_time() - self._cpu_s, peak_mb(os.getpid())
        return json.dumps({"events": self.events, "cpu_s": cpu_s, "rss_mb": rss_mb})


async def limit(config: Config, events: int) -> None:
    """Fetch and decode, again from the start when all was read, until SIGTERM comes."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    over, watch = asyncio.Event(), Stopwatch(events // WARM_UP)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    consumer = group_consumer(config)
    consumer.subscribe([topic(config, "events")])
    await consumer.start()
    read = 0
    while not over.is_set():
        for records in (await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS)).values():
            for begins in range(0, len(records), CHUNK):
                found, faults = decode(records[begins : begins + CHUNK], MAX_BYTES)
                watch.count(len(found) + len(faults))
                del found
            read += len(records)
            await asyncio.sleep(0)  # as between MEASURE's batches
        if read >= events:
            read = 0
            await consumer.seek_to_beginning()
    print(watch.report(), flush=True)
    await consumer.stop()


async def agent(config: Config, events: int) -> None:
    """Count and watch with Faust and river, event by event."""
    app = faust.App(
        f"{config.kafka.group}-faust", broker=f"kafka://{config.kafka.bootstrap}", store="memory://",
        consumer_auto_offset_reset="earliest", topic_allow_declare=False, topic_disable_leader=True, web_enabled=False,
        datadir=tempfile.mkdtemp(),
    )  # fmt: skip
    read = msgspec.json.Decoder(Event).decode
    counts, drifts, done = Counter[str](), defaultdict[str, ADWIN](ADWIN), asyncio.Event()
    watch = Stopwatch(events // WARM_UP)

    async def look(stream: faust.Stream[bytes]) -> None:
        async for value in stream:
            event = read(value)
            assert isinstance(event, Exchange)
            counts[event.service] += 1
            if event.latency_ms is not None:
                drifts[event.service].update(event.latency_ms)  # type: ignore[no-untyped-call]  # river's own
            watch.count(1)
            if watch.events == events:
                print(watch.report(), flush=True)
                done.set()

    app.agent(app.topic(topic(config, "events"), key_serializer="raw", value_serializer="raw"))(look)  # type: ignore[arg-type]  # Faust's StreamT
    await app.start()
    await done.wait()
    await app.stop()


SIDES: Final = {"limit": limit, "faust": agent}

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    side, path, events = sys.argv[1:]
    asyncio.run(SIDES[side](load(Path(path)), int(events)))

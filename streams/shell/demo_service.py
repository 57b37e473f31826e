"""A flag file -> the demo's prime checker: it asks the flag, and sends what the release that serves answered."""

import asyncio
import contextlib
import fcntl
import heapq
import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from schemas.config import Config
from streams.demo.primes import SERVICE, Checker, serving
from streams.shell.clients import producer, topic


class Flags:
    """The flag file: the service reads it, the demo deploys by it, the actuator rolls back by it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def deploy(self, release: str, generation: int, canary: str = "") -> None:
        """Write the flag of a deployment, as whoever shares the file with an actuator has to: with its lock held."""
        with self.path.with_name(f".{self.path.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            version = self.read()["metadata"]["version"] + 1 if self.path.exists() else 1
            flag = serving(release, generation, canary)
            flag["metadata"]["version"] = version
            written = self.path.with_name(f".{self.path.name}.deployed")
            written.write_text(json.dumps({"flags": {SERVICE: flag}}, indent=2))
            written.replace(self.path)

    def read(self) -> dict[str, Any]:
        """Read the flag; the file is only ever replaced as a whole."""
        flag: dict[str, Any] = json.loads(self.path.read_bytes())["flags"][SERVICE]
        return flag


@contextlib.asynccontextmanager
async def traffic(config: Config, flags: Flags, seed: int) -> AsyncIterator[None]:
    """Send the service's events for the length of the block."""
    sender = producer(config)
    await sender.start()
    asking = asyncio.create_task(_ask(config, flags, sender, seed))
    try:
        yield
    finally:
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        await sender.stop()


async def _ask(config: Config, flags: Flags, sender: AIOKafkaProducer, seed: int) -> None:
    """Ask question after question of what the flag gives just then; what an answer was worth is known soon after."""
    name, checker = topic(config, "events"), Checker(seed)
    due: list[tuple[float, int, dict[str, Any]]] = []
    for n in itertools.count():
        asked = checker.ask(flags.read())
        at = time.time()
        await sender.send(name, _dated(asked.exchange, at), key=SERVICE.encode())
        heapq.heappush(due, (at + asked.checked_after_s, n, asked.outcome))
        until = at + asked.after_s
        while due and due[0][0] <= until:
            checked, _, outcome = heapq.heappop(due)
            await asyncio.sleep(checked - time.time())
            await sender.send(name, _dated(outcome, checked), key=SERVICE.encode())
        await asyncio.sleep(until - time.time())


def _dated(event: Mapping[str, Any], at: float) -> bytes:
    return orjson.dumps({**event, "at": int(1000 * at)})

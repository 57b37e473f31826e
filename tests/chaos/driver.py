"""A script and a seed -> records in `ai.events`, at their time, until SIGTERM; then a note of what was produced.

A process of its own, that no failure of the product can touch. It rides out the broker's restarts: what it says was
produced, the broker has acknowledged, once and in order.
"""

import argparse
import asyncio
import hashlib
import signal
import time
from pathlib import Path
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer

from tests.chaos.traffic import PARTITIONS, Beat, Script, closing, story

PATIENCE_MS: Final = 120_000
STEP_S: Final = 0.02


class Produced(msgspec.Struct):
    """What a partition of `ai.events` must hold."""

    count: int = 0
    digest: str = ""


class Sum:
    """The digest of a partition's records: timestamps and values, in order."""

    def __init__(self) -> None:
        self.count, self._sum = 0, hashlib.sha256()

    def add(self, timestamp: int, value: bytes | None) -> None:
        """Take in the next record."""
        self.count += 1
        self._sum.update(f"{timestamp} {-1 if value is None else len(value)} ".encode() + (value or b""))

    def said(self) -> Produced:
        """Say what was taken in."""
        return Produced(self.count, self._sum.hexdigest())


async def produce(bootstrap: str, topic: str, script: Script, seed: int) -> dict[int, Produced]:
    """Send the story until asked to stop, and then its end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    began = time.time()
    start_ms = int(began * 1000)
    sums = [Sum() for _ in range(PARTITIONS)]
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", linger_ms=5, request_timeout_ms=PATIENCE_MS
    ) as producer:

        async def send(beat: Beat) -> asyncio.Future[object]:
            sums[beat.partition].add(beat.timestamp, beat.value)
            sent: asyncio.Future[object] = await producer.send(
                topic, beat.value, key=b"any", partition=beat.partition, timestamp_ms=beat.timestamp
            )
            return sent

        underway: list[asyncio.Future[object]] = []
        for beat in story(script, seed, start_ms):
            while not stop.is_set() and (wait := began + beat.due / 1000 - time.time()) > 0:
                await asyncio.sleep(min(wait, STEP_S))
            if stop.is_set():
                break
            underway.append(await send(beat))
        underway += [await send(beat) for beat in closing(start_ms, int((time.time() - began) * 1000))]
        await asyncio.gather(*underway)
    return {partition: each.said() for partition, each in enumerate(sums)}


def main() -> None:
    """Produce, and write down what was produced."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--script", required=True, help="JSON of a Script")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    script = msgspec.json.decode(asked.script, type=Script)
    produced = asyncio.run(produce(asked.bootstrap, asked.topic, script, asked.seed))
    asked.out.write_bytes(msgspec.json.encode(produced))


if __name__ == "__main__":
    main()

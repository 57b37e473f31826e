"""A seed -> what people and pipelines say on `ai.control` while a run lasts; some of it must change nothing."""

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer

from schemas.config import Config
from schemas.control import Acknowledge, Control, Release
from tests.chaos.driver import PATIENCE_MS
from tests.chaos.records import name
from tests.chaos.traffic import SERVICES

EVERY_S: Final = 2.0
"""Slower than where a record takes a second to the broker, since they are passed on one after the other."""


def facts(seed: int) -> Iterator[Control]:
    """Announce and promote releases that serve anyway, now and then an older one; and acknowledge what is not open."""
    rng, generation = Random(seed), 10
    while True:
        service, generation = rng.choice(SERVICES), generation + 1
        if rng.random() < 0.15:
            yield Acknowledge(service=service, at=1, fingerprint="none", by="ana")
        else:
            old = rng.random() < 0.1
            yield Release(
                service=service, at=1, release=rng.choice(["2026.1", "2026.2"]),
                phase=rng.choice(["deployed", "promoted"]), generation=1 if old else generation,
            )  # fmt: skip


async def speak(config: Config, seed: int, stop: asyncio.Event) -> None:
    """Say them one after the other until asked to stop; what was begun is with the broker then."""
    async with AIOKafkaProducer(
        bootstrap_servers=config.kafka.bootstrap, enable_idempotence=True, acks="all", request_timeout_ms=PATIENCE_MS
    ) as producer:
        for fact in facts(seed):
            if stop.is_set():
                return
            await producer.send_and_wait(name(config, "control"), msgspec.json.encode(fact), fact.service.encode())
            await asyncio.sleep(EVERY_S)

"""Messages -> records that the broker has acknowledged."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from schemas.config import Config
from streams.shell.clients import topic
from streams.shell.exits import Doubt, forbidden

Headers = Sequence[tuple[str, bytes]]
Sent = asyncio.Future[Any]
"""A record on its way; done when the broker has acknowledged it."""


class Producer(Protocol):
    """What is used of aiokafka's producer."""

    async def send(
        self, topic: str, value: bytes | None, key: bytes, partition: int | None, *, headers: Headers
    ) -> Sent:
        """Queue a record."""
        ...


class Outbox:
    """A producer that knows topics by their role, and to which no send may fail."""

    def __init__(self, producer: Producer, config: Config) -> None:
        self._producer = producer
        self._config = config

    async def put(
        self, role: str, key: bytes, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> Sent:
        """Queue a record, after all that were queued before it; without a partition, the key chooses one.

        Raises
        ------
        Doubt
            If the producer does not take it.
        """
        try:
            return await self._producer.send(topic(self._config, role), value, key, partition, headers=list(headers))
        except KafkaError as error:
            said = f"no record could be sent to {topic(self._config, role)}: {error!r}"
            raise forbidden(error) or Doubt(said) from error


async def delivered(records: Iterable[Sent]) -> None:
    """Wait until all have been acknowledged.

    Raises
    ------
    Doubt
        If one was not. Whether the broker has it is unknown, so nothing that rests on it may be committed.
    """
    try:
        await asyncio.gather(*records)
    except KafkaError as error:
        raise forbidden(error) or Doubt(f"a record was not acknowledged: {error!r}") from error

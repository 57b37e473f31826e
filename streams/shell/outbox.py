"""Messages -> records that the broker has acknowledged."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaError

from schemas.config import Config
from schemas.printable import printable
from schemas.tallies import Fact, encode
from schemas.topics import BY_ROLE
from streams.shell.clients import topic
from streams.shell.exits import Doubt, TopicError, forbidden

UNDELIVERED_S: Final = 5.0
"""A record that is not acknowledged for so long is one that cannot be delivered now. A broker takes milliseconds."""

AHEAD: Final = 1000
"""So many findings may be on their way before WATCH waits for the broker."""

STORED: Final = frozenset({"state", "snapshots"})
"""Roles whose records come by the thousand, of one checkpoint at a time: how many there are says nothing."""

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
    """A producer that knows topics by their role, to which no send may fail, and that knows what is on its way.

    aiokafka's idempotent producer tries for ever: how long is long enough is for whoever looks at `waited_s`.

    Parameters
    ----------
    now : seconds of a clock that only goes forward
    """

    def __init__(self, producer: Producer, config: Config, now: Callable[[], float] = time.monotonic) -> None:
        self._producer = producer
        self._config = config
        self._now = now
        self._underway: dict[str, dict[object, float]] = {}  # role -> record -> when it was queued, the oldest first
        self._fewer = asyncio.Event()

    async def put(
        self, role: str, key: bytes, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> Sent:
        """Queue a record, after all that were queued before it; without a partition, the topic or the key chooses one.

        Raises
        ------
        Doubt
            If the producer does not take it.
        """
        if (size := len(key) + len(value or b"")) > (most := BY_ROLE[role].max_message_bytes):
            name = topic(self._config, role)
            raise TopicError(
                f"a record of {size} bytes, {printable(repr(key[:80]))}, does not fit into {name}, which "
                f"takes {most}: nothing was lost, but it cannot go on; lower what `limits` and `watch` let grow"
            )
        if BY_ROLE[role].partitions == "first":
            partition = 0
        underway, record = self._underway.setdefault(role, {}), object()
        underway[record] = self._now()  # the producer itself may keep us waiting until it has room

        def over(_: object = None) -> None:
            del underway[record]
            self._fewer.set()

        try:
            sent = await self._producer.send(topic(self._config, role), value, key, partition, headers=list(headers))
        except KafkaError as error:
            over()
            said = f"no record could be sent to {topic(self._config, role)}: {error!r}"
            raise forbidden(error) or Doubt(said) from error
        except BaseException:  # whoever sends was told to stop
            over()
            raise
        sent.add_done_callback(over)
        return sent

    async def declare(self, key: bytes, fact: Fact, partition: int) -> None:
        """Put a fact on the tallies, and wait until the broker has it.

        Raises
        ------
        Doubt
            If it does not get there.
        """
        await delivered([await self.put("tallies", key, encode(fact), partition)])

    def unacknowledged(self, roles: Collection[str] = ()) -> int:
        """Count the records on their way, of these roles or of all."""
        return sum(len(underway) for role, underway in self._underway.items() if not roles or role in roles)

    def waited_s(self, roles: Collection[str] = ()) -> float:
        """Say how long the oldest of them has been on its way; 0 if none is."""
        oldest = [
            next(iter(underway.values()))
            for role, underway in self._underway.items()
            if underway and (not roles or role in roles)
        ]
        return self._now() - min(oldest) if oldest else 0.0

    def crowded(self, roles: Collection[str]) -> bool:
        """Say whether the broker does not take what it is sent of these roles, so that there is no use in making more.

        Examples
        --------
        >>> async def shown() -> None:
        ...     class Slow:
        ...         async def send(self, *_: object, **__: object) -> Sent:
        ...             return asyncio.get_running_loop().create_future()
        ...
        ...     clock = [0.0]
        ...     outbox = Outbox(Slow(), Config(), now=lambda: clock[0])
        ...     sent = await outbox.put("incidents", b"key", b"finding")
        ...     clock[0] = 7.0
        ...     print(outbox.crowded({"incidents"}), outbox.crowded({"tallies"}), outbox.waited_s())
        >>> asyncio.run(shown())
        True False 7.0
        """
        return self.unacknowledged(set(roles) - STORED) > AHEAD or self.waited_s(roles) > UNDELIVERED_S

    async def room(self, roles: Collection[str]) -> None:
        """Wait until it takes them again."""
        while self.crowded(roles):
            self._fewer.clear()
            await self._fewer.wait()


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

"""A broker that acknowledges when a test says so."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.shell.outbox import Headers, Sent


class Producer:
    """Takes every record, keeps what it was given, and acknowledges at once, or when told to.

    Attributes
    ----------
    sent, values : (topic, key), and value, of every record, in order
    appended_ms : timestamp that it gives to what it acknowledges
    """

    def __init__(self, *, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges
        self.appended_ms = 0
        self.sent: list[tuple[str, bytes]] = []
        self.values: list[bytes | None] = []
        self._waiting: list[Sent] = []

    async def send(
        self, topic: str, value: bytes | None, key: bytes, partition: int | None, *, headers: Headers
    ) -> Sent:
        self.sent.append((topic, key))
        self.values.append(value)
        record: Sent = asyncio.get_running_loop().create_future()
        self._waiting.append(record)
        if self.acknowledges:
            self.acknowledge()
        return record

    def acknowledge(self) -> None:
        """Acknowledge all that was sent."""
        self._done(None)

    def fail(self) -> None:
        """Refuse all that was not acknowledged."""
        self._done(KafkaError("no"))

    def _done(self, error: Exception | None) -> None:
        for record in self._waiting:
            if not record.done():
                if error:
                    record.set_exception(error)
                else:
                    record.set_result(SimpleNamespace(timestamp=self.appended_ms))
        self._waiting.clear()


class Consumer:
    """Hands out scripted records of one partition, and keeps what is committed."""

    partitions = 1
    """Of the topic."""

    def __init__(self, tp: TopicPartition, records: Sequence[Any], end: int = 100, polled_s_ago: float = 0) -> None:
        self.committed: list[Mapping[TopicPartition, tuple[int, str]]] = []
        self.asked: list[tuple[TopicPartition, ...]] = []
        self._tp = tp
        self._records = list(records)
        self._position, self._end, self._polled_s_ago = 0, end, polled_s_ago

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        self._listener = listener

    async def start(self) -> None:
        await self._listener.on_partitions_assigned([self._tp])

    async def stop(self) -> None: ...

    def partitions_for_topic(self, name: str) -> set[int]:
        return set(range(self.partitions))

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self._end)

    async def position(self, tp: TopicPartition) -> int:
        return self._position

    def last_stable_offset(self, tp: TopicPartition) -> int:
        return self._end

    def last_poll_timestamp(self, tp: TopicPartition) -> float:
        return (time.time() - self._polled_s_ago) * 1000

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._records = [record for record in self._records if record.offset >= offset]

    async def getmany(self, *partitions: TopicPartition, **_: int) -> dict[TopicPartition, list[Any]]:
        self.asked.append(partitions)
        await asyncio.sleep(0)
        records, self._records = self._records[:1], self._records[1:]
        self._position += len(records)
        return {self._tp: records} if records else {}

    async def commit(self, offsets: Mapping[TopicPartition, Any]) -> None:
        self.committed.append({tp: tuple(at) for tp, at in offsets.items()})

    async def revoke(self) -> None:
        """Take the partition away, as a rebalance does."""
        await self._listener.on_partitions_revoked([self._tp])


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(100):
        await asyncio.sleep(0)

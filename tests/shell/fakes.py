"""A broker that acknowledges when a test says so."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from streams.shell.outbox import Headers, Sent


class Producer:
    """Takes every record, keeps what it was given, and acknowledges at once, or when told to.

    Attributes
    ----------
    sent : (topic, key) of every record, in order
    """

    def __init__(self, *, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges
        self.sent: list[tuple[str, bytes]] = []
        self._waiting: list[Sent] = []

    async def send(
        self, topic: str, value: bytes | None, key: bytes, partition: int | None, *, headers: Headers
    ) -> Sent:
        self.sent.append((topic, key))
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
                    record.set_result(None)
        self._waiting.clear()


class Consumer:
    """Hands out scripted records of one partition, and keeps what is committed."""

    def __init__(self, tp: TopicPartition, records: Sequence[Any]) -> None:
        self.committed: list[Mapping[TopicPartition, tuple[int, str]]] = []
        self.asked: list[tuple[TopicPartition, ...]] = []
        self._tp = tp
        self._records = list(records)

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        self._listener = listener

    async def start(self) -> None:
        await self._listener.on_partitions_assigned([self._tp])

    async def stop(self) -> None: ...

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 1_000_000)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._records = [record for record in self._records if record.offset >= offset]

    async def getmany(self, *partitions: TopicPartition, **_: int) -> dict[TopicPartition, list[Any]]:
        self.asked.append(partitions)
        await asyncio.sleep(0)
        records, self._records = self._records[:1], self._records[1:]
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

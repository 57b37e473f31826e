"""`ai.events` -> flushes, rejected records and anchors: MEASURE on Kafka."""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from mode import Service

from schemas.config import Config
from streams.measure.stage import Message, Plan
from streams.shell import groups
from streams.shell.clients import group_consumer, measure_group, topic
from streams.shell.exits import Fuse, TopicError
from streams.shell.failpoints import Failpoint, hooked, reach
from streams.shell.metrics import Metrics
from streams.shell.outbox import Outbox, Sent, delivered
from streams.shell.reading import Reading

log = logging.getLogger(__name__)

RECORDS: Final = 2000
"""Records of one poll: some 10 ms of counting, after which everything else in the process has its turn."""

WAITING: Final = 2
"""Finished blocks of a partition that may wait for the broker; beyond, the partition is not read."""

POLL_MS: Final = 200
CROWDED_POLL_MS: Final = 10
"""How long a poll waits for records; less where a partition is held back, which may soon be read again."""

STALE_S: Final = 5.0
"""How old a broker's word on the end of a partition may be to call the partition read to its end."""


class Measure(Service):
    """Reads events, counts them, tells WATCH, and commits anchors.

    A block's final flush and its rejected records are sent, and acknowledged, before anything of the next block is sent
    and before the next anchor is committed; the next block is counted meanwhile. Whatever dies in between, the next
    owner begins at an anchor and says the same again, which WATCH knows. So neither a late commit nor a second owner
    does harm, and nothing has to be fenced.

    Parameters
    ----------
    outbox : of a started producer
    fuse : blows when a record cannot be read, sent or committed
    """

    def __init__(self, config: Config, plan: Plan, outbox: Outbox, metrics: Metrics, fuse: Fuse) -> None:
        self._config, self._plan, self._outbox, self._metrics, self._fuse = config, plan, outbox, metrics, fuse
        self._consumer = group_consumer(config)
        self._readings: dict[TopicPartition, Reading] = {}
        self._telling: dict[TopicPartition, asyncio.Task[None]] = {}
        self._anchors: dict[TopicPartition, int] = {}  # acknowledged up to here, not yet committed
        self._to_commit, self._commits = asyncio.Event(), asyncio.Lock()
        self._running: list[asyncio.Task[None]] = []
        self._assigned = False
        super().__init__()

    async def on_start(self) -> None:
        """Join the group; from here on partitions come and go by the listener."""
        self._consumer.subscribe([topic(self._config, "events")], listener=_Listener(self, self._fuse))
        await self._consumer.start()
        self._running = [asyncio.create_task(self._fuse.guard(part)) for part in (self._pump(), self._commit())]

    async def on_stop(self) -> None:
        """Tell and commit what is finished, forget what is open, and leave the group."""
        if self._running:
            pump, commit = self._running
            await pump  # ends by itself, now that `should_stop` is true
            for reading in list(self._readings.values()):
                self._tell(reading)
            await asyncio.gather(*self._telling.values())
            async with self._commits:
                commit.cancel()
            await self._commit_anchors()
        await self._consumer.stop()
        await groups.leave(self._config, measure_group(self._config))

    def missing(self) -> list[str]:
        """Say what is not ready yet."""
        return [] if self._assigned else ["measure: no assignment yet"]

    async def survey(self) -> tuple[int, ...]:
        """Publish the lag of each owned partition, and name those that are read, and told but for an open block."""
        caught_up = []
        for tp, reading in list(self._readings.items()):
            try:
                position = await self._consumer.position(tp)
            except IllegalStateError:  # revoked just now
                continue
            end, polled_ms = self._consumer.last_stable_offset(tp), self._consumer.last_poll_timestamp(tp)
            if end is None or polled_ms is None:
                continue
            self._metrics.lag.labels(tp.topic, tp.partition).set(max(end - position, 0))
            if position >= end and not reading.finished and time.time() - polled_ms / 1000 < STALE_S:
                caught_up.append(tp.partition)
        return tuple(sorted(caught_up))

    async def take(self, partitions: Collection[TopicPartition]) -> None:
        """Begin each of these partitions at an anchor."""
        committed = await groups.committed(self._config, measure_group(self._config), partitions)
        first, end = await self._consumer.beginning_offsets(partitions), await self._consumer.end_offsets(partitions)
        for tp in partitions:
            at = groups.start(committed.get(tp), first[tp])
            if at > end[tp]:
                raise TopicError(
                    f"the log of {tp.topic}:{tp.partition} ends at {end[tp]}, but was counted up to {at}: the topic "
                    f"was made again; delete the group {measure_group(self._config)} to count it from its start"
                )
            if (before := committed.get(tp)) and 0 <= before.offset < first[tp]:
                log.warning("retention overtook us: %s:%d holds nothing below %d", tp.topic, tp.partition, first[tp])
            # Seek and reading in one step: what was fetched before has no reading, and is dropped.
            self._consumer.seek(tp, at)
            self._readings[tp] = Reading(self._plan, tp, at, time.monotonic())
        self._assigned = True

    async def forget(self) -> None:
        """Stop telling and drop everything: whoever owns the partitions now begins at their anchors."""
        telling = list(self._telling.values())
        for task in telling:
            task.cancel()
        for tp in self._readings:
            self._metrics.forget(tp.topic, tp.partition)
        self._readings.clear()
        self._anchors.clear()
        self._assigned = False
        await asyncio.gather(*telling, return_exceptions=True)

    async def _pump(self) -> None:
        while not self.should_stop:
            free = [tp for tp, reading in self._readings.items() if len(reading.finished) < WAITING]
            crowded = len(free) < len(self._readings)
            if crowded and not free:
                await asyncio.sleep(CROWDED_POLL_MS / 1000)
                continue
            got = await self._consumer.getmany(
                *free, timeout_ms=CROWDED_POLL_MS if crowded else POLL_MS, max_records=RECORDS
            )
            # Whose records these are is settled before anything is awaited: a rebalance may come in between, and a
            # partition that is given back begins anew.
            batches = [(self._readings.get(tp), records) for tp, records in got.items()]
            for reading, records in batches:
                if reading is not None and self._readings.get(reading.tp) is reading:
                    self._count(reading, records)
                    self._tell(reading)
                    await asyncio.sleep(0)
            for reading in list(self._readings.values()):
                self._tell(reading)

    def _count(self, reading: Reading, records: Sequence[Any]) -> None:
        skipped = records[-1].offset + 1 - reading.block.end - len(records)
        self._metrics.counted(reading.count(records, time.monotonic()))
        if skipped:
            self._metrics.skipped.labels(reading.tp.partition).inc(skipped)

    def _tell(self, reading: Reading) -> None:
        """Tell of the partition what there is to tell, unless that is being done."""
        tp = reading.tp
        if tp in self._telling or not (reading.finished or self._due(reading)):
            return
        task = self._telling[tp] = asyncio.create_task(self._fuse.guard(self._tell_all(reading)))
        task.add_done_callback(lambda _: self._telling.pop(tp))

    def _due(self, reading: Reading) -> bool:
        return reading.due(time.monotonic(), self._config.measure.flush_after_s)

    async def _tell_all(self, reading: Reading) -> None:
        while reading.finished:
            messages = reading.final()
            reach("measure.before_final")
            await self._send(messages, "measure.mid_final")
            reach("measure.after_final")
            self._anchors[reading.tp] = reading.finished.popleft().end
            self._to_commit.set()
            self._metrics.flushed([len(said.value) for role, said in messages if role == "tallies"], final=True)
        if self._due(reading):
            messages = reading.so_far(time.monotonic())
            await self._send(messages, "measure.mid_open")
            self._metrics.flushed([len(said.value) for role, said in messages if role == "tallies"], final=False)

    async def _send(self, messages: Sequence[tuple[str, Message]], midway: Failpoint) -> None:
        sent: list[Sent] = []
        for i, (role, (partition, key, value)) in enumerate(messages):
            if i == len(messages) // 2:
                if hooked():
                    await delivered(sent)
                reach(midway)
            sent.append(await self._outbox.put(role, key, value, partition if partition >= 0 else None))
        await delivered(sent)

    async def _commit(self) -> None:
        """Commit anchors as fast as commits go: of all partitions at once, and of each the latest."""
        while True:
            await self._to_commit.wait()
            self._to_commit.clear()
            await self._commit_anchors()

    async def _commit_anchors(self) -> None:
        async with self._commits:
            anchors, self._anchors = self._anchors, {}
            if not anchors:
                return
            try:
                await self._consumer.commit({tp: OffsetAndMetadata(at, groups.ANCHOR) for tp, at in anchors.items()})
            except CommitFailedError:  # the group went on without us; the client joins it again, and we begin anew
                await self.forget()
            reach("measure.after_commit")


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Hands partitions over; an exception that left these methods would only be logged."""

    def __init__(self, measure: Measure, fuse: Fuse) -> None:
        self._measure, self._fuse = measure, fuse

    async def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        await self._fuse.guard(self._measure.forget())

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._fuse.guard(self._measure.take(assigned))

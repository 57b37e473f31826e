"""`ai.events` -> flushes, rejected records and anchors: MEASURE on Kafka."""

import asyncio
import logging
import time
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from mode import Service

from schemas.config import Config
from schemas.tallies import OTHER, Loss, Why
from schemas.topics import source_home
from streams.measure.stage import Message, Plan, overflow
from streams.shell import groups
from streams.shell.clients import group_consumer, measure_group, topic
from streams.shell.control import Control
from streams.shell.exits import Doubt, Fuse
from streams.shell.failpoints import Failpoint, hooked, reach
from streams.shell.metrics import Metrics
from streams.shell.outbox import Outbox, Sent, delivered
from streams.shell.reading import Reading, portions
from streams.shell.stalls import Progress
from streams.shell.ticks import Survey
from streams.shell.topic_ids import topic_ids
from streams.shell.turns import in_turns

log = logging.getLogger(__name__)

RECORDS: Final = 2000
"""Records of one poll: some 10 ms of counting, after which everything else in the process has its turn."""

TURN: Final = 100
"""Records sent before everything else in the process has its turn: a second of somebody's rubbish may be thousands."""

WAITING: Final = 2
"""Finished blocks of a partition that may wait for the broker; beyond, the partition is not read."""

POLL_MS: Final = 200
CROWDED_POLL_MS: Final = 10
"""How long a poll waits for records; less where a partition is held back, which may soon be read again."""

SAME_S: Final = 10.0
"""How often the brokers are asked whether a topic is still the same."""

STALE_S: Final = 5.0
"""How old a broker's word on the end of a partition may be to call the partition read to its end."""


class Measure(Service):
    """Reads events, counts them, tells WATCH, and commits anchors; control facts it passes on.

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
        self._events, self._control = topic(config, "events"), topic(config, "control")
        self._readings: dict[TopicPartition, Reading] = {}
        self._controls: dict[TopicPartition, Control] = {}
        self._ids: dict[str, str] = {}
        self._asked_at = time.monotonic()  # when the brokers were last asked whether these are still the same topics
        self._asking: set[asyncio.Task[None]] = set()
        self._telling: dict[TopicPartition, asyncio.Task[None]] = {}
        self._anchors: dict[TopicPartition, int] = {}  # acknowledged up to here, not yet committed
        self._to_commit, self._commits = asyncio.Event(), asyncio.Lock()
        self._running: list[asyncio.Task[None]] = []
        self._assigned = False
        super().__init__()

    async def on_start(self) -> None:
        """Join the group; from here on partitions come and go by the listener."""
        self._consumer.subscribe([self._events, self._control], listener=_Listener(self, self._fuse))
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

    async def survey(self) -> Survey:
        """Name the owned partitions that are read, and told but for an open block."""
        await self._same_topics()
        caught_up = []
        for tp, reading in list(self._readings.items()):
            try:
                position = await self._consumer.position(tp)
            except IllegalStateError:  # revoked just now
                continue
            end, polled_ms = self._consumer.last_stable_offset(tp), self._consumer.last_poll_timestamp(tp)
            if end is None or polled_ms is None:
                continue
            if self._plan.pairing:
                waiting = len(reading.block.waiting.requests)
                self._metrics.open_requests.labels(tp.topic, tp.partition).set(waiting)
            if position >= end and not reading.finished and time.time() - polled_ms / 1000 < STALE_S:
                caught_up.append(tp.partition)
        return Survey(tuple(sorted(caught_up)), self._ids.get(self._events, ""))

    async def _same_topics(self) -> None:
        """Make sure, now and then, that the topics are those whose logs are being read.

        Raises
        ------
        Doubt
            If one was deleted and made again, perhaps with more records than were read: offsets would not tell.
        """
        if time.monotonic() - self._asked_at < SAME_S:
            return
        self._asked_at = time.monotonic()
        before = {name: known for name, known in self._ids.items() if known}
        try:
            now = await topic_ids(self._config, list(before)) if before else {}
        except KafkaError as error:  # there are others to say that the broker is away
            log.info("nobody tells the ids of topics: %r", error)
            return
        for name, topic_id in now.items():
            if topic_id and topic_id != before[name]:
                raise Doubt(f"the topic {name} was deleted and made again: it is read from its start")

    async def progress(self) -> list[Progress]:
        """Say how far each owned partition is read."""
        held = {tp: len(reading.finished) >= WAITING and tp in self._telling for tp, reading in self._readings.items()}
        held |= {tp: tp in self._telling for tp in self._controls}
        found = []
        for tp, waits in held.items():
            with suppress(IllegalStateError):  # revoked just now
                at = await self._consumer.position(tp)
                found.append(Progress("measure", tp, read=at, done=at, held=waits))
        return found

    async def take(self, partitions: Collection[TopicPartition]) -> None:
        """Begin each of these partitions at an anchor; where halves are paired, read back from there first."""
        committed = await groups.committed(self._config, measure_group(self._config), partitions)
        first, end = await self._consumer.beginning_offsets(partitions), await self._consumer.end_offsets(partitions)
        ids = self._ids = await topic_ids(self._config, (self._events, self._control))
        for tp in partitions:
            before = committed.get(tp)
            at, lost = groups.start(before, first[tp], end[tp], ids[tp.topic])
            if lost is not None:
                await self._declare(tp, *lost)
            added = range(0) if before is None or lost is not None else self._added(tp, before)
            for partition in added:
                await self._declare(TopicPartition(tp.topic, partition), 0, -1, "partitions_added")
            # Where we began is said at once, or nobody could tell later what is lost.
            if lost is not None or added or before is None or before.offset < 0:
                self._anchors[tp] = at
                self._to_commit.set()
            pairing = self._plan.pairing if tp.topic == self._events else None
            back = max(at - pairing.lookback, first[tp]) if pairing else at
            # Seek and reading in one step: what was fetched before has no reading, and is dropped.
            self._consumer.seek(tp, back)
            if tp.topic == self._control:
                self._controls[tp] = Control(self._config, self._outbox, tp, ids[tp.topic])
            else:
                self._readings[tp] = Reading(self._plan, tp, at, time.monotonic(), ids[tp.topic], back)
        self._assigned = True

    def _added(self, tp: TopicPartition, before: OffsetAndMetadata) -> range:
        """Name the partitions that the topic got since a commit; the owner of its first one speaks for all.

        Whole exchanges do not mind; of split ones, some halves now lie apart.
        """
        known = groups.said(before.metadata).partitions
        if tp.topic != self._events or tp.partition != 0 or self._plan.pairing is None or not known:
            return range(0)
        return range(known, self._partitions(tp.topic))

    def _partitions(self, name: str) -> int:
        return len(self._consumer.partitions_for_topic(name) or ())

    async def _declare(self, tp: TopicPartition, begin: int, end: int, why: Why) -> None:
        """Say that records are lost, to the one partition of tallies where all is said of this one of events."""
        loss = Loss(topic=tp.topic, partition=tp.partition, begin=begin, end=end, why=why)
        home = source_home(tp.topic, tp.partition, self._config.topics.tallies_partitions)
        await self._outbox.declare(b"loss", loss, home)
        log.warning("%s:%d lost records from %d to %d: %s", tp.topic, tp.partition, begin, end, why)

    async def forget(self) -> None:
        """Stop telling and drop everything: whoever owns the partitions now begins at their anchors."""
        telling = list(self._telling.values())
        for task in telling:
            task.cancel()
        self._readings.clear()
        self._controls.clear()
        self._anchors.clear()
        self._assigned = False
        await asyncio.gather(*telling, return_exceptions=True)

    async def _pump(self) -> None:
        while not self.should_stop:
            free = [tp for tp, reading in self._readings.items() if len(reading.finished) < WAITING]
            crowded = len(free) < len(self._readings)
            free += [tp for tp in self._controls if tp not in self._telling]
            if crowded and not free:
                await asyncio.sleep(CROWDED_POLL_MS / 1000)
                self._tell_each()  # blocks that finished while an open one was told: whoever did that looked before
                continue
            got = await self._consumer.getmany(
                *free, timeout_ms=CROWDED_POLL_MS if crowded else POLL_MS, max_records=RECORDS
            )
            # Whose records these are is settled before anything is awaited: a rebalance may come in between, and a
            # partition that is given back begins anew.
            batches = [(self._readings.get(tp), records) for tp, records in got.items()]
            for tp, records in got.items():
                if (control := self._controls.get(tp)) is not None:
                    self._background(tp, self._pass_on(control, records))
            for reading, records in batches:
                for some in portions(records):
                    if reading is not None and self._readings.get(reading.tp) is reading:
                        self._count(reading, some)
                        self._tell(reading)
                        await asyncio.sleep(0)
            self._tell_each()

    def _tell_each(self) -> None:
        for reading in list(self._readings.values()):
            self._tell(reading)

    def _count(self, reading: Reading, records: Sequence[Any]) -> None:
        before = reading.block.end
        skipped = records[-1].offset + 1 - reading.read - len(records)
        self._metrics.counted(reading.count(records, time.monotonic()))
        if skipped:
            self._metrics.skipped.labels(reading.tp.partition).inc(skipped)
            if records[0].offset > before:
                task = asyncio.create_task(self._fuse.guard(self._ask(reading.tp, before, records[0].offset)))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)

    async def _ask(self, tp: TopicPartition, begin: int, first: int) -> None:
        """Find out whether retention overtook us; where transactions end, or were aborted, there are gaps as well."""
        log_start = (await self._consumer.beginning_offsets([tp]))[tp]
        if begin < log_start:
            await self._declare(tp, begin, first, "retention")

    def _tell(self, reading: Reading) -> None:
        """Tell of the partition what there is to tell, unless that is being done."""
        tp = reading.tp
        if tp in self._telling or not (reading.finished or self._due(reading)):
            return
        self._background(tp, self._tell_all(reading))

    def _background(self, tp: TopicPartition, work: Coroutine[Any, Any, None]) -> None:
        task = self._telling[tp] = asyncio.create_task(self._fuse.guard(work))
        task.add_done_callback(lambda _: self._telling.pop(tp))

    async def _pass_on(self, control: Control, records: Sequence[Any]) -> None:
        self._anchors[control.tp] = await control.pass_on(records)
        self._to_commit.set()

    def _due(self, reading: Reading) -> bool:
        return reading.due(time.monotonic(), self._config.measure.flush_after_s)

    async def _tell_all(self, reading: Reading) -> None:
        while reading.finished:
            messages = await in_turns(reading.final())
            reach("measure.before_final")
            await self._send(messages, "measure.mid_final")
            reach("measure.after_final")
            block = reading.finished.popleft()
            self._anchors[reading.tp] = block.end
            self._to_commit.set()
            if any(OTHER.encode() in said.value for role, said in messages if role == "tallies"):
                self._metrics.overflowed("measure", overflow(self._plan, block))
            self._metrics.flushed([len(said.value) for role, said in messages if role == "tallies"], final=True)
        if self._due(reading):
            messages = await in_turns(reading.so_far(time.monotonic()))
            await self._send(messages, "measure.mid_open")
            self._metrics.flushed([len(said.value) for role, said in messages if role == "tallies"], final=False)

    async def _send(self, messages: Sequence[tuple[str, Message]], midway: Failpoint) -> None:
        sent: list[Sent] = []
        for i, (role, (partition, key, value)) in enumerate(messages):
            if i % TURN == TURN - 1:
                await asyncio.sleep(0)  # a send that need not wait gives nobody else a turn
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
                await self._consumer.commit(self._said(anchors))
            except CommitFailedError:  # the group went on without us; the client joins it again, and we begin anew
                await self.forget()
            reach("measure.after_commit")

    def _said(self, anchors: Mapping[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {
            tp: OffsetAndMetadata(at, groups.anchored(self._ids.get(tp.topic, ""), self._partitions(tp.topic)))
            for tp, at in anchors.items()
        }


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Hands partitions over; an exception that left these methods would only be logged."""

    def __init__(self, measure: Measure, fuse: Fuse) -> None:
        self._measure, self._fuse = measure, fuse

    async def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        await self._fuse.guard(self._measure.forget())

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._fuse.guard(self._measure.take(assigned))

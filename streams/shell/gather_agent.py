"""`barograph.incidents` -> incidents as people are told them, and state: what GATHER does with each record."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec.structs import replace

from schemas.config import Config
from schemas.found import OURS, Rules, Wake, encode
from schemas.strict import ConfigError
from schemas.tallies import Loss
from schemas.topics import TOPICS
from streams.gather import records
from streams.gather.records import Exits
from streams.gather.stage import Stepped, Word, due, held, present, step, through
from streams.gather.state import State
from streams.shell.clients import reading, topic
from streams.shell.exits import ConfigRefused, Doubt, Fuse, TopicError
from streams.shell.failpoints import reach
from streams.shell.metrics import Metrics
from streams.shell.outbox import Outbox, delivered
from streams.shell.restore import batches, bounds
from streams.shell.stalls import Progress
from streams.shell.watch_agent import more
from streams.telling.findings import Finding
from streams.watch.own import FLEET

SAYS: Final = tuple(topic.role for topic in TOPICS if "GATHER" in topic.writer)
"""Roles of the topics that GATHER writes to. While the broker does not take these, it reads no further."""

POLL_MS: Final = 100
WAKE_S: Final = 1.0
"""How often time is written into the log while something waits for it."""
EXITS: Final = 3
"""So many owners that a record brought to their end make us let it through as it is."""
AGAIN_S: Final = 3600.0
"""How often the present state of every incident is said again: a zombie's word may stand behind the last one."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Run:
    """One time that we run; what outlives its rebalance for a while ends by itself.

    Attributes
    ----------
    leaving : whether it is to finish
    state : None until it is restored
    exits : of the owners before us
    """

    leaving: bool = False
    state: State | None = None
    exits: Exits = field(default_factory=Exits)
    task: asyncio.Task[None] | None = None


class Gather:
    """Reads the one partition of all incidents, says what people are told of them, and makes durable how far it came.

    It runs where the first partition of the tallies is owned, so that there is one, and in a rebalance for a while two:
    what both say is the same, byte for byte. Where it goes on is told by its own state; that may be an old one, for
    whatever is read again is said again. There is no group and no commit.

    Parameters
    ----------
    outbox : of a started producer
    fuse : blows on a hole in the log, and when a record is not acknowledged
    """

    def __init__(self, config: Config, outbox: Outbox, metrics: Metrics, fuse: Fuse) -> None:
        self._config, self._outbox, self._metrics, self._fuse = config, outbox, metrics, fuse
        self._tp = TopicPartition(topic(config, "found"), 0)
        self._rules = Rules.of(config)
        self._run: _Run | None = None
        self._done = 0

    def own(self, partitions: Iterable[int]) -> None:
        """Take note of an assignment of the tallies' partitions; begin if it is for us to."""
        if FLEET in set(partitions) and self._run is None:
            self._run = run = _Run()
            run.task = asyncio.create_task(self._fuse.guard(self._work(run)))

    async def release(self) -> None:
        """Finish what was read, make it durable, and stop: a rebalance begins, or the worker stops."""
        run, self._run = self._run, None
        if run is not None and run.task is not None:
            run.leaving = True
            await asyncio.wait([run.task])  # it goes on to its end though nobody waits for it any more

    async def progress(self) -> list[Progress]:
        """Say how far it has come, where it runs."""
        if self._run is None:
            return []
        read = self._run.state.next if self._run.state is not None else None
        return [Progress("gather", self._tp, read, self._done, held=self._outbox.crowded(SAYS))]

    def missing(self) -> list[str]:
        """Say what is not ready yet."""
        waits = self._run is not None and self._run.state is None
        return ["gather: its state is not restored yet"] if waits else []

    async def _work(self, run: _Run) -> None:
        async with reading(self._config) as consumer:
            state, run.exits = await self._restored(consumer)
            if state.rules != self._rules:
                await self._write(encode(self._rules))
            await self._say(present(state))
            run.state, durable = state, state.next
            written = woken = said = time.monotonic()
            consumer.assign([self._tp])
            consumer.seek(self._tp, state.next)
            while not run.leaving:
                await self._outbox.room(SAYS)
                got = await consumer.getmany(self._tp, timeout_ms=POLL_MS)
                run.state = state = await self._take(state, got.get(self._tp, ()), run.exits)
                now = time.monotonic()
                if state.next != durable and now - written >= self._config.watch.checkpoint_every_s:
                    durable, written = await self._keep(state), now
                wanted = due(self._rules, state)
                if wanted is not None and wanted <= time.time() * 1000 and now - woken >= WAKE_S:
                    await self._write(encode(Wake()))
                    woken = now
                if now - said >= AGAIN_S:
                    await self._say(present(state))
                    said = now
            if state.next != durable:
                await self._keep(state)

    async def _restored(self, consumer: AIOKafkaConsumer) -> tuple[State, Exits]:
        """Read the furthest state there is, and where owners came to their end.

        Raises
        ------
        TopicError
            If the log ends before what the state knows of it, or it is not one that this version reads.
        """
        begin, end = await bounds(consumer, self._tp)
        place = TopicPartition(topic(self._config, "gathered"), 0)
        state, exits = None, Exits()
        async for batch in batches(consumer, place, *await bounds(consumer, place)):
            self._done += len(batch)
            pairs = [(record.key, record.value) for record in batch]
            exits = records.exits(pairs, exits)
            try:
                found = records.restore(pairs)
            except ConfigError as wrong:
                raise TopicError(f"{place.topic}:0: {wrong}") from None
            state = max((one for one in (state, found) if one is not None), key=_next, default=None)
        state = State(next=begin) if state is None else state
        if state.next > end:
            _, end = await bounds(consumer, self._tp)  # its last owner may have gone on meanwhile
        if state.next > end:
            raise TopicError(
                f"the log of {self._tp.topic}:0 ends at {end}, but GATHER's state knows it up to {state.next}: the "
                f"topic was made again; delete {place.topic}, too, to begin anew"
            )
        if state.next < begin:
            log.warning("retention overtook us: %s holds nothing below %d; %d was next", place, begin, state.next)
            lost = Loss(topic=self._tp.topic, partition=0, begin=state.next, end=begin, why="retention")
            await self._outbox.declare(self._config.worker.name.encode(), lost, FLEET)
            state = replace(state, next=begin)
        return state, exits

    async def _take(self, state: State, read: Iterable[Any], exits: Exits) -> State:
        """Step records, and wait until the broker has all that is said of them."""
        findings: list[Finding] = []
        for record in read:
            if record.offset != state.next:
                raise Doubt(f"{self._tp.topic}:0 skipped records: {state.next} was next, {record.offset} came")
            before, word = state, Word(record.offset, record.timestamp, record.value or b"", tuple(record.headers))
            state, said = await self._step(state, word, exits)
            self._metrics.overflowed("gather", more(before.beyond, state.beyond))
            self._metrics.held_back.inc(held(before, state))
            findings += said
            self._done += 1
        await self._say(findings)
        return state

    async def _step(self, state: State, word: Word, exits: Exits) -> Stepped:
        """Step a record; one that a bug keeps us from stepping ends us, and the third time goes through as it is."""
        if exits.offset == word.offset and exits.times >= EXITS:
            log.error("record %d of %s goes through as it is: a bug brought %d owners to their end there",
                      word.offset, self._tp.topic, exits.times)  # fmt: skip
            return through(state, word)
        try:
            return step(self._rules, state, word)
        except ConfigError as wrong:
            raise ConfigRefused(str(wrong)) from None
        except Exception:
            now = records.encode_exits(exits.one_more(word.offset))
            await delivered([await self._outbox.put("gathered", records.EXITS, now)])
            raise

    async def _say(self, findings: Iterable[Finding]) -> None:
        sent = [
            await self._outbox.put(role, finding.key, finding.value, headers=finding.headers)
            for finding in findings
            for role in finding.roles
        ]
        if sent:
            reach("gather.before_findings")
            await delivered(sent)

    async def _keep(self, state: State) -> int:
        """Make durable how far it came."""
        reach("gather.before_state")
        await delivered([await self._outbox.put("gathered", records.KEY, records.encode(state))])
        reach("gather.after_state")
        return state.next

    async def _write(self, value: bytes) -> None:
        """Write into our own log: by what is decided from there on, or that time passes."""
        await delivered([await self._outbox.put("found", OURS, value)])


def _next(state: State) -> int:
    return state.next

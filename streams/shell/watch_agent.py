"""`barograph.tallies` -> findings and state: what WATCH's agent does with each record."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterable, Iterable, Mapping
from functools import partial
from typing import Final

from aiokafka import TopicPartition
from faust.types import EventT

from schemas.config import Config
from schemas.strict import ConfigError
from schemas.tallies import Census, Effective, Fact, Quarantine
from schemas.topics import TOPICS
from streams.shell.budget import Budget
from streams.shell.checkpoint import Part, checkpoint
from streams.shell.clients import topic
from streams.shell.exits import ConfigRefused, Doubt, Fuse
from streams.shell.metrics import Metrics
from streams.shell.outbox import Outbox, delivered
from streams.shell.restore import between, restore
from streams.shell.snapshot import snapshot
from streams.shell.stalls import Progress
from streams.shell.turns import PieceFailed, in_turns
from streams.watch import effective, store
from streams.watch.own import FLEET, left_out
from streams.watch.partition import Engine, advancing, planned
from streams.watch.pieces import Pieces
from streams.watch.publish import again
from streams.watch.stage import Record
from streams.watch.unlearned import NOT_LEARNED, reasons

HELD_BYTES: Final = 64 << 20
"""So much read without a checkpoint brings the next one on early: what is not given back to Faust stays in memory."""

SAYS: Final = tuple(topic.role for topic in TOPICS if "WATCH" in topic.writer)
"""Roles of the topics that WATCH writes to. While the broker does not take these, it reads no further."""

EXITS: Final = 3
"""So many owners that a service brought to their end at one record make us go on without it."""

AGAIN_S: Final = 3600
"""How often the present state of every open incident is said again: a zombie's word may stand behind the last one."""

log = logging.getLogger(__name__)


class Watch:
    """Steps every record of the owned partitions, says what is found, and makes it durable.

    Faust delivers and commits; it is trusted with neither. Where a partition goes on is told by its own state; what
    lies between that and the first record that Faust brings is read apart, since Faust may never have committed, and
    acknowledges by itself what it drops in a rebalance. A hole after that is a doubt. Nothing of a partition outlives a
    rebalance.

    Parameters
    ----------
    outbox : of a started producer
    fuse : blows on a hole in the log, and when a record is not acknowledged
    """

    def __init__(self, config: Config, engine: Engine, outbox: Outbox, metrics: Metrics, fuse: Fuse) -> None:
        self._config, self._engine, self._outbox, self._metrics, self._fuse = config, engine, outbox, metrics, fuse
        self._tallies = topic(config, "tallies")
        self._parts: dict[int, Part] = {}
        self._owned: frozenset[int] | None = None
        self._rebalances = 0
        self._writing = asyncio.Lock()
        self._opening: int | None = None
        self._done = Counter[int]()  # partition -> whatever was done there, so that a stall can be told from work
        self._budget = Budget(config.watch.max_services, metrics)
        metrics.know(signal.name for signal in config.signals)
        metrics.weight.set_function(self._weight)
        metrics.quarantined.set_function(lambda: sum(len(part.own.quarantined) for part in self._parts.values()))
        metrics.checkpoint_age.set_function(self._checkpoint_age)
        metrics.state_bytes.labels("all").set_function(lambda: sum(part.sizes.all for part in self._parts.values()))
        metrics.state_bytes.labels("largest").set_function(
            lambda: max((part.sizes.largest for part in self._parts.values()), default=0)
        )
        for label, watched in (("learning", False), ("watched", True)):
            metrics.services.labels(label).set_function(partial(self._count, watched))

    async def run(self, events: AsyncIterable[EventT[bytes]]) -> None:
        """Take events as they come; each is given back by the checkpoint that covers it."""
        async for event in events:
            await self._take(event)

    async def checkpoint(self) -> None:
        """Checkpoint every partition now; and once an hour or change, say what is to be said then."""
        for part in list(self._parts.values()):
            await self._checkpoint(part)
            await self._take_census(part)
            if part.own.second - part.again >= AGAIN_S:
                await self._say_again(part)
        await in_turns(self._count_unlearned())

    async def snapshot(self) -> None:
        """Write all that is known of every partition, of which that was not yet done today."""
        for part in list(self._parts.values()):
            await snapshot(part, self._outbox, self._config)

    async def release(self) -> None:
        """Checkpoint and forget every partition: a rebalance begins, or the worker stops."""
        for part in list(self._parts.values()):
            await self._checkpoint(part, last=True)
        self._rebalances += 1
        self._parts.clear()
        self._done.clear()
        self._budget.forget()
        self._owned = None

    def own(self, partitions: Iterable[int]) -> None:
        """Take note of an assignment; each partition is restored when its first record comes, within a tick."""
        self._owned = frozenset(partitions)

    def owned(self) -> frozenset[int]:
        """Name the partitions that are assigned."""
        return self._owned or frozenset()

    async def progress(self) -> list[Progress]:
        """Say how far each owned partition is stepped; while one is being restored, the others wait for it."""
        held, opening, parts = self._outbox.crowded(SAYS), self._opening, self._parts
        return [
            Progress("watch", TopicPartition(self._tallies, one), part.next if (part := parts.get(one)) else None,
                     done=self._done[one], held=held or opening not in (None, one))
            for one in self.owned()
        ]  # fmt: skip

    def missing(self) -> list[str]:
        """Say what is not ready yet."""
        if self._owned is None:
            return ["watch: no assignment yet"]
        return [f"watch: partition {one} is not restored yet" for one in sorted(self._owned - self._parts.keys())]

    def _count(self, watched: bool) -> int:
        """Count the services that have a baseline, or have none yet."""
        states = [state for part in self._parts.values() for state in part.states.values()]
        return sum((state.baseline is not None) is watched for state in states)

    def _count_unlearned(self) -> Pieces[None]:
        """Show how many signals could not be learned: of each baseline that is looked at once."""
        found = Counter(dict.fromkeys(NOT_LEARNED, 0))
        for part in list(self._parts.values()):
            watched = self._engine.plan(part.own).signals
            for state in list(part.states.values()):
                if state.baseline is not None:
                    found.update(reasons(state.baseline, watched))
                    yield
        for why, n in found.items():
            self._metrics.unlearned.labels(why).set(n)

    def _weight(self) -> float:
        return sum(planned(self._engine.plan(part.own), part.states) for part in self._parts.values())

    def _checkpoint_age(self) -> float:
        now = time.monotonic()
        return now - min((part.checked_at for part in self._parts.values()), default=now)

    async def _take(self, event: EventT[bytes]) -> None:
        await self._outbox.room(SAYS)
        message = event.message
        part = self._parts.get(message.partition)
        if part is None:
            self._opening = message.partition
            try:
                part = await self._open(message.partition, message.offset)
            finally:
                self._opening = None
        if part is None:
            return
        async with part.lock:
            if self._parts.get(part.partition) is not part:
                return  # revoked while we waited; whoever owns it now gets this record as well
            if message.offset > part.next:
                raise Doubt(
                    f"{self._tallies}:{part.partition} skipped records: {part.next} was next, {message.offset} came"
                )
            if message.offset == part.next:
                await self._step(part, Record(message.offset, round(message.timestamp * 1000), message.value or b""))
            part.events.append(event)
        if part.held >= HELD_BYTES:
            await self._checkpoint(part)

    async def _open(self, partition: int, first: int) -> Part | None:
        """Restore a partition up to the first record that Faust brings, or None if it was revoked meanwhile."""
        rebalances, began = self._rebalances, time.monotonic()
        part = await restore(self._config, partition, partial(self._did, partition))
        part.checked_at = began
        await self._begin(part)
        tp = TopicPartition(self._tallies, partition)
        async for record in between(self._config, tp, part.next, first):
            await self._outbox.room(SAYS)
            async with part.lock:
                await self._step(part, Record(record.offset, record.timestamp, record.value))
            if part.held >= HELD_BYTES:
                await self._checkpoint(part)
        if rebalances != self._rebalances:
            return None
        self._parts[partition] = part
        await self._say_again(part)
        self._metrics.restore.observe(time.monotonic() - began)
        return part

    async def _step(self, part: Part, record: Record) -> None:
        """Apply a record and say what is found; the lock is held, so no checkpoint sees one without the other."""
        try:
            done = await in_turns(advancing(self._engine, part.partition, part.own, part.states, record))
        except PieceFailed as failed:
            await self._note_exit(part, failed, record.offset)
            raise
        except ConfigError as wrong:
            raise ConfigRefused(str(wrong)) from None
        own, changed, forgotten, findings = done
        self._did(part.partition)
        self._budget.passed(self._engine.plan(own), part.partition, part.states, own.second)
        self._metrics.lost.inc(own.lost - part.own.lost)
        self._metrics.overflowed("watch", more(part.own.beyond, own.beyond))
        for name, state in changed.items():
            self._metrics.overflowed(
                "watch", more(part.states[name].beyond if name in part.states else {}, state.beyond)
            )
        before = {name: part.states[name] for name in changed if name in part.states} if findings else {}
        # What came before either is never read again: it would be decided by what is known since.
        part.everything |= own.config != part.own.config
        part.everything |= own.quarantined.keys() != part.own.quarantined.keys()
        part.own = own
        done.put(part.states)
        part.forgotten |= set(forgotten)
        part.dirty = (part.dirty | changed.keys()) - set(forgotten)
        part.next = record.offset + 1
        part.held += len(record.value or b"")
        for finding in findings:
            for role in finding.roles:
                part.told.append(await self._outbox.put(role, finding.key, finding.value, headers=finding.headers))
            if finding.severity:
                self._budget.found(before, finding, part.told[-1])

    def _did(self, partition: int, n: int = 1) -> None:
        self._done[partition] += n

    async def _begin(self, part: Part) -> None:
        """Say what is new with a new owner: what was lost, who cannot be applied, and by which config it decides."""
        if part.lost is not None:
            await self._declare(part.partition, part.lost)
            part.lost = None
        for service, (times, error) in part.exits.times.items():
            if times >= EXITS and service not in part.own.quarantined:
                fact = Quarantine(service=service, since=part.exits.offset, error=error)
                await self._declare(part.partition, fact)
                part.own = left_out(part.own, fact)
        said = effective.said(self._config)
        if (part.own.config, part.own.engine) != (said, effective.ENGINE):
            fact_ = Effective(worker=self._config.worker.name, engine=effective.ENGINE, said=said)
            await self._declare(part.partition, fact_)

    async def _declare(self, partition: int, fact: Fact) -> None:
        await self._outbox.declare(self._config.worker.name.encode(), fact, partition)

    async def _note_exit(self, part: Part, failed: PieceFailed, offset: int) -> None:
        """Note where we come to our end, so that the third owner that does goes on without the service at fault."""
        log.error("a bug, brought out by service %r at record %d", failed.service, offset, exc_info=failed)
        value, part.exits = store.ended(part.exits, failed.service, offset, repr(failed.__cause__))
        await delivered([await self._outbox.put("state", store.EXITS, value, part.partition)])

    async def _say_again(self, part: Part) -> None:
        """Say the present state of every incident again, the same message byte for byte."""
        async with part.lock:
            part.again = part.own.second
            for finding in again(part.own.notices, part.states, part.own.second):
                part.told.append(await self._outbox.put("found", finding.key, finding.value, headers=finding.headers))

    async def _take_census(self, part: Part) -> None:
        """Tell how many services this partition knows, whenever that changes."""
        services = planned(self._engine.plan(part.own), part.states)
        if services != part.census:
            part.census = services
            await self._declare(FLEET, Census(partition=part.partition, services=services))

    async def _checkpoint(self, part: Part, last: bool = False) -> None:
        began = time.monotonic()
        async with self._writing:  # of one partition never two at once: the older would be written last
            self._metrics.checkpoint_bytes.inc(await checkpoint(part, self._outbox, self._config, last))
        part.checked_at = time.monotonic()
        self._metrics.checkpoint.observe(part.checked_at - began)


def more(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Say by how much counts grew; nothing of most, which are the very same.

    Examples
    --------
    >>> more({"cases": 1}, {"cases": 3, "episodes": 1})
    {'cases': 2, 'episodes': 1}
    """
    return (
        {} if now is before else {what: n - before.get(what, 0) for what, n in now.items() if n > before.get(what, 0)}
    )

"""How far stages and outbox are, second by second -> lag, readiness, and the end of a worker that stands still."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.config import Config
from schemas.tallies import Stall
from schemas.topics import source_home
from streams.shell.behind import Behind
from streams.shell.clients import reading
from streams.shell.exits import Doubt, Stalled
from streams.shell.metrics import Metrics
from streams.shell.outbox import UNDELIVERED_S, Outbox
from streams.shell.stalls import EVERY_S, Progress, Stalls

ANSWER_S: Final = 5.0
"""How long the broker may take to say where the logs end. Nothing waits for it but the next look."""

SURE: Final = 3
"""Looks in a row that must find a record to be on its way for too long: after a freeze, answers have yet to be read."""


class Stage(Protocol):
    """MEASURE, WATCH or GATHER."""

    async def progress(self) -> list[Progress]:
        """Say how far each owned partition got."""
        ...


class Lookout:
    """Looks at the worker from outside.

    It asks the broker itself where the logs end: a partition that is not read tells the consumer nothing new.

    Parameters
    ----------
    stages : those that run
    """

    def __init__(self, config: Config, outbox: Outbox, metrics: Metrics, stages: Sequence[Stage]) -> None:
        self._config, self._outbox, self._metrics, self._stages = config, outbox, metrics, stages
        self._stalls = Stalls(config.worker.stall_after_s)
        self._behind: dict[TopicPartition, Behind] = {}
        self._late: dict[TopicPartition, str] = {}
        self._answered: float | None = None
        self._overdue = 0
        metrics.unacknowledged.set_function(outbox.unacknowledged)
        metrics.unacknowledged_seconds.set_function(outbox.waited_s)

    async def run(self) -> None:
        """Look until cancelled.

        Raises
        ------
        Doubt
            When a partition stalls, or the broker acknowledges nothing for too long.
        """
        async with reading(self._config) as consumer:
            try:
                while True:
                    ends = await self._ends(consumer, [one.tp for one in await self._progress()])
                    self.look(time.monotonic(), await self._progress(), ends)
                    await asyncio.sleep(EVERY_S)
            except Stalled as why:
                await self._declare(why)
                raise

    def missing(self) -> list[str]:
        """Say what keeps the worker from being ready: its lag, and what cannot be delivered."""
        said = list(self._late.values())
        if (waited_s := self._outbox.waited_s()) > UNDELIVERED_S:
            said.append(
                f"the broker has not acknowledged a record for {waited_s:.0f} s: nothing is read on until it does; at "
                f"{self._config.kafka.delivery_timeout_s:g} s (`kafka.delivery_timeout_s`) the worker ends"
            )
        if self._answered is None:
            said.append("the broker has not said yet where the logs end")
        elif (silent_s := time.monotonic() - self._answered) > 2 * ANSWER_S + EVERY_S:
            said.append(f"the broker has not said for {silent_s:.0f} s where the logs end")
        return said

    def look(self, now: float, progress: Sequence[Progress], ends: Mapping[TopicPartition, int] | None) -> None:
        """Judge one look.

        Parameters
        ----------
        now : seconds of a clock that only goes forward
        ends : None if the broker did not say

        Raises
        ------
        Doubt
            When a partition stalls, or the broker acknowledges nothing for too long.
        """
        self._deliverable()
        for stage in {one.stage for one in progress} | {"measure", "watch", "gather"}:
            self._metrics.held.labels(stage).set(sum(one.held for one in progress if one.stage == stage))
        for tp in self._behind.keys() - {one.tp for one in progress}:
            del self._behind[tp]
            self._late.pop(tp, None)
            self._metrics.forget(*tp)
        if ends is None:
            return
        self._answered = now
        known = [(one, ends[one.tp]) for one in progress if one.tp in ends]
        for one, end in known:
            self._lag(now, one, end)
        # What cannot be delivered has a limit of its own, and holds up more than it seems: no ticks, no WATCH.
        waits = self._outbox.waited_s() > UNDELIVERED_S
        if stalled := self._stalls.look(now, [(one._replace(held=one.held or waits), end) for one, end in known]):
            raise Stalled(
                f"{stalled.stage} made no progress on {stalled.tp.topic}:{stalled.tp.partition} for "
                f"{self._config.worker.stall_after_s:g} s, with {stalled.lag(ends[stalled.tp])} records to read from "
                f"{stalled.read or 0} on; it reads them again after a restart (`worker.stall_after_s`)",
                stalled.tp.topic, stalled.tp.partition, stalled.read or 0,
            )  # fmt: skip

    def _lag(self, now: float, one: Progress, end: int) -> None:
        if one.read is None:
            return  # that it is not restored is said by its stage
        behind = self._behind.setdefault(one.tp, Behind())
        seconds, records = behind.look(now, one.read, end), one.lag(end)
        self._metrics.behind(one.tp.topic, one.tp.partition, records, seconds)
        bound = self._config.worker.ready_lag_s
        # Half the bound to be ready again: a lag about the bound must not make the worker come and go.
        if behind.old or seconds > (bound / 2 if one.tp in self._late else bound):
            since = "older than this worker's part in it" if behind.old else f"{seconds:.0f} s old"
            self._late[one.tp] = (
                f"{one.stage}: {one.tp.topic}:{one.tp.partition} is {records} records behind, the first of them {since}"
                f" (`worker.ready_lag_s` is {bound:g})"
            )
        else:
            self._late.pop(one.tp, None)

    def _deliverable(self) -> None:
        waited_s, patience_s = self._outbox.waited_s(), self._config.kafka.delivery_timeout_s
        self._overdue = self._overdue + 1 if waited_s > patience_s else 0
        if self._overdue >= SURE:
            raise Doubt(
                f"the broker left a record unacknowledged for {waited_s:.0f} s, longer than "
                f"`kafka.delivery_timeout_s` of {patience_s:g}: nothing that rests on it was committed"
            )

    async def _declare(self, why: Stalled) -> None:
        """Leave word of a stall on the tallies, for whoever goes on there to make an incident of it, if that goes."""
        fact = Stall(
            worker=self._config.worker.name, topic=why.topic, partition=why.partition, position=why.position
        )  # fmt: skip
        home = source_home(why.topic, why.partition, self._config.topics.tallies_partitions)
        with suppress(Doubt, TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._outbox.declare(b"stall", fact, home)

    async def _progress(self) -> list[Progress]:
        return [one for stage in self._stages for one in await stage.progress()]

    async def _ends(
        self, consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int] | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
                return ends
        except (KafkaError, TimeoutError):
            return None

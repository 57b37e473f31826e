"""Every second -> a tick in each tallies partition, so that WATCH's clock goes on when no events come."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

from schemas.config import Config
from schemas.tallies import Tick, encode
from streams.shell.clients import topic
from streams.shell.outbox import Outbox, Sent, delivered
from streams.watch import effective

EVERY_S: Final = 1.0


class Survey(NamedTuple):
    """The source partitions that a worker owns and has read to their end, and the id of the topic."""

    caught_up: tuple[int, ...] = ()
    topic_id: str = ""


class Ticks:
    """Writes a worker's ticks.

    Parameters
    ----------
    partitions : tallies partitions to write to: all of them for a worker that reads events, else the owned ones
    survey : what this worker has read
    """

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        partitions: Callable[[], Iterable[int]],
        survey: Callable[[], Awaitable[Survey]],
    ) -> None:
        self._worker, self._source = config.worker.name, topic(config, "events")
        self._outbox, self._partitions, self._survey = outbox, partitions, survey
        self._config = effective.digest(config)
        self._underway: dict[int, Sent] = {}

    async def run(self) -> None:
        """Write them until cancelled."""
        while True:
            await self.write()
            await asyncio.sleep(EVERY_S)

    async def write(self) -> None:
        """Write one to each partition whose last is acknowledged; a backlog of ticks would tell nothing.

        Raises
        ------
        Doubt
            If a tick was not acknowledged; then nothing else may have been, either.
        """
        caught_up, topic_id = await self._survey()
        tick = encode(Tick(self._worker, self._source, caught_up, topic_id, self._config))
        for partition in self._partitions():
            last = self._underway.get(partition)
            if last is not None and not last.done():
                continue
            if last is not None:
                await delivered([last])
            self._underway[partition] = await self._outbox.put("tallies", self._worker.encode(), tick, partition)

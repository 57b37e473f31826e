"""Every second -> a tick in each tallies partition, so that WATCH's clock goes on when no events come."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from schemas.config import Config
from schemas.tallies import Tick, encode
from streams.shell.clients import topic
from streams.shell.outbox import Outbox, Sent, delivered

EVERY_S: Final = 1.0


class Ticks:
    """Writes a worker's ticks.

    Parameters
    ----------
    partitions : tallies partitions to write to: all of them for a worker that reads events, else the owned ones
    caught_up : the source partitions that this worker owns and has read to their end
    """

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        partitions: Callable[[], Iterable[int]],
        caught_up: Callable[[], Awaitable[tuple[int, ...]]],
    ) -> None:
        self._worker, self._source = config.worker.name, topic(config, "events")
        self._outbox, self._partitions, self._caught_up = outbox, partitions, caught_up
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
        tick = encode(Tick(worker=self._worker, source=self._source, caught_up=await self._caught_up()))
        for partition in self._partitions():
            last = self._underway.get(partition)
            if last is not None and not last.done():
                continue
            if last is not None:
                await delivered([last])
            self._underway[partition] = await self._outbox.put("tallies", self._worker.encode(), tick, partition)

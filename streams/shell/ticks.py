"""Every second -> a tick in each tallies partition, so that WATCH's clock goes on when no events come."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from schemas.config import Config
from schemas.tallies import Tick, encode
from streams.shell.clients import topic
from streams.shell.outbox import Outbox, Sent, delivered

EVERY_S: Final = 1.0


async def ticking(
    config: Config,
    outbox: Outbox,
    partitions: Callable[[], Iterable[int]],
    caught_up: Callable[[], Awaitable[tuple[int, ...]]],
) -> None:
    """Write ticks until cancelled.

    A partition whose last tick is not acknowledged yet gets no further one: a backlog of ticks would tell nothing.

    Parameters
    ----------
    partitions : tallies partitions to write to: all of them for a worker that reads events, else the owned ones
    caught_up : the source partitions that this worker owns and has read to their end

    Raises
    ------
    Doubt
        If a tick was not acknowledged; then nothing else may have been, either.
    """
    underway: dict[int, Sent] = {}
    while True:
        tick = Tick(worker=config.worker.name, source=topic(config, "events"), caught_up=await caught_up())
        for partition in partitions():
            if partition in underway:
                if not underway[partition].done():
                    continue
                await delivered([underway[partition]])
            underway[partition] = await outbox.put("tallies", config.worker.name.encode(), encode(tick), partition)
        await asyncio.sleep(EVERY_S)

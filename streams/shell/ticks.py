"""Every second -> a tick in each tallies partition, so that WATCH's clock goes on when no events come."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

from schemas.config import Config
from schemas.tallies import Tick, encode
from streams.shell.clients import topic
from streams.shell.outbox import Outbox, Sent, delivered
from streams.watch import effective
from streams.watch.clock import SHIFT_MS

MARGIN_S: Final = 0.02
"""So long after WATCH's second is over a tick is to be appended: that is when the second is decided."""

HEARD: Final = 60
"""Ticks that tell how far a broker's clock is from ours."""


class Survey(NamedTuple):
    """The source partitions that a worker owns and has read to their end, and the id of the topic."""

    caught_up: tuple[int, ...] = ()
    topic_id: str = ""


class Ticks:
    """Writes a worker's ticks, each just after a second of WATCH is over by the clock of the broker that appends it.

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
        self._ahead = deque[float](maxlen=HEARD)

    async def run(self) -> None:
        """Write them until cancelled."""
        while True:
            await asyncio.sleep(wait_s(time.time(), self.ahead_s))
            await self.write()

    @property
    def ahead_s(self) -> float:
        """How far the brokers' clocks are ahead of ours, at the least, when they append what was just sent."""
        return min(self._ahead, default=0.0)

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
            sent_at = time.time()
            sent = await self._outbox.put("tallies", self._worker.encode(), tick, partition)
            sent.add_done_callback(partial(self._hear, sent_at))
            self._underway[partition] = sent

    def _hear(self, sent_at: float, sent: Sent) -> None:
        """Note when a tick was appended, by the broker's clock and as seen by ours."""
        if not sent.cancelled() and sent.exception() is None:
            self._ahead.append(sent.result().timestamp / 1000 - sent_at)


def wait_s(now: float, ahead_s: float) -> float:
    """Say how long to wait until a tick that is sent then is appended just after a second of WATCH is over.

    Parameters
    ----------
    now : by the worker's clock, in seconds since 1970
    ahead_s : how far a broker's clock is ahead of that, at the least, when it appends what was just sent: a tick that
        comes too soon leaves the second open for another one, and one that comes a bit later does no harm

    Examples
    --------
    >>> round(wait_s(7.40, 0.0), 3), round(wait_s(7.43, 0.0), 3), round(wait_s(7.40, -0.1), 3)
    (0.02, 0.99, 0.12)
    """
    at = SHIFT_MS / 1000 + MARGIN_S - ahead_s
    return math.floor(now - at) + 1 + at - now

"""A partition's states, once a day -> records from which a replay can begin."""

import asyncio
from typing import Final

from schemas.config import Config
from streams.shell.checkpoint import Part
from streams.shell.outbox import Outbox, Sent, delivered
from streams.watch import store

DAY_S: Final = 86_400
KEY_BYTES: Final = 8
"""Before the key that a record has in `barograph.state` stands the offset at which the snapshot was taken."""


async def snapshot(part: Part, outbox: Outbox, config: Config) -> None:
    """Write all states of a partition as they are at one offset, if none was written on this day of its clock.

    They are written a service at a time, beside the checkpoints and not between them: there may be thousands, and what
    no checkpoint covers stays in memory. The position comes last: a snapshot without one was torn, and is none.

    Raises
    ------
    Doubt
        If a record is not acknowledged.
    """
    async with part.lock:
        day = part.own.second // DAY_S
        if day <= part.snapshot:
            return
        states, at = dict(part.states), part.next.to_bytes(KEY_BYTES)
        position = store.position(part.next, states, part.own, config.topics.tallies_partitions, day)
    sent = list[Sent]()
    for name, state in sorted(states.items()):
        cold, hot, _ = store.writes({name: state}, {name}, store.Written())[0]
        for key, value in (*cold, *hot):
            sent.append(await outbox.put("snapshots", at + key, value, part.partition))
        await asyncio.sleep(0)
    await delivered(sent)
    await delivered([await outbox.put("snapshots", at + store.POSITION, position, part.partition)])
    part.snapshot = day

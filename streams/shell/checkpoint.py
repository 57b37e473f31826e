"""What WATCH has learned of a partition -> records that a restart finds again, written in the one safe order."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.shell.failpoints import reach
from streams.shell.outbox import Outbox, Sent, delivered
from streams.watch import store
from streams.watch.stage import State
from streams.watch.store import POSITION, Written


class Event(Protocol):
    """A record on loan from Faust; when all before it are given back as well, Faust may commit past it."""

    def ack(self) -> bool:
        """Give it back."""
        ...


@dataclass
class Part:
    """An owned partition of tallies.

    Attributes
    ----------
    next : offset of the record that must come now
    durable : what the last position record says of it
    states : by service; the values are immutable
    written : which parts of them lie in the state topic
    dirty : services whose state changed since the last checkpoint
    told : findings on their way
    events : stepped since the last checkpoint, and not given back
    held : bytes of `events`
    lock : held while a record is stepped and its findings are sent, and while a checkpoint is taken: what is taken is
        a state together with all of its findings and its position
    """

    partition: int
    next: int
    durable: int
    states: dict[str, State]
    written: Written
    dirty: set[str] = field(default_factory=set)
    told: list[Sent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    held: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def checkpoint(part: Part, outbox: Outbox) -> None:
    """Make durable all that was learned up to now, and let Faust commit that far.

    Findings first, then states (the parts before what names them, deletions last), then the position, then the commit.
    Whatever the process dies between, the next owner reads from before what was not written, and says again, with the
    same bytes, what was said.

    Raises
    ------
    Doubt
        If a record is not acknowledged; then nothing that rests on it was written.
    """
    async with part.lock:
        if not part.events and part.next == part.durable:
            return
        told, part.told = part.told, []
        events, part.events, part.held = part.events, [], 0
        (cold, hot, tombstones), written = store.writes(part.states, part.dirty, part.written)
        part.dirty = set()
        reached, position = part.next, store.position(part.next, part.states)
    reach("watch.before_findings")
    await delivered(told)
    reach("watch.before_state")
    await _write(outbox, part.partition, cold)
    reach("watch.mid_state")
    await _write(outbox, part.partition, hot)
    await _write(outbox, part.partition, tombstones)
    part.written = written
    reach("watch.before_position")
    await _write(outbox, part.partition, [(POSITION, position)])
    part.durable = reached
    reach("watch.before_ack")
    for event in events:
        event.ack()


async def _write(outbox: Outbox, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> None:
    await delivered([await outbox.put("state", key, value, partition) for key, value in records])

"""What WATCH has learned of a partition -> records that a restart finds again, written in the one safe order."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schemas.config import Config
from schemas.tallies import Loss
from streams.shell.failpoints import reach
from streams.shell.outbox import Outbox, Sent, delivered
from streams.shell.sizes import Sizes
from streams.shell.turns import in_turns
from streams.watch import store
from streams.watch.own import Own
from streams.watch.records import Exits
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
    own : what it knows beside its services
    states : by service; the values are immutable
    written : which parts of them lie in the state topic
    dirty : services whose state changed since it was last written
    forgotten : services that are known no longer, and not yet buried
    again : second when the state of incidents was last said again
    census : services by weight, as they were last told
    lost : what retention took before it was read, to be declared
    everything : whether the next checkpoint must write all that changed: another config decides
    exits : services that brought owners to their end
    snapshot : day of the last snapshot
    told : findings on their way
    events : stepped since the last checkpoint, and not given back
    held : bytes of `events`
    sizes : bytes of what lies in the state topic
    checked_at : when it was last checkpointed, by the clock of whoever asks for checkpoints
    lock : held while a record is stepped and its findings are sent, and while a checkpoint is taken: what is taken is
        a state together with all of its findings and its position
    """

    partition: int
    next: int
    durable: int
    states: dict[str, State]
    written: Written
    own: Own = field(default_factory=Own)
    exits: Exits = field(default_factory=lambda: Exits(-1, {}))
    snapshot: int = 0
    lost: Loss | None = None
    forgotten: set[str] = field(default_factory=set)
    everything: bool = False
    again: int = 0
    census: float = -1.0
    dirty: set[str] = field(default_factory=set)
    told: list[Sent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    held: int = 0
    sizes: Sizes = field(default_factory=Sizes)
    checked_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def checkpoint(part: Part, outbox: Outbox, config: Config, last: bool = False) -> int:
    """Make durable how far all was applied, and what was learned, as far as it is due; and let Faust commit that far.

    Findings first, then states (the parts before what names them, deletions last), then the position, then the commit.
    Whatever the process dies between, the next owner reads from before what was not written, and says again, with the
    same bytes, what was said.

    Parameters
    ----------
    last : write every state that changed, so that the next owner need not read again

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    Doubt
        If a record is not acknowledged; then nothing that rests on it was written.
    """
    async with part.lock:
        if not part.events and part.next == part.durable and not (last and part.dirty):
            return 0
        told, part.told = part.told, []
        events, part.events, part.held = part.events, [], 0
        second, due = part.own.second, part.dirty.copy()
        if not (last or part.everything):
            due = store.due(part.dirty, part.written, second, config.watch.state_every_s)
        states, forgotten = part.states.copy(), part.forgotten
        part.dirty, part.forgotten, part.everything = part.dirty - due, set(), False
        born = config.topics.tallies_partitions
        reached, position = part.next, store.position(part.next, states, part.own, born, part.snapshot)
    writing = store.writing(states, due, part.written, second, forgotten)
    (cold, hot, tombstones), written = await in_turns(writing)
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
    records = [*cold, *hot, *tombstones]
    part.sizes.wrote(records)
    return len(position) + sum(len(value or b"") for _, value in records)


async def _write(outbox: Outbox, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> None:
    await delivered([await outbox.put("state", key, value, partition) for key, value in records])

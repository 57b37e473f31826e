"""A name -> a bug planted in this process: proof that the gate would see it.

Each takes away one promise of the design, as a careless change might. None of it lies in the product.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from streams.measure.decode import RecordLike
from streams.measure.stage import Block, Plan
from streams.shell import checkpoint, reading, source
from streams.shell.outbox import Headers, Outbox, Sent
from streams.shell.reading import Reading, Said
from streams.watch import store
from streams.watch.pieces import Pieces
from streams.watch.store import POSITION, Restored

Plant = Literal["undelivered", "latest", "skipped", "unread"]
FORGOT: Final = "forgot"
"""A file among the orders that says that the flush was skipped."""


def undelivered(_: Path) -> None:
    """Go on without waiting for the broker: commit anchors of flushes that may never arrive."""

    async def delivered(records: Iterable[Sent]) -> None:
        del records

    vars(source)["delivered"] = vars(checkpoint)["delivered"] = delivered


def latest(_: Path) -> None:
    """Restore as from any compacted topic: the latest record of each key, and on from the position.

    The product's restore survives half of this bug: a service that the position knows further than its record says is
    read again from there. So both halves of the promise are taken away.
    """
    furthest = store.restore

    def restore(topic: Iterable[tuple[bytes, bytes | None]]) -> Restored:
        found = {key: value for key, value in topic if value is not None}
        position = found.get(POSITION)
        next_offset = msgspec.msgpack.decode(position)["next"] if position is not None else None
        return furthest(found.items())._replace(next=next_offset)

    store.restore = restore


def skipped(folder: Path) -> None:
    """Forget one message of one final flush, once in the whole run, when it is well under way."""
    final = Reading.final
    told = 0

    def forgetful(self: Reading) -> Pieces[list[Said]]:
        nonlocal told
        messages, told = (yield from final(self)), told + 1
        if told > 5 and messages[0][0] == "tallies" and not (done := folder / FORGOT).exists():
            done.touch()
            return messages[1:]
        return messages

    Reading.final = forgetful  # type: ignore[method-assign]


def unread(_: Path) -> None:
    """Take a partition over without looking at what came before: requests of the last owner are nobody's."""

    def remember(plan: Plan, block: Block, records: Sequence[RecordLike]) -> Block:
        del plan, records
        return block

    vars(reading)["remember"] = remember


PLANTS: Final[dict[Plant, Callable[[Path], None]]] = {
    "undelivered": undelivered, "latest": latest, "skipped": skipped, "unread": unread,
}  # fmt: skip


def slow(delay_s: float) -> None:
    """Let every record take its time to the broker; no bug, only a network on which not waiting shows."""
    put = Outbox.put

    async def late(
        self: Outbox, role: str, key: bytes, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> Sent:
        async def deliver() -> Any:
            await asyncio.sleep(delay_s)
            return await (await put(self, role, key, value, partition, headers))

        return asyncio.ensure_future(deliver())

    Outbox.put = late  # type: ignore[method-assign]

"""The state topic -> the furthest state of every service, and how far each partition was watched."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from streams.watch import store
from streams.watch.stage import State
from streams.watch.store import EXITS, POSITION
from tests.chaos.records import Kept, position

BETWEEN: Final = b"\0"


class _Offset(msgspec.Struct):
    offset: int


class _Hot(msgspec.Struct):
    state: _Offset


_hot: Final = msgspec.msgpack.Decoder(_Hot).decode


@dataclass
class Held:
    """A partition of the state topic.

    Attributes
    ----------
    next : offset of the tallies up to which all is durable; 0 where nothing was written
    states : the furthest of each service
    stale : records that came after further ones: a zombie's
    """

    next: int = 0
    states: dict[str, State] = field(default_factory=dict)
    stale: int = 0


def held(records: list[Kept]) -> Held:
    """Choose by offset alone. Only the reading of a chosen state's bytes is the product's."""
    found, furthest = Held(), dict[bytes, tuple[int, bytes]]()
    parts: dict[bytes, bytes] = {}
    for record in records:
        key, value = record.key or b"", record.value
        if value is None:
            continue
        if key == POSITION:
            found.next, found.stale = max(found.next, position(value)), found.stale + (position(value) < found.next)
        elif key == EXITS:
            continue
        elif BETWEEN in key:
            parts[key] = value
        else:
            offset = _hot(value).state.offset
            if key in furthest and offset < furthest[key][0]:
                found.stale += 1
            else:
                furthest[key] = (offset, value)
    chosen = [(key, value) for key, (_, value) in furthest.items()]
    found.states = store.restore([*parts.items(), *chosen]).states
    return found

"""Facts of `ai.control` -> those that let rollbacks go ahead, as long as they may."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.control import Approve, Control, Release

_DAY_MS: Final = 86_400_000
_RELEASES: Final = 256
_APPROVALS: Final = 4096
_decode: Final = msgspec.json.Decoder(Control).decode


class Heard(Struct, frozen=True):
    """What was said of services that have a target.

    Attributes
    ----------
    approvals : of the last day, each with the time of its record in milliseconds; no command lives longer
    releases : of each service, the last that were promoted or rolled back, in the order in which it was said
    """

    approvals: tuple[tuple[int, Approve], ...] = ()
    releases: Mapping[str, tuple[Release, ...]] = {}

    @property
    def given(self) -> list[Approve]:
        """All approvals."""
        return [one for _, one in self.approvals]


def fact(value: bytes | None, services: Collection[str]) -> Approve | Release | None:
    """Read a record; None if it is nothing to an actuator. What is no fact at all, MEASURE sets aside.

    Examples
    --------
    >>> fact(b'{"type": "approve", "service": "bot", "at": 7, "release": "v3", "by": "mira", "key": "k"}', ["bot"]).by
    'mira'
    >>> fact(b"?", ["bot"]) is fact(None, ["bot"]) is None
    True
    """
    try:
        said = _decode(value or b"")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    match said:
        case Approve() if said.service in services:
            return said
        case Release(phase="promoted" | "rolled_back") if said.service in services:
            return said
    return None


def hear(heard: Heard, said: Approve | Release, at: int) -> Heard:
    """Take in a fact.

    Parameters
    ----------
    at : when its record was written, in milliseconds since 1970
    """
    if isinstance(said, Approve):
        kept = [one for one in heard.approvals if one[0] > at - _DAY_MS]
        return replace(heard, approvals=(*kept[1 - _APPROVALS :], (at, said)))
    of = (*heard.releases.get(said.service, ()), said)[-_RELEASES:]
    return replace(heard, releases={**heard.releases, said.service: of})

"""The state of GATHER <-> the record of `barograph.gathered`."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from schemas.strict import ConfigError
from streams.gather.state import State

KEY: Final = b"@"
VERSION: Final = 1
"""Of the shape of the record: one more whenever what an older version wrote would be misread."""


EXITS: Final = b"%exits"


class Exits(Struct, frozen=True):
    """How often a record brought an owner to its end, by a bug."""

    offset: int = -1
    times: int = 0

    def one_more(self, offset: int) -> "Exits":
        """Count the end of one more owner, at a record.

        Examples
        --------
        >>> Exits().one_more(7).one_more(7), Exits(7, 2).one_more(8)
        (Exits(offset=7, times=2), Exits(offset=8, times=1))
        """
        return Exits(offset, self.times + 1 if offset == self.offset else 1)


class _Record(Struct, frozen=True):
    state: State
    version: int = VERSION


class _Version(Struct):
    version: int


_version: Final = msgspec.msgpack.Decoder(_Version).decode
_record: Final = msgspec.msgpack.Decoder(_Record).decode
_exits: Final = msgspec.msgpack.Decoder(Exits).decode
_encode: Final = msgspec.msgpack.Encoder().encode


def encode(state: State) -> bytes:
    """Write a state."""
    return _encode(_Record(state))


def encode_exits(exits: Exits) -> bytes:
    """Write how often a record brought an owner to its end."""
    return _encode(exits)


def exits(topic: Iterable[tuple[bytes | None, bytes | None]], before: Exits = Exits()) -> Exits:  # noqa: B008 - frozen
    """Read back how often the furthest record that did brought an owner to its end; `before` was read before these."""
    said = [_exits(value) for key, value in topic if key == EXITS and value is not None]
    return max([before, *said], key=lambda one: (one.offset, one.times))


def restore(topic: Iterable[tuple[bytes | None, bytes | None]]) -> State | None:
    """Read the state back: the *furthest*, for a zombie may write an old one after a newer one.

    Any would do: a state is a function of the log up to `next`, and whatever is read again is said again.

    Parameters
    ----------
    topic : keys and values of its records

    Returns
    -------
    State or None
        None if there is none.

    Raises
    ------
    ConfigError
        If a newer version of Barograph wrote one, or nobody of us did.

    Examples
    --------
    >>> states = [State(next=7), State(next=9), State(next=8)]
    >>> restore((KEY, encode(state)) for state in states).next
    9
    """
    furthest: State | None = None
    for key, value in topic:
        if key == KEY and value is not None:
            state = _decoded(value)
            furthest = state if furthest is None or state.next >= furthest.next else furthest
    return furthest


def _decoded(value: bytes) -> State:
    try:
        if (version := _version(value).version) > VERSION:
            raise ConfigError(
                f"a state has format {version}, of a newer version of Barograph, and this one reads up to {VERSION}: "
                "run the version that wrote it or a newer one, or delete the topic to begin anew"
            )
        return _record(value).state
    except msgspec.MsgspecError as wrong:
        raise ConfigError(
            f"a record is no state of GATHER's ({wrong}): somebody else wrote to the topic; delete it to begin anew"
        ) from None

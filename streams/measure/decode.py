"""Bytes -> events; what is no event -> why not."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
import numpy as np

from schemas.events import Evaluation, Event, Exchange, Outcome, Request, Response
from schemas.printable import printable
from schemas.rejected import Reason, Rejected

_decode: Final = msgspec.json.Decoder(Event).decode
CHUNK: Final = 100
"""Records decoded before their fields are read. With all their texts they fill 100 kB, which a processor keeps close;
twice as many cost a fiftieth more, and five times a fifth."""

DEEPEST: Final = 500
"""How deep an event may be nested. The decoder's own bound depends on how deep Python's stack is at the time, and what
is counted must not."""

_FIRST: Final = 8 * DEEPEST
"""Bytes that are looked at first: what is meant to be deep is deep at once."""

_SHALLOW: Final = 2 * DEEPEST
"""So many bytes cannot be nested deeper: nearly every event is as short, and need not be looked at."""

_STRUCTS: Final[dict[str, type[msgspec.Struct]]] = {
    "exchange": Exchange, "request": Request, "response": Response, "outcome": Outcome, "evaluation": Evaluation,
}  # fmt: skip
_FIELDS: Final = {
    kind: frozenset(field.encode_name for field in msgspec.structs.fields(struct)) | {"type"}
    for kind, struct in _STRUCTS.items()
}


class Record(NamedTuple):
    """A record of a topic, as far as counting needs it; aiokafka's own records will do as well."""

    offset: int
    timestamp: int
    value: bytes | None


class RecordLike(Protocol):
    """Whatever has an offset, a timestamp in milliseconds and a value."""

    @property
    def offset(self) -> int:
        """Where it lies in its partition."""

    @property
    def timestamp(self) -> int:
        """When it was produced, in milliseconds."""

    @property
    def value(self) -> bytes | None:
        """An event, one hopes."""


class Fault(NamedTuple):
    """Why a record is no event. `place` counts within the records given."""

    place: int
    reason: Reason
    field: str
    said: str


def decode(records: Sequence[RecordLike], max_bytes: int) -> tuple[list[Event], list[Fault]]:
    """Decode a chunk of records.

    Parameters
    ----------
    records : a few hundred; beyond a thousand the events fall out of the processor's cache before they are counted
    max_bytes : a longer record is not even looked at (a million nested tools would block the loop for 0.4 s)

    Returns
    -------
    events
        Of all records but those at fault, in order.
    faults

    Examples
    --------
    >>> decode([Record(7, 0, b'{"type": "exchange", "id": "a", "service": "s", "release": "1", "at": "now"}')], 999)[1]
    []
    >>> decode([Record(7, 0, b'{"type": "exchange", "id": "a", "service": 5, "release": "1"}')], 999)[1]
    [Fault(place=0, reason='invalid', field='$.service', said='Expected `str`, got `int`')]
    """
    events: list[Event] = []
    faults: list[Fault] = []
    add = events.append
    for record in records:
        value = record.value
        try:
            if len(value) > _SHALLOW:  # type: ignore[arg-type]  # None raises TypeError, below: a try is free, a test is not
                _check_size(value, max_bytes)  # type: ignore[arg-type]
            add(_decode(value))  # type: ignore[arg-type]
        except (msgspec.MsgspecError, ValueError, TypeError) as wrong:
            faults.append(fault(len(events) + len(faults), value, wrong))
    return events, faults


def reject(source: str, partition: int, record: RecordLike, fault: Fault) -> Rejected:
    """Set a record aside.

    Parameters
    ----------
    source, partition : where it lies
    """
    return Rejected(
        source=source, partition=partition, offset=record.offset, timestamp=record.timestamp,
        reason=fault.reason, field=fault.field, said=fault.said, size=len(record.value or b""),
    )  # fmt: skip


def unknown_fields(value: bytes) -> tuple[str, ...]:
    """List the fields of one event that Barograph does not know; none if it is no event."""
    try:
        fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        kind = msgspec.json.decode(fields.get("type", b"null"), type=str)
    except (msgspec.MsgspecError, ValueError):
        return ()
    known = _FIELDS.get(kind)
    return () if known is None else tuple(name for name in fields if name not in known)


_AT: Final = re.compile(r"^(?P<said>.*) - at `(?P<field>\$[^`]*)`$", re.DOTALL)
_MISSING: Final = re.compile("missing required field `(?P<field>[^`]*)`")
_QUOTE: Final = ord('"')
_STEP: Final = np.zeros(256, np.int8)
_STEP[list(b"[{")], _STEP[list(b"]}")] = 1, -1
_BYTE: Final = re.compile(r"\(byte (?P<at>\d+)\)")
_LAST_KEY: Final = re.compile(rb'"(?P<key>(?:[^"\\]|\\.){1,64})"\s*:\s*[^"]*$')


class _TooMuch(ValueError):
    """A record that is not even decoded."""

    def __init__(self, reason: Reason, said: str) -> None:
        super().__init__(said)
        self.reason = reason


def _check_size(value: bytes, max_bytes: int) -> None:
    if len(value) > max_bytes:
        raise _TooMuch("too_large", f"{len(value)} bytes; at most {max_bytes} are read (`measure.max_event_bytes`)")
    if value.count(b"{") + value.count(b"[") > DEEPEST and any(deepest(v) > DEEPEST for v in (value[:_FIRST], value)):
        raise _TooMuch("too_deep", f"nested more than {DEEPEST} deep")


def deepest(value: bytes) -> int:
    r"""Find how deep brackets are nested; those within texts are none.

    A quote that is not escaped begins a text or ends one. Of what is no JSON this may say anything behind the place
    where it stops being any, and the decoder never comes so far.

    Examples
    --------
    >>> deepest(b'{"a": [1, "]]]", [2]]}'), deepest(rb'["\\", "[\"["]')
    (3, 1)
    """
    said = np.frombuffer(value.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    inside = np.logical_xor.accumulate(said == _QUOTE)
    return int(np.cumsum(np.where(inside, np.int8(0), _STEP[said]), dtype=np.int32).max(initial=0))


def fault(index: int, value: bytes | None, wrong: Exception) -> Fault:
    """Say why a record is none, by what the decoder says of it."""
    if value is None:
        return Fault(index, "empty", "$", "a record without a value")
    if isinstance(wrong, _TooMuch):
        return Fault(index, wrong.reason, "$", str(wrong))
    if isinstance(wrong, msgspec.ValidationError):
        at = _AT.match(str(wrong))
        said, field = (at["said"], at["field"]) if at else (str(wrong), "$")
        if missing := _MISSING.search(said):
            field += f".{missing['field']}"
        unknown = field == "$.type" and said.startswith("Invalid value")
        return Fault(index, "unknown_type" if unknown else "invalid", printable(field), printable(said)[:200])
    return Fault(index, "not_json", printable(_field_at(value, str(wrong))), printable(str(wrong))[:200])


def _field_at(value: bytes, said: str) -> str:
    """Name the field in which JSON went wrong: that of ``{"latency_ms": NaN}``, for NaN is no JSON."""
    at = _BYTE.search(said)
    key = _LAST_KEY.search(value[max(0, int(at["at"]) - 200) : int(at["at"])]) if at else None
    return f"$.{key['key'].decode(errors='replace')}" if key else "$"

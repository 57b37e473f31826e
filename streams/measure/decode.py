"""Bytes -> events; what is no event -> why not."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from schemas.events import Evaluation, Event, Exchange, Outcome, Request, Response
from schemas.rejected import Reason

_decode: Final = msgspec.json.Decoder(Event).decode
_FIELDS: Final = {
    kind: frozenset(field.encode_name for field in msgspec.structs.fields(struct)) | {"type"}
    for kind, struct in {
        "exchange": Exchange, "request": Request, "response": Response, "outcome": Outcome, "evaluation": Evaluation,
    }.items()
}  # fmt: skip


class Record(NamedTuple):
    """A record of a topic, as far as counting needs it; aiokafka's own records will do as well."""

    offset: int
    timestamp: int
    value: bytes | None


class RecordLike(Protocol):
    """Whatever has an offset, a timestamp in milliseconds and a value."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


class Fault(NamedTuple):
    """Why a record is no event. `index` counts within the records given."""

    index: int
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
    [Fault(index=0, reason='invalid', field='$.service', said='Expected `str`, got `int`')]
    """
    events: list[Event] = []
    faults: list[Fault] = []
    add = events.append
    for record in records:
        value = record.value
        try:
            if len(value) > max_bytes:  # type: ignore[arg-type]  # None raises TypeError, below: a try is free, a test is not
                faults.append(_too_large(len(events) + len(faults), len(value or b""), max_bytes))
            else:
                add(_decode(value))  # type: ignore[arg-type]
        except (msgspec.MsgspecError, ValueError, RecursionError, TypeError) as wrong:
            faults.append(_fault(len(events) + len(faults), value, wrong))
    return events, faults


def unknown_fields(value: bytes) -> tuple[str, ...]:
    """List the fields of one event that Barograph does not know; none if it is no event."""
    try:
        fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        kind = msgspec.json.decode(fields.get("type", b"null"), type=str)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ()
    known = _FIELDS.get(kind)
    return () if known is None else tuple(name for name in fields if name not in known)


_AT: Final = re.compile(r"^(?P<said>.*) - at `(?P<field>\$[^`]*)`$", re.DOTALL)
_BYTE: Final = re.compile(r"\(byte (?P<at>\d+)\)")
_LAST_KEY: Final = re.compile(rb'"(?P<key>(?:[^"\\]|\\.){1,64})"\s*:\s*[^"]*$')


def _too_large(index: int, size: int, most: int) -> Fault:
    return Fault(index, "too_large", "$", f"{size} bytes; at most {most} are read (`measure.max_event_bytes`)")


def _fault(index: int, value: bytes | None, wrong: Exception) -> Fault:
    if value is None:
        return Fault(index, "empty", "$", "a record without a value")
    if isinstance(wrong, RecursionError):
        return Fault(index, "too_deep", "$", "nested too deeply")
    if isinstance(wrong, msgspec.ValidationError):
        at = _AT.match(str(wrong))
        said, field = (at["said"], at["field"]) if at else (str(wrong), "$")
        unknown = field == "$.type" and said.startswith("Invalid value")
        return Fault(index, "unknown_type" if unknown else "invalid", field, said[:200])
    return Fault(index, "not_json", _field_at(value, str(wrong)), str(wrong)[:200])


def _field_at(value: bytes, said: str) -> str:
    """Name the field in which JSON went wrong: that of ``{"latency_ms": NaN}``, for NaN is no JSON."""
    at = _BYTE.search(said)
    key = _LAST_KEY.search(value[max(0, int(at["at"]) - 200) : int(at["at"])]) if at else None
    return f"$.{key['key'].decode(errors='replace')}" if key else "$"

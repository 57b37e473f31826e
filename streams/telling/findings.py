"""An incident, or why a control fact was refused -> the message that carries it."""

from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

import msgspec

from schemas.incidents import Incident, Severity
from schemas.printable import printable
from schemas.rejected import Reason, Rejected
from schemas.tallies import Passed

Stage = Literal["watch", "gather"]
"""Who found it."""

AGAIN: Final = ("ce_resend", b"true")
"""The header of a finding that is said again on purpose, for those who lost it."""

ENDED_S: Final = 7200
"""How long an incident that is over is said again: a zombie that wakes later has long lost its session."""

_NUMBER: Final[dict[Severity, tuple[str, str]]] = {
    "sev-1": ("FATAL", "21"),
    "sev-2": ("ERROR", "17"),
    "sev-3": ("WARN", "13"),
    "sev-4": ("INFO", "9"),
}

Headers = tuple[tuple[str, bytes], ...]


class Finding(NamedTuple):
    """A message. `id` is made from what it is about: told again, it is the same, byte for byte.

    Attributes
    ----------
    roles : of the topics that it goes to
    severity : of an incident; else empty
    """

    key: bytes
    id: str
    value: bytes
    headers: Headers
    roles: tuple[str, ...] = ("found",)
    severity: str = ""


def finding(
    incident: Incident, roles: tuple[str, ...] = ("found",), by: Stage = "watch", resend: bool = False
) -> Finding:
    """Write an incident as JSON with CloudEvents headers (binary mode, Kafka binding 1.0.2).

    Parameters
    ----------
    roles : of the topics that it goes to; one in shadow goes to its own, whatever they are
    by : who found it
    resend : whether it was said before and is said again for those who lost it, so that GATHER lets it through; the
        header is on its way there alone, and what people read is the same message byte for byte
    """
    text, number = _NUMBER[incident.severity]
    kind = f"barograph.incident.{incident.step}.v1"
    headers = said_by(kind, incident.id, incident.service, incident.updated_at, by)
    headers += encoded({"ce_severitytext": text, "ce_severitynumber": number})
    if incident.shadow:
        headers += encoded({"ce_shadow": "true"})
    elif resend:
        headers += (AGAIN,)
    return Finding(
        incident.fingerprint.encode(),
        incident.id,
        msgspec.json.encode(incident),
        headers,
        roles=("incidents_shadow",) if incident.shadow else roles,
        severity=incident.severity,
    )


def refusal(fact: Passed, reason: Reason, field: str, said: str) -> Finding:
    """Write why a control fact changed nothing; like any rejected record, under the key of its position."""
    why = Rejected(
        source=fact.source, partition=fact.partition, offset=fact.offset, timestamp=fact.timestamp,
        reason=reason, field=printable(field), said=printable(said), size=len(msgspec.json.encode(fact.said)),
    )  # fmt: skip
    return Finding(why.key(), why.key().decode(), msgspec.json.encode(why), (), roles=("rejected",))


def said_by(kind: str, id_: str, subject: str, at_ms: int, by: Stage) -> Headers:
    """Make the CloudEvents headers that every message has."""
    return encoded({
        "ce_specversion": "1.0",
        "ce_type": kind,
        "ce_source": f"//barograph/{by}",
        "ce_id": id_,
        "ce_time": moment(at_ms),
        "ce_subject": printable(subject),  # CloudEvents allows no control characters, and it may become HTTP
        "content-type": "application/json",
    })  # fmt: skip


def moment(at_ms: int) -> str:
    """Write a time as CloudEvents have it.

    Examples
    --------
    >>> moment(1_795_529_106_000)
    '2026-11-24T14:05:06.000Z'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encoded(headers: dict[str, str]) -> Headers:
    """Write headers as Kafka has them."""
    return tuple((name, value.encode()) for name, value in headers.items())

"""What is to be said -> the message that carries it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from schemas.incidents import ChangeReport, Incident, Severity
from schemas.printable import printable
from schemas.rejected import Rejected
from schemas.tallies import Fact, Passed
from streams.watch.control import Refused
from streams.watch.notices import Notices
from streams.watch.state import State

Said = Incident | ChangeReport | Refused

ENDED_S: Final = 7200
"""How long an incident that is over is said again: a zombie that wakes later has long lost its session."""

_NUMBER: Final[dict[Severity, tuple[str, str]]] = {
    "sev-1": ("FATAL", "21"),
    "sev-2": ("ERROR", "17"),
    "sev-3": ("WARN", "13"),
    "sev-4": ("INFO", "9"),
}


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
    headers: tuple[tuple[str, bytes], ...]
    roles: tuple[str, ...] = ("incidents", "incidents_state")
    severity: str = ""


def published(said: Said, partition: int, offset: int, fact: Fact | None) -> Finding:
    """Write what follows from a record of `barograph.tallies`.

    Parameters
    ----------
    partition, offset : where the record lies
    fact : what it says; None of one that says nothing
    """
    match said:
        case Incident():
            return finding(replace(said, partition=partition, offset=offset))
        case ChangeReport():
            return _report(replace(said, partition=partition, offset=offset))
        case Refused():
            assert isinstance(fact, Passed)
            return refusal(fact, said)


def again(notices: Notices, states: Mapping[str, State], second: int) -> list[Finding]:
    """Say again how every incident stands, open ones and those that ended lately: the very messages that were sent.

    Those in shadow have no present state on any topic, so there is nothing that a zombie could have set back.

    Parameters
    ----------
    notices : incidents about ourselves
    states : of all services of a partition
    second : now, by the partition's clock
    """
    ended, open_ = list(notices.ended), [held.said for held in notices.held.values()]
    for _, state in sorted(states.items()):
        ended += state.ended
        open_ += [case.said for case in state.cases]
    lately = [one for one in ended if second - one.updated_at // 1000 <= ENDED_S]
    return [finding(one) for one in (*lately, *open_)]


def finding(incident: Incident) -> Finding:
    """Write an incident as JSON with CloudEvents headers (binary mode, Kafka binding 1.0.2)."""
    text, number = _NUMBER[incident.severity]
    headers = _headers(f"barograph.incident.{incident.step}.v1", incident.id, incident.service, incident.updated_at)
    headers |= {"ce_severitytext": text, "ce_severitynumber": number}
    if incident.shadow:
        headers |= {"ce_shadow": "true"}
    return Finding(
        incident.fingerprint.encode(),
        incident.id,
        msgspec.json.encode(incident),
        _encoded(headers),
        roles=("incidents_shadow",) if incident.shadow else ("incidents", "incidents_state"),
        severity=incident.severity,
    )


def refusal(fact: Passed, refused: Refused) -> Finding:
    """Write why a control fact changed nothing; like any rejected record, under the key of its position."""
    said = Rejected(
        source=fact.source, partition=fact.partition, offset=fact.offset, timestamp=fact.timestamp,
        reason=refused.reason, field=printable(refused.field), said=printable(refused.said),
        size=len(msgspec.json.encode(fact.said)),
    )  # fmt: skip
    return Finding(said.key(), said.key().decode(), msgspec.json.encode(said), (), roles=("rejected",))


def _report(report: ChangeReport) -> Finding:
    headers = _headers("barograph.change_report.v1", report.id, report.service, report.updated_at)
    key = f"{report.service}:{report.release}".encode()
    return Finding(key, report.id, msgspec.json.encode(report), _encoded(headers), roles=("changes",))


def _headers(kind: str, id_: str, subject: str, at_ms: int) -> dict[str, str]:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "ce_specversion": "1.0",
        "ce_type": kind,
        "ce_source": "//barograph/watch",
        "ce_id": id_,
        "ce_time": at.replace("+00:00", "Z"),
        "ce_subject": printable(subject),  # CloudEvents allows no control characters, and it may become HTTP
        "content-type": "application/json",
    }


def _encoded(headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode()) for name, value in headers.items())

"""An incident -> the message that carries it."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from schemas.incidents import Incident, Severity

_NUMBER: Final[dict[Severity, tuple[str, str]]] = {
    "sev-1": ("FATAL", "21"),
    "sev-2": ("ERROR", "17"),
    "sev-3": ("WARN", "13"),
    "sev-4": ("INFO", "9"),
}


class Finding(NamedTuple):
    """A message for `ai.incidents`. `id` is made from what it is about: told again, it is the same, byte for byte."""

    key: bytes
    id: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def finding(incident: Incident) -> Finding:
    """Write an incident as JSON with CloudEvents headers (binary mode, Kafka binding 1.0.2)."""
    at = datetime.fromtimestamp(incident.updated_at / 1000, UTC).isoformat(timespec="milliseconds")
    text, number = _NUMBER[incident.severity]
    headers = {
        "ce_specversion": "1.0",
        "ce_type": f"barograph.incident.{incident.step}.v1",
        "ce_source": "//barograph/watch",
        "ce_id": incident.id,
        "ce_time": at.replace("+00:00", "Z"),
        "ce_subject": incident.service,
        "ce_severitytext": text,
        "ce_severitynumber": number,
        "content-type": "application/json",
    }
    return Finding(
        incident.fingerprint.encode(),
        incident.id,
        msgspec.json.encode(incident),
        tuple((name, value.encode()) for name, value in headers.items()),
    )

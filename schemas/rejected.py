"""What was no event: the records of `ai.events.rejected`."""

from typing import Literal

from msgspec import Struct

Reason = Literal[
    "not_json", "invalid", "unknown_type", "too_large", "too_deep", "empty", "bad_time", "future",
    "unknown_service", "unknown_incident", "already_acknowledged", "unknown_release", "older_generation",
]  # fmt: skip


class Rejected(Struct, frozen=True, kw_only=True):
    """Where a record lies that is no event, and why it is none. Its bytes stay where they are: raw text is not copied.

    Attributes
    ----------
    source, partition, offset : where it lies
    timestamp : the record's own, in milliseconds
    field : the path of the field at fault, ``$.service`` say; ``$`` where it is the whole
    said : one sentence
    size : bytes of the record
    """

    source: str
    partition: int
    offset: int
    timestamp: int
    reason: Reason
    field: str
    said: str
    size: int

    def key(self) -> bytes:
        """Give the key of its record: that of its position, so that what is told twice is the same record."""
        return f"{self.source}:{self.partition}:{self.offset}".encode()

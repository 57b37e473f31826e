"""A topic as it was read -> its messages, in our own words; what is none of them is counted."""

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from schemas.incidents import Incident

T = TypeVar("T")


class Record(NamedTuple):
    """One record; `timestamp` is in milliseconds since 1970."""

    partition: int
    offset: int
    timestamp: int
    value: bytes


class Log(NamedTuple):
    """A topic, from its start to where it ended when it was read.

    Attributes
    ----------
    topic : its name
    there : whether there is such a topic that may be read
    begins : timestamp of the first record, if retention took others before it; infinite if it took all
    """

    topic: str
    records: tuple[Record, ...] = ()
    there: bool = True
    begins: float | None = None


class Read(NamedTuple, Generic[T]):
    """Messages with their records, in order; `strange` records could not be read."""

    said: tuple[tuple[Record, T], ...]
    strange: int


def read(log: Log, decode: Callable[[bytes], T]) -> Read[T]:
    """Read the messages of a topic.

    Whoever may write there may have written anything, and a version that is newer than ours other things: neither keeps
    people from reading the rest.

    Examples
    --------
    >>> records = Record(0, 0, 0, b"{}"), Record(0, 1, 0, b"[7]")
    >>> found = read(Log("ai.control", records), msgspec.json.Decoder(list[int]).decode)
    >>> [said for _, said in found.said], found.strange
    ([[7]], 1)
    """
    found, strange = [], 0
    for record in log.records:
        try:
            found.append((record, decode(record.value)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            strange += 1
    return Read(tuple(found), strange)


incidents: Final = msgspec.json.Decoder(Incident).decode


def step_of(incident: Incident) -> tuple[int, int]:
    """Say how far a message is: whoever reads keeps the highest, for a zombie may repeat an old one late."""
    return incident.episode, incident.sequence


def latest(said: Read[Incident]) -> dict[str, Incident]:
    """Keep the furthest message of each fingerprint, which need not be the last record."""
    found: dict[str, Incident] = {}
    for _, incident in said.said:
        known = found.get(incident.fingerprint)
        if known is None or step_of(incident) > step_of(known):
            found[incident.fingerprint] = incident
    return found

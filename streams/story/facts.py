"""`ai.control` -> what people and pipelines said of a service around an episode."""

from collections.abc import Iterator
from math import inf
from typing import Final

from msgspec import Struct

from schemas.control import Acknowledge, Approve, Control, Maintain, Rebaseline, Release, SignOff
from schemas.events import When
from schemas.incidents import Incident
from schemas.moments import BadTime, second
from streams.figures import date
from streams.story.log import Read

AROUND_MS: Final = 3_600_000
"""What was said so long before an onset, or after an end, may have to do with it."""


class Fact(Struct, frozen=True):
    """What was said; `at` when it came to lie at `place`, ``ai.control:0:17`` say, in milliseconds."""

    at: int
    place: str
    said: Control


def around(control: Read[Control], topic: str, incident: Incident) -> tuple[Fact, ...]:
    """Choose what was said of an incident's service, and of those that have their cause in it, around its episode.

    Parameters
    ----------
    control : in the order of the topic
    topic : its name
    incident : as it was last said
    """
    services = {incident.service, *(child.service for child in incident.children)}
    prints = {incident.fingerprint, *(child.fingerprint for child in incident.children)}
    begin = incident.since_low - AROUND_MS
    end = inf if incident.ended_at is None else incident.ended_at + AROUND_MS
    found = []
    for record, said in control.said:
        # A common cause is no service's, and is taken by its fingerprint, whatever service is named.
        ours = said.fingerprint in prints if isinstance(said, Acknowledge) else said.service in services
        until = _ms(said.until) if isinstance(said, Maintain) else None
        if ours and record.timestamp <= end and max(until or 0, record.timestamp) >= begin:
            found.append(Fact(record.timestamp, f"{topic}:{record.partition}:{record.offset}", said))
    return tuple(found)


def phrase(said: Control) -> str:
    """Say a fact in a sentence.

    Examples
    --------
    >>> phrase(Release(service="shop", at=0, release="v2", phase="promoted", generation=7, previous="v1"))
    'release v2 promoted, generation 7, after v1'
    >>> phrase(Maintain(service="shop", at=0, by="ana", until=3_600_000, reason="index is rebuilt"))
    'maintenance until 1970-01-01 01:00:00 UTC, by ana: index is rebuilt'
    """
    return "".join(_parts(said))


def _parts(said: Control) -> Iterator[str]:
    match said:
        case Release():
            yield f"release {said.release} {said.phase.replace('_', ' ')}"
            if said.generation is not None:
                yield f", generation {said.generation}"
            if said.previous:
                yield f", after {said.previous}"
            if said.model:
                yield f", model {said.model}"
        case SignOff():
            yield f"{said.role} {'agreed' if said.agreed else 'did not agree'} to release {said.release}, by {said.by}"
            yield _because(said.note)
        case Acknowledge():
            yield f"taken by {said.by}{_because(said.note)}"
        case Maintain():
            until = _ms(said.until)
            yield f"maintenance until {said.until if until is None else date(until)}, by {said.by}"
            yield _because(said.reason)
        case Rebaseline():
            what = ", ".join(said.signals) or "all signals"
            yield f"learn {what} anew, by {said.by}{_because(said.reason)}"
        case Approve():
            yield f"rollback of release {said.release} approved by {said.by}"


def _because(why: str | None) -> str:
    return f": {why}" if why else ""


def _ms(at: When) -> int | None:
    """Read a time; None if it is none, for then MEASURE has refused the fact."""
    try:
        return second(at) * 1000
    except BadTime:
        return None

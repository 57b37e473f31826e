"""What GATHER knows of the incidents of all services: plain values, replaced and never changed."""

from typing import Final

from msgspec import Struct

from schemas.found import Rules
from schemas.incidents import Incident, Notify

MOST_PLACES: Final = 8192
MOST_ENDED: Final = 256


class Known(Struct, frozen=True):
    """An incident that is open, or a part of a common cause that is.

    Attributes
    ----------
    said : as it was last said: with its parent, and held back where it was
    own : whom WATCH would tell
    told : the loudest that anybody was told of this episode by itself; `record` if it never was
    parent : fingerprint of the common cause that it is a part of; empty if of none
    """

    said: Incident
    own: Notify
    told: Notify
    parent: str = ""


class Place(Struct, frozen=True, array_like=True):
    """How far an incident is told, and when that was, in milliseconds."""

    episode: int
    sequence: int
    at: int


class Parent(Struct, frozen=True):
    """A common cause.

    Attributes
    ----------
    said : as it was last said
    said_at : when that was, in milliseconds
    parts : fingerprints of the incidents that have it in common, in the order in which they were found to
    low, high : the time that lies near enough to the onset of each of those that it was first seen in
    trouble : what went wrong with ourselves then; empty if nothing did
    news : whether there is something that was not said yet
    """

    said: Incident
    said_at: int
    parts: tuple[str, ...]
    low: int
    high: int
    trouble: str = ""
    news: bool = False


class State(Struct, frozen=True, kw_only=True):
    """Everything known of all services.

    Attributes
    ----------
    next : offset of `barograph.incidents` that is read next
    now : the latest time that the log spoke of, in milliseconds
    rules : by what is decided, as the log said it last; None before it did
    known : by fingerprint, the one heard of last stands last
    parents : by fingerprint, the oldest first
    ended : the last words on what is over, the latest last
    places : fingerprint -> the last word on it, the one heard of last stands last
    forgotten : the highest episode of the fingerprints that are no longer remembered
    asked : ``source:partition:id`` of control facts -> offset of the last one that was applied
    beyond : what was over a cap, or unreadable
    """

    next: int = 0
    now: int = 0
    rules: Rules | None = None
    known: dict[str, Known] = {}
    parents: dict[str, Parent] = {}
    ended: tuple[Incident, ...] = ()
    places: dict[str, Place] = {}
    forgotten: int = 0
    asked: dict[str, int] = {}
    beyond: dict[str, int] = {}

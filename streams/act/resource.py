"""What an actuator sees of a target, and what became of its attempt to change it -> values for the rules."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from schemas.events import Count, Name
from schemas.moments import LAST_MS
from schemas.printable import printable
from schemas.rollbacks import Rollback, Version

_LATEST: Final = LAST_MS - 7 * 86_400_000
"""A cooldown after it must still be a time."""


class Marker(NamedTuple):
    """What the last rollback left on the target itself, so that an actuator that forgot can know.

    Attributes
    ----------
    key : of the command
    epoch : of its fence
    at : milliseconds since 1970
    """

    key: str
    epoch: int
    at: int


class Observed(NamedTuple):
    """A target as it was seen.

    Attributes
    ----------
    version : what a compare-and-set compares; another one after every write, by whomever
    runs : the release that serves, and its generation
    """

    version: str
    runs: Version
    marker: Marker | None = None


class Unseen(NamedTuple):
    """Why nobody can tell what a target runs, in one sentence."""

    said: str


class _Facts(Struct, frozen=True):
    release: Name
    generation: Count
    key: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    epoch: Count | None = None
    at: Annotated[int, Meta(ge=0, le=_LATEST)] | None = None


def seen(version: str, facts: Mapping[str, object]) -> Observed | Unseen:
    """Read what stands on a target: `release`, `generation`, and `key`, `epoch`, `at` if it was ever rolled back.

    A marker of which a part is missing, or that is none, may be that of any command: nothing may be done then.

    Parameters
    ----------
    facts : numbers may be texts, as in annotations; what is null is not there

    Examples
    --------
    >>> seen("7", {"release": "v3", "generation": "3"})
    Observed(version='7', runs=Version(release='v3', generation=3), marker=None)
    >>> seen("7", {"release": "v3", "generation": -1}).said
    'Expected `int` >= 0 - at `$.generation`'
    >>> seen("7", {"release": "v3", "generation": 3, "key": "rollback:..."}).said
    'half a marker: there are key, but not epoch, at'
    """
    try:
        read = msgspec.convert({name: fact for name, fact in facts.items() if fact is not None}, _Facts, strict=False)
    except msgspec.ValidationError as wrong:
        return Unseen(printable(str(wrong))[:200])
    marker = {"key": read.key, "epoch": read.epoch, "at": read.at}
    missing = [name for name, fact in marker.items() if fact is None]
    if missing and len(missing) < len(marker):
        there = [name for name in marker if name not in missing]
        return Unseen(f"half a marker: there are {', '.join(there)}, but not {', '.join(missing)}")
    runs = Version(read.release, read.generation)
    if read.key is None or read.epoch is None or read.at is None:
        return Observed(version, runs)
    return Observed(version, runs, Marker(read.key, read.epoch, read.at))


class Try(NamedTuple):
    """An action to try: change the target to what the command asks for, if it still is at the version that was seen.

    Attributes
    ----------
    observed : its `version` is the precondition
    at : milliseconds since 1970, for the marker
    approved_by : empty where nobody had to
    """

    command: Rollback
    observed: Observed
    at: int
    approved_by: str = ""

    @property
    def marker(self) -> Marker:
        """What to leave on the target, by the same write."""
        return Marker(self.command.key, self.command.fence.epoch, self.at)


class Done(NamedTuple):
    """What became of a compare-and-set.

    Attributes
    ----------
    outcome : `applied`; `stale`, it was at another version and nothing was written; `refused`, nothing was written and
        trying again will not help; `unknown`, it may or may not have been written: look at the target
    said : one sentence
    """

    outcome: Literal["applied", "stale", "refused", "unknown"]
    said: str

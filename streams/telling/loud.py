"""Two words on an incident -> which of them reaches more people, and whether one is graver."""

from typing import Final

from schemas.incidents import Incident, Notify

NOTICES: Final[tuple[Notify, ...]] = ("page", "ticket", "record")
"""The loudest first."""


def louder(one: Notify, other: Notify) -> bool:
    """Say whether the one reaches people that the other does not.

    Examples
    --------
    >>> louder("page", "ticket"), louder("record", "record")
    (True, False)
    """
    return NOTICES.index(one) < NOTICES.index(other)


def graver(now: Incident, said: Incident) -> bool:
    """Say whether an incident is graver than it was said to be, or tells more people."""
    return now.severity < said.severity or louder(now.notify, said.notify)

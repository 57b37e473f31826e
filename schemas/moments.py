"""What people and programs say of a time -> seconds since 1970, and back."""

import re
from datetime import UTC, datetime
from typing import Final

LAST_MS: Final = 253_402_300_799_000
"""The end of the year 9999, which is as far as times are written."""

HEAD: Final = 19
"""Characters of ``2026-11-23T14:02:05``."""

_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?P<zone>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)
_REMEMBERED: Final = 20_000


class BadTime(ValueError):
    """A time that is none, or that does not say its zone."""


class _Seconds(dict[str, int]):
    """The second of a UTC time by its first 19 characters.

    Parsed once for each second that occurs, for parsing costs ten times as much as looking up.
    """

    def __missing__(self, head: str) -> int:
        found = second(head + "+00:00")
        if len(self) >= _REMEMBERED:
            self.clear()
        self[head] = found
        return found


SECONDS: Final = _Seconds()


def second(at: str | int) -> int:
    """Read a time.

    Parameters
    ----------
    at : str or int
        RFC 3339 with its zone (but no leap second), or milliseconds since 1970.

    Raises
    ------
    BadTime
        If it is no time, or says no zone.

    Examples
    --------
    >>> second("2026-11-23T16:02:05.250+02:00") == second(1795442525250) == second("2026-11-23T14:02:05.25Z")
    True
    >>> second("2026-11-23T14:02:05")
    Traceback (most recent call last):
    schemas.moments.BadTime: a time without a zone: '2026-11-23T14:02:05'; end it with Z or +hh:mm
    """
    if isinstance(at, int):
        return at // 1000
    said = _RFC_3339.fullmatch(at)
    if said is None:
        raise BadTime(f"not an RFC 3339 time: {at[:40]!r}")
    if said["zone"] is None:
        raise BadTime(f"a time without a zone: {at[:40]!r}; end it with Z or +hh:mm")
    if said["zone"] in "Zz":
        return SECONDS[at[:HEAD]]
    try:
        return int(datetime.fromisoformat(at[:HEAD] + said["zone"]).timestamp() // 1)
    except ValueError:
        raise BadTime(f"no such time: {at[:40]!r}") from None


def written(ms: int) -> str:
    """Write a time, to the second.

    Parameters
    ----------
    ms : since 1970, no later than `LAST_MS`

    Examples
    --------
    >>> written(1795442525250)
    '2026-11-23T14:02:05Z'
    """
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def lasting(seconds: int) -> str:
    """Say how long, in the largest unit that leaves no rest.

    Examples
    --------
    >>> lasting(86_400), lasting(5400), lasting(90)
    ('24 h', '90 min', '90 s')
    """
    unit, name = next((unit, name) for unit, name in ((3600, "h"), (60, "min"), (1, "s")) if seconds % unit == 0)
    return f"{seconds // unit} {name}"

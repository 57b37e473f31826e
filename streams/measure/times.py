"""What an event says of its time -> whole seconds since 1970."""

from datetime import datetime
from typing import Final


class BadTime(ValueError):
    """A time that is none, or that does not say its zone."""


_REMEMBERED: Final = 20_000


class Seconds(dict[str, int]):
    """The second of a UTC time by its first 20 characters, ``2026-11-23T14:02:05`` and the ``.`` or ``Z`` after it.

    Parsed once for each second that occurs, for parsing costs ten times as much as looking up.

    Examples
    --------
    >>> Seconds()["2026-11-23T14:02:05Z"]
    1795442525
    """

    def __missing__(self, head: str) -> int:
        if len(head) != 20 or head[19] not in ".Z" or head[10] not in "Tt ":
            raise BadTime(f"not an RFC 3339 time: it begins {head!r}")
        if len(self) >= _REMEMBERED:
            self.clear()
        second = self[head] = _parse(head[:19] + "+00:00")
        return second


def _parse(text: str) -> int:
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(f"not an RFC 3339 time: {text[:40]!r}") from None
    if said.tzinfo is None:
        raise BadTime(f"a time without a zone: {text[:40]!r}; end it with Z or +hh:mm")
    return int(said.timestamp() // 1)


UTC: Final = Seconds()


def second(at: str | int) -> int:
    """Read a time.

    Parameters
    ----------
    at : str or int
        RFC 3339 with its zone, or milliseconds since 1970.

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
    streams.measure.times.BadTime: a time without a zone: '2026-11-23T14:02:05'; end it with Z or +hh:mm
    """
    if isinstance(at, int):
        return at // 1000
    if at.endswith("Z"):
        return UTC[at[:20]]
    if len(at) < 20 or at[10] not in "Tt ":
        return _parse(at) if len(at) == 19 else _refuse(at)
    return _parse(at)


def _refuse(at: str) -> int:
    raise BadTime(f"not an RFC 3339 time: {at[:40]!r}")

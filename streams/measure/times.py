"""What events say of their time -> whole seconds since 1970."""

import re
from datetime import datetime
from typing import Final

import numpy as np

from schemas.tallies import Ints
from streams.measure.decode import Fault
from streams.measure.letters import Times

DAY_S: Final = 86_400


class BadTime(ValueError):
    """A time that is none, or that does not say its zone."""


_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?P<zone>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)
_UTC_TAIL: Final = re.compile(rb"(?:\.[0-9]+)?Z")
_HEAD: Final = 19
"""Characters of ``2026-11-23T14:02:05``."""

_REMEMBERED: Final = 20_000


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


_UTC: Final = _Seconds()


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
    streams.measure.times.BadTime: a time without a zone: '2026-11-23T14:02:05'; end it with Z or +hh:mm
    """
    if isinstance(at, int):
        return at // 1000
    said = _RFC_3339.fullmatch(at)
    if said is None:
        raise BadTime(f"not an RFC 3339 time: {at[:40]!r}")
    if said["zone"] is None:
        raise BadTime(f"a time without a zone: {at[:40]!r}; end it with Z or +hh:mm")
    if said["zone"] in "Zz":
        return _UTC[at[:_HEAD]]
    try:
        return int(datetime.fromisoformat(at[:_HEAD] + said["zone"]).timestamp() // 1)
    except ValueError:
        raise BadTime(f"no such time: {at[:40]!r}") from None


def seconds(times: Times) -> Ints | None:
    """Read times that look all the same, ``2026-11-23T14:02:05.250Z`` say; None where they do not.

    What the smallest and the largest letter of each column of the table say is true of every row: that a column holds
    nothing but digits, or that all rows lie in the same second.

    Examples
    --------
    >>> seconds(Times(["1970-01-01T00:01:00.250Z", "1970-01-01T00:01:01.000Z"])).tolist()
    [60, 61]
    >>> seconds(Times(["1970-01-01T00:01:00Z", 60_000]))
    """
    if times.width <= _HEAD:
        return None
    columns = np.ascontiguousarray(np.frombuffer(times.letters, np.uint8).reshape(-1, times.width).T)
    low, high = columns.min(axis=1).tobytes(), columns.max(axis=1).tobytes()
    if not (_UTC_TAIL.fullmatch(low, _HEAD) and _UTC_TAIL.fullmatch(high, _HEAD)):
        return None
    try:
        if low[:_HEAD] == high[:_HEAD]:
            return np.full(len(times), _UTC[low[:_HEAD].decode()], np.int64)
        text = times.letters.decode()
        return np.array([_UTC[text[at : at + _HEAD]] for at in range(0, len(text), times.width)], np.int64)
    except BadTime:
        return None


def when(times: Times, arrived: Ints) -> tuple[Ints, dict[int, Fault]]:
    """Read the times of some events: all at once where they look alike, else one by one.

    Parameters
    ----------
    times : n of them, as they were said
    arrived : (n,) seconds of the events' records

    Returns
    -------
    seconds : (n,) 0 where there is no time
    faults
        By index: what is no time, and what lies more than a day ahead of its record.
    """
    faults: dict[int, Fault] = {}
    found = seconds(times)
    if found is None:
        found = np.zeros(len(times), np.int64)
        for i, at in enumerate(times):
            try:
                found[i] = second(at)
            except BadTime as wrong:
                faults[i] = Fault(0, "bad_time", "$.at", str(wrong))
    for i in np.flatnonzero(found > arrived + DAY_S).tolist():
        faults[i] = Fault(0, "future", "$.at", f"{times[i]} is more than a day after the record itself")
    return found, faults

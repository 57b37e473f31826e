"""When a maintenance is, as a config says it -> whether it is now, and until when."""

import re
from typing import Final, NamedTuple

from schemas.events import When
from schemas.moments import LAST_MS, BadTime, second

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS
"""The first Monday there was, in milliseconds since 1970."""

_WEEKLY: Final = re.compile(
    rf"(?P<day>{'|'.join(DAYS)}) (?P<begins>([01]\d|2[0-3]):[0-5]\d)-(?P<ends>(([01]\d|2[0-3]):[0-5]\d|24:00))"
)


class BadWindow(ValueError):
    """A time that cannot be read, or is none; `field` names what is wrong with it."""

    def __init__(self, field: str, said: str) -> None:
        super().__init__(said)
        self.field = field


class Window(NamedTuple):
    """A time, once or in every week.

    Attributes
    ----------
    begins : milliseconds since 1970; of one of every week, since the Monday of the week
    lasts : milliseconds
    """

    begins: int
    lasts: int
    weekly: bool

    def until(self, now_ms: int) -> int | None:
        """Say when it is over, if it is now; it begins with its first millisecond, and its last is the one before.

        Examples
        --------
        >>> night = window(None, None, "sun 23:00-01:00")
        >>> sunday = second("2026-11-29T23:30:00Z") * 1000
        >>> night.until(sunday) == second("2026-11-30T01:00:00Z") * 1000, night.until(sunday + 2 * 3_600_000)
        (True, None)
        """
        since = now_ms - self.begins
        if self.weekly:
            since = (since - MONDAY_MS) % WEEK_MS
        return now_ms - since + self.lasts if 0 <= since < self.lasts else None


def window(begins: When | None, ends: When | None, weekly: str) -> Window:
    """Read a time: either from when to when, or one of every week.

    Parameters
    ----------
    begins, ends : RFC 3339 with a zone, or milliseconds since 1970
    weekly : ``sun 02:00-04:30``, in UTC; what ends before it begins ends on the next day

    Raises
    ------
    BadWindow
        With the field at fault, and the form that it should have.

    Examples
    --------
    >>> window(None, None, "sun 02:00-04:30").lasts / 3_600_000
    2.5
    >>> window(None, None, "sunday 2-4")
    Traceback (most recent call last):
    schemas.windows.BadWindow: no time of every week: 'sunday 2-4'; say it as `sun 02:00-04:30`, in UTC, with one of \
mon, tue, wed, thu, fri, sat, sun
    """
    if weekly:
        if begins is not None or ends is not None:
            raise BadWindow("weekly", "a time of every week, and one from when to when: keep one of the two")
        return _of_a_week(weekly)
    if begins is None and ends is None:
        raise BadWindow("", "it says no time: give `begins` and `ends`, or `weekly`")
    first, last = _read("begins", begins), _read("ends", ends)
    if last <= first:
        raise BadWindow("ends", "it ends before it begins")
    return Window(first, last - first, weekly=False)


def _of_a_week(said: str) -> Window:
    found = _WEEKLY.fullmatch(said)
    if found is None:
        raise BadWindow(
            "weekly",
            f"no time of every week: {said[:40]!r}; say it as `sun 02:00-04:30`, in UTC, with one of {', '.join(DAYS)}",
        )
    begins, ends = _of_a_day(found["begins"]), _of_a_day(found["ends"])
    if begins == ends:
        raise BadWindow("weekly", f"it ends when it begins: {said!r}; a whole day is `{found['day']} 00:00-24:00`")
    return Window(DAYS.index(found["day"]) * DAY_MS + begins, (ends - begins) % DAY_MS or DAY_MS, weekly=True)


def _of_a_day(clock: str) -> int:
    hours, minutes = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000


def _read(field: str, at: When | None) -> int:
    if at is None:
        raise BadWindow(field, f"`{field}` is missing beside the other: it needs both, or `weekly`")
    try:
        ms = second(at) * 1000
    except BadTime as wrong:
        raise BadWindow(field, str(wrong)) from None
    if ms > LAST_MS:
        raise BadWindow(field, f"{at} lies after the year 9999; milliseconds are meant")
    return ms

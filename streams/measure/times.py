"""What events say of their time -> whole seconds since 1970."""

import re
from typing import Final

import numpy as np

from schemas.moments import HEAD, SECONDS, BadTime, second
from schemas.tallies import Ints
from streams.measure.decode import Fault
from streams.measure.letters import Times

__all__ = ["DAY_S", "BadTime", "second", "seconds", "when"]

DAY_S: Final = 86_400
_UTC_TAIL: Final = re.compile(rb"(?:\.[0-9]+)?Z")


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
    if times.width <= HEAD:
        return None
    columns = np.ascontiguousarray(np.frombuffer(times.letters, np.uint8).reshape(-1, times.width).T)
    low, high = columns.min(axis=1).tobytes(), columns.max(axis=1).tobytes()
    if not (_UTC_TAIL.fullmatch(low, HEAD) and _UTC_TAIL.fullmatch(high, HEAD)):
        return None
    try:
        if low[:HEAD] == high[:HEAD]:
            return np.full(len(times), SECONDS[low[:HEAD].decode()], np.int64)
        text = times.letters.decode()
        return np.array([SECONDS[text[at : at + HEAD]] for at in range(0, len(text), times.width)], np.int64)
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

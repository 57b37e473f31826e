"""A record's timestamp -> the second of WATCH that it falls in."""

from typing import Final

from schemas.tallies import LATE

SHIFT_MS: Final = 400
"""How much later than those of the wall clock WATCH's seconds begin and end.

MEASURE's blocks end with the seconds of the wall clock, and their flushes arrive some tens of milliseconds later, on a
busy worker some hundred. If WATCH's seconds ended there as well, what was told would wait for nearly another one.
"""


def second_of(ms: int) -> int:
    """Say in which second a record falls, by its timestamp in `barograph.tallies`.

    What was told of the events of a second, as soon as it was over, falls in the second of the same number.

    Parameters
    ----------
    ms : milliseconds since 1970

    Examples
    --------
    >>> second_of(7_399), second_of(7_400), second_of(8_399)
    (6, 7, 7)
    """
    return (ms - SHIFT_MS) // 1000


def begin_ms(second: int) -> int:
    """Say when a second begins, in milliseconds since 1970.

    Examples
    --------
    >>> begin_ms(7)
    7400
    """
    return second * 1000 + SHIFT_MS


def bucket_of(second: int, bucket_s: int) -> int:
    """Say which bucket a second of WATCH ends in; nothing that arrives in it can have happened in a later one.

    Examples
    --------
    >>> bucket_of(8, 10), bucket_of(9, 10)
    (0, 10)
    """
    return end_ms(second) // 1000 // bucket_s * bucket_s


def counted_in(start: int, now: int) -> int:
    """Say in which bucket something counts that says when it was.

    What came late, and what claims to come from the future, counts where it arrived: of its own time no more is known
    than that it was not then.

    Parameters
    ----------
    start : of the bucket that it says, or `LATE`
    now : start of the bucket in which it arrived

    Examples
    --------
    >>> counted_in(10, now=20), counted_in(30, now=20), counted_in(LATE, now=20)
    (10, 20, 20)
    """
    return now if start == LATE or start > now else start


def end_ms(second: int) -> int:
    """Say when a second is over and is decided, in milliseconds since 1970.

    Examples
    --------
    >>> end_ms(7), second_of(end_ms(7))
    (8400, 8)
    """
    return begin_ms(second + 1)

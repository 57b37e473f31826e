"""A figure, a time or a name -> how people read it."""

import textwrap
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from schemas.incidents import PLAIN, Interval
from schemas.printable import printable

WIDTH: Final = 100
GLUE: Final = "\N{NO-BREAK SPACE}"
"""Stands between what must not be torn apart; a plain space in the end."""


def percent(share: float) -> str:
    """Write a share as a percentage: one decimal, two significant digits below one percent.

    Examples
    --------
    >>> [percent(share).replace(GLUE, " ") for share in (0.979, 1.0, 0.00123, 0.0)]
    ['97.9 %', '100 %', '0.12 %', '0 %']
    """
    text = f"{100 * share:.1f}".removesuffix(".0") if share >= 0.01 else figure(100 * share, digits=2)
    return f"{text}{GLUE}%"


def figure(x: float, digits: int = 3) -> str:
    """Write a number as people do: three digits, more only left of the point.

    Examples
    --------
    >>> [figure(x) for x in (0.002865, 12.0, 12.34, 1771.4, 1e9)]
    ['0.00286', '12', '12.3', '1,771', '1,000,000,000']
    """
    return f"{x:,.0f}" if x >= 10**digits else f"{Decimal(f'{x:.{digits}g}'):f}"


def measured(interval: Interval | None, unit: str) -> str:
    """Write a figure with what it may be: a share without a unit, the median of a number with one.

    Examples
    --------
    >>> measured(Interval(0.979, 0.9714, 0.9851), "").replace(GLUE, " ")
    '97.9 % (97.1 to 98.5)'
    >>> measured(Interval(3422.0, 3300.0, 3560.0), "ms").replace(GLUE, " ")
    '3,422 ms (3,300 to 3,560)'
    """
    if interval is None:
        return "not observed"
    if not unit:
        low, high = percent(interval.low).removesuffix(f"{GLUE}%"), percent(interval.high).removesuffix(f"{GLUE}%")
        return f"{percent(interval.value)}{GLUE}({low}{GLUE}to{GLUE}{high})"
    low, high = figure(interval.low), figure(interval.high)
    said = f"{figure(interval.value)}{GLUE}{unit}" if unit != PLAIN else figure(interval.value)
    return f"{said}{GLUE}({low}{GLUE}to{GLUE}{high})"


def date(ms: int) -> str:
    """Write a day and a time.

    Examples
    --------
    >>> date(1_795_442_525_250)
    '2026-11-23 14:02:05 UTC'
    """
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(ms: int) -> str:
    """Write a time of a day.

    Examples
    --------
    >>> clock(1_795_442_525_250)
    '14:02:05'
    """
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}"


def wrap(text: str, first: str = "", then: str = "") -> list[str]:
    """Break one paragraph into lines of `WIDTH`; nothing that cannot be seen passes, but for the glue."""
    seen = GLUE.join(map(printable, text.split(GLUE)))
    lines = textwrap.wrap(seen, WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)
    return [line.replace(GLUE, " ") for line in lines or [first.rstrip()]]


def beside(label: str, text: str, width: int) -> list[str]:
    """Write a text beside its label, broken into lines of `WIDTH` that begin below each other.

    Parameters
    ----------
    width : of the column of labels

    Examples
    --------
    >>> beside("since", "14:02:05", 8)
    ['  since   14:02:05']
    """
    return wrap(text, first=f"  {label:<{width}}", then=" " * (width + 2))


def table(rows: Sequence[tuple[str, ...]], right: Collection[int] = ()) -> Iterator[str]:
    r"""Lay out cells below each other; the last column is as wide as it likes.

    Parameters
    ----------
    right : columns that are flush right

    Examples
    --------
    >>> print("\n".join(table([("mode", "n", "such as"), ("FMT.EMPTY", "7", "a1")], right=[1])))
      mode       n  such as
      FMT.EMPTY  7  a1
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *cells, last in rows:
        laid = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=False))
        ]
        yield f"  {'  '.join((*laid, last))}".rstrip().replace(GLUE, " ")


def span(ms: int) -> str:
    """Write how long something lasted, in its two largest units.

    Examples
    --------
    >>> span(850), span(42_000), span(3_725_000), span(90_000_000_000)
    ('0.85 s', '42 s', '1 h 2 min', '1041 d 16 h')
    """
    if ms < 60_000:
        return f"{ms / 1000:g} s"
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next(i for i, (n, _) in enumerate(units) if n)
    return " ".join(f"{n} {unit}" for n, unit in units[first : first + 2] if n)


def fit(text: str, width: int) -> str:
    """Cut what is too long, and show that.

    Examples
    --------
    >>> fit("support-bot", 11), fit("support-bot", 8)
    ('support-bot', 'support…')
    """
    return text if len(text) <= width else f"{text[: width - 1]}…"

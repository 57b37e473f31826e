"""What is expected of monitors -> the lines of a table for the operator: how soon, and from which size on."""

import math
from collections.abc import Iterable, Iterator
from typing import Final

from schemas.printable import printable
from streams.watch.expected import SHIFTS, After, Expected

NOTE: Final = """\
On average, about, from a change to so many times as much until a page, or a ticket, on the whole stream of a release.
Slices take longer. Never: a baseline of so few exchanges allows it. In the end: a move that far, if only it lasts.\
"""
_UNITS: Final = ((1, "s"), (60, "min"), (3600, "h"), (86_400, "days"), (31_557_600, "years"))


def table(rows: Iterable[Expected]) -> Iterator[str]:
    """Write one line a signal, below a head of two.

    Examples
    --------
    >>> rate = Expected(signal="refused", kind="rate", moves="yes", before=0.05, page=(None, 252.0, 25.1), down=0.034)
    >>> for line in table([rate]):
    ...     print(line.rstrip())
                                                                 page after             ticket after
      signal              a change to       from       1.5x      2x      4x     1.5x      2x      4x  found in the end
      refused             more yes          5%        never   5 min    26 s        -       -       -  below 3.4%
    """
    shifts = "".join(f"{f'{shift:g}x':>8}" for shift in SHIFTS)
    yield f"  {'':45}{'page after':>24} {'ticket after':>24}"
    yield f"  {'signal':20}{'a change to':18}{'from':7}{shifts} {shifts}  found in the end"
    yield from body(rows)


def body(rows: Iterable[Expected]) -> Iterator[str]:
    """Write the lines of a table without its head."""
    for row in rows:
        before = "" if row.before is None else _percent(row.before)
        what = f"{printable(row.signal):20}{_short(_what(row), 17):18}{before:7}"
        yield f"  {what}{_times(row.page)} {_times(row.ticket)}  {_smallest(row)}"


def _what(row: Expected) -> str:
    if row.kind == "number":
        return "larger" if row.toward > 0 else "smaller"
    return f"{'more' if row.toward > 0 else 'less'} {printable(row.moves)}"


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 3]}..."


def _times(after: After) -> str:
    return "".join(f"{_time(one):>8}" for one in after or ("-",) * len(SHIFTS))


def _time(seconds: float | str | None) -> str:
    """Say a time in the largest unit of which it has at least two.

    Examples
    --------
    >>> _time(0.4), _time(119.0), _time(121.0), _time(86400.0), _time(1e9), _time(None)
    ('1 s', '119 s', '3 min', '24 h', '32 years', 'never')
    """
    if isinstance(seconds, str):
        return seconds
    if seconds is None:
        return "never"
    size, unit = next((one for one in reversed(_UNITS) if seconds >= 2 * one[0]), _UNITS[0])
    return f"{math.ceil(seconds / size):,} {unit}"


def _smallest(row: Expected) -> str:
    if row.kind == "number":
        said = [f"{word} x {of:.2f}" for word, of in (("below", row.down), ("above", row.up)) if of is not None]
    else:
        ends = (("below", row.down), ("above", row.up), ("new names above", row.unseen))
        said = [f"{word} {_percent(of)}" for word, of in ends if of is not None]
    return ", ".join(said) or ("nothing" if row.page or row.ticket else "-")


def _percent(share: float) -> str:
    """Say a share with two digits, or the rest of it with two where it is nearly all.

    Examples
    --------
    >>> _percent(0.0021), _percent(0.034), _percent(0.252), _percent(0.9931), _percent(0.05)
    ('0.21%', '3.4%', '25%', '99.31%', '5%')
    """
    least = min(share, 1 - share)
    digits = 4 if least < 5e-5 else 2 if least < 0.01 else 1 if least < 0.1 else 0
    return f"{round(100 * share, digits):g}%"

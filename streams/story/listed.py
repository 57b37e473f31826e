"""The incidents there are -> a table, the gravest first: what a person looks at when the telephone has rung."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from schemas.incidents import Incident
from schemas.printable import printable
from streams.figures import fit
from streams.telling.loud import NOTICES

WIDTH: Final = 120
NOBODY: Final = "No incident is open."
NOTHING: Final = "No incident was found."

_HEAD: Final = ("sev", "status", "service", "slice", "since (UTC)", "told", "taken by", "fingerprint", "summary")
_MOST: Final = (5, 8, 14, 13, 11, 11, 8, 16)
"""The widest that a column gets; the summary has the rest."""
_GAP: Final = "  "
_FEWEST: Final = 18


def chosen(incidents: Iterable[Incident], service: str | None, *, ended: bool) -> list[Incident]:
    """Choose incidents and put them in order: gravest first, then who is told loudest, then the newest.

    Parameters
    ----------
    service : of this one only, if any is named
    ended : those that are over as well
    """
    some = [
        one for one in incidents if (ended or one.status != "resolved") and (service is None or one.service == service)
    ]
    return sorted(
        some, key=lambda one: (one.status == "resolved", one.severity, NOTICES.index(one.notify), -one.since, one.id)
    )


def lines(incidents: Sequence[Incident], *, ended: bool) -> Iterator[str]:
    """Write one line for each, of at most `WIDTH` columns; nothing in it acts on a terminal.

    Parameters
    ----------
    ended : whether those that are over were asked for, too
    """
    if not incidents:
        yield NOTHING if ended else NOBODY
        return
    rows = [_HEAD, *map(_cells, incidents)]
    widths = [
        min(most, max(map(len, column))) for most, column in zip(_MOST, zip(*rows, strict=True), strict=False)
    ]  # fmt: skip
    left = max(_FEWEST, WIDTH - sum(widths) - len(_GAP) * len(widths))
    for row in rows:
        yield _GAP.join(
            fit(cell, width).ljust(width) for cell, width in zip(row, [*widths, left], strict=True)
        ).rstrip()


def _cells(one: Incident) -> tuple[str, ...]:
    part = f"{one.slice.dimension}={one.slice.name}" if one.slice else ""
    summary = one.summary.removeprefix(f"{printable(one.service)}: ")
    cells = (
        one.severity, one.status, one.service, part, f"{datetime.fromtimestamp(one.since / 1000, UTC):%m-%d %H:%M}",
        one.held or one.notify, one.acknowledged_by, one.fingerprint, summary,
    )  # fmt: skip
    return tuple(map(printable, cells))

"""A finding -> the card that on-call would read in a terminal."""

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import convert

from schemas.incidents import PLAIN, Change, Incident, Interval
from schemas.printable import printable

WIDTH: Final = 100
LABEL: Final = 11
MOST: Final = 8
"""Signals, failure modes and other changes that a card shows of each; the finding has them all."""

GLUE: Final = "\N{NO-BREAK SPACE}"  # between what must not be torn apart; a plain space in the end

RESET: Final = "\x1b[0m"
COLOURS: Final = {"sev-1": "\x1b[1;31m", "sev-2": "\x1b[1;31m", "sev-3": "\x1b[1;33m", "sev-4": "\x1b[1m"}
GREEN: Final = "\x1b[1;32m"


def tell(finding: dict[str, Any], where: str = "ai.incidents", colour: bool = False) -> str:
    """Write one incident, as it stands, for a person: what, since when, for whom, how sure, and what to do.

    Parameters
    ----------
    finding : dict
        The JSON of a message of ``ai.incidents`` (`schemas.incidents.Incident`).
    where : str
        Where the whole finding can be read: a file or a topic.
    colour : bool
        Colour the title by severity. For a terminal only: it is up to the caller to ask whether it is one.

    Returns
    -------
    str
        Lines of at most 100 characters. Control characters and other invisible ones in names are written as escapes,
        so that what a service calls itself cannot draw on the screen.

    Raises
    ------
    msgspec.ValidationError
        This is no incident.

    Examples
    --------
    >>> finding = {
    ...     "id": "9f0c-1-1", "fingerprint": "9f0c", "episode": 1, "sequence": 1, "status": "firing", "step": "fired",
    ...     "severity": "sev-2", "notify": "page", "labels": {}, "service": "shop", "summary": "shop answers less.",
    ...     "why_severity": "answered: process", "action": "Pin the former model.", "since": 0, "since_low": 0,
    ...     "since_high": 2000, "started_at": 3000, "updated_at": 3000,
    ... }
    >>> print(tell(finding, where="findings.jsonl"))
    SEV-2 FIRING: shop (page)
    shop answers less.
      since      1970-01-01 00:00:00 UTC, somewhere from 00:00:00 to 00:00:02
      for        all its traffic: no slice explains it
      severity   sev-2: answered: process
      also       nothing else was seen to change
      do         Pin the former model.
      finding    9f0c-1-1 in findings.jsonl
    """
    incident = convert(finding, Incident)
    news: list[str] = [incident.notify]
    if incident.step in {"updated", "acknowledged"}:
        news.append(incident.step)
    if incident.previous_severity:
        news.append(f"was {incident.previous_severity}")
    title = f"{incident.severity.upper()} {incident.status.upper()}: {incident.service} ({', '.join(news)})"
    head, *rest = _wrap(title)
    if colour:
        head = f"{GREEN if incident.status == 'resolved' else COLOURS[incident.severity]}{head}{RESET}"
    lines = [head, *rest, *_wrap(incident.summary)]
    for label, text in _rows(incident, where):
        lines += _wrap(text, first=f"  {label:<{LABEL}}", then=" " * (LABEL + 2))
    return "\n".join(lines)


def _rows(incident: Incident, where: str) -> Iterator[tuple[str, str]]:
    low, high = _clock(incident.since_low), _clock(incident.since_high)
    yield "since", _date(incident.since) + (f", somewhere from {low} to {high}" if low != high else "")
    if incident.ended_at is not None:
        yield "until", _date(incident.ended_at)
    yield "for", _whom(incident)
    yield from _several("changed", [_moved(change) for change in incident.changes])
    if incident.how_sure:
        yield "how sure", _sure(incident)
    failures = [
        f"{mode.mode} ({mode.severity}): {mode.n:,} since then, {_figure(mode.expected)} expected"
        + (f"; such as {', '.join(mode.exemplars)}" if mode.exemplars else "")
        for mode in incident.modes
    ]
    yield from _several("failures", failures)
    yield "severity", f"{incident.severity}: {incident.why_severity}"
    also = [f"{other.what}: {other.before} -> {other.after} at {_clock(other.at)}" for other in incident.also]
    yield from _several("also", also or ["nothing else was seen to change"])
    yield "do", incident.action
    if incident.runbook:
        yield "runbook", incident.runbook
    if incident.owner:
        yield "owner", incident.owner
    yield "finding", f"{incident.id} in {where}"


def _several(label: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    """Put the label before the first of several texts, and say how many are left out."""
    for i, text in enumerate(texts[:MOST]):
        yield label if i == 0 else "", text
    if len(texts) > MOST:
        yield "", f"and {len(texts) - MOST} more, in the finding"


def _whom(incident: Incident) -> str:
    if incident.slice is None:
        whom = "all its traffic: no slice explains it"
    else:
        part = incident.slice
        whom = (
            f"{part.dimension} = {part.name}: {_percent(part.explains)} of the change in {part.of}; "
            f"{_percent(part.share_before)} of the traffic before, {_percent(part.share_after)} since"
        )
    return whom + (f"; release {', '.join(incident.releases)}" if incident.releases else "")


def _moved(change: Change) -> str:
    what = change.words if change.feature in {"yes", "rank"} else f"{change.words} ({change.feature})"
    if change.dimension:
        what += f" where {change.dimension} = {change.name}"
    counts = f"{change.before_n:,} then {change.after_n:,} events"
    if change.psi is not None and change.jensen_shannon is not None:
        counts += f"; PSI {_figure(change.psi)}, Jensen-Shannon {_figure(change.jensen_shannon)}"
    return f"{what}: {_measured(change.before, change.unit)} -> {_measured(change.after, change.unit)}, {counts}"


def _measured(interval: Interval | None, unit: str) -> str:
    """Write a figure with what it may be: a share without a unit, the median of a number with one.

    Examples
    --------
    >>> _measured(Interval(0.979, 0.9714, 0.9851), "").replace(GLUE, " ")
    '97.9 % (97.1 to 98.5)'
    >>> _measured(Interval(3422.0, 3300.0, 3560.0), "ms").replace(GLUE, " ")
    '3,422 ms (3,300 to 3,560)'
    """
    if interval is None:
        return "not observed"
    if not unit:
        low, high = _percent(interval.low).removesuffix(f"{GLUE}%"), _percent(interval.high).removesuffix(f"{GLUE}%")
        return f"{_percent(interval.value)}{GLUE}({low}{GLUE}to{GLUE}{high})"
    low, high = _figure(interval.low), _figure(interval.high)
    said = f"{_figure(interval.value)}{GLUE}{unit}" if unit != PLAIN else _figure(interval.value)
    return f"{said}{GLUE}({low}{GLUE}to{GLUE}{high})"


def _sure(incident: Incident) -> str:
    if not incident.baseline_events:
        return incident.how_sure
    against = f"{incident.baseline_events:,} events (baseline {incident.baseline_version})"
    return f"{incident.how_sure}; measured against {against}"


def _percent(share: float) -> str:
    """Write a share as a percentage: one decimal, two significant digits below one percent.

    Examples
    --------
    >>> [_percent(share).replace(GLUE, " ") for share in (0.979, 1.0, 0.00123, 0.0)]
    ['97.9 %', '100 %', '0.12 %', '0 %']
    """
    text = f"{100 * share:.1f}".removesuffix(".0") if share >= 0.01 else _figure(100 * share, digits=2)
    return f"{text}{GLUE}%"


def _figure(x: float, digits: int = 3) -> str:
    """Write a number as people do: three digits, more only left of the point.

    Examples
    --------
    >>> [_figure(x) for x in (0.002865, 12.0, 12.34, 1771.4, 1e9)]
    ['0.00286', '12', '12.3', '1,771', '1,000,000,000']
    """
    return f"{x:,.0f}" if x >= 10**digits else f"{Decimal(f'{x:.{digits}g}'):f}"


def _date(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _clock(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}"


def _wrap(text: str, first: str = "", then: str = "") -> list[str]:
    """Break one paragraph into lines of `WIDTH`; nothing that cannot be seen passes, but for the glue."""
    seen = GLUE.join(map(printable, text.split(GLUE)))
    lines = textwrap.wrap(seen, WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)
    return [line.replace(GLUE, " ") for line in lines or [first.rstrip()]]

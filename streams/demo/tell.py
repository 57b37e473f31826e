"""A finding -> the card that on-call would read in a terminal."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import convert

from schemas.incidents import Incident
from streams import phrases
from streams.figures import beside, clock, date, wrap

LABEL: Final = 11
MOST: Final = 8
"""Signals, failure modes and other changes that a card shows of each; the finding has them all."""

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
    head, *rest = wrap(title)
    if colour:
        head = f"{GREEN if incident.status == 'resolved' else COLOURS[incident.severity]}{head}{RESET}"
    lines = [head, *rest, *wrap(incident.summary)]
    for label, text in _rows(incident, where):
        lines += beside(label, text, LABEL)
    return "\n".join(lines)


def _rows(incident: Incident, where: str) -> Iterator[tuple[str, str]]:
    yield "since", date(incident.since) + phrases.onset(incident)
    if incident.ended_at is not None:
        yield "until", date(incident.ended_at) + (f": {incident.ended_why}" if incident.ended_why else "")
    yield "for", phrases.whom(incident)
    yield from _several("changed", list(map(phrases.moved, incident.changes)))
    if incident.how_sure:
        yield "how sure", phrases.sure(incident)
    yield from _several("failures", list(map(phrases.failures, incident.modes)))
    yield from _several("examples", list(map(phrases.place, incident.exemplars)))
    yield from _several("guardrails", list(map(phrases.fired, incident.guardrails)))
    if incident.diversity is not None:
        yield "diversity", phrases.spread(incident.diversity)
    if incident.concentration is not None:
        yield "in", phrases.concentrated(incident.concentration)
    yield "severity", f"{incident.severity}: {incident.why_severity}"
    if incident.held:
        yield "held back", incident.held
    if incident.acknowledged_by:
        note = f": {incident.note}" if incident.note else ""
        at = f" at {clock(incident.acknowledged_at)}" if incident.acknowledged_at is not None else ""
        yield "taken", f"by {incident.acknowledged_by}{at}{note}"
    if incident.cause or incident.common:
        label = f" (common: {incident.common.replace('_', ' ')})" if incident.common else ""
        yield "suspected", f"{incident.cause or 'nothing by itself'}{label}"
    if incident.parent:
        yield "part of", f"incident {incident.parent}"
    yield from _several("parts", list(map(phrases.part_of, incident.children)))
    also = [f"{other.what}: {other.before} -> {other.after} at {clock(other.at)}" for other in incident.also]
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

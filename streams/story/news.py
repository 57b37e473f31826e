"""An incident as it was and as it is -> what is new in it, line by line."""

from collections.abc import Iterator

from schemas.incidents import Change, Incident
from streams import phrases
from streams.figures import clock, date, figure, measured

NOTHING = "said again, with nothing new in it"


def news(before: Incident | None, now: Incident) -> list[str]:
    """Say what a step says that the one before it did not.

    Parameters
    ----------
    before : the step that comes before it on the topics; None of the first that is there
    """
    if before is None:
        return list(_first(now))
    found = [line for part in (_grades, _where, _moves, _modes, _cause, _people) for line in part(before, now)]
    return found or [now.summary if now.summary != before.summary else NOTHING]


def _first(now: Incident) -> Iterator[str]:
    yield f"{now.severity}, {now.notify}: {now.summary}"
    if now.held:
        yield f"held back: {now.held}"
    if now.flaps:
        yield f"it came back soon after its end, {phrases.times(now.flaps)} in a row"
    if now.parent:
        yield f"part of {now.parent}, which tells the common cause"


def _grades(before: Incident, now: Incident) -> Iterator[str]:
    if now.severity != before.severity:
        yield f"severity {before.severity} -> {now.severity}: {now.why_severity}"
    elif now.why_severity != before.why_severity:
        yield f"{now.severity}, now since {now.why_severity}"
    if now.notify != before.notify:
        yield f"{before.notify} -> {now.notify}"
    if now.held != before.held:
        yield f"held back: {now.held}" if now.held else f"no longer held back ({before.held})"


def _where(before: Incident, now: Incident) -> Iterator[str]:
    if now.since != before.since:
        yield f"onset now estimated at {date(now.since)}{phrases.onset(now)}; before, at {clock(before.since)}"
    was, is_ = ((one.slice.dimension, one.slice.name) if one.slice else None for one in (before, now))
    if was != is_:
        yield f"for {phrases.whom(now)}"
    elif now.releases != before.releases:
        yield f"releases {', '.join(now.releases) or 'none'}; before, {', '.join(before.releases) or 'none'}"


def _moves(before: Incident, now: Incident) -> Iterator[str]:
    known = {_of(one): one for one in before.changes}
    for one in now.changes:
        if (was := known.pop(_of(one), None)) is None:
            yield f"also moved: {phrases.moved(one)}"
        elif was.after != one.after:
            figures = f"{measured(one.after, one.unit)}, was {measured(was.after, was.unit)}"
            yield f"{phrases.signal(one)}: now {figures}"
    for one in known.values():
        yield f"no longer named: {phrases.signal(one)}"
    told = [(other.what, other.before, other.after) for other in before.also]
    for other in now.also:
        if (other.what, other.before, other.after) not in told:
            yield f"also {other.what}: {other.before} -> {other.after} at {date(other.at)}"


def _of(change: Change) -> tuple[str, str, str, str]:
    return change.signal, change.feature, change.dimension, change.name


def _modes(before: Incident, now: Incident) -> Iterator[str]:
    seen = {one.mode: one.n for one in before.modes}
    for one in now.modes:
        if one.mode not in seen:
            yield f"new mode {phrases.failures(one)}"
        elif one.n != seen[one.mode]:
            yield f"{one.mode}: {seen[one.mode]:,} -> {one.n:,}, {figure(one.expected)} expected"
    counts = {one.guardrail: one.n for one in before.guardrails}
    for guard in now.guardrails:
        if guard.n != counts.get(guard.guardrail):
            yield phrases.fired(guard)
    if now.diversity and now.diversity != before.diversity:
        yield phrases.spread(now.diversity)
    if now.concentration and now.concentration != before.concentration:
        yield phrases.concentrated(now.concentration)
    for exemplar in now.exemplars:
        if exemplar not in before.exemplars:
            yield f"such as {phrases.place(exemplar)}"


def _cause(before: Incident, now: Incident) -> Iterator[str]:
    if (now.cause, now.common) != (before.cause, before.common) and (now.cause or now.common):
        yield f"suspected cause: {cause(now)}"
    if now.parent != before.parent:
        yield (
            f"part of {now.parent}, which tells the common cause"
            if now.parent
            else f"no longer part of {before.parent}"
        )
    known = {(one.fingerprint, one.episode): one for one in before.children}
    for one in now.children:
        was = known.get((one.fingerprint, one.episode))
        if was is None:
            yield f"joined by {phrases.part_of(one)}"
        elif one.resolved and not was.resolved:
            yield f"over: {one.service}, {one.fingerprint}-{one.episode}"


def cause(incident: Incident) -> str:
    """Say what is suspected, and the label of a cause that many services have in common."""
    label = incident.common.replace("_", " ") if incident.common else ""
    return f"{incident.cause} ({label})" if incident.cause and label else incident.cause or label


def _people(before: Incident, now: Incident) -> Iterator[str]:
    if (now.acknowledged_by, now.note) != (before.acknowledged_by, before.note) or now.step == "acknowledged":
        yield f"taken by {now.acknowledged_by}" + (f": {now.note}" if now.note else "")
    if now.action != before.action:
        yield f"recommended now: {now.action}"
    if now.owner != before.owner:
        yield f"owner {before.owner or 'nobody'} -> {now.owner or 'nobody'}"
    if now.lineage != before.lineage or now.baseline_version != before.baseline_version:
        yield f"decided by {lineage(now)}"
    if now.ended_why and now.status == "resolved":
        yield now.ended_why


def lineage(incident: Incident) -> str:
    """Say by what an incident was decided.

    Examples
    --------
    >>> from msgspec import convert
    >>> one = convert({"id": "9-1-1", "fingerprint": "9", "episode": 1, "sequence": 1, "status": "firing",
    ...     "step": "fired", "severity": "sev-2", "notify": "page", "labels": {}, "service": "shop", "summary": "",
    ...     "why_severity": "", "action": "", "since": 0, "since_low": 0, "since_high": 0, "started_at": 0,
    ...     "updated_at": 0, "baseline_version": 3, "lineage": {"config": "5e1f"}}, Incident)
    >>> lineage(one)
    'config 5e1f, baseline 3'
    """
    by = incident.lineage
    version = by.baseline or incident.baseline_version
    parts = {"config": by.config, "taxonomy": by.taxonomy, "baseline": version, "engine": by.engine}
    return ", ".join(f"{name} {said}" for name, said in parts.items() if said)

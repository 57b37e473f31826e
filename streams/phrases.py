"""A part of an incident -> the phrase that people read of it."""

from schemas.incidents import Change, Child, Concentrated, Exemplar, Fired, Incident, ModeCount, Spread
from streams.figures import clock, figure, measured, percent


def whom(incident: Incident) -> str:
    """Say whose traffic it is about."""
    if incident.slice is None:
        said = "all its traffic: no slice explains it"
    else:
        part = incident.slice
        said = (
            f"{part.dimension} = {part.name}: {percent(part.explains)} of the change in {part.of}; "
            f"{percent(part.share_before)} of the traffic before, {percent(part.share_after)} since"
        )
    return said + (f"; release {', '.join(incident.releases)}" if incident.releases else "")


def onset(incident: Incident) -> str:
    """Say between which times of a day it began; nothing where that is known to the second."""
    low, high = clock(incident.since_low), clock(incident.since_high)
    return f", somewhere from {low} to {high}" if low != high else ""


def moved(change: Change) -> str:
    """Say what a signal was before and is since."""
    counts = f"{change.before_n:,} then {change.after_n:,} events"
    if change.psi is not None and change.jensen_shannon is not None:
        counts += f"; PSI {figure(change.psi)}, Jensen-Shannon {figure(change.jensen_shannon)}"
    before, after = measured(change.before, change.unit), measured(change.after, change.unit)
    return f"{signal(change)}: {before} -> {after}, {counts}"


def signal(change: Change) -> str:
    """Name what moved."""
    what = change.words if change.feature in {"yes", "rank"} else f"{change.words} ({change.feature})"
    return f"{what} where {change.dimension} = {change.name}" if change.dimension else what


def sure(incident: Incident) -> str:
    """Say how often such an incident would come for nothing, and against how much that is measured."""
    if not incident.baseline_events:
        return incident.how_sure
    against = f"{incident.baseline_events:,} events (baseline {incident.baseline_version})"
    return f"{incident.how_sure}; measured against {against}"


def failures(mode: ModeCount) -> str:
    """Say how often a failure mode was seen.

    Examples
    --------
    >>> failures(ModeCount("FMT.EMPTY", "sev-3", 1200, 0.4, ("a1", "a2")))
    'FMT.EMPTY (sev-3): 1,200 since then, 0.4 expected; such as a1, a2'
    """
    such = f"; such as {', '.join(mode.exemplars)}" if mode.exemplars else ""
    return f"{mode.mode} ({mode.severity}): {mode.n:,} since then, {figure(mode.expected)} expected{such}"


def fired(guardrail: Fired) -> str:
    """Say how often a guardrail fired.

    Examples
    --------
    >>> fired(Fired("pii", 12, 1.25))
    'pii fired 12 times since then, 1.25 expected'
    """
    return f"{guardrail.guardrail} fired {times(guardrail.n)} since then, {figure(guardrail.expected)} expected"


def times(n: int) -> str:
    """Count.

    Examples
    --------
    >>> times(1), times(2000)
    ('once', '2,000 times')
    """
    return "once" if n == 1 else f"{n:,} times"


def spread(diversity: Spread) -> str:
    r"""Say how diverse failures are.

    Examples
    --------
    >>> from schemas.incidents import Interval
    >>> spread(Spread(None, Interval(4.1, 3.3, 5.0), 0, 90)).replace("\N{NO-BREAK SPACE}", " ")
    'as diverse as so many modes of equal share: not observed -> 4.1 (3.3 to 5), 0 then 90 failures'
    """
    before, after = measured(diversity.before, "1"), measured(diversity.after, "1")
    counts = f"{diversity.before_n:,} then {diversity.after_n:,} failures"
    return f"as diverse as so many modes of equal share: {before} -> {after}, {counts}"


def concentrated(part: Concentrated) -> str:
    """Say where failures are concentrated."""
    where = f"{part.dimension} = {part.name}"
    return f"{where}: {measured(part.failures, '')} of the failures, {percent(part.traffic)} of the traffic"


def place(one: Exemplar) -> str:
    """Say where an exchange's record lies.

    Examples
    --------
    >>> place(Exemplar("FMT.EMPTY", "a1", "4bf9", "ai.events", 3, 99812))
    'FMT.EMPTY: a1, trace 4bf9, at ai.events:3:99812'
    """
    trace = f", trace {one.trace}" if one.trace else ""
    return f"{one.mode}: {one.id}{trace}, at {one.topic}:{one.partition}:{one.offset}"


def part_of(child: Child) -> str:
    """Say which incident has a cause in common with others.

    Examples
    --------
    >>> part_of(Child("shop", "9f0c", 1, "sev-2", "shop answers less", paged=True))
    'shop, sev-2, 9f0c-1: shop answers less; it had paged by itself'
    """
    paged = "; it had paged by itself" if child.paged else ""
    return f"{child.service}, {child.severity}, {child.fingerprint}-{child.episode}: {child.summary}{paged}"

"""What moved, how exchanges failed and where -> how grave it is, and the line of the table that says so."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.bounds import Criticality
from schemas.consequence import Line, Tier
from schemas.incidents import Change, ModeCount, Notify, Severity, Slice
from schemas.signals import (
    ERROR_BUDGET,
    FAILING,
    KPI_BAND,
    NEW_CRITICAL_MODE,
    OF_ALL,
    SEVERITY_OF,
    SILENCE,
    TRAFFIC,
    Signal,
)
from schemas.taxonomy import Taxonomy
from streams.watch.cases import Alarm
from streams.watch.plan import PAGED, Plan


def severity(signal: Signal, direction: int, feature: str) -> Severity:
    """Say how grave a move is by itself: by what the signal's bad direction does to users, never by a statistic's size.

    A move the other way is worth knowing and hurts nobody. So is a wider spread: the part of it that hurts lies in a
    tail, which has bets of its own. That a signal is no longer observed is a degraded service to those who rely on
    seeing it.

    Parameters
    ----------
    direction : +1 up, -1 down, 0 neither
    feature : what of the signal moved

    Examples
    --------
    >>> from schemas.signals import BY_NAME
    >>> severity(BY_NAME["refused"], +1, "yes"), severity(BY_NAME["latency"], -1, "rank")
    ('sev-2', 'sev-4')
    """
    if feature == "missing":
        return "sev-3"
    bad = {"up": direction > 0, "down": direction < 0, "both": True, "none": False}[signal.bad]
    return SEVERITY_OF[signal.consequence] if bad else "sev-4"


def grew(n: int, expected: float) -> bool:
    """Say whether something is seen more often than before: at least twice, and at least twice as often."""
    return n >= max(2.0, 2 * expected)


def grown_modes(taxonomy: Taxonomy, after: dict[str, int], before: dict[str, int], times: float) -> list[ModeCount]:
    """List the failure modes that are seen more often than before.

    Parameters
    ----------
    after, before : mode -> events, since the onset and in the baseline
    times : exchanges since the onset, to those of the baseline
    """
    found = []
    for mode, n in after.items():
        expected = before.get(mode, 0) * times
        if grew(n, expected):
            found.append(ModeCount(mode, taxonomy.severity_of(mode), n, round(expected, 2)))
    return sorted(found, key=lambda m: (m.severity, -m.n, m.mode))


class Basis(NamedTuple):
    """What a line of the table is asked about.

    Attributes
    ----------
    of : how grave it is by itself
    n : how often it was seen since the onset
    reach : share of the exchanges that are affected
    words : what it is, for people
    """

    of: Severity
    tier: Tier
    n: int
    reach: float
    words: str


def fitting(table: Sequence[Line], basis: Basis, criticality: Criticality) -> tuple[int, Line]:
    """Find the first line of the table that fits, counted from 1.

    What no line fits is as grave as it is by itself: a table may be shorter than the world.

    Examples
    --------
    >>> from schemas.consequence import TABLE
    >>> once = Basis("sev-2", "T0", 1, 0.01, "answers cut off")
    >>> fitting(TABLE, once, "normal")[1].severity, fitting(TABLE, once._replace(n=2), "normal")[1].severity
    ('sev-4', 'sev-2')
    """
    for i, line in enumerate(table, 1):
        if (
            (not line.of or basis.of in line.of)
            and (not line.tier or basis.tier in line.tier)
            and (not line.criticality or criticality in line.criticality)
            and basis.n >= line.at_least
            and basis.reach * 100 >= line.reach_percent
        ):
            return i, line
    return 0, Line(severity=basis.of, because="no line of the table fits, so it is as grave as it is by itself")


class Judgement(NamedTuple):
    """How grave an incident is, whom to tell, and why."""

    severity: Severity
    notify: Notify
    why: str


def judge(
    plan: Plan, service: str, signals: Mapping[str, Signal], alarms: Sequence[Alarm], changes: Sequence[Change],
    modes: Sequence[ModeCount], where: Slice | None, exchanges: int,
) -> Judgement:  # fmt: skip
    """Say how grave an incident is, whom to tell, and why.

    Each alarm is as grave as the table makes its signal's declared consequence; that failures grew is as grave as it
    makes the gravest mode that grew, for that says what failing meant. A KPI's band is as grave as its set says: that
    is said of this very figure, and no share of exchanges is affected by it. Pages are sev-1 and sev-2 of which a
    page's own evidence, or its rule, is there.

    Parameters
    ----------
    signals : by name
    alarms : of the incident
    changes : that people are told of them
    modes : those that grew
    where : the slice that explains it, if one does
    exchanges : since the onset
    """
    table, known = plan.config.failures.severity, plan.service(service)
    place = where.name if where is not None and where.dimension == "workflow" else ""
    criticality = known.criticality_of(place)
    worst: Severity = "sev-4"
    why, paged = "", False
    # Of the slice that explains it more exchanges are affected than of all.
    closer = where.explains / where.share_after if where is not None and where.share_after else 1.0
    for alarm in alarms:
        if alarm.signal == KPI_BAND.name:
            paged |= alarm.notify == "page"
            if not why or alarm.severity < worst:
                worst, why = (
                    alarm.severity,
                    f"`{alarm.about}` is {alarm.band}, which its set of KPIs calls {alarm.severity}",
                )
            continue
        bases = [_basis(signals, alarm, changes)]
        if alarm.signal in FAILING and alarm.severity in PAGED and modes:
            meant = [mode for mode in modes if alarm.signal != NEW_CRITICAL_MODE.name or mode.mode == alarm.about]
            bases = [_of_mode(plan.taxonomy, mode, exchanges) for mode in meant] or bases
        grave: Severity = "sev-4"
        for basis in bases:
            i, line = fitting(table, basis._replace(reach=min(basis.reach * max(closer, 1.0), 1.0)), criticality)
            if not why or line.severity < worst:
                worst, why = line.severity, _why(basis, i, line, criticality, place)
            grave = min(grave, line.severity)
        paged |= alarm.notify == "page" and grave in PAGED
    notify: Notify = "page" if paged else "record" if worst == "sev-4" else "ticket"
    return Judgement(worst, notify, why)


def _why(basis: Basis, i: int, line: Line, criticality: Criticality, place: str) -> str:
    of = f" in {place}, of {criticality} criticality," if place and criticality != "normal" else ""
    by = f"line {i} of the severity table: {line.because}" if i else line.because
    return f"{basis.words}{of} ({by})"


def _of_mode(taxonomy: Taxonomy, mode: ModeCount, exchanges: int) -> Basis:
    known = taxonomy.of(mode.mode)
    words = f"failures grew, gravest as {mode.mode}: {mode.n} since then, {mode.expected:g} expected"
    return Basis(mode.severity, known.tier if known else "T0", mode.n, mode.n / max(exchanges, 1), words)


def _basis(signals: Mapping[str, Signal], alarm: Alarm, changes: Sequence[Change]) -> Basis:
    mine = (one for one in changes if one.signal == alarm.signal)
    if alarm.signal == ERROR_BUDGET.name:  # of which there is one for each KPI
        mine = (one for one in mine if one.feature == alarm.about)
    told = next(mine, None)
    n = max(told.after_n, 2) if told else 2  # evidence of a change is never that of one event
    reach = 1.0
    if told and told.signal == ERROR_BUDGET.name and told.after:
        reach = told.after.value
    elif told and told.unit == "" and told.before and told.after:
        reach = abs(told.after.value - told.before.value)
    return Basis(alarm.severity, _tier(signals.get(alarm.signal)), n, reach, _line(signals, alarm))


def _tier(signal: Signal | None) -> Tier:
    """Say what evidence a signal is: of an evaluator, of people, or telemetry."""
    sources: dict[str, Tier] = {"evaluator": "T2", "outcome": "T3"}
    return sources.get(signal.source, "T0") if signal else "T0"


def _line(signals: Mapping[str, Signal], alarm: Alarm) -> str:
    if alarm.signal == SILENCE.name:
        return "nothing comes from the service, and all that it could have sent was read"
    if alarm.signal == TRAFFIC.name:
        return f"there is more, or less, {TRAFFIC.words} than usual; that is a matter of {TRAFFIC.consequence}"
    if (rule := OF_ALL.get(alarm.signal)) is not None:
        return f"{rule.words} ({alarm.about}); that is a matter of {rule.consequence}"
    signal = signals[alarm.signal]
    if alarm.severity == "sev-4":
        return f"{signal.words} changed, in no direction that hurts"
    return f"{signal.words} changed the bad way; that is declared to be a matter of {signal.consequence}"

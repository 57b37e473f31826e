"""KPIs that are yellow or red -> alarms by rule, one for each KPI, slice and release; and whether one is over."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from schemas.durations import seconds
from schemas.incidents import Notify, Severity
from schemas.kpis import HOUR_S, Kpi, Level
from schemas.signals import KPI_BAND
from streams.watch.assess.spans import grain_of
from streams.watch.assess.state import Stand
from streams.watch.cases import Alarm
from streams.watch.clock import end_ms
from streams.watch.plan import PAGED, Plan
from streams.watch.state import State

KPI: Final = -1000
"""Monitors of KPIs: this, less the KPI's place in its set."""


class Onset(NamedTuple):
    """Since when a KPI is beyond its band, and what may be it, in milliseconds."""

    since: int
    low: int
    high: int


def raised(plan: Plan, state: State, known: Sequence[Alarm], over: int) -> Iterator[Alarm]:
    """Raise what is yellow, and what is red, once; red of what was yellow takes the place of that.

    Parameters
    ----------
    state : of the service
    known : alarms of all incidents that are open or pending
    over : the last second that is over
    """
    if (against := plan.held(state.service)) is None:
        return
    held_by = {(alarm.release, alarm.about): alarm for alarm in known if alarm.signal == KPI_BAND.name}
    places = {kpi.name: place for place, kpi in enumerate(against.kpis.kpis)}
    for release, held in state.book.releases.items():
        for stand in held.stands:
            if stand.band not in ("yellow", "red") or stand.kpi not in places:
                continue
            before = held_by.get((release, about(stand)))
            if before is not None and before.band in (stand.band, "red"):
                continue
            kpi = against.kpis.kpis[places[stand.kpi]]
            since = Onset(before.since, before.since_low, before.since_high) if before else onset(kpi, stand)
            severity = grave(kpi, stand.band)
            yield Alarm(
                monitor=KPI - places[kpi.name], bet=0, signal=KPI_BAND.name, release=release, severity=severity,
                notify=notify(severity), since=since.since, since_low=since.low, since_high=since.high,
                alarmed_at=end_ms(over), false_per_week=0.0, about=about(stand), band=stand.band,
            )  # fmt: skip


def well(plan: Plan, state: State, alarm: Alarm, span_s: int) -> bool:
    """Ask whether a KPI is green again, or held no more.

    No data ends nothing, unless the release has served nothing for `span_s` while another one did.
    """
    against, held = plan.held(state.service), state.book.releases.get(alarm.release)
    if against is None or held is None:
        return True
    stand = next((one for one in held.stands if about(one) == alarm.about), None)
    if stand is None or all(kpi.name != stand.kpi for kpi in against.kpis.kpis):
        return True
    if stand.band == "no_data":
        latest = max(one.last for one in state.book.releases.values())
        return held.last + grain_of(plan, state.service) <= latest - span_s
    return stand.band == "green"


def alone(alarms: Sequence[Alarm]) -> bool:
    """Say whether an incident is about KPIs and nothing else; one that is provisional has no alarms at all."""
    return bool(alarms) and all(alarm.signal == KPI_BAND.name for alarm in alarms)


def about(stand: Stand) -> str:
    """Name what an alarm is about.

    Examples
    --------
    >>> about(Stand(kpi="latency_p95", slice="refund", of="")), about(Stand(kpi="resolved", of=""))
    ('latency_p95@refund', 'resolved')
    """
    return f"{stand.kpi}@{stand.slice}" if stand.slice else stand.kpi


def grave(kpi: Kpi, band: Level) -> Severity:
    """Say how grave a band is."""
    return (kpi.bands.red if band == "red" else kpi.bands.yellow).severity


def notify(severity: Severity) -> Notify:
    """Say whom a band tells."""
    return "page" if severity in PAGED else "record" if severity == "sev-4" else "ticket"


def onset(kpi: Kpi, stand: Stand) -> Onset:
    """Find the first window in the row that is beyond; something changed in it, or before.

    A longer window than an hour says no better than an hour when: else it would draw all that happens meanwhile into
    its incident.
    """
    standing, length = stand.standing, seconds(kpi.window)
    row = standing.red if stand.band == "red" else standing.yellow
    ended = stand.since if not row or standing.seen_at is None else int(standing.seen_at) - (row - 1) * kpi.every_s
    since = (ended - length) * 1000
    return Onset(since, since, since + min(length, HOUR_S) * 1000)

"""The alarms of one cause -> the incident as people read it, at one step of its life."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from schemas.incidents import (
    PLAIN,
    Also,
    Change,
    Incident,
    Kind,
    Notify,
    Slice,
)
from schemas.printable import printable
from schemas.signals import (
    CALIBRATIONS,
    ERROR_BUDGET,
    FAILING,
    FAILURE_CONCENTRATION,
    FAILURE_DIVERSITY,
    KPI_BAND,
    NEW_CRITICAL_MODE,
    OF_ALL,
    SILENCE,
    TRAFFIC,
)  # fmt: skip
from streams.telling.identity import fingerprint, incident_id
from streams.watch import burning, flap, rules, traffic
from streams.watch.assess import told
from streams.watch.assess.serving import swapped
from streams.watch.baseline import Baseline
from streams.watch.cases import Alarm, Case
from streams.watch.cause import also, cause
from streams.watch.describe import by_signal, change
from streams.watch.detector import Detector
from streams.watch.explain import culprit
from streams.watch.figures import figures
from streams.watch.held import held
from streams.watch.lineage import lineage
from streams.watch.often import often
from streams.watch.plan import Plan
from streams.watch.ruled import ruled_change
from streams.watch.severity import judge
from streams.watch.state import State
from streams.watch.window import After, after

ALERTS: Final = {
    SILENCE.name: "ServiceSilent", NEW_CRITICAL_MODE.name: "NewCriticalMode",
    FAILURE_DIVERSITY.name: "FailuresMoreDiverse", FAILURE_CONCENTRATION.name: "FailuresConcentrated",
    KPI_BAND.name: "KpiBeyondBand", ERROR_BUDGET.name: "ErrorBudgetBurns",
}  # fmt: skip
"""Names of incidents that are no signal's change."""
CALIBRATED: Final = tuple(signal.name for signal in CALIBRATIONS)


def report(
    plan: Plan, detector: Detector, state: State, alarms: Sequence[Alarm], case: Case | None, now_ms: int
) -> Incident:
    """Say all that is known of an incident.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    alarms : of the incident, the leading one first
    case : the open incident; None of one that is new
    now_ms : when
    """
    assert state.baseline is not None
    known, lead, said = plan.service(state.service), alarms[0], case.said if case else None
    seen = _since(plan, state, alarms)
    changes = _changes(plan, state, detector, state.baseline, alarms, seen)
    where = _where(detector, state.baseline, lead, seen)
    failing = figures(plan, detector, state, alarms, seen)
    severity, notify, why = judge(
        plan, state.service, detector.signals, alarms, changes, failing.modes, where, failing.exchanges
    )
    dark, kpi = plan.in_shadow(state.service, lead.signal), told.known(plan, state, lead) if _of_kpi(lead) else None
    labels = said.labels if said else labelled(lead.signal, state.service, known.env, where, dark, about(lead))
    print_ = fingerprint(labels)
    episode = said.episode if said else state.episodes.get(print_, state.forgotten) + 1
    sequence = said.sequence + 1 if said else 1
    past = case.before if case else flap.before(plan, state, print_, now_ms)
    tells, held_why = held(plan, state, past, notify, severity, now_ms)
    others = (*(found := also(state, lead, changes)), *_swapped(plan, state, alarms, {one.what for one in found}))
    return Incident(
        id=incident_id(print_, episode, sequence, dark), fingerprint=print_, episode=episode, sequence=sequence,
        status="firing", step="updated" if said else "fired", severity=severity,
        previous_severity=said.severity if said and said.severity != severity else None, notify=tells, labels=labels,
        service=state.service, summary=_summary(state.service, changes, where), why_severity=why,
        action=_action(detector, lead), since=lead.since, since_low=lead.since_low, since_high=lead.since_high,
        started_at=said.started_at if said else now_ms, updated_at=now_ms,
        releases=tuple(sorted({alarm.release for alarm in alarms})), slice=where, changes=changes, modes=failing.modes,
        also=others, acknowledged_by=said.acknowledged_by if said else "",
        acknowledged_at=said.acknowledged_at if said else None, note=said.note if said else "",
        owner=kpi.entry.owner if kpi else known.owner,
        runbook=(kpi and kpi.kpi.runbook) or known.runbook, how_sure=_how_sure(alarms, notify),
        baseline_version=state.baseline.version,
        baseline_events=state.baseline.events, kind=_kind(lead, changes), held=held_why,
        exemplars=failing.exemplars, guardrails=failing.guardrails, diversity=failing.diversity,
        concentration=failing.concentration,
        cause=cause(known, state, lead, others, changes, failing.modes, where),
        flaps=flap.row_of(past) - 1, resend_after_s=plan.config.watch.resend_every_s,
        lineage=lineage(plan, state.baseline.version), shadow=dark,
    )  # fmt: skip


def waiting(said: Incident) -> Incident:
    """Say of an incident that it is pending: known, told to nobody, and perhaps of another name in the end."""
    return replace(said, status="pending", step="pending", notify="record", held="", resend_after_s=0)


def continued(said: Incident, pending: Incident) -> Incident:
    """Say an incident that fires as the next step of the pending one that it was."""
    sequence = pending.sequence + 1
    return replace(
        said,
        id=incident_id(said.fingerprint, pending.episode, sequence, said.shadow),
        episode=pending.episode,
        sequence=sequence,
        started_at=pending.started_at,
    )


def acknowledged(said: Incident, by: str, note: str, now_ms: int) -> Incident:
    """Say that a person has taken an incident; all else stays as it was last said."""
    return replace(_following(said, now_ms), step="acknowledged", acknowledged_by=by, acknowledged_at=now_ms, note=note)


def resolved(said: Incident, now_ms: int, why: str = "all is back within its limits, or better") -> Incident:
    """Say that an incident is over, and why; its figures stay those of the time when it was not."""
    return replace(
        _following(said, now_ms), status="resolved", step="resolved", ended_at=now_ms, ended_why=why, resend_after_s=0
    )


def _following(said: Incident, now_ms: int) -> Incident:
    """Begin the next step of an incident's life, as grave as it was."""
    return replace(
        said,
        id=incident_id(said.fingerprint, said.episode, said.sequence + 1, said.shadow),
        sequence=said.sequence + 1,
        previous_severity=None,
        updated_at=now_ms,
    )


def _since(plan: Plan, state: State, alarms: Sequence[Alarm]) -> dict[str, After]:
    """Add up, for each release that alarmed, what came since the incident's onset."""
    found = {}
    of_release = (alarm.release for alarm in alarms if alarm.monitor >= 0 or alarm.monitor <= rules.DIVERSE)
    for release in dict.fromkeys(of_release):
        if release not in state.streams:  # it gave up its seat; only incidents in earnest hold one
            continue
        tally = after(state.streams[release], alarms[0].since // 1000, plan.config.measure.bucket_s)
        if tally is not None:
            found[release] = tally
    return found


def _changes(
    plan: Plan, state: State, detector: Detector, baseline: Baseline, alarms: Sequence[Alarm], seen: dict[str, After]
) -> tuple[Change, ...]:  # fmt: skip
    silent = [_fell_silent(alarm) for alarm in alarms if alarm.signal == SILENCE.name]
    surged = [traffic.change(plan, state, alarm) for alarm in alarms if alarm.signal == TRAFFIC.name]
    ruled = [ruled_change(detector, baseline, seen, alarm) for alarm in alarms if rules.of_failures(alarm)]
    burns = [burning.change(plan, state, alarm) for alarm in alarms if alarm.signal == ERROR_BUDGET.name]
    banded = [told.change(plan, state, alarm) for alarm in alarms if _of_kpi(alarm)]
    moved = [
        change(detector, baseline, seen[alarm.release], alarm)
        for alarm in alarms
        if alarm.monitor >= 0 and alarm.release in seen
    ]
    return by_signal([*silent, *surged, *ruled, *banded, *burns, *moved], order(detector))


def order(detector: Detector) -> dict[str, int]:
    """Say in which order changes are told: the catalogue's, then that of a user's own signals, then what rules say."""
    first = (SILENCE.name, TRAFFIC.name)
    return {name: i for i, name in enumerate((*first, *detector.signals, *(one for one in OF_ALL if one not in first)))}


def _where(detector: Detector, baseline: Baseline, lead: Alarm, seen: dict[str, After]) -> Slice | None:
    """Find the slice that explains the leading change."""
    if lead.monitor < 0 or lead.release not in seen:
        return None
    return culprit(detector, baseline.alphabet, lead, seen[lead.release])


def _kind(lead: Alarm, changes: Sequence[Change]) -> Kind:
    """Say what an incident is about, by its leading alarm."""
    if lead.signal in FAILING:
        return "failures"
    if lead.signal == TRAFFIC.name:
        return "traffic"
    gone = any(one.signal == lead.signal and one.feature == "missing" for one in changes)
    return "no_data" if gone or lead.signal == SILENCE.name else "change"


def _fell_silent(alarm: Alarm) -> Change:
    return Change(
        signal=SILENCE.name, feature=SILENCE.name, words=SILENCE.words, direction="down", unit="", before=None,
        after=None, before_n=0, after_n=0, onset_at=alarm.since, onset_low_at=alarm.since_low,
        onset_high_at=alarm.since_high, alarmed_at=alarm.alarmed_at, notify=alarm.notify, false_per_week=0.0,
        release=alarm.release,
    )  # fmt: skip


def labelled(
    signal: str, service: str, env: str, where: Slice | None, dark: bool, beside: dict[str, str] | None = None
) -> dict[str, str]:  # fmt: skip
    """Make the labels that are an incident's identity: of its leading signal, its slice, and whether in shadow.

    A critical mode is a part of it, so that two new ways to fail are two incidents; and so is a KPI.
    """
    name = "".join(word.capitalize() for word in re.split("[._-]", signal))
    return (
        {
            "alertname": ALERTS.get(signal, f"{name}Changed"),
            "service": service,
            "env": env,
            "slice": f"{where.dimension}={where.name}" if where else "",
        }
        | (beside or {})
        | ({"shadow": "true"} if dark else {})
    )


def about(lead: Alarm) -> dict[str, str]:
    """Say what an incident's identity has beside its signal."""
    if lead.signal in (KPI_BAND.name, ERROR_BUDGET.name):
        return {"kpi": lead.about}
    return {"mode": lead.about} if rules.critical(lead) else {}


def _swapped(plan: Plan, state: State, alarms: Sequence[Alarm], known: Collection[str]) -> Iterator[Also]:
    """Say what changed without a deploy under a release whose KPI alarmed, beside what is known already."""
    told_ = set(known)
    for release in dict.fromkeys(alarm.release for alarm in alarms if _of_kpi(alarm)):
        if (held := state.book.releases.get(release)) is not None:
            for one in swapped(plan, state, held):
                if one.what not in told_:
                    told_.add(one.what)
                    yield one.also()


def _of_kpi(alarm: Alarm) -> bool:
    return alarm.signal == KPI_BAND.name


def _summary(service: str, changes: tuple[Change, ...], where: Slice | None) -> str:
    said = [short(one) for one in changes[:4]]
    more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
    place = f" ({where.dimension} {where.name or 'not given'})" if where else ""
    return printable(f"{service}: {', '.join(said)}{more}{place}")


def short(one: Change) -> str:
    """Say a change in a few words."""
    if one.before is None or one.after is None or one.signal in CALIBRATED:  # whose words hold both figures
        return one.words
    if one.unit.startswith("/"):
        return f"{one.words} {one.before.value:g}{one.unit} -> {one.after.value:g}{one.unit}"
    if one.unit:
        return f"{one.words} {one.before.value:g} -> {one.after.value:g} {one.unit.removeprefix(PLAIN)}".rstrip()
    return f"{one.words} {one.before.value * 100:.1f} % -> {one.after.value * 100:.1f} %"


def _how_sure(alarms: Sequence[Alarm], notify: Notify) -> str:
    """Say it of the first alarm of those that made the incident what it is."""
    first = min(alarms, key=lambda alarm: (alarm.notify != notify, alarm.alarmed_at))
    if first.signal == SILENCE.name:
        return "a rule, no statistic: nothing came, and all that could have been sent was read"
    if first.signal == NEW_CRITICAL_MODE.name:
        return "a rule, no statistic: it was not seen while the service was learned, and now repeatedly"
    if first.signal == KPI_BAND.name:
        return "a rule of the KPI's own bands: so many windows in a row lie beyond, as surely as its set asks"
    if first.signal == ERROR_BUDGET.name:
        return "a rule: the exact interval of what burnt lies beyond what the rule allows; no statistic of the baseline"
    return often(first.false_per_week, first.notify)


def _action(detector: Detector, lead: Alarm) -> str:
    return (OF_ALL.get(lead.signal) or detector.signals[lead.signal]).action

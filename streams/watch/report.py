"""The alarms of one cause -> the incident as people read it, at one step of its life."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from msgspec.structs import replace

from schemas.incidents import PLAIN, Also, Change, Incident, ModeCount, Notify, Slice
from schemas.printable import printable
from schemas.signals import CALIBRATIONS, OF_ALL, SILENCE, TRAFFIC
from schemas.tallies import OTHER
from streams.watch import traffic
from streams.watch.alphabet import categories_of
from streams.watch.describe import by_signal, change
from streams.watch.detector import Detector
from streams.watch.explain import culprit
from streams.watch.identity import fingerprint, incident_id
from streams.watch.often import often
from streams.watch.plan import Plan
from streams.watch.severity import grown_modes, judge
from streams.watch.state import Alarm, Baseline, State
from streams.watch.window import After, after, events

ALSO_S: Final = 600
"""How long before an onset something else must have changed to be worth telling."""
MOST_MODES: Final = 8
CALIBRATED: Final = tuple(signal.name for signal in CALIBRATIONS)
ALSO: Final = ("model_served", "prompt_version")
"""Categories of which a name that grew may be the cause of all else."""


def report(
    plan: Plan, detector: Detector, state: State, alarms: Sequence[Alarm], said: Incident | None, now_ms: int
) -> Incident:
    """Say all that is known of an incident.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    alarms : of the incident, the leading one first
    said : what was last said of it; None if it is new
    now_ms : when
    """
    assert state.baseline is not None
    known, lead = plan.service(state.service), alarms[0]
    seen = _since(plan, state, alarms)
    changes = _changes(plan, state, detector, state.baseline, alarms, seen)
    where = _where(detector, state.baseline, lead, seen)
    modes = _modes(plan, state, alarms, seen)
    severity, notify, why = judge(detector.signals, alarms, modes)
    dark = plan.in_shadow(state.service, lead.signal)
    labels = said.labels if said else labelled(lead.signal, state.service, known.env, where, dark)
    print_ = fingerprint(labels)
    episode = said.episode if said else state.episodes.get(print_, state.forgotten) + 1
    sequence = said.sequence + 1 if said else 1
    return Incident(
        id=incident_id(print_, episode, sequence, dark), fingerprint=print_, episode=episode, sequence=sequence,
        status="firing", step="updated" if said else "fired", severity=severity,
        previous_severity=said.severity if said and said.severity != severity else None, notify=notify, labels=labels,
        service=state.service, summary=_summary(state.service, changes, where), why_severity=why,
        action=_action(detector, lead), since=lead.since, since_low=lead.since_low, since_high=lead.since_high,
        started_at=said.started_at if said else now_ms, updated_at=now_ms,
        releases=tuple(sorted({alarm.release for alarm in alarms})), slice=where, changes=changes, modes=modes,
        also=_also(state, lead, changes), acknowledged_by=said.acknowledged_by if said else "",
        note=said.note if said else "", owner=known.owner, runbook=known.runbook,
        how_sure=_how_sure(alarms, notify), baseline_version=state.baseline.version,
        baseline_events=state.baseline.events, shadow=dark,
    )  # fmt: skip


def acknowledged(said: Incident, by: str, note: str, now_ms: int) -> Incident:
    """Say that a person has taken an incident; all else stays as it was last said."""
    return replace(
        said,
        id=incident_id(said.fingerprint, said.episode, said.sequence + 1, said.shadow),
        sequence=said.sequence + 1,
        step="acknowledged",
        previous_severity=None,
        updated_at=now_ms,
        acknowledged_by=by,
        note=note,
    )


def resolved(said: Incident, now_ms: int, why: str = "all is back within its limits, or better") -> Incident:
    """Say that an incident is over, and why; its figures stay those of the time when it was not."""
    return replace(
        said,
        id=incident_id(said.fingerprint, said.episode, said.sequence + 1, said.shadow),
        sequence=said.sequence + 1,
        status="resolved",
        step="resolved",
        previous_severity=None,
        updated_at=now_ms,
        ended_at=now_ms,
        ended_why=why,
    )


def _since(plan: Plan, state: State, alarms: Sequence[Alarm]) -> dict[str, After]:
    """Add up, for each release that alarmed, what came since the incident's onset."""
    found = {}
    for release in dict.fromkeys(alarm.release for alarm in alarms if alarm.monitor >= 0):
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
    moved = [
        change(detector, baseline, seen[alarm.release], alarm)
        for alarm in alarms
        if alarm.monitor >= 0 and alarm.release in seen
    ]
    return by_signal([*silent, *surged, *moved], order(detector))


def order(detector: Detector) -> dict[str, int]:
    """Say in which order changes are told: the catalogue's, then that of a user's own signals."""
    return {name: i for i, name in enumerate(detector.signals)} | {SILENCE.name: -2, TRAFFIC.name: -1}


def _where(detector: Detector, baseline: Baseline, lead: Alarm, seen: dict[str, After]) -> Slice | None:
    """Find the slice that explains the leading change."""
    if lead.monitor < 0 or lead.release not in seen:
        return None
    return culprit(detector, baseline.alphabet, lead, seen[lead.release])


def _modes(plan: Plan, state: State, alarms: Sequence[Alarm], seen: dict[str, After]) -> tuple[ModeCount, ...]:
    if state.baseline is None or not any(alarm.signal == "failed" for alarm in alarms):
        return ()
    total: dict[str, int] = {}
    n = 0
    for tally in seen.values():
        n += events(tally.kept)
        for mode, failed in tally.modes.items():
            total[mode] = total.get(mode, 0) + failed
    grown = grown_modes(plan.taxonomy, total, state.baseline.modes, n / max(state.baseline.events, 1))
    return tuple(
        replace(mode, exemplars=tuple(exemplar.id for exemplar in state.exemplars.get(mode.mode, ())))
        for mode in grown[:MOST_MODES]
    )


def _also(state: State, lead: Alarm, changes: tuple[Change, ...]) -> tuple[Also, ...]:
    """Tell what else changed shortly before or during: releases, the model that serves, the prompt."""
    found: list[Also] = []
    learned = state.baseline.releases if state.baseline else ()
    streams = sorted(state.streams.values(), key=lambda stream: (stream.first_second, stream.release))
    for older, newer in pairwise(streams):
        near = lead.since - ALSO_S * 1000 <= newer.first_second * 1000 <= lead.since_high + ALSO_S * 1000
        if near and newer.release not in learned:
            found.append(Also("release", older.release, newer.release, newer.first_second * 1000))
    found += [
        Also(one.signal, _most_frequent(state, one.signal), one.feature.removeprefix("name="), one.onset_at)
        for one in changes
        if one.signal in ALSO and one.feature.startswith("name=") and one.direction == "up"
    ]
    return tuple(found)


def _most_frequent(state: State, category: str) -> str:
    """Name what a category mostly was when it was learned."""
    assert state.baseline is not None
    alphabet = state.baseline.alphabet
    names = alphabet.categories[[one.name for one in categories_of(alphabet)].index(category)]
    return names[0] if names else OTHER


def _fell_silent(alarm: Alarm) -> Change:
    return Change(
        signal=SILENCE.name, feature=SILENCE.name, words=SILENCE.words, direction="down", unit="", before=None,
        after=None, before_n=0, after_n=0, onset_at=alarm.since, onset_low_at=alarm.since_low,
        onset_high_at=alarm.since_high, alarmed_at=alarm.alarmed_at, notify=alarm.notify, false_per_week=0.0,
        release=alarm.release,
    )  # fmt: skip


def labelled(signal: str, service: str, env: str, where: Slice | None, dark: bool) -> dict[str, str]:
    """Make the labels that are an incident's identity: of its leading signal, its slice, and whether in shadow."""
    name = "".join(word.capitalize() for word in re.split("[._-]", signal))
    return {
        "alertname": "ServiceSilent" if signal == SILENCE.name else f"{name}Changed",
        "service": service,
        "env": env,
        "slice": f"{where.dimension}={where.name}" if where else "",
    } | ({"shadow": "true"} if dark else {})


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
    return often(first.false_per_week, first.notify)


def _action(detector: Detector, lead: Alarm) -> str:
    return (OF_ALL.get(lead.signal) or detector.signals[lead.signal]).action

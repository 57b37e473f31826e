"""A case -> the incident as people read it, at one step of its life."""

from itertools import pairwise

from msgspec.structs import replace

from schemas.incidents import Also, Change, Incident, ModeCount, Slice, Step
from schemas.signals import BY_NAME, CATALOGUE, CATEGORIES
from schemas.tallies import OTHER
from streams.watch.describe import by_signal, change
from streams.watch.detector import Detector
from streams.watch.explain import culprit
from streams.watch.identity import fingerprint
from streams.watch.plan import Plan
from streams.watch.severity import SILENCE, grown_modes, judge
from streams.watch.state import Baseline, Case, Ints, State
from streams.watch.window import After, after, kept_of

_ORDER = {signal.name: i for i, signal in enumerate(CATALOGUE)} | {SILENCE: -1}
ALSO_S = 600
"""How long before an onset something else must have changed to be worth telling."""
MOST_MODES = 8


def report(plan: Plan, detector: Detector | None, state: State, case: Case, step: Step, now_ms: int) -> Incident:
    """Say all that is known of an incident.

    Parameters
    ----------
    detector : of the service's baseline
    state, case : of the service and the incident
    step : what happened to it
    now_ms : when
    """
    known = plan.service(state.service)
    lead = case.alarms[0]
    seen = _since(plan, detector, state, case)
    changes, where = _changes(detector, state, case, seen)
    modes = _modes(plan, state, case, seen)
    severity, notify, why = judge(case.alarms, modes)
    slice_label = f"{where.dimension}={where.name}" if where else ""
    said = case.said
    labels = said.labels if said else _labels(lead.signal, state.service, known.env, slice_label)
    print_ = fingerprint(labels)
    episode = said.episode if said else state.episodes.get(print_, 0) + 1
    sequence = said.sequence + 1 if said else 1
    return Incident(
        id=f"{print_}-{episode}-{sequence}", fingerprint=print_, episode=episode, sequence=sequence,
        status="resolved" if step == "resolved" else "firing", step=step, severity=severity,
        previous_severity=said.severity if said and said.severity != severity else None, notify=notify, labels=labels,
        service=state.service, summary=_summary(state.service, changes, where), why_severity=why,
        action=_action(changes), since=lead.since, since_low=lead.since_low, since_high=lead.since_high,
        started_at=said.started_at if said else now_ms, updated_at=now_ms,
        ended_at=now_ms if step == "resolved" else None,
        releases=tuple(sorted({alarm.release for alarm in case.alarms})), slice=where, changes=changes, modes=modes,
        also=_also(state, case, changes), owner=known.owner, runbook=known.runbook,
        baseline_version=state.baseline.version if state.baseline else 0,
        baseline_events=state.baseline.events if state.baseline else 0,
    )  # fmt: skip


def _since(plan: Plan, detector: Detector | None, state: State, case: Case) -> dict[str, After]:
    """Add up, for each release that alarmed, what came since the incident's onset."""
    found = {}
    for release in {alarm.release for alarm in case.alarms if alarm.signal != SILENCE}:
        if detector is not None and (stream := state.streams.get(release)):
            tally = after(stream, case.alarms[0].since // 1000, plan.config.measure.bucket_s)
            if tally is not None:
                found[release] = tally
    return found


def _changes(
    detector: Detector | None, state: State, case: Case, seen: dict[str, After]
) -> tuple[tuple[Change, ...], Slice | None]:
    if detector is None or state.baseline is None:
        return tuple(_fell_silent(alarm.release, case) for alarm in case.alarms[:1]), None
    before = kept_of(detector, state.baseline.tally)
    told = [
        _fell_silent(alarm.release, case)
        if alarm.signal == SILENCE
        else change(detector, state.baseline, before, seen[alarm.release], alarm)
        for alarm in case.alarms
        if alarm.signal == SILENCE or alarm.release in seen
    ]
    return by_signal(told, _ORDER), _where(detector, state.baseline, case, before, seen)


def _where(detector: Detector, baseline: Baseline, case: Case, before: Ints, seen: dict[str, After]) -> Slice | None:
    """Find the slice that explains the leading change."""
    lead = case.alarms[0]
    if lead.signal == SILENCE or lead.release not in seen:
        return None
    table, _ = detector.find(lead.monitor)
    feature = table.table.feature[lead.bet]
    if (
        BY_NAME[lead.signal].kind == "category"
        and feature != "missing"
        and BY_NAME[lead.signal].field in baseline.alphabet.dimensions
    ):
        return None  # a change of mix in that very dimension: it would explain itself
    return culprit(baseline.alphabet, table, lead.bet, before, seen[lead.release], lead.signal)


def _modes(plan: Plan, state: State, case: Case, seen: dict[str, After]) -> tuple[ModeCount, ...]:
    if state.baseline is None or not any(alarm.signal == "failed" for alarm in case.alarms):
        return ()
    total: dict[str, int] = {}
    events = 0
    for tally in seen.values():
        events += int(tally.kept[0, :3].sum())
        for mode, n in tally.modes.items():
            total[mode] = total.get(mode, 0) + n
    grown = grown_modes(plan.taxonomy, total, state.baseline.modes, events / max(state.baseline.events, 1))
    return tuple(
        replace(mode, exemplars=tuple(exemplar.id for exemplar in state.exemplars.get(mode.mode, ())))
        for mode in grown[:MOST_MODES]
    )


def _also(state: State, case: Case, changes: tuple[Change, ...]) -> tuple[Also, ...]:
    """Tell what else changed shortly before or during: releases, and the model that serves."""
    lead, found = case.alarms[0], []
    streams = sorted(state.streams.values(), key=lambda stream: (stream.first_second, stream.release))
    for older, newer in pairwise(streams):
        if lead.since_low - ALSO_S * 1000 <= newer.first_second * 1000 <= lead.since_high + ALSO_S * 1000:
            found.append(Also("release", older.release, newer.release, newer.first_second * 1000))
    found += [
        Also("model_served", _most_served(state), one.feature.removeprefix("name="), one.onset_at)
        for one in changes
        if one.signal == "model_served" and one.feature.startswith("name=") and one.direction == "up"
    ]
    return tuple(found)


def _most_served(state: State) -> str:
    served = CATEGORIES.index(BY_NAME["model_served"])
    names = state.baseline.alphabet.categories[served] if state.baseline else ()
    return names[0] if names else OTHER


def _fell_silent(release: str, case: Case) -> Change:
    lead = case.alarms[0]
    return Change(
        signal=SILENCE, feature=SILENCE, words="no events at all", direction="down", unit="", before=None, after=None,
        before_n=0, after_n=0, onset_at=lead.since, onset_low_at=lead.since_low, onset_high_at=lead.since_high,
        alarmed_at=lead.alarmed_at, notify=lead.notify, false_per_week=0.0, release=release,
    )  # fmt: skip


def _labels(signal: str, service: str, env: str, where: str) -> dict[str, str]:
    name = "".join(word.capitalize() for word in signal.split("_"))
    return {
        "alertname": "ServiceSilent" if signal == SILENCE else f"{name}Changed",
        "service": service,
        "env": env,
        "slice": where,
    }


def _summary(service: str, changes: tuple[Change, ...], where: Slice | None) -> str:
    said = [_short(one) for one in changes[:4]]
    more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
    place = f" ({where.dimension} {where.name or 'not given'})" if where else ""
    return f"{service}: {', '.join(said)}{more}{place}"


def _short(one: Change) -> str:
    if one.before is None or one.after is None:
        return one.words
    if one.unit:
        return f"{one.words} {one.before.value:g} -> {one.after.value:g} {one.unit}"
    return f"{one.words} {one.before.value * 100:.1f} % -> {one.after.value * 100:.1f} %"


def _action(changes: tuple[Change, ...]) -> str:
    if not changes or changes[0].signal == SILENCE:
        return "Find out whether the service runs and can reach Kafka; everything it could have sent was read."
    return BY_NAME[changes[0].signal].action

"""An open incident -> whether all that alarmed is over: surely, and for long enough."""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from detectors import esr
from detectors.inflation import tempered
from detectors.recovery import TIMES, Mirror, advance, mirror
from schemas.signals import SILENCE, TRAFFIC
from streams.watch import rules, traffic
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.cases import Alarm, Case, Recovery
from streams.watch.detector import Detector
from streams.watch.looks import values
from streams.watch.once import once
from streams.watch.plan import Plan
from streams.watch.state import State, Stream
from streams.watch.temper import Tempered
from streams.watch.window import After, after, events

FEWEST: Final = 20
"""Exchanges below which a bucket says nothing, and that must have been due before their absence does: not one of
twenty comes, where nothing changed, once in half a billion times."""


class Back(NamedTuple):
    """How it is shown that an alarm is over: the mirrored bets, and the part of a release's exchanges they look at."""

    mirror: Mirror
    share: float


def weighed(plan: Plan, detector: Detector, state: State, left: Tempered | None = None) -> State:
    """Let the mirrored bets of all open incidents see what arrived in the second that closes.

    As for alarms, evidence advances in order of arrival, and every exchange is seen once.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service; what arrived is still pending
    left : what is left of evidence where events resemble each other; None if they do not
    """
    if state.baseline is None or not state.cases:
        return state
    back, enough = _mirrors(state.baseline, detector), _enough(plan)
    cases = []
    for case in state.cases:
        alarms = tuple(
            _weighed(detector, back, state.streams.get(alarm.release), alarm, enough, left) for alarm in case.alarms
        )
        same = all(now is was for now, was in zip(alarms, case.alarms, strict=True))
        cases.append(case if same else replace(case, alarms=alarms))
    return replace(state, cases=tuple(cases))


def recovered(plan: Plan, detector: Detector, state: State, case: Case) -> bool:
    """Ask whether an incident is over.

    It is, once of every feature that alarmed the mirrored test is sure that its mean is back on the good side of the
    limit, and the mean over the last `resolve_after_s` lies there too: a rule that people can check. Of a slice that is
    long overdue nothing is left to be shown. A release that no longer serves, while others do, is well. Silence is over
    with the first event, and of traffic there is the rule alone. Where something hurts, what hurts nobody is not waited
    for: it may be that the service is better than it was.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    case : the open incident
    """
    span_s = plan.config.watch.resolve_after_s
    return well(plan, detector, state, case, span_s) and all(
        _sure(plan, detector, state, alarm, span_s) for alarm in _grave(case)
    )


def well(plan: Plan, detector: Detector, state: State, case: Case, span_s: int, fewest: int = 0) -> bool:
    """Ask whether an incident looks as if it were over, by the rule alone.

    Parameters
    ----------
    span_s : of the events' own time to look back on, all of it after the onset
    fewest : exchanges of a release in that time, below which nothing looks well
    """
    assert state.baseline is not None
    back, recent = _mirrors(state.baseline, detector), dict[str, After | None]()
    since = _latest(state) - span_s
    for alarm in _grave(case):
        if alarm.signal == TRAFFIC.name:
            if not traffic.back(plan, state, alarm, span_s):
                return False
            continue
        if alarm.monitor <= rules.DIVERSE:
            if not rules.well(plan, detector, state, alarm, span_s):
                return False
            continue
        if alarm.signal == SILENCE.name:
            if state.last_event * 1000 < alarm.since:
                return False
            continue
        if since * 1000 < alarm.since:
            return False
        if alarm.release not in recent:
            stream = state.streams.get(alarm.release)
            recent[alarm.release] = after(stream, since, plan.config.measure.bucket_s) if stream else None
        if (seen := recent[alarm.release]) is None:  # others serve, or there would be no latest bucket
            continue
        if events(seen.kept) < fewest or not _good(detector, back(alarm.monitor, alarm.bet), alarm, seen):
            return False
    return True


def anew(state: State) -> State:
    """Begin to show anew, by other bets, that open alarms are over; what was begun counts all the same."""

    def forget(alarm: Alarm) -> Alarm:
        return replace(alarm, recovery=Recovery(begun=alarm.recovery.begun, absent=alarm.recovery.absent))

    cases = tuple(replace(case, alarms=tuple(map(forget, case.alarms))) for case in state.cases)
    return replace(state, cases=cases)


def _grave(case: Case) -> list[Alarm]:
    """List the alarms that hurt somebody; all of them, if none does."""
    return [alarm for alarm in case.alarms if alarm.notify != "record"] or list(case.alarms)


def _good(detector: Detector, back: Back | None, alarm: Alarm, seen: After) -> bool:
    """Whether nothing that came lies on the bad side."""
    if back is None:
        return True
    counts = _counts(detector, alarm.monitor, seen.kept)
    return back.mirror.observed(counts) == 0 or bool(back.mirror.well(counts))


def _sure(plan: Plan, detector: Detector, state: State, alarm: Alarm, span_s: int) -> bool:
    """Whether it is shown that an alarm is over, or nothing comes by which to show it."""
    assert state.baseline is not None
    stream, since = state.streams.get(alarm.release), _latest(state) - span_s
    serves = stream is not None and max(stream.buckets, default=0) > since - plan.config.measure.bucket_s
    if alarm.monitor < 0 or not serves:
        return True
    back = _mirrors(state.baseline, detector)(alarm.monitor, alarm.bet)
    if back is None or alarm.recovery.absent * back.share >= FEWEST:
        return True
    return sum(alarm.recovery.evidence) >= _enough(plan)


def _weighed(
    detector: Detector,
    back: Callable[[int, int], Back | None],
    stream: Stream | None,
    alarm: Alarm,
    enough: float,
    left: Tempered | None,
) -> Alarm:
    if alarm.monitor < 0 or stream is None or stream.pending is None:
        return alarm
    if (over := back(alarm.monitor, alarm.bet)) is None:
        return alarm
    held, counts = alarm.recovery, _counts(detector, alarm.monitor, stream.pending)
    table, s = detector.find(alarm.monitor)
    if not over.mirror.observed(counts):
        if table.signal.source == "outcome":  # no judgement is no good judgement
            return alarm
        return replace(alarm, recovery=replace(held, absent=held.absent + events(stream.pending)))
    growth, looks_well = over.mirror.growth(counts), over.mirror.well(counts)
    row = table.first_bet + s * len(table.table.weights) + alarm.bet
    if left is not None:
        growth = tempered(growth, left.factor[row])
    if stream.overflowed and detector.touched(stream.overflowed)[row]:
        growth, looks_well = esr.damp(growth), np.zeros((), np.bool_)
    before = np.array(held.evidence or [0.0] * len(TIMES))
    evidence, begun = advance(before, np.array(held.begun), growth, looks_well, enough)
    return replace(alarm, recovery=Recovery(tuple(evidence.tolist()), int(begun)))


@once
def _mirrors(_: Baseline, detector: Detector) -> Callable[[int, int], Back | None]:
    """Make the mirrored bets of a monitor's bet when they are first asked for.

    None of a limit beyond which nothing can lie: under the config that is in force now it could not have alarmed.
    They are kept by the baseline, for what is made holds on to its detector.
    """

    @cache
    def back(monitor: int, bet: int) -> Back | None:
        table, s = detector.find(monitor)
        side = int(table.table.side[bet])
        limit = float((table.table.hi if side > 0 else table.table.lo)[s, bet])
        if not 0 < limit < 1:
            return None
        counts = _counts(detector, monitor, detector.usual)
        made = mirror(values(table, bet, s), counts, limit, side)
        return Back(made, made.observed(counts) / events(detector.usual))

    return back


def _counts(detector: Detector, monitor: int, kept: Ints) -> Ints:
    """Take what a monitor looks at."""
    table, s = detector.find(monitor)
    counts: Ints = kept[table.kept.at(s)]
    return counts


def _enough(plan: Plan) -> float:
    return 100 / plan.config.watch.false_recovery_percent


def _latest(state: State) -> int:
    return max((max(stream.buckets) for stream in state.streams.values() if stream.buckets), default=0)

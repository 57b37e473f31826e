"""Alarms -> incidents: one for each service and onset, with a life of pending, firing, updated, resolved."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from schemas.incidents import Incident
from schemas.signals import TRAFFIC
from streams.telling.loud import graver
from streams.watch import flap, resend, rules, traffic
from streams.watch.cases import Alarm, Case
from streams.watch.clock import end_ms
from streams.watch.detector import Detector
from streams.watch.held import lifted
from streams.watch.onsets import grown, home, rank, slack_of
from streams.watch.pending import opened, spoken
from streams.watch.plan import Plan
from streams.watch.rebase import aged
from streams.watch.recover import FEWEST, recovered, well
from streams.watch.report import report, resolved
from streams.watch.resend import Again
from streams.watch.silence import lasted
from streams.watch.state import State


class Told(NamedTuple):
    """A state, and what is to be published."""

    state: State
    incidents: list[Incident | Again]


class _Lived(NamedTuple):
    """A state, the incident as it goes on, None if it is over, and what is to be published."""

    state: State
    case: Case | None
    said: tuple[Incident | Again, ...] = ()


def group(plan: Plan, detector: Detector, state: State, alarms: list[Alarm], over: int) -> Told:
    """Put new alarms into incidents, and say what there is to say.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    alarms : of the second that closes
    over : the last second that is over
    """
    if not (alarms or state.pending or state.cases):
        return Told(state, [])
    cases, alone, slack_ms = list(state.cases), list[Alarm](), slack_of(plan)
    for alarm in sorted(alarms, key=rank):
        at = home((case.alarms for case in cases), alarm, slack_ms)
        if at is None:
            alone.append(alarm)
        else:
            cases[at] = grown(cases[at], [alarm])
    state, cases, fired = opened(plan, detector, state, cases, alone, over)
    before, told = {id(case) for case in state.cases}, list[Incident | Again](fired)
    kept: list[Case] = []
    for case in cases:
        state, now, said = _lived(plan, detector, state, case, id(case) not in before, over)
        told += said
        kept += [] if now is None else [now]
    if [id(case) for case in kept] != [id(case) for case in state.cases]:
        state = replace(state, cases=tuple(kept))
    return Told(state, told)


def _lived(plan: Plan, detector: Detector, state: State, case: Case, grew: bool, over: int) -> _Lived:
    """Say what is new of an incident, if anything; there is no case any more once it is resolved."""
    if over == case.said_second:
        return _Lived(state, case)
    watch, bucket_s, now_ms = plan.config.watch, plan.config.measure.bucket_s, end_ms(over)
    if (over + 1) % bucket_s == 0:
        lived = _ended(plan, detector, state, case, over)
        if lived.said:
            return lived
        state, case = lived.state, lived.case or case
    due = (over - case.said_second) % watch.update_every_s == 0
    free = lifted(plan, state, case.said, now_ms)
    # On the mend, what came since the onset is a mixture of bad and good, and no news.
    if grew or free or (due and (case.grown or not well(plan, detector, state, case, bucket_s, FEWEST))):
        now = report(plan, detector, state, case.alarms, case, now_ms)
        if free or graver(now, case.said) or (due and (case.grown or _surer(case.said, now))):
            return _Lived(state, spoken(case, now, over), (now,))
    if resend.due(plan, case, over):
        return _Lived(state, replace(case, sent_second=over), (Again(case.said),))
    return _Lived(state, case)


def _ended(plan: Plan, detector: Detector, state: State, case: Case, over: int) -> _Lived:
    """End an incident if all that alarmed is well, for longer if it flaps; or if it is what is normal now.

    While nothing comes from the service nobody knows how it is, so nothing ends.
    """
    now_ms = end_ms(over)
    if lasted(plan, state, over - state.last_event):
        return _Lived(state, replace(case, well_since=0) if case.well_since else case)
    if recovered(plan, detector, state, case):
        since = case.well_since or over
        if over - since >= flap.patience_s(plan, case.before):
            state = flap.ended(plan, _recovered(plan, detector, state, case), case, now_ms)
            return _Lived(state, None, (resolved(case.said, now_ms),))
        return _Lived(state, replace(case, well_since=since))
    if case.well_since:
        case = replace(case, well_since=0)
    if (old := aged(plan, detector, state, case, now_ms)) is not None:
        state = _recovered(plan, detector, old.state, case) if old.free else old.state
        return _Lived(state, None, (old.said,))
    return _Lived(state, case)


def _recovered(plan: Plan, detector: Detector, state: State, case: Case) -> State:
    """Put an incident's accumulators back into play; what was before all was well, for `resolve_after_s`, is told."""
    over = state.second - plan.config.watch.resolve_after_s
    state = rules.ended(freed(detector, state, case.alarms), case.alarms)
    streams = dict(state.streams)
    for alarm in case.alarms:
        if alarm.monitor >= 0 and (stream := streams.get(alarm.release)):
            streams[alarm.release] = replace(stream, over={**stream.over, alarm.signal: over})
    return replace(state, streams=streams)


def freed(detector: Detector, state: State, alarms: Iterable[Alarm]) -> State:
    """Put the accumulators of alarms back into play."""
    streams = dict(state.streams)
    for alarm in alarms:
        if alarm.signal == TRAFFIC.name:
            state = traffic.freed(state)
        elif alarm.monitor >= 0 and (stream := streams.get(alarm.release)):
            freed = detector.accumulators.find(alarm.monitor, alarm.notify)
            fired = tuple(one for one in stream.fired if one not in freed)
            streams[alarm.release] = replace(stream, fired=fired)
    return replace(state, streams=streams)


def _surer(said: Incident, now: Incident) -> bool:
    """Whether what is known rests on ten times the events: then figures and slice are worth reading again."""
    return any(b.after_n >= 10 * max(a.after_n, 1) for a, b in zip(said.changes[:1], now.changes[:1], strict=False))

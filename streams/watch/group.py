"""Alarms -> incidents: one for each service and onset, with a life of firing, updated, resolved."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.incidents import Incident
from schemas.signals import TRAFFIC
from streams.watch import traffic
from streams.watch.accumulators import NOTICES
from streams.watch.clock import end_ms
from streams.watch.detector import Detector
from streams.watch.merge import counted
from streams.watch.plan import Plan
from streams.watch.rebase import aged
from streams.watch.recover import FEWEST, recovered, well
from streams.watch.report import report, resolved
from streams.watch.state import Alarm, Case, State

WAIT_S: Final = 5
"""How long an alarm that pages nobody waits for one of the same onset that does, so that the graver one gives the
incident its name. A page waits for nothing."""
SLACK_BUCKETS: Final = 3


class Told(NamedTuple):
    """A state, and what is to be published."""

    state: State
    incidents: list[Incident]


def group(plan: Plan, detector: Detector, state: State, alarms: list[Alarm], over: int) -> Told:
    """Put new alarms into incidents, and say what there is to say.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    alarms : of the second that closes
    over : the last second that is over
    """
    if not (alarms or state.waiting or state.cases):
        return Told(state, [])
    slack_ms = SLACK_BUCKETS * plan.config.measure.bucket_s * 1000
    cases, waiting, told = list(state.cases), list(state.waiting), []
    for alarm in sorted(alarms, key=_rank):
        home = _home(cases, alarm, slack_ms)
        if home is not None:
            cases[home] = _grown(cases[home], [alarm])
        else:  # in the place of itself, if it was a ticket until now
            waiting = [*(one for one in waiting if _who(one) != _who(alarm)), alarm]
    for lead in sorted(waiting, key=_rank):
        if lead in waiting and (lead.notify == "page" or lead.alarmed_at <= end_ms(over - WAIT_S)):
            same = [one for one in waiting if one is not lead and _same(lead, one, slack_ms)]
            waiting = [one for one in waiting if one is not lead and one not in same]
            state, said = _opened(plan, detector, state, cases, [lead, *same], over)
            told += said
    before = {id(case) for case in state.cases}
    kept: list[Case] = []
    for case in cases:
        state, now, said = _lived(plan, detector, state, case, id(case) not in before, over)
        told += said
        kept += now
    if told or waiting != list(state.waiting) or [id(case) for case in kept] != [id(case) for case in state.cases]:
        state = replace(state, cases=tuple(kept), waiting=tuple(waiting))
    return Told(state, told)


def _home(cases: list[Case], alarm: Alarm, slack_ms: int) -> int | None:
    """Find the incident that an alarm belongs to: that of its own ticket, or one that shares its onset."""
    for i, case in enumerate(cases):
        if any(_who(one) == _who(alarm) for one in case.alarms):
            return i
    return next((i for i, case in enumerate(cases) if _same(case.alarms[0], alarm, slack_ms)), None)


def _opened(
    plan: Plan, detector: Detector, state: State, cases: list[Case], alarms: list[Alarm], over: int
) -> tuple[State, list[Incident]]:
    """Open an incident, unless it would bear the name of an open one: then it is that one, which goes on."""
    said = report(plan, detector, state, alarms, None, end_ms(over))
    home = next((i for i, case in enumerate(cases) if case.said.fingerprint == said.fingerprint), None)
    if home is None and len(cases) >= plan.config.limits.incidents:
        home, state = len(cases) - 1, replace(state, beyond=counted(state.beyond, "incidents"))
    if home is not None:
        cases[home] = _grown(cases[home], alarms)
        return state, []
    cases.append(Case(alarms=tuple(alarms), said=said, said_second=over))
    episodes = {print_: last for print_, last in state.episodes.items() if print_ != said.fingerprint}
    episodes[said.fingerprint] = said.episode  # the latest last, so that the oldest is forgotten first
    forgotten, beyond = state.forgotten, state.beyond
    if len(episodes) > plan.config.limits.episodes:
        forgotten, beyond = max(forgotten, episodes.pop(next(iter(episodes)))), counted(beyond, "episodes")
    return replace(state, episodes=episodes, forgotten=forgotten, beyond=beyond), [said]


def _lived(
    plan: Plan, detector: Detector, state: State, case: Case, grew: bool, over: int
) -> tuple[State, list[Case], list[Incident]]:
    """Say what is new of an incident, if anything; there is no case any more once it is resolved."""
    if over == case.said_second:
        return state, [case], []
    watch, now_ms = plan.config.watch, end_ms(over)
    if (over + 1) % plan.config.measure.bucket_s == 0:
        if recovered(plan, detector, state, case):
            return _recovered(plan, detector, state, case), [], [resolved(case.said, now_ms)]
        if (old := aged(plan, detector, state, case, now_ms)) is not None:
            return _recovered(plan, detector, old.state, case) if old.free else old.state, [], [old.said]
    due = (over - case.said_second) % watch.update_every_s == 0
    # On the mend, what came since the onset is a mixture of bad and good, and no news.
    bucket_s = plan.config.measure.bucket_s
    if grew or (due and (case.grown or not well(plan, detector, state, case, bucket_s, FEWEST))):
        now = report(plan, detector, state, case.alarms, case.said, now_ms)
        graver = now.severity < case.said.severity or (now.notify == "page" and case.said.notify != "page")
        if graver or (due and (case.grown or _surer(case.said, now))):
            return state, [Case(alarms=case.alarms, said=now, said_second=over)], [now]
    return state, [case], []


def _recovered(plan: Plan, detector: Detector, state: State, case: Case) -> State:
    """Put an incident's accumulators back into play; what was before all was well, for `resolve_after_s`, is told."""
    state, over = freed(detector, state, case.alarms), state.second - plan.config.watch.resolve_after_s
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


def _grown(case: Case, alarms: list[Alarm]) -> Case:
    """Add alarms to an incident, the gravest first; a page takes the place of its own ticket."""
    new = {_who(alarm): alarm for alarm in alarms}
    kept = [new.pop(_who(alarm), alarm) for alarm in case.alarms]
    return replace(case, alarms=tuple(sorted((*kept, *new.values()), key=_grave)), grown=True)


def _who(alarm: Alarm) -> tuple[str, int, bool]:
    """Tell monitors apart; what harms and what does not are two."""
    return alarm.release, alarm.monitor, alarm.notify == "record"


def _same(lead: Alarm, other: Alarm, slack_ms: int) -> bool:
    """Whether two alarms share an onset, within what is not known of it."""
    return lead.since_low - slack_ms <= other.since_high and other.since_low <= lead.since_high + slack_ms


def _surer(said: Incident, now: Incident) -> bool:
    """Whether what is known rests on ten times the events: then figures and slice are worth reading again."""
    return any(b.after_n >= 10 * max(a.after_n, 1) for a, b in zip(said.changes[:1], now.changes[:1], strict=False))


def _grave(alarm: Alarm) -> tuple[int, str]:
    return NOTICES.index(alarm.notify), alarm.severity


def _rank(alarm: Alarm) -> tuple[int, str, int]:
    return (*_grave(alarm), alarm.monitor)

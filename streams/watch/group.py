"""Alarms -> incidents: one for each service and onset, with a life of firing, updated, resolved."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.incidents import Incident
from streams.watch.detector import Detector
from streams.watch.plan import Plan
from streams.watch.recover import recovered
from streams.watch.report import report
from streams.watch.severity import SILENCE
from streams.watch.state import Alarm, Case, State

WAIT_S: Final = 5
"""How long an alarm that pages nobody waits for one of the same onset that does, so that the graver one gives the
incident its name. A page waits for nothing."""
SLACK_BUCKETS: Final = 3
EPISODES: Final = 256


class Told(NamedTuple):
    """A state, and what is to be published."""

    state: State
    incidents: list[Incident]


def group(plan: Plan, detector: Detector | None, state: State, alarms: list[Alarm], second: int) -> Told:
    """Put new alarms into incidents, and say what there is to say.

    Parameters
    ----------
    detector : of the service's baseline; None while there is none (then only silence can be known)
    state : of the service
    alarms : of the second that closes
    second : which
    """
    slack_ms = SLACK_BUCKETS * plan.config.measure.bucket_s * 1000
    cases, waiting = list(state.cases), list(state.waiting)
    for alarm in sorted(alarms, key=_rank):
        home = next((i for i, case in enumerate(cases) if _same(case.alarms[0], alarm, slack_ms)), None)
        if home is not None:
            cases[home] = replace(cases[home], alarms=(*cases[home].alarms, alarm), grown=True)
        elif alarm.notify == "page":
            joined = [other for other in waiting if _same(alarm, other, slack_ms)]
            waiting = [other for other in waiting if other not in joined]
            cases.append(Case(alarms=(alarm, *joined), opened_second=second))
        else:
            waiting.append(alarm)
    due = [alarm for alarm in waiting if alarm.alarmed_at <= (second + 1 - WAIT_S) * 1000]
    for alarm in sorted(due, key=_rank):
        if alarm in waiting:
            joined = [other for other in waiting if _same(alarm, other, slack_ms) and other != alarm]
            waiting = [other for other in waiting if other != alarm and other not in joined]
            cases.append(Case(alarms=(alarm, *joined), opened_second=second))

    state = replace(state, waiting=tuple(waiting), cases=())
    told: list[Incident] = []
    open_cases: list[Case] = []
    for case in cases:
        state, kept, said = _tell(plan, detector, state, case, second)
        told += [said] if said is not None else []
        open_cases += [kept] if kept is not None else []
    return Told(replace(state, cases=tuple(open_cases)), told)


def _tell(
    plan: Plan, detector: Detector | None, state: State, case: Case, second: int
) -> tuple[State, Case | None, Incident | None]:
    """Say what is new of an incident, if anything; the case is None once it is resolved."""
    watch, now_ms = plan.config.watch, (second + 1) * 1000
    if case.said is None:
        said = report(plan, detector, state, case, "fired", now_ms)
        episodes = dict(state.episodes)
        episodes.pop(said.fingerprint, None)
        episodes[said.fingerprint] = said.episode  # the latest last, so that the oldest is forgotten first
        while len(episodes) > EPISODES:
            del episodes[next(iter(episodes))]
        return replace(state, episodes=episodes), replace(case, said=said, said_second=second, grown=False), said
    if recovered(plan, detector, state, case, second):
        return _freed(state, case), None, report(plan, detector, state, case, "resolved", now_ms)
    waited = second - case.said_second >= watch.update_every_s
    if case.grown or waited:
        now = report(plan, detector, state, case, "updated", now_ms)
        graver = now.severity < case.said.severity or (now.notify == "page" and case.said.notify != "page")
        if graver or (waited and (case.grown or _surer(case.said, now))):
            return state, replace(case, said=now, said_second=second, grown=False), now
    return state, case, None


def _freed(state: State, case: Case) -> State:
    """Put the monitors of a resolved incident back into play."""
    streams = dict(state.streams)
    for alarm in case.alarms:
        if alarm.signal != SILENCE and (stream := streams.get(alarm.release)):
            streams[alarm.release] = replace(stream, alarmed=stream.alarmed - {alarm.monitor})
    return replace(state, streams=streams)


def _same(lead: Alarm, other: Alarm, slack_ms: int) -> bool:
    """Whether two alarms share an onset, within what is not known of it."""
    return lead.since_low - slack_ms <= other.since_high and other.since_low <= lead.since_high + slack_ms


def _surer(said: Incident, now: Incident) -> bool:
    """Whether what is known rests on ten times the events: then figures and slice are worth reading again."""
    return any(b.after_n >= 10 * a.after_n for a, b in zip(said.changes[:1], now.changes[:1], strict=False))


def _rank(alarm: Alarm) -> tuple[str, str, int]:
    return ({"page": "0", "ticket": "1", "record": "2"}[alarm.notify], alarm.severity, alarm.monitor)

"""Alarms that belong to no open incident -> pending incidents, and those that fire."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.incidents import Incident
from streams.telling.loud import NOTICES
from streams.watch import flap
from streams.watch.cases import Alarm, Case
from streams.watch.clock import end_ms
from streams.watch.detector import Detector
from streams.watch.merge import counted
from streams.watch.onsets import grown, home, joined, rank, same, slack_of
from streams.watch.plan import Plan
from streams.watch.report import continued, report, resolved, waiting
from streams.watch.state import State

WAIT_S: Final = 5
"""How long an alarm that pages nobody waits for one of the same onset that does, so that the graver one gives the
incident its name. A page waits for nothing."""


class Begun(NamedTuple):
    """Alarms of one onset, the leading one first; and the pending incident that they are, None if nothing was said."""

    alarms: tuple[Alarm, ...]
    case: Case | None


class Opened(NamedTuple):
    """A state with its pending incidents; the open ones, with those that fired last; and what is to be said."""

    state: State
    cases: list[Case]
    said: list[Incident]


def opened(
    plan: Plan, detector: Detector, state: State, cases: list[Case], alarms: list[Alarm], over: int
) -> Opened:  # fmt: skip
    """Let alarms wait for a graver one of their onset, and fire what has waited or pages.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    cases : open incidents, none of which the alarms belong to
    alarms : of the second that closes, the leading one first
    over : the last second that is over
    """
    told = Opened(state, cases, [])
    begun = _begun(plan, state, alarms)
    for one in begun:
        if one in begun and _ripe(one, over):
            slack_ms = slack_of(plan)
            together = [other for other in begun if same(one.alarms[0], other.alarms[0], slack_ms)]
            begun = [other for other in begun if other not in together]
            begun, told = _fired(plan, detector, told, begun, together, over)
    pending: list[Case] = []
    for one in begun:
        if one.case is None:
            pending, told = _waits(plan, detector, told, pending, one.alarms, over)
        else:
            grew = one.alarms is not one.case.alarms
            pending.append(replace(one.case, alarms=one.alarms) if grew else one.case)
    if [id(case) for case in pending] == [id(case) for case in state.pending]:
        return told
    return told._replace(state=replace(told.state, pending=tuple(pending)))


def _begun(plan: Plan, state: State, alarms: list[Alarm]) -> list[Begun]:
    """Put alarms with those that wait, each with its own ticket or with the lead that shares its onset."""
    begun = [Begun(case.alarms, case) for case in state.pending]
    for alarm in alarms:
        i = home((one.alarms for one in begun), alarm, slack_of(plan))
        if i is None:
            begun.append(Begun((alarm,), None))
        else:
            begun[i] = begun[i]._replace(alarms=tuple(sorted(joined(begun[i].alarms, [alarm]), key=rank)))
    return sorted(begun, key=lambda one: rank(one.alarms[0]))


def _ripe(one: Begun, over: int) -> bool:
    """Whether it pages, or has waited for long enough."""
    waited = min(alarm.alarmed_at for alarm in one.alarms) <= end_ms(over - WAIT_S)
    return waited or any(alarm.notify == "page" for alarm in one.alarms)


def _fired(
    plan: Plan, detector: Detector, told: Opened, begun: list[Begun], together: list[Begun], over: int
) -> tuple[list[Begun], Opened]:
    """Open an incident, unless it would bear the name of an open one: then it is that one, which goes on.

    Of the pending ones that it takes along, the one of its name is the same episode; others end with that name.
    """
    state, cases, said = told
    alarms = tuple(sorted((alarm for one in together for alarm in one.alarms), key=rank))
    now = report(plan, detector, state, alarms, None, end_ms(over))
    named = [one for one in begun if one.case is not None and one.case.said.fingerprint == now.fingerprint]
    alarms = joined(alarms, (alarm for one in named for alarm in one.alarms))
    pending = [one.case.said for one in (*together, *named) if one.case is not None]
    state, cases, at = _placed(plan, state, cases, now, alarms)
    name = now.fingerprint if at is None else cases[at].said.fingerprint
    others = [one for one in pending if one.fingerprint != name]
    said = [*said, *(resolved(one, end_ms(over), f"it goes on as incident {name}") for one in others)]
    if at is None:
        was = next((one for one in pending if one.fingerprint == name), None)
        now = now if was is None else continued(now, was)
        past = flap.before(plan, state, name, end_ms(over))
        new = spoken(Case(alarms=alarms, said=now, said_second=over, before=past), now, over)
        state, said = _remembered(plan, state, now), [*said, now]
        cases = [*cases, replace(new, grown=bool(named))]
    return [one for one in begun if one not in named], Opened(state, cases, said)


def _waits(
    plan: Plan, detector: Detector, told: Opened, pending: list[Case], alarms: tuple[Alarm, ...], over: int
) -> tuple[list[Case], Opened]:
    """Say that an incident is pending, unless there is one of its name: then it is a part of that."""
    now = waiting(report(plan, detector, told.state, alarms, None, end_ms(over)))
    for i, case in enumerate(pending):
        if case.said.fingerprint == now.fingerprint:
            return [*pending[:i], grown(case, alarms), *pending[i + 1 :]], told
    state, cases, at = _placed(plan, told.state, told.cases, now, alarms)
    if at is not None:
        return pending, Opened(state, cases, told.said)
    new = Case(alarms=alarms, said=now, said_second=over)
    return [*pending, new], Opened(_remembered(plan, state, now), cases, [*told.said, now])


def _placed(
    plan: Plan, state: State, cases: list[Case], now: Incident, alarms: tuple[Alarm, ...]
) -> tuple[State, list[Case], int | None]:
    """Put alarms into the open incident of their name; where there are too many, into the latest. None of neither."""
    at = next((i for i, case in enumerate(cases) if case.said.fingerprint == now.fingerprint), None)
    if at is None and len(cases) >= plan.config.limits.incidents:
        at, state = len(cases) - 1, replace(state, beyond=counted(state.beyond, "incidents"))
    if at is None:
        return state, cases, None
    return state, [*cases[:at], grown(cases[at], alarms), *cases[at + 1 :]], at


def _remembered(plan: Plan, state: State, said: Incident) -> State:
    """Remember the episode, so that the next one of its name is another."""
    episodes = {print_: last for print_, last in state.episodes.items() if print_ != said.fingerprint}
    episodes[said.fingerprint] = said.episode  # the latest last, so that the oldest is forgotten first
    forgotten, beyond = state.forgotten, state.beyond
    if len(episodes) > plan.config.limits.episodes:
        forgotten, beyond = max(forgotten, episodes.pop(next(iter(episodes)))), counted(beyond, "episodes")
    return replace(state, episodes=episodes, forgotten=forgotten, beyond=beyond)


def spoken(case: Case, said: Incident, over: int) -> Case:
    """Note what was said of an incident, and how grave it was ever told to be."""
    return replace(
        case,
        said=said,
        said_second=over,
        sent_second=over,
        grown=False,
        notify=min(case.notify, said.notify, key=NOTICES.index),
        severity=min(case.severity, said.severity),
    )

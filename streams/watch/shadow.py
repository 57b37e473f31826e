"""Alarms -> incidents, in earnest and in shadow: two books, kept alike, neither of which looks into the other."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from schemas.incidents import Incident
from streams.watch import recover
from streams.watch.cases import Alarm, Case, Shadow
from streams.watch.clock import end_ms
from streams.watch.detector import Detector
from streams.watch.group import Told, freed, group
from streams.watch.plan import Plan
from streams.watch.report import resolved
from streams.watch.resend import Again
from streams.watch.state import State
from streams.watch.temper import Tempered

LEAVES: Final = {
    False: "from now on it is in shadow",
    True: "it is in shadow no more: if it goes on, it will be told in earnest",
}
"""Why an incident is over that another config moves: out of the book in earnest, out of that in shadow."""


def grouped(plan: Plan, detector: Detector, state: State, alarms: list[Alarm], over: int) -> Told:
    """Put alarms into incidents, each into those of its own kind.

    Whatever is said in earnest is what would be said if nothing were in shadow, and what is in shadow is treated in
    every way as if it were not: by the same code, over a book of its own.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    alarms : of the second that closes
    over : the last second that is over
    """
    dark = [alarm for alarm in alarms if plan.in_shadow(state.service, alarm.signal)]
    state, told = _kept(plan, detector, state, [alarm for alarm in alarms if alarm not in dark], over, dark=False)
    if not (dark or state.shadow.cases or state.shadow.pending):
        return Told(state, told)
    before = turned(state)
    after, more = _kept(plan, detector, before, dark, over, dark=True)
    return Told(state if after is before else turned(after), [*told, *more])


def weighed(plan: Plan, detector: Detector, state: State, left: Tempered | None = None) -> State:
    """Let the mirrored bets of all open incidents see what arrived: see `streams.watch.recover`.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service; what arrived is still pending
    left : what is left of evidence where events resemble each other; None if they do not
    """
    return _both(state, lambda book: recover.weighed(plan, detector, book, left))


def anew(state: State) -> State:
    """Begin to show anew that open alarms are over: see `streams.watch.recover`."""
    return _both(state, recover.anew)


def _both(state: State, do: Callable[[State], State]) -> State:
    """Do to the incidents in shadow what is done to those in earnest."""
    state = do(state)
    return turned(do(turned(state))) if state.shadow.cases else state


def turned(state: State) -> State:
    """Turn a state over: its book of incidents in shadow is the one in earnest now, and the other way round."""
    return replace(
        state,
        pending=state.shadow.pending,
        cases=state.shadow.cases,
        episodes=state.shadow.episodes,
        forgotten=state.shadow.forgotten,
        flaps=state.shadow.flaps,
        shadow=Shadow(state.pending, state.cases, state.episodes, state.forgotten, state.flaps),
    )


def _kept(plan: Plan, detector: Detector, state: State, alarms: list[Alarm], over: int, dark: bool) -> Told:
    """Keep one book, the one in earnest of a state or of a turned one; what belongs to the other leaves it first."""

    def stays(alarm: Alarm) -> bool:
        return plan.in_shadow(state.service, alarm.signal) is dark

    said: list[Incident | Again] = []
    gone = [alarm for case in (*state.pending, *state.cases) for alarm in case.alarms if not stays(alarm)]
    if gone:
        pending, cases = list[Case](), list[Case]()
        for held, kept in ((state.pending, pending), (state.cases, cases)):
            for case in held:
                left = tuple(filter(stays, case.alarms))
                if not left:
                    said.append(resolved(case.said, end_ms(over), LEAVES[dark]))
                else:
                    kept.append(case if left == case.alarms else replace(case, alarms=left, grown=True))
        state = freed(detector, replace(state, cases=tuple(cases), pending=tuple(pending)), gone)
    state, more = group(plan, detector, state, alarms, over)
    return Told(state, said + more)

"""An incident that has been open for long -> the service's new normal, learned from what comes from now on."""

from typing import Final, NamedTuple

from schemas.incidents import Incident
from schemas.moments import lasting
from schemas.signals import ERROR_BUDGET, SILENCE, TRAFFIC
from streams.watch import burning, traffic
from streams.watch.assess.beyond import alone
from streams.watch.cases import Case
from streams.watch.detector import Detector
from streams.watch.learn import relearned
from streams.watch.plan import Plan
from streams.watch.recover import well
from streams.watch.report import resolved
from streams.watch.state import State
from streams.watch.window import events

NEARLY_ALL: Final = 0.95
"""Part of the traffic that must have alarmed to be what is normal."""


class Aged(NamedTuple):
    """A state, the incident that is over, and whether its monitors may alarm again at once."""

    state: State
    said: Incident
    free: bool


def aged(plan: Plan, detector: Detector, state: State, case: Case, now_ms: int) -> Aged | None:
    """End an incident that has been open for `rebase_after_s`; None as long as it is not, or cannot be ended so.

    What has lasted for a day is what the service is like, and an incident that never ends hides what comes after it.
    Its signals are learned anew, and from what comes from now on alone: of the time from onset to alarm was chosen what
    made the alarm. Until that is done, nothing that had alarmed does so again.

    Where the whole window lies within the limits again, and only too little came to be sure of it, nothing is learned:
    then it is over as it is. Silence is never normal. What one of several releases does is not what the service does:
    such an incident ends with the release, or once it is promoted. Where KPIs alone are beyond their bands nothing is
    normal either, nor while an error budget burns: their targets do not move. Nor is anything learned for a signal in
    shadow of a service in earnest: all that is in earnest would begin anew with the baseline.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    case : the open incident
    now_ms : when
    """
    after_s = plan.config.watch.rebase_after_s
    if not after_s or now_ms - case.said.started_at < after_s * 1000:
        return None
    if any(alarm.signal == SILENCE.name and state.last_event * 1000 < alarm.since for alarm in case.alarms):
        return None
    if any(alarm.signal == ERROR_BUDGET.name and not burning.well(state, alarm) for alarm in case.alarms):
        return None
    if well(plan, detector, state, case, plan.window_s):
        why = f"back within its limits, though in {lasting(after_s)} too little came to be sure"
        return Aged(state, resolved(case.said, now_ms, why), free=True)
    if alone(case.alarms):
        return None
    if case.said.shadow and not plan.service(state.service).shadow:
        return None
    if state.naming is not None or state.counting is not None or not _normal(state, case):
        return None
    changed = [detector.find(alarm.monitor)[0].signal for alarm in case.alarms if alarm.monitor >= 0]
    words = {signal.name: signal.words for signal in changed}
    if words:
        state = relearned(plan, state, tuple(words), "")
    if any(alarm.signal == TRAFFIC.name for alarm in case.alarms):
        state, words = traffic.anew(state), words | {TRAFFIC.name: TRAFFIC.words}
    why = f"taken as the new normal after {lasting(after_s)}; learned anew: {', '.join(words.values())}"
    return Aged(state, resolved(case.said, now_ms, why), free=False)


def _normal(state: State, case: Case) -> bool:
    """Whether the releases that alarmed are all that serves, but for stragglers; traffic is that of all."""
    alarmed = {alarm.release for alarm in case.alarms if alarm.monitor >= 0} or state.streams.keys()
    came = {name: sum(events(one.kept) for one in stream.buckets.values()) for name, stream in state.streams.items()}
    return sum(n for name, n in came.items() if name in alarmed) >= NEARLY_ALL * sum(came.values())

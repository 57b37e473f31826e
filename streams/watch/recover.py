"""An open incident -> whether all that alarmed is back within its limits."""

import math
from typing import Final

from streams.watch.detector import Detector
from streams.watch.plan import Plan
from streams.watch.severity import SILENCE
from streams.watch.state import Alarm, Case, State
from streams.watch.window import After, after, events

FEWEST: Final = 20
"""Exchanges in the time looked at, or outcomes where these alarmed, below which nothing is said to be well again."""


def recovered(plan: Plan, detector: Detector, state: State, case: Case) -> bool:
    """Ask whether an incident is over: well for all of `resolve_after_s`.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    case : the open incident
    """
    return well(plan, detector, state, case, plan.config.watch.resolve_after_s)


def well(plan: Plan, detector: Detector, state: State, case: Case, span_s: int) -> bool:
    """Ask whether all is well again.

    It is, when over the last of the events' own time the mean of every feature that alarmed lies within the limits that
    its baseline allows: a rule that people can check. A release that no longer serves, while others do, is well.
    Silence is over with the first event.

    Parameters
    ----------
    span_s : of event time to look back on, all of it after the onset
    """
    bucket_s = plan.config.measure.bucket_s
    latest = max((max(stream.buckets) for stream in state.streams.values() if stream.buckets), default=0)
    since = latest - span_s
    recent: dict[str, After | None] = {}
    for alarm in case.alarms:
        if alarm.signal == SILENCE:
            if state.last_event * 1000 < alarm.since:
                return False
            continue
        if since * 1000 < alarm.since:
            return False
        if alarm.release not in recent:
            stream = state.streams.get(alarm.release)
            recent[alarm.release] = after(stream, since, bucket_s) if stream else None
        if not _within(detector, alarm, recent[alarm.release]):
            return False
    return True


def _within(detector: Detector, alarm: Alarm, seen: After | None) -> bool:
    if seen is None:  # others serve, or there would be no latest bucket
        return True
    table, s = detector.find(alarm.monitor)
    judged = table.signal.source == "outcome"  # no judgement is no good judgement
    if (int(seen.kept[table.kept.at(s)].sum()) if judged else events(seen.kept)) < FEWEST:
        return False
    mean, low, high = detector.mean(alarm.monitor, alarm.bet, seen.kept)
    return math.isnan(mean) or low <= mean <= high  # NaN: of that slice nothing comes any more

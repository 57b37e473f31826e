"""An open incident -> whether all that alarmed is back within its limits."""

import math

from streams.watch.detector import Detector
from streams.watch.plan import Plan
from streams.watch.severity import SILENCE
from streams.watch.state import Alarm, Case, State
from streams.watch.window import After, after

FEWEST = 20
"""Exchanges in the time looked at, below which nothing is said to be well again."""


def recovered(plan: Plan, detector: Detector | None, state: State, case: Case, second: int) -> bool:
    """Ask whether an incident is over.

    It is, when for `resolve_after_s` the mean of every feature that alarmed lies within the limits that its baseline
    allows: a rule that people can check. It is asked once a bucket.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    case : the open incident
    second : the one that closes
    """
    if any(alarm.signal == SILENCE for alarm in case.alarms):
        return state.last_event * 1000 >= case.alarms[0].since
    span = plan.config.watch.resolve_after_s
    bucket_s = plan.config.measure.bucket_s
    if detector is None or (second + 1) % bucket_s or second - case.opened_second < span:
        return False
    recent: dict[str, After | None] = {}
    for alarm in case.alarms:
        if alarm.release not in recent:
            stream = state.streams.get(alarm.release)
            recent[alarm.release] = after(stream, second - span, bucket_s) if stream else None
        if not _well(detector, alarm, recent[alarm.release]):
            return False
    return any(seen is not None for seen in recent.values())


def _well(detector: Detector, alarm: Alarm, seen: After | None) -> bool:
    if seen is None:  # the release serves no more
        return True
    if int(seen.kept[0, :3].sum()) < FEWEST:
        return False
    mean, low, high = detector.mean(alarm.monitor, alarm.bet, seen.kept)
    return math.isnan(mean) or low <= mean <= high  # NaN: of that slice nothing comes any more

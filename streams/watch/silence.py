"""A service of which nothing comes -> an alarm, if it is the service and not our own lag."""

from typing import Final

from streams.watch.severity import SILENCE
from streams.watch.state import Alarm, State

EXPECTED: Final = 10.0
"""Exchanges that must have been due by the baseline's rate before their absence says anything."""
RECENT_S: Final = 5
"""How old the word may be that a source partition was read to its end."""


def silent(state: State, second: int, silence_after_s: int) -> Alarm | None:
    """Find out whether a service fell silent.

    A rule, no statistic: pages that it makes are counted apart from the budget. It holds only while every source
    partition that the service was ever seen on is known to have been read to its end, just now; otherwise nobody knows
    what the service sent, and it is for us to catch up.

    Parameters
    ----------
    state : of the service
    second : the one that closes
    silence_after_s : how long without an event
    """
    quiet_s = second - state.last_event
    if state.baseline is None or quiet_s < silence_after_s or _known(state):
        return None
    due = state.baseline.events / max(state.baseline.span_s, 1) * quiet_s
    read = all(state.caught_up.get(partition, 0) >= second - RECENT_S for partition in state.sources)
    if due < EXPECTED or not read:
        return None
    since = (state.last_event + 1) * 1000
    release = max(state.streams.values(), key=lambda stream: stream.last_second).release if state.streams else ""
    return Alarm(
        monitor=-1, bet=-1, signal=SILENCE, release=release, severity="sev-2", notify="page", since=since,
        since_low=since - 1000, since_high=since + 1000, alarmed_at=(second + 1) * 1000, false_per_week=0.0,
    )  # fmt: skip


def _known(state: State) -> bool:
    return any(alarm.signal == SILENCE for case in state.cases for alarm in case.alarms)

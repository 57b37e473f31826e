"""A service of which nothing comes -> an alarm, if it is the service and not our own lag."""

from typing import Final

from msgspec.structs import replace

from schemas.signals import SILENCE
from schemas.tallies import Tick
from streams.watch.cases import Alarm
from streams.watch.clock import end_ms
from streams.watch.plan import Plan
from streams.watch.state import State

EXPECTED: Final = 10.0
"""Exchanges that must have been due by the baseline's rate before their absence says anything."""
RECENT_S: Final = 5
"""How old the word may be that a source partition was read to its end."""
LISTEN_S: Final = 10
"""How long before a service is called silent ticks are noted; all others would change every state every second."""


def hear(plan: Plan, state: State, tick: Tick, second: int) -> State:
    """Note which source partitions of a service that is nearly silent were read to their end."""
    if tick.source != plan.source or not _quiet(plan, state, second + LISTEN_S):
        return state
    read = {p: second for p in tick.caught_up if p in state.sources and state.caught_up.get(p) != second}
    return replace(state, caught_up={**state.caught_up, **read}) if read else state


def silent(plan: Plan, state: State, over: int) -> Alarm | None:
    """Find out whether a service fell silent.

    A rule, no statistic: pages that it makes are counted apart from the budget. It holds only while every source
    partition that the service was ever seen on is known to have been read to its end, just now; otherwise nobody knows
    what the service sent, and it is for us to catch up.

    Parameters
    ----------
    plan : how long without an event
    state : of the service
    over : the last second that is over
    """
    read = all(state.caught_up.get(partition, 0) >= over - RECENT_S for partition in state.sources)
    if not read or not _quiet(plan, state, over):
        return None
    since = (state.last_event + 1) * 1000
    return Alarm(
        monitor=-1, bet=-1, signal=SILENCE.name, release=served_last(state), severity="sev-2", notify="page",
        since=since, since_low=since - 1000, since_high=since + 1000, alarmed_at=end_ms(over),
        false_per_week=0.0,
    )  # fmt: skip


def served_last(state: State) -> str:
    """Name the release that was the last to serve, for what is about all of them; empty if none has."""
    latest = max(state.streams.values(), key=lambda stream: stream.last_second, default=None)
    return latest.release if latest else ""


def _quiet(plan: Plan, state: State, second: int) -> bool:
    """Whether by then a service will have been quiet for so long that it means something, and nobody was told."""
    return lasted(plan, state, second - state.last_event) and not any(
        alarm.signal == SILENCE.name for case in (*state.cases, *state.shadow.cases) for alarm in case.alarms
    )


def lasted(plan: Plan, state: State, quiet_s: int) -> bool:
    """Whether a service that sends nothing for so long is silent."""
    if state.baseline is None or quiet_s < plan.config.watch.silence_after_s:
        return False
    return state.baseline.events / state.baseline.span_s * quiet_s >= EXPECTED

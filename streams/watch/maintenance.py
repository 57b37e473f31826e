"""What config and people say of maintenance -> why nobody is paged for a service now."""

from typing import NamedTuple

from schemas.moments import second, written
from schemas.printable import printable
from schemas.windows import Window, window
from streams.watch.once import once
from streams.watch.plan import Plan
from streams.watch.state import State


class _Planned(NamedTuple):
    services: tuple[str, ...]
    window: Window
    reason: str


def maintained(plan: Plan, state: State, now_ms: int) -> str:
    """Say until when a service is maintained, and why; empty if it is not.

    Of several the one that is over last counts. What a person said by the control topic stands beside what the config
    says, and takes nothing from it.

    Parameters
    ----------
    state : of the service
    now_ms : when
    """
    found = [
        (until, one.reason)
        for one in _planned(plan)
        if not one.services or state.service in one.services
        if (until := one.window.until(now_ms)) is not None
    ]
    if (said := state.maintained) is not None and now_ms < second(said.until) * 1000:
        found.append((second(said.until) * 1000, said.reason or f"said by {said.by}"))
    if not found:
        return ""
    until, reason = max(found)
    return printable(f"maintenance until {written(until)}" + (f": {reason}" if reason else ""))


@once
def _planned(plan: Plan) -> tuple[_Planned, ...]:
    """Read the times of the config once: they were read when it was checked."""
    return tuple(
        _Planned(one.services, window(one.begins, one.ends, one.weekly), one.reason)
        for one in plan.config.maintenance
    )  # fmt: skip

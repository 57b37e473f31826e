"""A rollback command and an actuator -> the target changed at most once, and the result to publish."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from schemas.actuate import Policy
from schemas.control import Approve
from schemas.rollbacks import Rollback, RollbackResult
from streams.act.resource import Done, Observed, Try, Unseen
from streams.act.rules import decide, settle
from streams.act.state import State, heed, note

ATTEMPTS: Final = 3
"""Another writer may have changed something else of the target: then the rules are asked again."""


class Actuator(Protocol):
    """One target."""

    def observe(self) -> Observed | Unseen:
        """Look at the target. What cannot be seen, or makes no sense, is a value."""

    def act(self, tried: Try) -> Done:
        """Change the target and leave the marker by one write, if its version still is the one that was observed."""


def carry_out(
    state: State, command: Rollback, actuator: Actuator, clock: Callable[[], int], given: Sequence[Approve],
    policy: Policy,
) -> tuple[State, RollbackResult]:  # fmt: skip
    """Look, decide, act, and say what came of it.

    The state is to be written before the command's offset is committed. Whoever dies in between reads the command
    again, and finds by the target's marker what was done.

    Parameters
    ----------
    state : of the command's target
    clock : milliseconds since 1970
    given : approvals known by now

    Returns
    -------
    State
        To write.
    RollbackResult
        To publish.
    """
    left = ATTEMPTS
    while True:
        left -= 1
        observed = actuator.observe()
        found = decide(state, command, observed, clock(), given, policy)
        if isinstance(found, RollbackResult):
            return note(heed(state, observed), command, found), found
        done = actuator.act(found)
        if done.outcome != "stale" or not left:
            return settle(state, found, done)

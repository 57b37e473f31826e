"""Whom an incident would tell -> whom it tells now, and what holds it back."""

from typing import NamedTuple

from schemas.incidents import Incident, Notify, Severity
from streams.watch import flap
from streams.watch.cases import Flaps
from streams.watch.maintenance import maintained
from streams.watch.plan import Plan
from streams.watch.state import State


class Held(NamedTuple):
    """Whom to tell, and why that is not whom the incident would tell by itself; empty if it is."""

    notify: Notify
    why: str


def held(plan: Plan, state: State, past: Flaps | None, notify: Notify, severity: Severity, now_ms: int) -> Held:
    """Hold an incident back, if a rule says so. It is told all the same, and nothing of it is dropped.

    In maintenance nobody is told. What flaps pages nobody: it is a ticket.

    Parameters
    ----------
    state : of the service
    past : the episodes that it follows in a row
    notify, severity : that it has by itself
    now_ms : when
    """
    if notify == "record":
        return Held(notify, "")
    if why := maintained(plan, state, now_ms):
        return Held("record", why)
    if why := flap.held_back(plan, past, notify, severity):
        return Held("ticket", why)
    return Held(notify, "")


def lifted(plan: Plan, state: State, said: Incident, now_ms: int) -> bool:
    """Whether a maintenance held back what was last said of an incident, and is over.

    What holds back to a record is maintenance; what flaps does so to its end.
    """
    return bool(said.held) and said.notify == "record" and not maintained(plan, state, now_ms)

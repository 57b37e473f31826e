"""An incident that comes back again and again -> which episode in a row this is, and for how long it must be well."""

from typing import Final

from msgspec.structs import replace

from schemas.incidents import Notify, Severity
from schemas.moments import lasting
from streams.telling.loud import NOTICES
from streams.watch.cases import Case, Flaps
from streams.watch.plan import Plan
from streams.watch.state import State

LONGEST: Final = 8
"""How many times `watch.resolve_after_s` an incident that flaps must be well at most."""


def before(plan: Plan, state: State, fingerprint: str, now_ms: int) -> Flaps | None:
    """Find the episodes that one which fires now follows in a row; None if it has been quiet for long enough."""
    held = state.flaps.get(fingerprint)
    return held if held is not None and _lately(plan, held, now_ms) else None


def ended(plan: Plan, state: State, case: Case, now_ms: int) -> State:
    """Remember an episode that recovered, and forget what has been quiet for `watch.flap_s`.

    One that ended by a person's word, or because something else is normal now, begins no row: what comes after it is
    another thing.

    Parameters
    ----------
    case : the incident that is over
    now_ms : when
    """
    print_, past = case.said.fingerprint, case.before
    notify, severity = (case.notify, case.severity) if past is None else _graver(past, case.notify, case.severity)
    flaps = {one: held for one, held in state.flaps.items() if one != print_ and _lately(plan, held, now_ms)}
    flaps[print_] = Flaps(row_of(past), notify, severity, now_ms)
    if len(flaps) > plan.config.limits.episodes:
        del flaps[next(iter(flaps))]
    return replace(state, flaps=flaps)


def row_of(past: Flaps | None) -> int:
    """Say which episode in a row it is that follows these."""
    return 1 if past is None else past.row + 1


def flaps(plan: Plan, past: Flaps | None) -> bool:
    """Whether an episode that follows these flaps."""
    return row_of(past) >= plan.config.watch.flaps


def held_back(plan: Plan, past: Flaps | None, notify: Notify, severity: Severity) -> str:
    """Say why an incident that would page does not: it flaps, and is no graver than before; empty if it may.

    Parameters
    ----------
    past : the episodes that it follows in a row
    notify, severity : that it has by itself
    """
    if past is None or not flaps(plan, past) or notify != "page":
        return ""
    if _graver(past, notify, severity) != (past.notify, past.severity):
        return ""
    within = lasting(plan.config.watch.flap_s)
    return f"flapping: episode {row_of(past)} in a row, each within {within} of the end of the one before"


def patience_s(plan: Plan, past: Flaps | None) -> int:
    """Say for how many seconds an incident must be well beyond `watch.resolve_after_s`.

    Nothing for one that does not flap; as long again for the first that does, and twice as long in all for each that
    follows, up to eight times `watch.resolve_after_s` altogether.
    """
    if not flaps(plan, past):
        return 0
    times = min(1 << row_of(past) - plan.config.watch.flaps + 1, LONGEST)
    return (times - 1) * plan.config.watch.resolve_after_s


def _lately(plan: Plan, held: Flaps, now_ms: int) -> bool:
    return now_ms - held.ended_at <= plan.config.watch.flap_s * 1000


def _graver(past: Flaps, notify: Notify, severity: Severity) -> tuple[Notify, Severity]:
    """Take of each the graver one."""
    return min(past.notify, notify, key=NOTICES.index), min(past.severity, severity)

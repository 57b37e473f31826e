"""A record of `barograph.incidents` -> what is known of all services, and what is said of incidents.

An incident that has its cause in common with others is told by their parent: it pages nobody by itself any more. All
else goes through as WATCH found it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from schemas.found import Asked, Found, Rules, Wake, decode
from schemas.incidents import Incident
from streams.gather.heard import heard
from streams.gather.keep import PRESENT, SAYS, Stepped, counted, message
from streams.gather.lived import asked, brought_up, due_at
from streams.gather.state import State
from streams.telling.findings import AGAIN, ENDED_S, Finding

__all__ = ["State", "Stepped", "Word", "due", "held", "present", "step", "through"]


class Word(NamedTuple):
    """A record of `barograph.incidents`; aiokafka's own records will do as well."""

    offset: int
    timestamp: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


def step(rules: Rules, state: State, record: Word) -> Stepped:
    """Apply one record, the next or one that was applied before.

    Parameters
    ----------
    rules : by what is decided until the log says it

    Returns
    -------
    Stepped
        Its findings follow from the log alone: applied again to the same state, the record gives the same bytes.

    Raises
    ------
    ConfigError
        If a newer version of Barograph wrote the record.
    """
    if record.offset < state.next:
        return Stepped(state, [])
    state = replace(state, next=record.offset + 1)
    said: Found | None = decode(record.value)
    rules = state.rules or rules
    match said:
        case Incident():
            return heard(rules, state, said, record.offset, resend=AGAIN in tuple(record.headers))
        case Asked():
            return asked(rules, state, said, record.offset)
        case Rules():
            return brought_up(said, replace(state, rules=said), record.offset)
        case Wake():
            return brought_up(rules, replace(state, now=max(state.now, record.timestamp)), record.offset)
        case None:
            return Stepped(counted(state, "unreadable"), [])


def through(state: State, record: Word) -> Stepped:
    """Let an incident through as WATCH found it: what we cannot understand must not keep it from people."""
    said = decode(record.value)
    findings = [message(said, SAYS)] if isinstance(said, Incident) else []
    return Stepped(counted(replace(state, next=record.offset + 1), "bugs"), findings)


def due(rules: Rules, state: State) -> int | None:
    """Say when something is to be told though nothing comes, in milliseconds; None if nothing waits."""
    waiting = [due_at(state.rules or rules, parent) for parent in state.parents.values() if parent.news]
    return min(waiting, default=None)


def present(state: State) -> list[Finding]:
    """Say how every incident stands, open ones and those that ended lately: the very messages that were sent.

    A new owner does, and an old one every hour: a frozen owner's older word may have come to stand last.
    """
    open_ = [known.said for known in state.known.values() if known.said.status != "resolved"]
    lately = [one for one in state.ended if state.now - one.updated_at <= ENDED_S * 1000]
    parents = [parent.said for parent in state.parents.values()]
    latest = {one.fingerprint: one for one in (*lately, *open_, *parents)}
    return [message(one, PRESENT) for one in latest.values()]


def held(before: State, now: State) -> int:
    """Count the incidents that were held back and had not been: people are told of them by their common cause."""
    was = {one for one, known in before.known.items() if known.said.parent and known.said.notify != known.own}
    return sum(
        known.own == "page" and known.said.notify != "page" and one not in was for one, known in now.known.items()
    )

"""What GATHER keeps, within its bounds, and the messages that it sends."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.found import Rules
from schemas.incidents import Incident
from streams.gather.state import MOST_PLACES, Place, State
from streams.telling.findings import Finding, finding

SAYS: Final = ("incidents", "incidents_state")
PRESENT: Final = ("incidents_state",)
"""Roles of the topics that a new word goes to, and one that is known."""


class Stepped(NamedTuple):
    """A state, and what to publish."""

    state: State
    findings: list[Finding]


def placed(state: State, said: Incident) -> State:
    """Remember how far an incident is told; the oldest is forgotten first, but for those that are open."""
    places = {one: place for one, place in state.places.items() if one != said.fingerprint}
    places[said.fingerprint] = Place(said.episode, said.sequence, said.updated_at)
    forgotten = state.forgotten
    if len(places) > MOST_PLACES:
        oldest = next(one for one in places if one not in state.known and one not in state.parents)
        forgotten = max(forgotten, places.pop(oldest).episode)
        state = counted(state, "places")
    return replace(state, places=places, forgotten=forgotten)


def kept(rules: Rules, state: State) -> State:
    """Keep no more incidents than may be; the one heard of longest ago that has no parent is let go first."""
    while len(state.known) > rules.most:
        alone = next((one for one, known in state.known.items() if not known.parent), None)
        if alone is None:
            break
        known = {one: held for one, held in state.known.items() if one != alone}
        state = counted(replace(state, known=known), "common")
    return state


def counted(state: State, what: str) -> State:
    """Count what was over a cap, or unreadable."""
    return replace(state, beyond={**state.beyond, what: state.beyond.get(what, 0) + 1})


def message(said: Incident, roles: tuple[str, ...]) -> Finding:
    """Make the message of an incident; of a common cause it is we who found it."""
    return finding(said, roles, by="gather" if said.kind == "common" else "watch")

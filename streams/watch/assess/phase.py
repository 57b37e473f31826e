"""What is known of a service's releases -> in which phase one of them is, and what it is compared with."""

from typing import NamedTuple

from schemas.policy import Phase
from streams.watch.state import State


class Place(NamedTuple):
    """A release's phase; and the release that it is compared with, empty without one."""

    phase: Phase
    baseline: str


def place(state: State, release: str) -> Place:
    """Find a release's place.

    It is `canary` while another one is in force and no fact promoted it; then it is compared with that one. What is in
    force, or was, is `live`, and so is every release of a service of which no fact says what is in force; compared with
    the one before.

    Parameters
    ----------
    state : of the service
    """
    fact = state.releases.get(release)
    before = (fact and fact.previous) or ""
    if release == state.present or not state.present:
        return Place("live", before or (state.previous if release == state.present else ""))
    if fact is not None and fact.phase in ("promoted", "rolled_back"):
        return Place("live", before)
    if release == state.previous:
        return Place("live", before)
    return Place("canary", state.present)

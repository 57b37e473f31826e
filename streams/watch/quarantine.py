"""Services that cannot be applied -> left out, with a count of what is not counted."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.tallies import Flush
from streams.watch.merge import place_of
from streams.watch.place import events_of
from streams.watch.state import Part, State

_ALL: Final = 2**62


class Skipped(Struct, frozen=True):
    """A service that is left out.

    Attributes
    ----------
    since : record from which on
    error : why
    events : exchanges that were not counted
    blocks : by the place of a source partition: anchor of its last block, and what of it was not counted
    """

    since: int
    error: str
    events: int = 0
    blocks: dict[str, tuple[int, int]] = {}


def cleared(state: State) -> State:
    """Keep what was counted, and nothing of what may have made the trouble."""
    return State(
        service=state.service, offset=state.offset, second=state.second, total=state.total, beside=state.beside,
        late=state.late, lost=state.lost, beyond=state.beyond, episodes=state.episodes, forgotten=state.forgotten,
        marks={place: replace(mark, held=None) for place, mark in state.marks.items()}, controls=state.controls,
        releases=state.releases, present=state.present, previous=state.previous, generation=state.generation,
        sign_offs=state.sign_offs, approvals=state.approvals,
    )  # fmt: skip


def skipped(
    held: Mapping[str, Skipped], states: Mapping[str, State], flush: Flush, came: Mapping[str, Part]
) -> dict[str, Skipped]:
    """Count what a flush says of services that are left out.

    It is lost, and how much must be known: each block counts once, whoever tells it, however often.

    Parameters
    ----------
    held : by service
    states : as they were left; what they hold of a block was counted
    came : all parts of the flush
    """
    place, now = place_of(flush.source, flush.partition, flush.topic_id), dict(held)
    for name in held.keys() & came.keys():
        one, n = held[name], events_of(came[name])
        anchor, before = one.blocks.get(place) or _counted(states.get(name), place)
        if flush.anchor > anchor:
            now[name] = replace(one, events=one.events + n, blocks={**one.blocks, place: (flush.anchor, n)})
        elif flush.anchor == anchor and n > before:
            now[name] = replace(one, events=one.events + n - before, blocks={**one.blocks, place: (anchor, n)})
    return now


def _counted(state: State | None, place: str) -> tuple[int, int]:
    """Say of the last block that a state knows of a source partition, how many of its exchanges it has."""
    mark = state.marks.get(place) if state else None
    if mark is None:
        return -1, 0
    return mark.anchor, _ALL if mark.held is None else events_of(mark.held)

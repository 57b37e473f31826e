"""Services that cannot be applied -> left out, with a count of what is not counted."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.tallies import Flush
from streams.watch.cases import Shadow
from streams.watch.merge import kept_of, place_of
from streams.watch.place import events_of
from streams.watch.state import Mark, Part, State

_ALL: Final = 2**62


class Left(Struct, frozen=True):
    """The last block of a source partition that a service was left out of.

    Attributes
    ----------
    anchor, end, digest, final : of its longest flush
    told : exchanges of the service that it says
    skipped : of them, those that were not counted
    """

    anchor: int
    end: int = 0
    digest: str = ""
    final: bool = False
    told: int = 0
    skipped: int = 0


class Skipped(Struct, frozen=True):
    """A service that is left out.

    Attributes
    ----------
    since : record from which on
    error : why
    events : exchanges that were not counted
    blocks : by the place of a source partition
    """

    since: int
    error: str
    events: int = 0
    blocks: dict[str, Left] = {}


def cleared(state: State) -> State:
    """Keep what was counted, and nothing of what may have made the trouble."""
    return State(
        service=state.service, offset=state.offset, second=state.second, total=state.total, beside=state.beside,
        late=state.late, lost=state.lost, beyond=state.beyond, episodes=state.episodes, forgotten=state.forgotten,
        marks=state.marks, controls=state.controls, releases=state.releases, present=state.present,
        previous=state.previous, generation=state.generation, sign_offs=state.sign_offs, approvals=state.approvals,
        maintained=state.maintained,
        shadow=Shadow(episodes=state.shadow.episodes, forgotten=state.shadow.forgotten),
    )  # fmt: skip


def lost(gone: Skipped) -> int:
    """Count the exchanges that nobody will count any more: those of open blocks will be told again, with the rest."""
    return gone.events - sum(left.skipped for left in gone.blocks.values() if not left.final)


def resumed(state: State, gone: Skipped) -> State:
    """Take a service in again, with its marks behind all that is lost, so that no repeat of it is counted after all."""
    marks = state.marks
    for place, left in gone.blocks.items():
        if left.final:
            mark = Mark(left.anchor, left.end, left.digest)
        elif place in marks and marks[place].anchor == left.anchor:
            continue  # a part of it was counted before, and the rest will be
        else:
            mark = Mark(left.anchor - 1, left.anchor, left.digest)
        marks = (marks if place in marks else kept_of(marks, place)) | {place: mark}
    return replace(state, marks=marks)


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
        last = one.blocks.get(place) or _counted(states.get(name), place)
        if flush.anchor > last.anchor:
            last = Left(flush.anchor)
        elif flush.anchor < last.anchor or last.final or (n <= last.told and not flush.final):
            continue
        more = max(n - last.told, 0)
        left = Left(flush.anchor, flush.end, flush.digest, flush.final, last.told + more, last.skipped + more)
        now[name] = replace(one, events=one.events + more, blocks={**one.blocks, place: left})
    return now


def _counted(state: State | None, place: str) -> Left:
    """Say of the last block that a state knows of a source partition, how many of its exchanges it has."""
    mark = state.marks.get(place) if state else None
    if mark is None:
        return Left(-1)
    done = mark.held is None
    return Left(mark.anchor, mark.end, mark.digest, done, _ALL if mark.held is None else events_of(mark.held))

"""A part of a flush -> what of it is new, by its anchor."""

from typing import NamedTuple

from msgspec.structs import replace

from schemas.tallies import Flush
from streams.watch.parts import less, narrowed
from streams.watch.state import Mark, Part, State


class New(NamedTuple):
    """What a flush adds; `bets` is false where it may not count as evidence."""

    part: Part
    bets: bool


def merge(state: State, flush: Flush, part: Part) -> tuple[State, New | None]:
    """Add a part once.

    A flush says all that happened since its anchor, so what is held of the same anchor is taken off; an end that was
    seen is dropped, and an anchor at or past the last end begins a new block. So zombies, repeats and any rhythm of
    flushes change nothing.

    Parameters
    ----------
    state : of the part's service
    flush : where the part comes from
    part : the service's

    Returns
    -------
    state
        With the mark of the source partition moved.
    new
        None if all of it is known, or if its block begins inside another (counted in `lost`: part of the log is gone,
        or two workers cut it by different rules).
    """
    source = f"{flush.source}:{flush.partition}"
    mark = state.marks.get(source)
    moved = Mark(flush.anchor, flush.end, flush.final, flush.digest, None if flush.final else narrowed(part))
    after = replace(state, marks={**state.marks, source: moved})
    if mark is None or flush.anchor >= mark.end:
        return after, New(part, True)
    if flush.anchor == mark.anchor and flush.end > mark.end and mark.held is not None:
        if flush.digest != mark.digest:
            # Measured in two ways, the two parts cannot be told apart. A place for the next issue's signed
            # difference; until then what is held stands, and the rest of the block is declared lost.
            return replace(state, lost=state.lost + 1), None
        return after, New(less(part, mark.held), True)
    if flush.end <= mark.end:
        return state, None
    return replace(state, lost=state.lost + 1), None

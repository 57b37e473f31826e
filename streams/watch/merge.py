"""A part of a flush -> what of it is new, by its anchor."""

from typing import NamedTuple

from msgspec.structs import replace

from schemas.tallies import Flush
from streams.watch.parts import less, narrowed
from streams.watch.plan import MOST_SOURCES
from streams.watch.state import Mark, Part, State


class New(NamedTuple):
    """What a flush adds.

    Attributes
    ----------
    part : since the last flush of its block
    untaken : since the last one that was also learned from or watched: the same, or the whole block so far
    """

    part: Part
    untaken: Part


def merge(state: State, flush: Flush, part: Part) -> tuple[State, New | None]:
    """Add a part once.

    A flush says all that happened since its anchor, so what is held of the same anchor is taken off; an end that was
    seen is dropped, and an anchor at or past the last end begins a new block. So zombies, repeats and any rhythm of
    flushes change nothing.

    Only finished blocks teach, so that what is learned does not hang on when flushes were sent. What an open block said
    meanwhile is watched with the rest of it, if the baseline is there by then.

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
    held = None if flush.final else narrowed(part)
    moved = Mark(flush.anchor, flush.end, flush.digest, held, taken=flush.final or state.baseline is not None)
    if mark is None and len(state.marks) >= MOST_SOURCES:
        return replace(state, lost=state.lost + 1, beyond=counted(state.beyond, "sources")), None
    after = replace(state, marks={**state.marks, source: moved})
    if mark is None or flush.anchor >= mark.end:
        return after, New(part, part)
    grows = flush.anchor == mark.anchor and mark.held is not None and flush.digest == mark.digest
    if flush.end < mark.end or (flush.end == mark.end and not (grows and flush.final)):
        return state, None
    if grows and mark.held is not None:
        since = less(part, mark.held)
        return after, New(since, since if mark.taken else part)
    # The block begins inside another; or it was measured in two ways, and the two parts cannot be told apart: a place
    # for the next issue's signed difference. What is held stands, and the rest is declared lost.
    return replace(state, lost=state.lost + 1), None


def counted(counts: dict[str, int], what: str, n: int = 1) -> dict[str, int]:
    """Count one more.

    Examples
    --------
    >>> counted({"sources": 1}, "sources"), counted({}, "cases", 3)
    ({'sources': 2}, {'cases': 3})
    """
    return {**counts, what: counts.get(what, 0) + n}

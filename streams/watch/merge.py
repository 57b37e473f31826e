"""A part of a flush -> what of it is new, by its anchor."""

from typing import Any, NamedTuple

from msgspec.structs import replace

from schemas.tallies import Flush
from streams.watch.parts import less, narrowed
from streams.watch.state import Mark, Part, State


class New(NamedTuple):
    """What a flush adds.

    Attributes
    ----------
    part : since the last flush of its block
    untaken : since the last one that was also learned from or watched: the same, or the whole block so far
    block : the whole block so far
    instead : what the block had said when it was measured otherwise, to be taken back; then `part` is the whole block
    watched : whether that was watched, too
    """

    part: Part
    untaken: Part
    block: Part
    instead: Part | None = None
    watched: bool = False


def merge(state: State, flush: Flush, part: Part, sources: int) -> tuple[State, New | None]:
    """Add a part once.

    A flush says all that happened since its anchor, so what is held of the same anchor is taken off; an end that was
    seen is dropped, and an anchor at or past the last end begins a new block. So zombies, repeats and any rhythm of
    flushes change nothing.

    A block that was open when a worker ended may be read again by one that measures otherwise (another digest). Its
    longest flush wins: what it says is added, and what the block had said before is taken back.

    Only finished blocks teach, so that what is learned does not hang on when flushes were sent. What an open block said
    meanwhile is watched with the rest of it, if the baseline is there by then.

    Parameters
    ----------
    state : of the part's service
    flush : where the part comes from
    part : the service's
    sources : source partitions that a service may have

    Returns
    -------
    state
        With the mark of the source partition moved.
    new
        None if all of it is known, or if its block begins inside another (counted in `lost`: part of the log is gone,
        or two workers cut it by different rules).
    """
    source = place_of(flush.source, flush.partition, flush.topic_id)
    mark = state.marks.get(source)
    held = None if flush.final else narrowed(part)
    moved = Mark(flush.anchor, flush.end, flush.digest, held, taken=flush.final or state.baseline is not None)
    if mark is None and len(state.marks) >= sources:
        return replace(state, lost=state.lost + 1, beyond=counted(state.beyond, "sources")), None
    after = replace(state, marks=(state.marks if mark else kept_of(state.marks, source)) | {source: moved})
    if mark is None or flush.anchor >= mark.end:
        return after, New(part, part, part)
    grows = flush.anchor == mark.anchor and mark.held is not None
    if flush.end < mark.end or (flush.end == mark.end and not (grows and flush.final)):
        return state, None
    if not grows or mark.held is None:  # it begins inside another: what is held stands, and the rest is declared lost
        return replace(state, lost=state.lost + 1), None
    if flush.digest != mark.digest:
        return after, New(part, part, part, instead=mark.held, watched=mark.taken)
    since = less(part, mark.held)
    return after, New(since, since if mark.taken else part, part)


def place_of(source: str, partition: int, topic_id: str) -> str:
    """Name a source partition's log; a topic that was made again has another one.

    Examples
    --------
    >>> place_of("ai.events", 3, ""), place_of("ai.events", 3, "q83v")
    ('ai.events:3', 'ai.events:3:q83v')
    """
    return f"{source}:{partition}:{topic_id}" if topic_id else f"{source}:{partition}"


def kept_of(places: dict[str, Any], place: str) -> dict[str, Any]:
    """Keep, beside a new place, one older topic of that name and partition: a zombie may still speak of it.

    Examples
    --------
    >>> kept_of({"e:0:a": 1, "e:0:b": 2, "e:1:a": 3}, "e:0:c")
    {'e:0:b': 2, 'e:1:a': 3}
    """
    source = place.split(":")[:2]
    same = [one for one in places if one.split(":")[:2] == source and one != place]
    return {one: held for one, held in places.items() if one not in same[:-1]}


def counted(counts: dict[str, int], what: str, n: int = 1) -> dict[str, int]:
    """Count one more.

    Examples
    --------
    >>> counted({"sources": 1}, "sources"), counted({}, "cases", 3)
    ({'sources': 2}, {'cases': 3})
    """
    return {**counts, what: counts.get(what, 0) + n}

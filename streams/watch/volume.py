"""A flush -> exchanges of a service by buckets of their own time; and which of these buckets are closed.

A bucket is closed when every source partition of the service is known to have been read to its end and `late_after_s`
beyond. Those in which nothing comes are closed by what comes after them. So an open bucket is no slump, nor is our own
lag; and a service of which nothing comes any more is a matter of `streams.watch.silence`, by a rule.
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from schemas.tallies import LATE, Tick
from streams.watch.clock import bucket_of, counted_in
from streams.watch.place import exchanges
from streams.watch.plan import Plan
from streams.watch.silence import RECENT_S, lasted
from streams.watch.state import Part, State

MOST: Final = 1 << 28
"""Exchanges that a bucket counts for, at most: sums of squares must fit into 64 bits for years."""


def came(plan: Plan, state: State, partition: int, part: Part, instead: Part | None = None) -> State:
    """Count what is new of a flush.

    What comes for a bucket that is closed counts for figures only.

    Parameters
    ----------
    state : of the service; the open second is `state.second`
    partition : of the source
    part : what is new
    instead : what the same block had said when it was measured otherwise, to be taken back
    """
    held, bucket_s = state.traffic, plan.config.measure.bucket_s
    now = bucket_of(state.second, bucket_s)
    counts = _by_bucket(part, now, bucket_s)
    if not counts and instead is None:
        return state
    coming, closed = dict(held.coming), dict(held.closed)
    less = {} if instead is None else _by_bucket(instead, now, bucket_s)
    for start in sorted(counts.keys() | less.keys()):
        place = coming if start >= held.until else closed
        if place is coming or start in closed:
            place[start] = max(place.get(start, 0) + counts.get(start, 0) - less.get(start, 0), 0)
    reached = {known: at for known, at in held.reached.items() if known in state.sources}
    latest = int(part.groups[:, 0].max(initial=LATE))
    if counts and latest != LATE:
        reached[partition] = max(reached.get(partition, 0), min(latest, now))
    held = replace(held, coming=dict(sorted(coming.items())), closed=closed, reached=dict(sorted(reached.items())))
    return replace(state, traffic=held)


def _by_bucket(part: Part, now: int, bucket_s: int) -> dict[int, int]:
    """Add up the exchanges of a part by bucket."""
    found: dict[int, int] = {}
    whole = part.groups[:, 2] == 0
    for start, n in zip(part.groups[whole, 0].tolist(), exchanges(part)[whole].tolist(), strict=True):
        if n:
            at = counted_in(start, now) // bucket_s * bucket_s
            found[at] = found.get(at, 0) + n
    return found


def hear(plan: Plan, state: State, tick: Tick, second: int) -> State:
    """Note which source partitions were read to their end, where a bucket waits for them; so once a bucket, at most."""
    held, read_to = state.traffic, second - RECENT_S
    if tick.source != plan.source or not held.coming or read_to < (need := _ripe(plan, next(iter(held.coming)))):
        return state
    read = {p: read_to for p in tick.caught_up if held.reached.get(p, need) < need}
    return replace(state, traffic=replace(held, reached={**held.reached, **read})) if read else state


def _ripe(plan: Plan, start: int) -> int:
    """Say how far all must be read before a bucket is closed."""
    measure = plan.config.measure
    return start + measure.bucket_s + min(measure.late_after_s, plan.window_s)


def over(plan: Plan, state: State) -> list[int]:
    """List the open buckets that are over: their starts, ascending."""
    edge = min(state.traffic.reached.values(), default=0)
    return [start for start in state.traffic.coming if _ripe(plan, start) <= edge]


def counted(plan: Plan, state: State, ripe: list[int]) -> Iterator[tuple[int, int]]:
    """Go through buckets in their order, and through those between them in which nothing came.

    Not where that is for silence to tell, or longer than the window: then nobody knows what there was.
    """
    held, bucket_s = state.traffic, plan.config.measure.bucket_s
    until = held.until or ripe[0]
    for start in ripe:
        gap_s = start - until
        if 0 < gap_s <= plan.window_s and not lasted(plan, state, gap_s):
            for empty in range(until, start, bucket_s):
                yield empty, 0
        yield start, min(held.coming[start], MOST)
        until = start + bucket_s

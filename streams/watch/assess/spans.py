"""How far a service's sources are read -> which spans of its events' own time are over and may be judged."""

from collections.abc import Iterator

from msgspec.structs import replace

from schemas.tallies import Tick
from streams.watch.assess.arrive import ROLLUP_S
from streams.watch.assess.state import Book
from streams.watch.plan import Plan
from streams.watch.silence import RECENT_S
from streams.watch.state import State


def grain_of(plan: Plan, service: str) -> int:
    """Say how long a service's spans are, in seconds."""
    held = plan.held(service)
    return held.grain_s if held else ROLLUP_S


def hear(plan: Plan, state: State, tick: Tick, second: int) -> State:
    """Note which source partitions were read to their end, where a span waits for them; once a span, at most."""
    book, read_to = state.book, second - RECENT_S
    if tick.source != plan.source or not book.releases or read_to < (need := _ripe(plan, state, book)):
        return state
    read = {p: read_to for p in tick.caught_up if p in state.sources and book.read.get(p, 0) < need}
    return replace(state, book=replace(book, read={**book.read, **read})) if read else state


def over(plan: Plan, state: State, second: int) -> Iterator[int]:
    """Give the ends of the spans that are over, the earliest first, as long as whoever asks moves `until` on.

    A span is over when all its sources are read to its end and `late_after_s` beyond, and that long ago it is by the
    clock as well. So neither our lag nor a partition that stands still makes an empty window.

    Parameters
    ----------
    state : of the service
    second : the last one of WATCH that is over
    """
    book, grain_s = state.book, grain_of(plan, state.service)
    if not book.releases:
        return
    edge = min([second, *(book.read.get(partition, 0) for partition in state.sources)])
    wait_s = plan.config.measure.late_after_s
    end = _next(book, grain_s)
    while end + wait_s <= edge:
        yield end
        end += grain_s


def _ripe(plan: Plan, state: State, book: Book) -> int:
    return _next(book, grain_of(plan, state.service)) + plan.config.measure.late_after_s


def _next(book: Book, grain_s: int) -> int:
    """Say when the span is over that is the next to be."""
    return (book.until // grain_s + 1) * grain_s

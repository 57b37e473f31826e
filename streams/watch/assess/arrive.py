"""A service's part of a flush -> what its releases have served, in spans of their events' own time."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from schemas.signals import FAILURE_MODE, JUDGED, RATE_CELLS
from schemas.tallies import LATE, OTHER
from streams.watch.arrays import Ints
from streams.watch.assess.state import Book, Held
from streams.watch.assess.tally import EMPTY, Tally, more, more_of
from streams.watch.clock import bucket_of, counted_in
from streams.watch.measured import layout_of
from streams.watch.plan import Plan
from streams.watch.state import Part, State
from streams.watch.total import Total

ROLLUP_S: Final = 3600
UNNAMED: Final = "__none__"
"""The slice of exchanges that do not say which one they belong to."""


class _Came(NamedTuple):
    """Counts of one release in one span: cells and counts of the whole, names, and cells and counts by slice."""

    cells: list[Ints]
    counts: list[Ints]
    named: dict[tuple[str, str], int]
    slices: dict[tuple[str, str], list[tuple[Ints, Ints]]]


def came(plan: Plan, state: State, partition: int, part: Part, instead: Part | None = None) -> State:
    """Count what is new of a flush.

    What belongs to a span that is over counts in the one that is open: it is a part of what is known of the release,
    only of when it was no more than that it was not later.

    Parameters
    ----------
    state : of the service; the open second is `state.second`
    partition : of the source
    part : what is new
    instead : what the same block had said when it was measured otherwise, to be taken back
    """
    book, now = state.book, bucket_of(state.second, plan.config.measure.bucket_s)
    if part.own != book.own:
        book = _relaid(book, part)
    book = _reached(book, state, partition, part, now)
    for sign, one in ((1, part), (-1, instead)):
        if one is not None and len(one.groups) and one.own == book.own:
            book = _added(plan, state, book, one, sign, now)
    return state if book is state.book else replace(state, book=book)


def _reached(book: Book, state: State, partition: int, part: Part, now: int) -> Book:
    """Take note of how far a source partition is read, by its events' own time."""
    latest = int(part.groups[:, 0].max(initial=LATE))
    if latest == LATE:
        return book
    read = {known: at for known, at in book.read.items() if known in state.sources}
    return replace(book, read={**read, partition: max(read.get(partition, 0), min(latest, now))})


def _added(plan: Plan, state: State, book: Book, part: Part, sign: int, now: int) -> Book:
    held = plan.held(state.service)
    grain_s = held.grain_s if held else ROLLUP_S
    cut = {kpi.by for kpi in held.kpis.kpis if kpi.by} if held else set()
    layout, least = layout_of(part.own), book.until
    columns, names = layout.columns, len(part.names)
    found: dict[tuple[str, int], _Came] = {}
    slices = dict(book.slices)
    ends = np.cumsum(part.groups[:, 4]).tolist()
    for (start, release, dimension, name, size), end in zip(part.groups.tolist(), ends, strict=True):
        field = part.dimensions[dimension]
        if dimension and field not in cut:
            continue
        at = max(counted_in(start, now) // grain_s * grain_s, least)  # the rest of a span that was cut otherwise
        came = found.setdefault((part.names[release], at), _Came([], [], {}, {}))
        cells, counts = part.cells[end - size : end], part.counts[end - size : end] * sign
        fixed = int(np.searchsorted(cells, layout.fixed))
        if dimension == 0:
            came.cells.append(cells[:fixed])
            came.counts.append(counts[:fixed])
            for cell, n in zip(cells[fixed:].tolist(), counts[fixed:].tolist(), strict=True):
                column, which = divmod(cell - layout.fixed, names)
                key = columns[column], part.names[which]
                came.named[key] = came.named.get(key, 0) + n
        if field in cut and fixed:
            slices[field], place = _placed(plan, slices.get(field, ()), part.names[name])
            came.slices.setdefault((field, place), []).append((cells[:fixed], counts[:fixed]))
    releases = dict(book.releases)
    for (release, at), some in found.items():
        before = releases.get(release) or Held(release=release, first=at, last=at)
        releases[release] = _grown(before, at, some, layout.fixed)
    if not book.until and found:
        book = replace(book, until=min(at for _, at in found))
    return replace(book, slices=slices, releases=_fewest(plan, state, releases))


def _placed(plan: Plan, known: tuple[str, ...], name: str) -> tuple[tuple[str, ...], str]:
    """Give a slice a place of its own, as long as there is room; the name that is empty means the whole elsewhere."""
    name = name or UNNAMED
    if name in known:
        return known, name
    if name == OTHER or len(known) >= plan.config.releases.slices:
        return known, OTHER
    return (*known, name), name


def _grown(held: Held, at: int, came: _Came, size: int) -> Held:
    cells, counts = np.concatenate([*came.cells, []]).astype(np.int64), np.concatenate([*came.counts, []]).astype(int)
    tally = more(held.coming.get(at, EMPTY), cells, counts, size, came.named)
    for (field, name), some in sorted(came.slices.items()):
        of_slice, n = (np.concatenate(side) for side in zip(*some, strict=True))
        tally = more_of(tally, field, name, of_slice, n, size)
    return replace(
        held,
        first=min(held.first, at),
        last=max(held.last, at),
        exchanges=max(held.exchanges + int(counts[cells < RATE_CELLS].sum()), 0),
        modes=_modes(held.modes, came.named),
        coming={**held.coming, at: tally},
    )


def _modes(known: dict[str, int], named: Mapping[tuple[str, str], int]) -> dict[str, int]:
    new = [(name, n) for (column, name), n in named.items() if column in (FAILURE_MODE, JUDGED)]
    if not new:
        return known
    modes = dict(known)
    for name, n in new:
        modes[name] = modes.get(name, 0) + n
    return modes


def _fewest(plan: Plan, state: State, releases: dict[str, Held]) -> dict[str, Held]:
    """Keep no more releases than are watched: what served longest ago goes, never what is in force."""
    while len(releases) > plan.streams:
        others = [one for one in releases.values() if one.release not in (state.present, state.previous)]
        if not others:
            break
        del releases[min(others, key=lambda one: (one.last, one.release)).release]
    return releases


def _relaid(book: Book, part: Part) -> Book:
    """Begin a user's own signals anew, once others are counted; the catalogue's lie before them."""
    size = layout_of(()).fixed
    releases = {
        name: replace(
            held,
            coming=_without(held.coming, size), spans=_without(held.spans, size), hours=_without(held.hours, size),
        )
        for name, held in book.releases.items()
    }  # fmt: skip
    return replace(book, own=part.own, releases=releases)


def _without(spans: Mapping[int, Tally], size: int) -> dict[int, Tally]:
    known = set(layout_of(()).columns)
    return {
        start: Tally(
            _below(one.whole, size),
            {column: names for column, names in one.named.items() if column in known},
            {field: dict(_each(cut.items(), size)) for field, cut in one.slices.items()},
        )
        for start, one in spans.items()
    }


def _each(cut: Iterable[tuple[str, Total]], size: int) -> Iterable[tuple[str, Total]]:
    return ((name, _below(total, size)) for name, total in cut)


def _below(total: Total, size: int) -> Total:
    kept = total.cells < size
    return Total(total.cells[kept], total.counts[kept])

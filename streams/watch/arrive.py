"""A placed part -> the open second of each release, and the buckets of the events' own time."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from schemas.cells import CELLS
from schemas.signals import RATE_CELLS
from schemas.tallies import OTHER
from streams.watch.arrays import Counts, Ints
from streams.watch.clock import bucket_of, counted_in
from streams.watch.detector import Detector
from streams.watch.failing import counted_by, failed, marked_by, summed_up
from streams.watch.place import Placed
from streams.watch.plan import Plan
from streams.watch.releases import seated
from streams.watch.segments import summed
from streams.watch.state import Bucket, Part, State
from streams.watch.window import frequent, settled

Named = tuple[tuple[str, ...], int]
Tuples = dict[tuple[str, ...], int]


def arrive(
    plan: Plan, detector: Detector, state: State, part: Part, placed: Placed, instead: tuple[Part, Placed] | None = None
) -> State:
    """Take in what came of a service.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service; the open second is `state.second`
    part, placed : what is new
    instead : what the same block had said when it was measured otherwise. It is taken back from the buckets, and no
        bet sees the difference: nobody knows which of it is news
    """
    if instead is not None:
        state = _withdrawn(plan, state, *instead, detector)
    bucket_s = plan.config.measure.bucket_s
    now = bucket_of(state.second, bucket_s)
    came = [part.names[i] for i in placed.release.tolist()]
    serving = {came[group] for group in np.unique(placed.row[placed.cell < RATE_CELLS]).tolist()}
    streams, seat, beyond = seated(plan, detector, state, dict.fromkeys(came), serving)
    live = {seat[release] for release in serving}
    keys = [(seat[release], counted_in(start, now)) for release, start in zip(came, placed.start.tolist(), strict=True)]
    spots = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    spot = np.array([spots[key] for key in keys])
    kept, raw = _laid(detector, placed, spot, len(spots))
    modes, others = _by_spot(placed.modes.items(), spot), _by_spot(placed.others.items(), spot)
    marks = _by_spot(placed.marks.items(), spot)
    for (release, begins), i in spots.items():
        stream = streams[release]
        news = _News(kept[i], raw[i], modes[i], marks[i], others[i])
        bucket = _added(stream.buckets.get(begins), news, plan.config.limits.others)
        streams[release] = replace(
            stream,
            last_second=state.second if release in live else stream.last_second,
            pending=stream.pending if instead else kept[i] if stream.pending is None else stream.pending + kept[i],
            overflowed=tuple(sorted({*stream.overflowed, *placed.overflowed})),
            failing=failed(detector, stream.failing, kept[i], summed_up(modes[i]), summed_up(marks[i])),
            buckets=settled({**stream.buckets, begins: bucket}, plan.window_s, bucket_s),
        )
    return replace(state, streams=streams, beyond=beyond)


def _withdrawn(plan: Plan, state: State, part: Part, placed: Placed, detector: Detector) -> State:
    """Take back from the buckets what a part had put there, as far as it is still kept and where it was put."""
    bucket_s = plan.config.measure.bucket_s
    now = bucket_of(state.second, bucket_s)
    streams = dict(state.streams)
    for group, (release, start) in enumerate(zip(placed.release.tolist(), placed.start.tolist(), strict=True)):
        name = part.names[release] if part.names[release] in streams else OTHER
        begins = counted_in(start, now)
        if name not in streams or begins not in streams[name].buckets:
            continue
        mine = placed.row == group
        only = dataclasses.replace(placed, row=placed.row[mine], cell=placed.cell[mine], count=placed.count[mine])
        [kept], [raw] = _laid(detector, only, np.zeros(len(placed.start), np.int64), 1)
        held = streams[name].buckets[begins]
        modes: Tuples = {(mode,): -n for (which, mode), n in placed.modes.items() if which == group}
        marks: Tuples = {(column, mark): -n for (which, column, mark), n in placed.marks.items() if which == group}
        less = replace(
            held, kept=np.maximum(held.kept - kept, 0), raw=np.maximum(held.raw - raw, 0),
            modes=counted_by(held.modes, modes), marks=marked_by(held.marks, marks),
        )  # fmt: skip
        failing = failed(detector, streams[name].failing, -kept, modes, marks)
        streams[name] = replace(streams[name], buckets={**streams[name].buckets, begins: less}, failing=failing)
    return replace(state, streams=streams)


def _laid(detector: Detector, placed: Placed, spot: Ints, spots: int) -> tuple[Ints, Ints]:
    """Lay counts out: (spots, kept counters), and (spots, numbers, 235) of the whole streams."""
    group, flat, counts = placed.flat(detector.step)
    kept = summed(spot[group] * detector.kept_size + detector.fold[flat], counts, spots * detector.kept_size)
    place = detector.raw[flat]
    number = place >= 0
    of_raw = detector.numbers * CELLS
    raw = summed(spot[group[number]] * of_raw + place[number], counts[number], spots * of_raw)
    return kept.reshape(spots, -1), raw.reshape(spots, detector.numbers, CELLS)


def _by_spot(counts: Iterable[tuple[tuple[int, *tuple[str, ...]], int]], spot: Ints) -> dict[int, list[Named]]:
    found: dict[int, list[Named]] = defaultdict(list)
    for (group, *what), n in counts:
        found[int(spot[group])].append((tuple(what), n))
    return found


class _News(NamedTuple):
    """What came of a stream in a bucket."""

    kept: Counts
    raw: Counts
    modes: list[Named]
    marks: list[Named]
    others: list[Named]


def _added(held: Bucket | None, news: _News, most: int) -> Bucket:
    modes = counted_by(held.modes if held else {}, summed_up(news.modes))
    marks = marked_by(held.marks if held else {}, summed_up(news.marks))
    strange = {place: dict(names) for place, names in held.others.items()} if held else {}
    for (place, name), n in news.others:
        names = strange.setdefault(place, {})
        names[name] = names.get(name, 0) + n
    if news.others:
        strange = {place: frequent(names, most) for place, names in strange.items()}
    if held is None:
        return Bucket(news.kept, news.raw, modes, strange, marks)
    return Bucket(held.kept + news.kept, held.raw + news.raw, modes, strange, marks)

"""A block, open or finished -> the messages that tell WATCH of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from schemas.signals import ALSO, JUDGED, MARKS
from schemas.tallies import OTHER, Exemplar, Flush, Ints, encode
from schemas.topics import tallies_partition
from streams.measure.caps import beyond
from streams.measure.plan import Plan
from streams.measure.rows import Rows, Small
from streams.measure.tally import tally
from streams.measure.texts import Texts

Key = tuple[int, int, int]
"""Numbers of the texts of a service, a release and a mode, or what a failure looks like that no rule knows."""

LARGEST: Final = 512 * 1024
"""Bytes of a flush; a larger one is split by service."""

LARGEST_ONE: Final = 900 * 1024
"""Bytes of a single service's flush; a larger one is told with fewer names. `barograph.tallies` takes a megabyte."""

FEWEST_NAMES: Final = 1
"""With so few there are two releases and three slices of each dimension: 14,000 cells in a bucket, of 3 bytes. So even
numbers all over the scale, of thirteen buckets at once, fit at 25,000 a second."""


MOST_LOOKS: Final = 64
"""Names of guardrails, and looks of unknown failures, of a service and block. No bet rests on them."""


class Message(NamedTuple):
    """A record to send; `partition` is -1 where the key decides."""

    partition: int
    key: bytes
    value: bytes


class Seen(NamedTuple):
    """A failure, in the order in which exemplars are chosen: by chance, but the same chance for everybody.

    Of an outcome that says so it is the exchange's id, and where the outcome lies.
    """

    chance: int
    id: str
    offset: int
    trace: str
    row: int
    what: int


Exemplars = dict[Key, list[Seen]]
Carried = Mapping[str, set[str]]
"""Service -> paths of the evidence that some of its exchanges carry."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Which part of which log a flush speaks of."""

    partition: int
    anchor: int
    end: int
    final: bool
    topic_id: str = ""


def messages(
    plan: Plan, cover: Cover, rows: Rows, texts: Texts, failed: list[Seen], carried: Carried | None = None
) -> Iterator[Message]:
    """Tell of all services, a message for each tallies partition (several where one would be too large)."""
    rows = capped(rows, texts, plan.cap, plan.cap)
    home = np.zeros(len(texts.of), np.int64)
    services = np.flatnonzero(np.bincount(rows.service))
    exemplars = _exemplars(plan, rows, failed)
    home[services] = [tallies_partition(texts.of[number], plan.tallies_partitions) for number in services.tolist()]
    for partition in sorted(set(home[services].tolist())):
        here = services[home[services] == partition]
        yield from _of_services(plan, cover, rows, texts, (exemplars, carried or {}), partition, here, plan.cap)


def _of_services(
    plan: Plan,
    cover: Cover,
    rows: Rows,
    texts: Texts,
    beside: tuple[Exemplars, Carried],
    partition: int,
    services: Ints,
    cap: int,
) -> Iterator[Message]:
    """Tell of some services; of one that is too large by itself, with fewer names.

    Which names go is decided as for the cap itself, by the order of the log. To WATCH such a block is one that was
    measured otherwise: it may have been told of with more names while it was open.
    """
    exemplars, carried = beside
    chosen = np.zeros(len(texts.of), np.bool_)
    chosen[services] = True
    here = frozenset(services.tolist())
    named = ((key, held) for key, held in exemplars.items() if key[0] in here)
    digest = plan.digest if cap == plan.cap else f"{plan.digest}/{cap}"
    counts = tally(rows.where(chosen[rows.service]), texts.of, plan.places)
    value = encode(
        Flush(
            source=plan.source, partition=cover.partition, anchor=cover.anchor, end=cover.end, final=cover.final,
            digest=digest, bucket_s=plan.bucket_s, first_bucket=counts.first_bucket, dimensions=plan.slices,
            names=counts.names, groups=counts.groups, cells=counts.cells, counts=counts.counts, beside=counts.beside,
            exemplars=tuple(sorted(_named(named, texts, counts.names))), topic_id=cover.topic_id, own=plan.own,
            carried=tuple(
                (i, tuple(sorted(carried[name]))) for i, name in enumerate(counts.names) if name in carried
                and texts[name] in here
            ),
        )
    )  # fmt: skip
    if len(value) > LARGEST and len(services) > 1:
        by_name = np.array(sorted(services.tolist(), key=texts.of.__getitem__))
        for half in np.array_split(by_name, 2):
            yield from _of_services(plan, cover, rows, texts, beside, partition, half, cap)
    elif len(value) > LARGEST_ONE and cap > FEWEST_NAMES:
        fewer = max(cap // 2, FEWEST_NAMES)
        own = capped(rows, texts, plan.cap, fewer)
        fitting = _exemplars(plan, own, [seen for held in exemplars.values() for seen in held])
        yield from _of_services(plan, cover, own, texts, (fitting, carried), partition, services, fewer)
    else:
        yield Message(partition, f"{plan.source}:{cover.partition}:{cover.anchor}".encode(), value)


def capped(rows: Rows, texts: Texts, services: int, cap: int) -> Rows:
    """Fold into `__other__` what lies beyond a cap.

    Parameters
    ----------
    services : that are told apart
    cap : releases of a service, and names of each of its fields, that are
    """
    marks = _capped(rows.marks, rows.service, texts, cap) if rows.marks.size else rows.marks
    if len(texts.of) <= min(services, cap):
        return rows if marks is rows.marks else replace(rows, marks=marks)
    service, release, names = rows.service, rows.release, rows.names
    everything = np.zeros(len(service), np.int64)
    if (over := beyond(service, everything, services)) is not None:
        service = np.where(over, texts[OTHER], service)
    if (over := beyond(release, service, cap)) is not None:
        release = np.where(over, texts[OTHER], release)
    owner = service[rows.served]
    for row in range(len(names)):
        if (over := beyond(names[row], owner, cap)) is not None:
            names = names.copy() if names is rows.names else names
            names[row, over] = texts[OTHER]
    return replace(rows, service=service, release=release, names=names, marks=marks)


def _capped(marks: Small, service: Small, texts: Texts, cap: int) -> Small:
    """Fold the names of marks that lie beyond a cap: of modes there are few, of what failures look like no end."""
    for column, mark in enumerate(MARKS):
        mine = np.flatnonzero(marks[0] == column)
        most = cap if mark in (ALSO, JUDGED) else min(cap, MOST_LOOKS)
        if (over := beyond(marks[2, mine], service[marks[1, mine]], most)) is not None:
            marks = marks.copy()
            marks[2, mine[over]] = texts[OTHER]
    return marks


def folded(plan: Plan, rows: Rows, texts: Texts) -> Counter[str]:
    """Count the events whose name lies beyond the cap, by its field."""
    within = capped(rows, texts, plan.cap, plan.cap)
    told = {"service": (rows.service, within.service), "release": (rows.release, within.release)}
    told |= {field: (rows.names[row], within.names[row]) for row, field in enumerate(plan.named)}
    told |= {mark: (rows.marks[2, own := rows.marks[0] == i], within.marks[2, own]) for i, mark in enumerate(MARKS)}
    return Counter({field: n for field, (was, now) in told.items() if (n := int(np.count_nonzero(was != now)))})


def _named(
    exemplars: Iterable[tuple[Key, Sequence[Seen]]], texts: Texts, names: Sequence[str]
) -> Iterator[tuple[int, int, int, tuple[Exemplar, ...]]]:
    place = {name: i for i, name in enumerate(names)}
    for key, held in exemplars:
        if texts.of[key[2]] not in place:  # what it looks like lies beyond the cap
            continue
        service, release, mode = (place[texts.of[number]] for number in key)
        yield service, release, mode, tuple(Exemplar(seen.id, seen.trace, seen.offset) for seen in held)


def _exemplars(plan: Plan, rows: Rows, failed: list[Seen]) -> Exemplars:
    """Choose the exemplars of every (service, release, mode or signature), by the numbers of their capped names."""
    failed, chosen = sorted(failed), Exemplars()
    row = [seen.row for seen in failed]
    keys = zip(rows.service[row].tolist(), rows.release[row].tolist(), (seen.what for seen in failed), strict=True)
    for key, seen in zip(keys, failed, strict=True):
        if len(held := chosen.setdefault(key, [])) < plan.exemplars:
            held.append(seen)
    return chosen

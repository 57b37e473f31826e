"""A block, open or finished -> the messages that tell WATCH of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from schemas.tallies import OTHER, Exemplar, Flush, Ints, encode
from schemas.topics import tallies_partition
from streams.measure.caps import beyond
from streams.measure.plan import Plan
from streams.measure.rows import Rows
from streams.measure.tally import tally
from streams.measure.texts import Texts

Key = tuple[int, int, int]
"""Numbers of the texts of a service, a release and a mode."""

LARGEST: Final = 512 * 1024
"""Bytes of a flush; a larger one is split by service."""

LARGEST_ONE: Final = 900 * 1024
"""Bytes of a single service's flush; a larger one is told with fewer names. `barograph.tallies` takes a megabyte."""

FEWEST_NAMES: Final = 1
"""With so few there are two releases and three slices of each dimension: 14,000 cells in a bucket, of 3 bytes. So even
numbers all over the scale, of thirteen buckets at once, fit at 25,000 a second."""


class Message(NamedTuple):
    """A record to send; `partition` is -1 where the key decides."""

    partition: int
    key: bytes
    value: bytes


class Seen(NamedTuple):
    """A failed exchange, in the order in which exemplars are chosen: by chance, but the same chance for everybody."""

    chance: int
    id: str
    offset: int
    trace: str
    row: int


Exemplars = dict[Key, list[Seen]]


@dataclass(frozen=True, slots=True)
class Cover:
    """Which part of which log a flush speaks of."""

    partition: int
    anchor: int
    end: int
    final: bool
    topic_id: str = ""


def messages(plan: Plan, cover: Cover, rows: Rows, texts: Texts, failed: list[Seen]) -> Iterator[Message]:
    """Tell of all services, a message for each tallies partition (several where one would be too large)."""
    rows = capped(rows, texts, plan.cap, plan.cap)
    home = np.zeros(len(texts.of), np.int64)
    services = np.flatnonzero(np.bincount(rows.service))
    exemplars = _exemplars(plan, rows, failed)
    home[services] = [tallies_partition(texts.of[number], plan.tallies_partitions) for number in services.tolist()]
    for partition in sorted(set(home[services].tolist())):
        here = services[home[services] == partition]
        yield from _of_services(plan, cover, rows, texts, exemplars, partition, here, plan.cap)


def _of_services(
    plan: Plan, cover: Cover, rows: Rows, texts: Texts, exemplars: Exemplars, partition: int, services: Ints, cap: int
) -> Iterator[Message]:
    """Tell of some services; of one that is too large by itself, with fewer names.

    Which names go is decided as for the cap itself, by the order of the log. To WATCH such a block is one that was
    measured otherwise: it may have been told of with more names while it was open.
    """
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
        )
    )  # fmt: skip
    if len(value) > LARGEST and len(services) > 1:
        by_name = np.array(sorted(services.tolist(), key=texts.of.__getitem__))
        for half in np.array_split(by_name, 2):
            yield from _of_services(plan, cover, rows, texts, exemplars, partition, half, cap)
    elif len(value) > LARGEST_ONE and cap > FEWEST_NAMES:
        fewer = max(cap // 2, FEWEST_NAMES)
        own = capped(rows, texts, plan.cap, fewer)
        fitting = _exemplars(plan, own, [seen for held in exemplars.values() for seen in held])
        yield from _of_services(plan, cover, own, texts, fitting, partition, services, fewer)
    else:
        yield Message(partition, f"{plan.source}:{cover.partition}:{cover.anchor}".encode(), value)


def capped(rows: Rows, texts: Texts, services: int, cap: int) -> Rows:
    """Fold into `__other__` what lies beyond a cap.

    Parameters
    ----------
    services : that are told apart
    cap : releases of a service, and names of each of its fields, that are
    """
    if len(texts.of) <= min(services, cap):
        return rows
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
    return replace(rows, service=service, release=release, names=names)


def folded(plan: Plan, rows: Rows, texts: Texts) -> Counter[str]:
    """Count the events whose name lies beyond the cap, by its field."""
    within = capped(rows, texts, plan.cap, plan.cap)
    told = {"service": (rows.service, within.service), "release": (rows.release, within.release)}
    told |= {field: (rows.names[row], within.names[row]) for row, field in enumerate(plan.named)}
    return Counter({field: n for field, (was, now) in told.items() if (n := int(np.count_nonzero(was != now)))})


def _named(
    exemplars: Iterable[tuple[Key, Sequence[Seen]]], texts: Texts, names: Sequence[str]
) -> Iterator[tuple[int, int, int, tuple[Exemplar, ...]]]:
    place = {name: i for i, name in enumerate(names)}
    for key, held in exemplars:
        service, release, mode = (place[texts.of[number]] for number in key)
        yield service, release, mode, tuple(Exemplar(seen.id, seen.trace, seen.offset) for seen in held)


def _exemplars(plan: Plan, rows: Rows, failed: list[Seen]) -> Exemplars:
    """Choose the exemplars of every (service, release, mode), by the numbers of their capped names."""
    failed, served, chosen = sorted(failed), rows.served, Exemplars()
    row = [seen.row for seen in failed]
    keys = zip(
        rows.service[served][row].tolist(), rows.release[served][row].tolist(), rows.mode[row].tolist(), strict=True
    )
    for key, seen in zip(keys, failed, strict=True):
        if len(held := chosen.setdefault(key, [])) < plan.exemplars:
            held.append(seen)
    return chosen

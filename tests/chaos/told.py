"""The tallies topic -> what it counts in all, by the longest flush of each anchor; with no code of the product's."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from schemas.tallies import Flush, decode, encode
from tests.chaos.records import Topic
from tests.measure.recount import Beside, Cells, read, read_beside

Whole = Counter[tuple[object, ...]]
"""(service, bucket, release, dimension, name, signal, seen) -> events, and (service, release, kind) -> events."""


@dataclass
class Told:
    """What flushes say.

    Attributes
    ----------
    impure : places that were told of twice, in different bytes
    """

    whole: Whole = field(default_factory=Counter)
    flushes: int = 0
    impure: list[str] = field(default_factory=list)


def flat(cells: Cells, beside: Beside) -> Whole:
    """Lay cells out, one key each."""
    whole: Whole = Counter({(*key, *cell): n for key, counts in cells.items() for cell, n in counts.items()})
    whole.update(beside)
    return whole


def told(tallies: Topic) -> Told:
    """Add up the longest flush of every anchor, for each service of it."""
    found = Told()
    longest: dict[tuple[int, int], dict[str, tuple[int, int, int]]] = defaultdict(dict)
    kept: dict[tuple[int, int], Flush] = {}
    said: dict[tuple[object, ...], bytes] = {}
    for partition, at, flush in _flushes(tallies):
        found.flushes += 1
        # A block may end just where it was flushed while open; the final flush then says the same, and that it is final.
        place = (flush.partition, flush.anchor, flush.end, partition)
        if said.setdefault(place, same := encode(replace(flush, final=True))) != same:
            found.impure.append(f"{place}")
        for service in services(flush):
            known = longest[flush.partition, flush.anchor].get(service)
            if known is None or flush.end > known[0]:
                longest[flush.partition, flush.anchor][service] = (flush.end, partition, at)
        kept[partition, at] = flush
    wanted: dict[tuple[int, int], set[str]] = defaultdict(set)
    for block in longest.values():
        for service, (_, partition, at) in block.items():
            wanted[partition, at].add(service)
    for place, names in wanted.items():
        for key, n in flat(read(kept[place]), read_beside(kept[place])).items():
            if key[0] in names:
                found.whole[key] += n
    return found


def services(flush: Flush) -> Iterable[str]:
    """Name the services that a flush speaks of."""
    return {key[0] for key in read(flush)} | {key[0] for key in read_beside(flush)}


def _flushes(tallies: Topic) -> Iterator[tuple[int, int, Flush]]:
    for partition, records in enumerate(tallies):
        for record in records:
            if isinstance(fact := decode(record.value or b""), Flush):
                yield partition, record.offset, fact

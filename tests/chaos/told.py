"""The tallies topic -> what it counts in all, by the longest flush of each anchor; with no code of the product's."""

from collections import Counter
from collections.abc import Iterator
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
    flushes : how many there are, repeats and shorter ones among them
    impure : parts of the log that were told of twice, under one digest, in different bytes
    """

    whole: Whole = field(default_factory=Counter)
    flushes: int = 0
    impure: list[str] = field(default_factory=list)


def told(tallies: Topic) -> Told:
    """Add up the longest flush of every anchor in each tallies partition.

    No flush here comes near the size at which one is split by service, so there is one for each.
    """
    found = Told()
    longest: dict[tuple[str, int, int, int], Flush] = {}
    said: dict[tuple[str, int, int, int, str, int], bytes] = {}
    for partition, flush in _flushes(tallies):
        found.flushes += 1
        # A block may end just where it was flushed while open; then the two differ in being final, and in nothing else.
        same = encode(replace(flush, final=True))
        place = (flush.topic_id, flush.partition, flush.anchor, partition)
        if (
            said.setdefault((flush.topic_id, flush.partition, flush.anchor, flush.end, flush.digest, partition), same)
            != same
        ):
            found.impure.append(f"[{flush.anchor}, {flush.end}) of {flush.source}:{flush.partition}")
        known = longest.get(place)
        if known is None or flush.end > known.end:
            longest[place] = flush
    for flush in longest.values():
        found.whole.update(flat(read(flush), read_beside(flush)))
    return found


def flat(cells: Cells, beside: Beside) -> Whole:
    """Lay cells out, one key each."""
    whole: Whole = Counter({(*key, *cell): n for key, counts in cells.items() for cell, n in counts.items()})
    whole.update(beside)
    return whole


def _flushes(tallies: Topic) -> Iterator[tuple[int, Flush]]:
    for partition, records in enumerate(tallies):
        for record in records:
            if isinstance(fact := decode(record.value or b""), Flush):
                yield partition, fact

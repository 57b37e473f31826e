"""A source partition's records -> flushes for WATCH, and what to set aside."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np

from schemas.rejected import Rejected
from schemas.tallies import KINDS, LATE, Ints
from streams.measure import blocks
from streams.measure.batch import Batch, count
from streams.measure.columns import EXCHANGE, NONE_LOOKED, RESPONSE, Looked
from streams.measure.decode import Record, RecordLike, reject, unknown_fields
from streams.measure.flush import Cover, Key, Message, Seen, folded, messages
from streams.measure.pair import recall
from streams.measure.plan import Plan
from streams.measure.rows import Rows, join
from streams.measure.texts import Texts
from streams.measure.waiting import Waiting, forget

__all__ = ["Block", "Message", "Plan", "Record", "begin", "feed", "floor", "flushes", "flushing", "rejects", "remember"]

BATCH: Final = 2000
"""Records that are laid out as rows at once."""

_MANY_TEXTS: Final = 20_000
"""With more, the next block begins a new table: who never says the same name twice must not fill the memory, and every
block clears room for each."""
_timestamp: Final = attrgetter("timestamp")
floor = blocks.floor


@dataclass(frozen=True)
class Block:
    """What has been counted of one block of a source partition's log.

    A value: `feed` gives a new one. (The table of texts is shared along a partition's blocks and only grows; its
    numbers mean nothing outside.)

    Attributes
    ----------
    topic_id : of the source, where the broker can tell
    anchor, end : it covers the offsets ``[anchor, end)``
    first_ms : timestamp of its first record, None while there is none
    parts : its events as rows, a part each batch
    failed : candidates for exemplars
    carried : service -> paths of the evidence that some of its exchanges carry
    looked : events among which these were chosen
    rejected : what is set aside
    waiting : requests that are open at its end; not counted yet
    stats : for metrics only: (what, which) -> how many
    """

    source: str
    partition: int
    anchor: int
    end: int
    texts: Texts
    topic_id: str = ""
    first_ms: int | None = None
    parts: tuple[Rows, ...] = ()
    failed: Mapping[Key, tuple[Seen, ...]] = field(default_factory=dict)
    carried: Mapping[str, set[str]] = field(default_factory=dict)
    looked: Looked = NONE_LOOKED
    rejected: tuple[Rejected, ...] = ()
    waiting: Waiting = field(default_factory=Waiting)
    stats: Counter[tuple[str, str]] = field(default_factory=Counter)

    @cached_property
    def events(self) -> int:
        """How many events it holds."""
        return sum(len(part.bucket) for part in self.parts)


def begin(source: str, partition: int, anchor: int, texts: Texts | None = None, topic_id: str = "") -> Block:
    """Open the block at an anchor."""
    if texts is None or len(texts.of) > _MANY_TEXTS:
        texts = Texts()
    return Block(source, partition, anchor, anchor, texts, topic_id)


def remember(plan: Plan, block: Block, records: Sequence[RecordLike]) -> Block:
    """Read back before a block is begun: take in the requests that are open at its anchor, and count nothing.

    Parameters
    ----------
    plan : one that pairs
    block : begun, and nothing counted yet
    records : that follow in the log, all before the anchor and none further back than `plan.pairing.lookback`

    Raises
    ------
    ValueError
        If these records do not lie there: the requests of others would be others than everybody else's.
    """
    assert plan.pairing is not None
    if not records:
        return block
    first, last = records[0].offset, records[-1].offset
    if block.end > block.anchor or last >= block.anchor or first < block.anchor - plan.pairing.lookback:
        raise ValueError(
            f"records {first} to {last} are not those before {block.anchor}, where nothing of "
            f"{block.source}:{block.partition} is counted yet"
        )
    return replace(block, waiting=recall(plan.pairing, block.waiting, records, plan.max_event_bytes))


def feed(plan: Plan, block: Block, records: Sequence[RecordLike]) -> tuple[Block, list[Block]]:
    """Count the records that follow in the log.

    Parameters
    ----------
    block : the open one
    records : in order of their offsets, the first at or after ``block.end``

    Returns
    -------
    block
        The one that is open now.
    finished
        Those that these records ended, in order, each with its `end` at the next one's anchor.

    Raises
    ------
    ValueError
        If a record lies before what was counted: its count would be taken twice.
    """
    finished: list[Block] = []
    n = len(records)
    offsets, stamps = _offsets(records), np.fromiter(map(_timestamp, records), np.int64, n)
    if n and offsets[0] < block.end:
        raise ValueError(f"record {offsets[0]} of {block.source}:{block.partition} was counted up to {block.end}")
    at = 0
    while at < n:
        first = int(stamps[at]) if block.first_ms is None else block.first_ms
        stop = at + blocks.ends(block.anchor, first, offsets[at:], stamps[at:])
        if stop > at:
            block = _counted(plan, replace(block, first_ms=first), records[at:stop], offsets[at:stop], stamps[at:stop])
        if stop < n:
            anchor = blocks.next_anchor(block.anchor, int(offsets[stop]))
            finished.append(replace(block, end=anchor))
            block = _next(plan, block, anchor)
        at = stop
    return block, finished


def _next(plan: Plan, block: Block, anchor: int) -> Block:
    """Open the next block; of the open requests, those go with it that lie near enough."""
    opened = begin(block.source, block.partition, anchor, block.texts, block.topic_id)
    if plan.pairing is None:
        return opened
    waiting, forgotten = forget(block.waiting, anchor - plan.pairing.lookback)
    stats = Counter({("requests", "too_far"): forgotten}) if forgotten else Counter[tuple[str, str]]()
    return replace(opened, waiting=waiting, stats=stats)


def flushes(plan: Plan, block: Block, final: bool) -> list[Message]:
    """Tell WATCH of every service of the block, cumulative from its anchor; `final` if the block is finished."""
    return list(flushing(plan, block, final))


def flushing(plan: Plan, block: Block, final: bool) -> Iterator[Message]:
    """Do what `flushes` does, a message at a time: each of a full block is some ten milliseconds of counting."""
    if block.parts:
        cover = Cover(block.partition, block.anchor, block.end, final, block.topic_id)
        failed = [seen for held in block.failed.values() for seen in held]
        yield from messages(plan, cover, join(block.parts), block.texts, failed, block.carried)


def overflow(plan: Plan, block: Block) -> Counter[str]:
    """Count the events of a block that are told as `__other__` since names of their field went beyond the cap."""
    return folded(plan, join(block.parts), block.texts) if block.parts else Counter()


def rejects(block: Block) -> list[Message]:
    """Set aside what was no event, each under the key of its position: told twice, it is the same record."""
    return [Message(-1, one.key(), msgspec.json.encode(one)) for one in block.rejected]


def _offsets(records: Sequence[RecordLike]) -> Ints:
    """Read the offsets; where the log has no gaps, which is nearly everywhere, the first and the last tell the rest."""
    if records and (first := records[0].offset) + len(records) - 1 == (last := records[-1].offset):
        return np.arange(first, last + 1)
    return np.array([record.offset for record in records], np.int64)


def _counted(plan: Plan, block: Block, records: Sequence[RecordLike], offsets: Ints, stamps: Ints) -> Block:
    parts, failed, rejected, stats = list(block.parts), dict(block.failed), list(block.rejected), block.stats.copy()
    events, waiting, looked, carried = block.events, block.waiting, block.looked, dict(block.carried)
    for begins in range(0, len(records), BATCH):
        these = slice(begins, begins + BATCH)
        batch = count(plan, block.texts, records[these], offsets[these], stamps[these], events, waiting, looked)
        waiting, looked = batch.waiting, batch.looked
        for service, paths in batch.carried.items():
            carried[service] = carried.get(service, set()) | paths
        for key, seen in batch.failed:
            _choose(plan, failed, key, seen)
        for fault in batch.faults:
            rejected.append(reject(block.source, block.partition, records[begins + fault.place], fault))
            stats["rejected", fault.reason] += 1
        for name, n in batch.mistyped.items():
            stats["mistyped", name] += n
        if len(batch.rows.bucket):
            parts.append(batch.rows)
            for number, n in zip(*np.unique(batch.rows.mode, return_counts=True), strict=True):
                if number:
                    stats["failed", block.texts.of[number]] += int(n)
            events += len(batch.rows.bucket)
            _count_kinds(plan, batch, stats)
    # A block's first record stands for all: a field that nobody reads is a matter of seconds to find, not of exact
    # counts. What was set aside is not looked at again: it may be as deep or as large as it likes.
    if block.end == block.anchor and (not rejected or rejected[0].offset != records[0].offset):
        for name in unknown_fields(records[0].value or b""):
            stats["unknown_field", name[:64]] += 1
    return replace(
        block, end=int(offsets[-1]) + 1, parts=tuple(parts), failed=failed, rejected=tuple(rejected),
        carried=carried, looked=looked, waiting=waiting, stats=stats,
    )  # fmt: skip


def _count_kinds(plan: Plan, batch: Batch, stats: Counter[tuple[str, str]]) -> None:
    """Count events by the type that they were sent as, and what became of the halves."""
    kinds = Counter(dict(enumerate(np.bincount(batch.rows.kind).tolist())))
    stats["late", ""] += int(np.count_nonzero(batch.rows.bucket == LATE))
    if plan.pairing is not None:
        if alone := kinds[RESPONSE]:
            stats["unpaired", ""] += alone
        for what, n in batch.became.items():
            stats["requests", what] += n
        kinds[RESPONSE] += batch.became["answered"]
        kinds[EXCHANGE] -= batch.became["answered"] + batch.became["no_response"]
    for kind, n in kinds.items():
        stats["events", "exchange" if kind == EXCHANGE else KINDS[kind - 1]] += n


def _choose(plan: Plan, failed: dict[Key, tuple[Seen, ...]], key: Key, seen: Seen) -> None:
    """Keep, of each service, release and mode, no more failed exchanges than could become exemplars."""
    held = failed.get(key, ())
    if len(held) < plan.exemplars or (held and seen < held[-1]):
        failed[key] = tuple(sorted((*held, seen))[: plan.exemplars])

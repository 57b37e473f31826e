"""Some records that follow in the log -> rows, failed exchanges, and what is no event."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np

from schemas.tallies import LATE, Ints
from streams.measure.columns import EXCHANGE, Columns
from streams.measure.decode import CHUNK, Fault, RecordLike, decode
from streams.measure.flush import Key, Seen
from streams.measure.pair import Pairs
from streams.measure.plan import Plan
from streams.measure.rows import Mask, Rows, rows
from streams.measure.texts import Texts
from streams.measure.times import when
from streams.measure.waiting import Waiting


class Batch(NamedTuple):
    """What some records hold.

    Attributes
    ----------
    rows : their events, and the requests that they gave up
    failed : exchanges that failed, the `row` of each among the block's served ones
    faults : why the other records are no events; `place` counts within the records
    waiting : the requests that are open behind them
    became : what became of requests -> how many
    mistyped : a user's signal -> values of another type
    """

    rows: Rows
    failed: list[tuple[Key, Seen]]
    faults: list[Fault]
    waiting: Waiting
    became: Counter[str]
    mistyped: Counter[str]


def count(
    plan: Plan, texts: Texts, records: Sequence[RecordLike], offsets: Ints, stamps: Ints, served: int, waiting: Waiting
) -> Batch:
    """Decode, pair, classify and lay out as rows.

    Parameters
    ----------
    texts : grows by the names that it has not seen
    records : a thousand or so
    offsets, stamps : (n,) theirs
    served : how many exchanges of the block were served before
    waiting : the requests that were open before
    """
    columns, faults = Columns(plan.readers, plan.failures, texts), list[Fault]()
    pairs = Pairs(plan.pairing, waiting, int(stamps.max())) if plan.pairing else None
    for begins in range(0, len(records), CHUNK):
        these = slice(begins, begins + CHUNK)
        events, wrong = decode(records[these], plan.max_event_bytes)
        if pairs:
            events = pairs.pair(events, wrong, offsets[these], stamps[these])
        columns.add(events)
        del events  # nothing holds a text of theirs: the next chunk is decoded into their memory, which is still close
        faults += [fault._replace(place=begins + fault.place) for fault in wrong]
    place = np.arange(len(records))
    if faults:
        place = np.delete(place, [fault.place for fault in faults])
        offsets, stamps = offsets[place], stamps[place]
    if pairs:
        offsets, stamps, place = _with_given_up(pairs, offsets, stamps, place)
        for row in pairs.whole:
            columns.kind[row] = EXCHANGE
    arrived = stamps // 1000
    said, bad = when(columns.at, arrived)
    # A time ahead of the record's own is not known to be true; and a day of such buckets would fill a flush.
    bucket = np.where(arrived - said > plan.late_after_s, LATE, np.minimum(said, arrived) // plan.bucket_s)
    found = rows(columns, bucket, plan.units, texts)
    keep = np.ones(len(said), np.bool_)
    if bad:
        faults = sorted(faults + [fault._replace(place=int(place[i])) for i, fault in bad.items()])
        keep[list(bad)] = False
    failed = _failed(columns, found, offsets, texts, keep, served) if columns.failed else []
    return Batch(
        found.where(keep) if bad else found, failed, faults, pairs.waiting() if pairs else waiting,
        pairs.became if pairs else Counter(), Counter(columns.mistyped),
    )  # fmt: skip


def _with_given_up(pairs: Pairs, offsets: Ints, stamps: Ints, place: Ints) -> tuple[Ints, Ints, Ints]:
    """Give each request that was given up a row: it lies where it was asked, and arrives when it is given up."""
    if not pairs.given_up:
        return offsets, stamps, place
    row, offset, stamp = np.array(pairs.given_up).T
    where = row - np.arange(len(row))  # `insert` counts by the rows before
    return np.insert(offsets, where, offset), np.insert(stamps, where, stamp), np.insert(place, where, -1)


def _failed(
    columns: Columns, found: Rows, offsets: Ints, texts: Texts, keep: Mask, before: int
) -> list[tuple[Key, Seen]]:
    """Say of each failed exchange that is kept what an exemplar needs."""
    kept = keep[served := np.flatnonzero(found.served)]
    place = np.array([one.place for one in columns.failed])
    where = zip(
        columns.failed, kept[place].tolist(), offsets[served[place]].tolist(),
        (before + np.cumsum(kept)[place] - 1).tolist(), strict=True,
    )  # fmt: skip
    return [
        (
            (texts[one.service], texts[one.release], texts[one.mode]),
            Seen(crc32(one.id.encode()), one.id, offset, one.trace or "", row),
        )
        for one, good, offset, row in where
        if good
    ]

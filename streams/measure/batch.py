"""Some records that follow in the log -> rows, failed exchanges, and what is no event."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np

from schemas.tallies import LATE, Ints
from streams.measure.columns import EXCHANGE, NONE_LOOKED, Columns, Failed, Looked
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
    failed : exchanges that failed, and outcomes that say so, the `row` of each among the events of the block
    faults : why the other records are no events; `place` counts within the records
    carried : service -> paths of the evidence that some of them carry
    looked : events among which these were chosen
    waiting : the requests that are open behind them
    became : what became of requests -> how many
    mistyped : a user's signal -> values of another type
    """

    rows: Rows
    failed: list[tuple[Key, Seen]]
    carried: dict[str, set[str]]
    looked: Looked
    faults: list[Fault]
    waiting: Waiting
    became: Counter[str]
    mistyped: Counter[str]


def count(
    plan: Plan,
    texts: Texts,
    records: Sequence[RecordLike],
    offsets: Ints,
    stamps: Ints,
    before: int,
    waiting: Waiting,
    looked: Looked = NONE_LOOKED,
) -> Batch:
    """Decode, pair, classify and lay out as rows.

    Parameters
    ----------
    texts : grows by the names that it has not seen
    records : a thousand or so
    offsets, stamps : (n,) theirs
    before : how many events the block had before
    waiting : the requests that were open before
    looked : those of the block that were looked at for evidence, those of which the time cannot be read among them
    """
    columns, faults = Columns(plan.readers, plan.classifier, plan.mask, texts, looked), list[Fault]()
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
    found = rows(columns, bucket, plan.units, texts, plan.above)
    keep = np.ones(len(said), np.bool_)
    if bad:
        faults = sorted(faults + [fault._replace(place=int(place[i])) for i, fault in bad.items()])
        keep[list(bad)] = False
    failed = _failed(columns.failed, np.flatnonzero(found.served), offsets, texts, keep, before)
    failed += _failed(columns.wrong, np.flatnonzero(found.outcome), offsets, texts, keep, before)
    return Batch(
        found.where(keep) if bad else found, failed, columns.carried,
        Looked(looked.served + columns.served, looked.outcomes + columns.outcomes), faults,
        pairs.waiting() if pairs else waiting, pairs.became if pairs else Counter(), Counter(columns.mistyped),
    )  # fmt: skip


def _with_given_up(pairs: Pairs, offsets: Ints, stamps: Ints, place: Ints) -> tuple[Ints, Ints, Ints]:
    """Give each request that was given up a row: it lies where it was asked, and arrives when it is given up."""
    if not pairs.given_up:
        return offsets, stamps, place
    row, offset, stamp = np.array(pairs.given_up).T
    where = row - np.arange(len(row))  # `insert` counts by the rows before
    return np.insert(offsets, where, offset), np.insert(stamps, where, stamp), np.insert(place, where, -1)


def _failed(
    failed: Sequence[Failed], events: Ints, offsets: Ints, texts: Texts, keep: Mask, before: int
) -> list[tuple[Key, Seen]]:
    """Say of each failure that is kept what an exemplar needs.

    Parameters
    ----------
    events : which of all events those are among which `failed` counts
    """
    if not failed:
        return []
    where = events[[one.place for one in failed]]
    row = before + np.cumsum(keep)[where] - 1
    place = zip(failed, keep[where].tolist(), offsets[where].tolist(), row.tolist(), strict=True)
    return [
        (
            (texts[one.service], texts[one.release], what),
            Seen(crc32(one.id.encode()), one.id, offset, one.trace or "", at, what),
        )
        for one, good, offset, at in place
        if good
        for what in (texts[one.mode], texts[one.signature])
        if what
    ]

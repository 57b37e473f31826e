"""Some records that follow in the log -> rows, failed exchanges, and what is no event."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from schemas.tallies import LATE, Ints
from streams.measure.columns import Columns
from streams.measure.decode import Fault, RecordLike, decode
from streams.measure.flush import Key, Seen
from streams.measure.plan import Plan
from streams.measure.rows import Mask, Rows, rows
from streams.measure.texts import Texts
from streams.measure.times import BadTime, second, seconds

CHUNK: Final = 200
"""Events decoded before their fields are read. With all their texts they fill 200 kB, which a processor keeps close;
five hundred cost a fifth more (docs/benchmarks.md)."""

DAY_S: Final = 86_400


class Batch(NamedTuple):
    """What some records hold.

    Attributes
    ----------
    rows : their events
    failed : exchanges that failed, the `row` of each among the block's served ones
    faults : why the other records are no events; `place` counts within the records
    """

    rows: Rows
    failed: list[tuple[Key, Seen]]
    faults: list[Fault]


def count(plan: Plan, texts: Texts, records: Sequence[RecordLike], offsets: Ints, stamps: Ints, served: int) -> Batch:
    """Decode, classify and lay out as rows.

    Parameters
    ----------
    texts : grows by the names that it has not seen
    records : a thousand or so
    offsets, stamps : (n,) theirs
    served : how many exchanges of the block were served before
    """
    columns, faults = Columns(plan.readers, plan.failures, texts), list[Fault]()
    for begins in range(0, len(records), CHUNK):
        events, wrong = decode(records[begins : begins + CHUNK], plan.max_event_bytes)
        columns.add(events)
        del events  # so that the next chunk is decoded into the memory of this one, which is still close
        faults += [fault._replace(place=begins + fault.place) for fault in wrong]
    if faults:
        good = np.delete(np.arange(len(records)), [fault.place for fault in faults])
        offsets, stamps = offsets[good], stamps[good]
    arrived = stamps // 1000
    said, bad = _seconds(columns.at)
    for i in np.flatnonzero(said > arrived + DAY_S).tolist():
        bad[i] = Fault(0, "future", "$.at", f"{columns.at[i]} is more than a day after the record itself")
    bucket = np.where(arrived - said > plan.late_after_s, LATE, said // plan.bucket_s)
    found = rows(columns, bucket, texts)
    keep = np.ones(len(said), np.bool_)
    if bad:
        place = good if faults else np.arange(len(said))
        faults = sorted(faults + [fault._replace(place=int(place[i])) for i, fault in bad.items()])
        keep[list(bad)] = False
    failed = _failed(columns, found, offsets, texts, keep, served) if columns.failed else []
    return Batch(found.where(keep) if bad else found, failed, faults)


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
            (texts[one.service], texts[one.release], texts[mode]),
            Seen(crc32(one.id.encode()), one.id, offset, one.trace or "", row),
        )
        for (_, mode, one), good, offset, row in where
        if good
    ]


def _seconds(times: Sequence[str | int]) -> tuple[Ints, dict[int, Fault]]:
    """Read times: all at once where they look alike, else one by one."""
    if times and (found := seconds(times)) is not None:
        return found, {}
    found, bad = np.zeros(len(times), np.int64), dict[int, Fault]()
    for i, at in enumerate(times):
        try:
            found[i] = second(at)
        except BadTime as wrong:
            bad[i] = Fault(0, "bad_time", "$.at", str(wrong))
    return found, bad

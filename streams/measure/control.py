"""Records of `ai.control` -> facts for WATCH, each for the partition of its service, and what is no fact."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from schemas.control import Control, Maintain
from schemas.moments import written
from schemas.tallies import Passed, encode
from schemas.topics import tallies_partition
from streams.measure.decode import Fault, RecordLike, fault, reject
from streams.measure.flush import Message
from streams.measure.letters import Times
from streams.measure.times import BadTime, second, when

LARGEST: Final = 64 << 10
"""Bytes of a fact; a note of that length is no note."""
LONGEST_S: Final = 366 * 86_400
"""A maintenance that lasts longer is a slip of the pen."""

_decode: Final = msgspec.json.Decoder(Control).decode


class Word(NamedTuple):
    """What becomes of one record: the role of the topic that it goes to, and the message."""

    role: str
    message: Message


def words(
    source: str, partition: int, topic_id: str, tallies_partitions: int, records: Sequence[RecordLike]
) -> list[Word]:
    """Pass facts on, with their place in the log, by which WATCH knows them again.

    Parameters
    ----------
    source, partition, topic_id : where the records lie
    tallies_partitions : of `barograph.tallies`
    records : in order of their offsets

    Examples
    --------
    >>> from streams.measure.decode import Record
    >>> said = b'{"type": "rebaseline", "service": "bot", "at": 7, "by": "ana"}'
    >>> [word.role for word in words("ai.control", 0, "", 4, [Record(0, 7, said), Record(1, 7, b"?")])]
    ['tallies', 'rejected']
    """
    return [_word(source, partition, topic_id, tallies_partitions, record) for record in records]


def _word(source: str, partition: int, topic_id: str, tallies_partitions: int, record: RecordLike) -> Word:
    said = _read(record)
    if isinstance(said, Fault):
        aside = reject(source, partition, record, said)
        return Word("rejected", Message(-1, aside.key(), msgspec.json.encode(aside)))
    passed = Passed(
        source=source, partition=partition, offset=record.offset, timestamp=record.timestamp, said=said,
        topic_id=topic_id,
    )  # fmt: skip
    key = f"{source}:{partition}:{record.offset}".encode()
    return Word("tallies", Message(tallies_partition(said.service, tallies_partitions), key, encode(passed)))


def _read(record: RecordLike) -> Control | Fault:
    if record.value is not None and len(record.value) > LARGEST:
        return Fault(0, "too_large", "$", f"{len(record.value)} bytes; a control fact has at most {LARGEST}")
    try:
        said: Control = _decode(record.value)  # type: ignore[arg-type]  # None raises TypeError
    except RecursionError:
        return Fault(0, "too_deep", "$", "nested deeper than any control fact")
    except (msgspec.MsgspecError, ValueError, TypeError) as wrong:
        return fault(0, record.value, wrong)
    _, untimely = when(Times([said.at]), np.array([record.timestamp // 1000]))
    if not untimely and isinstance(said, Maintain):
        return _lasting(said, record.timestamp // 1000)
    return untimely.get(0, said)


def _lasting(said: Maintain, now: int) -> Control | Fault:
    """Refuse a maintenance of which nobody can tell when it is over, or that never would be."""
    try:
        until = second(said.until)
    except BadTime as wrong:
        return Fault(0, "bad_time", "$.until", str(wrong))
    if until > now + LONGEST_S:
        latest = written((now + LONGEST_S) * 1000)
        return Fault(
            0, "future", "$.until", f"{said.until} is more than a year after the record: {latest} at the latest"
        )
    return said

"""Records of one owned partition of events -> what is to be told of it next."""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from aiokafka import TopicPartition

from streams.measure.decode import RecordLike
from streams.measure.stage import Block, Message, Plan, begin, feed, flushing, rejects, remember
from streams.shell.exits import Doubt
from streams.watch.pieces import Pieces

Said = tuple[str, Message]
"""A message, and the role of its topic."""

PORTION_BYTES: Final = 2 << 20
"""Counted at once: more than two thousand usual events, and no more than two of the dearest."""


def portions(records: Sequence[RecordLike]) -> Iterator[Sequence[RecordLike]]:
    """Cut the records of a poll where counting them at once would keep everything else waiting for too long.

    Examples
    --------
    >>> from streams.measure.decode import Record
    >>> poll = [Record(offset, 0, bytes(size << 20)) for offset, size in enumerate((1, 0, 1, 5, 0))]
    >>> [[record.offset for record in some] for some in portions(poll)]
    [[0, 1, 2], [3], [4]]
    """
    begin = held = 0
    for i, record in enumerate(records):
        size = len(record.value or b"")
        if held + size > PORTION_BYTES and i > begin:
            yield records[begin:i]
            begin, held = i, 0
        held += size
    yield records[begin:] if begin else records


class Reading:
    """What MEASURE holds of a partition: the open block, and finished ones that WATCH has not been told of.

    Parameters
    ----------
    anchor : offset of its first block
    topic_id : of the topic, where the broker can tell
    now : seconds of any clock that only goes forward
    back : the records from here to the anchor are read for the requests that they leave open, and not counted

    Attributes
    ----------
    block : the open one
    read : offset up to which the partition was read
    finished : in order; the first is told next, and nothing of another one before the broker has all of it
    """

    def __init__(
        self, plan: Plan, tp: TopicPartition, anchor: int, now: float, topic_id: str = "", back: int | None = None
    ) -> None:
        self.tp = tp
        self.read = anchor if back is None else back
        self.block = begin(tp.topic, tp.partition, anchor, topic_id=topic_id)
        self.finished: deque[Block] = deque()
        self._plan = plan
        self._told = anchor  # end of what WATCH was told of the open block
        self._told_rejects = 0
        self._since = now  # when the open block got its first record, or was last told of

    def count(self, records: Sequence[RecordLike], now: float) -> Counter[tuple[str, str]]:
        """Count the records that follow.

        Returns
        -------
        Counter
            What these records added to the statistics.

        Raises
        ------
        Doubt
            If the log goes back: it was cut or made again under our feet.
        """
        if records[0].offset < self.read:
            raise Doubt(
                f"the log of {self.tp.topic}:{self.tp.partition} went back from {self.read} to {records[0].offset}"
            )
        self.read = records[-1].offset + 1
        if records[0].offset < self.block.anchor:
            here = bisect_left(records, self.block.anchor, key=attrgetter("offset"))
            self.block, records = remember(self._plan, self.block, records[:here]), records[here:]
        if not records:
            return Counter()
        before = self.block
        self.block, finished = feed(self._plan, before, records)
        self.finished.extend(finished)
        if self.block.anchor != before.anchor:
            self._told, self._told_rejects = self.block.anchor, 0
        if self.block.anchor != before.anchor or before.end == before.anchor:
            self._since = now
        added = Counter[tuple[str, str]]()
        for block in (*finished, self.block):
            added.update(block.stats)
        added.subtract(before.stats)
        return added

    def due(self, now: float, after_s: float) -> bool:
        """Say whether the open block has waited so long, and grown, that WATCH should hear of it before it ends."""
        return not self.finished and self.block.end > self._told and now - self._since >= after_s

    def final(self) -> Pieces[list[Said]]:
        """Say all of the first finished block."""
        return self._said(self.finished[0], True, 0)

    def so_far(self, now: float) -> Pieces[list[Said]]:
        """Say what the open block holds by now, and remember that it was said."""
        block, told = self.block, self._told_rejects
        self._told, self._told_rejects, self._since = block.end, len(block.rejected), now
        return self._said(block, False, told)

    def _said(self, block: Block, final: bool, told: int) -> Pieces[list[Said]]:
        said: list[Said] = []
        for message in flushing(self._plan, block, final):
            said.append(("tallies", message))
            yield
        return said + [("rejected", message) for message in rejects(block)[told:]]

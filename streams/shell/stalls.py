"""How far each partition got, look by look -> the one that stands still although there is something to read."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from aiokafka import TopicPartition

EVERY_S: Final = 1.0
"""Between two looks."""


class Progress(NamedTuple):
    """What a stage says of one of its partitions.

    Attributes
    ----------
    stage : "measure", "watch" or "gather"
    read : offset that is read next; None while the state is not restored
    done : any number that changes with whatever is done, restoring included
    held : whether the stage waits for the broker to take what it said
    """

    stage: str
    tp: TopicPartition
    read: int | None
    done: int
    held: bool

    def lag(self, end: int) -> int:
        """Count the records that it has yet to read; without a state, all of them."""
        return max(end - (self.read or 0), 0)


class Stalls:
    """Finds partitions of which nothing is read although there is something to read.

    A partition that is held back for the broker does not stall: what is said then is that nothing can be delivered.
    A rebalance ends all waiting, since a partition that is not ours is not looked at. And what counts is time in which
    somebody looked: a process that was frozen, or a machine that slept, finds its partitions as it left them.

    Parameters
    ----------
    after_s : how long a partition may stand still

    Examples
    --------
    >>> stalls, tp = Stalls(3), TopicPartition("ai.events", 0)
    >>> def look(at: float, read: int, end: int) -> Progress | None:
    ...     return stalls.look(at, [(Progress("measure", tp, read, read, False), end)])
    >>> [look(0, 5, 9), look(1, 5, 9), look(2, 6, 9), look(3, 6, 9), look(4, 6, 9), look(5, 6, 9)][-1].read
    6
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._stood: dict[TopicPartition, tuple[int, float]] = {}  # -> what was done, and for how long nothing is
        self._last: float | None = None

    def look(self, now: float, looks: Iterable[tuple[Progress, int]]) -> Progress | None:
        """Take note of every owned partition, with the end of its log; one that stalls, if any does.

        Parameters
        ----------
        now : seconds of a clock that only goes forward
        """
        passed = 0.0 if self._last is None else min(now - self._last, 2 * EVERY_S)
        self._last = now
        stood, stalled = {}, None
        for one, end in looks:
            done, still_s = self._stood.get(one.tp, (one.done, 0.0))
            waits = one.done == done and one.lag(end) > 0 and not one.held
            stood[one.tp] = one.done, still_s + passed if waits else 0.0
            if stood[one.tp][1] >= self._after_s:
                stalled = stalled or one
        self._stood = stood
        return stalled

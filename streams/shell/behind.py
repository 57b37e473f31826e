"""Where a log ended, second by second, and how far it is read -> how many seconds behind the reader is."""

from collections import deque
from typing import Final

MOST: Final = 512
"""Looks that are remembered; beyond, every other one is, from then on, so that a long lag is told more coarsely."""


class Behind:
    """How far a reader is behind the end of one partition.

    A reader is as many seconds behind as have passed since the log first ended beyond what is read by now. That takes
    nobody's timestamps: producers may write old ones. What was unread when the first look was taken is older than that;
    until it is read, the reader is behind without a bound.

    Examples
    --------
    >>> behind = Behind()
    >>> [behind.look(0.0, read=10, end=10), behind.look(1.0, read=10, end=20), behind.look(5.0, read=10, end=60)]
    [0.0, 0.0, 4.0]
    >>> [behind.look(6.0, read=30, end=70), behind.look(7.0, read=70, end=70)]
    [1.0, 0.0]
    """

    def __init__(self) -> None:
        self._ends: deque[tuple[float, int]] = deque()
        self._apart = 0.0
        self._first_end: int | None = None
        self.old = False
        """Whether something is unread that was there at the first look."""

    def look(self, now: float, read: int, end: int) -> float:
        """Take note of one look at the partition, and say how many seconds behind the reader is, at least.

        Parameters
        ----------
        now : seconds of a clock that only goes forward
        read : offset that is read next
        end : of the log
        """
        if self._first_end is None:
            self._first_end = end
        self.old = read < self._first_end
        if not self._ends or (end > self._ends[-1][1] and now - self._ends[-1][0] >= self._apart):
            self._ends.append((now, end))
        while self._ends and self._ends[0][1] <= read:
            self._ends.popleft()
        if len(self._ends) > MOST:
            self._ends = deque(list(self._ends)[::2])
            self._apart = (self._ends[-1][0] - self._ends[0][0]) / len(self._ends)
        if not self._ends:
            self._apart = 0.0
        return now - self._ends[0][0] if self._ends else 0.0

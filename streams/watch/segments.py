"""Signals and slices -> where the counters of each lie: all of a service's side by side, in one row."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.signals import Signal
from streams.watch.arrays import Counts, Ints

Whole = TypeVar("Whole", bound=np.integer)


class Segment(NamedTuple):
    """The counters of one signal.

    Attributes
    ----------
    width : counters in a slice
    slices : all of them, or 1: the whole stream
    begin, step : those of slice s begin at ``begin + s * step``
    """

    signal: Signal
    width: int
    slices: int
    begin: int
    step: int

    def at(self, s: int) -> slice:
        """Say where the counters of a slice lie."""
        begin = self.begin + s * self.step
        return slice(begin, begin + self.width)

    def of(self, counts: NDArray[Whole]) -> NDArray[Whole]:
        """Take the signal's counters out of a row: (slices, width)."""
        taken: NDArray[Whole] = counts[self.begin + np.arange(self.slices)[:, None] * self.step + np.arange(self.width)]
        return taken

    def put(self, counts: NDArray[Whole], taken: Counts) -> None:
        """Put (slices, width) counters into a row, in place."""
        counts[self.begin + np.arange(self.slices)[:, None] * self.step + np.arange(self.width)] = taken


class Row(NamedTuple):
    """A service's counters.

    What is counted in each slice comes first, slice by slice, the whole stream as the first of them; what is counted of
    the whole only follows. So a counter of the whole lies `step` before that of the first slice, if there is one.

    Attributes
    ----------
    segments : one a signal
    step : counters of a slice
    size : of the row
    """

    segments: tuple[Segment, ...]
    step: int
    size: int

    @property
    def whole(self) -> Ints:
        """Say where the counters of the whole stream lie, signal by signal."""
        return whole_of(self.segments)


def lay(widths: Sequence[tuple[Signal, int]], slices: int) -> Row:
    """Lay out signals of so many counters, each cut by so many slices or not at all.

    Examples
    --------
    >>> from schemas.signals import BY_NAME
    >>> row = lay([(BY_NAME["failed"], 3), (BY_NAME["accepted"], 3), (BY_NAME["refused"], 3)], slices=10)
    >>> row.size, [(one.begin, one.slices) for one in row.segments]
    (63, [(0, 10), (60, 1), (3, 10)])
    """
    step = sum(width for signal, width in widths if signal.cut)
    of_slice, of_whole, segments = 0, slices * step, []
    for signal, width in widths:
        if signal.cut:
            segments.append(Segment(signal, width, slices, of_slice, step))
            of_slice += width
        else:
            segments.append(Segment(signal, width, 1, of_whole, 0))
            of_whole += width
    return Row(tuple(segments), step, of_whole)


def whole_of(segments: Sequence[Segment]) -> Ints:
    """Say where the counters of the whole stream lie, signal by signal."""
    return np.concatenate([np.arange(one.begin, one.begin + one.width) for one in segments])


def summed(places: Counts, counts: Counts, size: int) -> Ints:
    """Lay counts out in a row of so many counters; what has one place is added up."""
    return np.bincount(places, counts, minlength=size).astype(np.int64)

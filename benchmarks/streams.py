"""Streams that change at a known event -> when a table of bets finds that out.

What the benchmarks of delay share; river's detectors stand in `benchmarks.others`. A *stream* is R repetitions of T
events, the change at the same event in each of them; a detector that alarms begins anew, and what it says before the
change is a false alarm.
"""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Counts, Floats, Indices
from detectors.bets.table import Bets
from detectors.esr import advance, fired

Cells = NDArray[np.uint8]
PER: Final = 10_000
"""False alarms are told of so many events."""


class Runs(NamedTuple):
    """What a detector did with R repetitions.

    Attributes
    ----------
    false : (R,) alarms before the change
    events : how many events without a change it saw, over all repetitions
    delay : (R,) events from the change to the first alarm; infinite where none came
    bet : (R,) the bet that had won most by then; -1 where there is none
    """

    false: Counts
    events: int
    delay: Floats
    bet: Indices

    @property
    def rate(self) -> float:
        """False alarms an event."""
        return float(self.false.sum()) / max(self.events, 1)

    @property
    def median(self) -> float:
        """Events until half of the repetitions had their alarm."""
        return float(np.median(self.delay))

    @property
    def missed(self) -> int:
        """Repetitions whose change was never found."""
        return int(np.isinf(self.delay).sum())


def tally(cells: Cells, width: int) -> Counts:
    """Count the events of each repetition by cell.

    Examples
    --------
    >>> tally(np.array([[0, 0, 2], [1, 1, 1]], np.uint8), 3).tolist()
    [[2, 0, 1], [0, 3, 0]]
    """
    rows = np.arange(len(cells))[:, None] * width
    return np.bincount((rows + cells).ravel(), minlength=len(cells) * width).reshape(len(cells), width)


def draw(shares: Floats, repetitions: int, events: int, chance: np.random.Generator) -> Cells:
    """Draw cells, (R, T)."""
    edges = np.cumsum(shares) / shares.sum()
    drawn = np.searchsorted(edges, chance.random((repetitions, events), np.float32), side="right")
    return np.asarray(np.minimum(drawn, np.flatnonzero(shares)[-1]), np.uint8)


def watch(bets: Bets, cells: Cells, change: int, block: int, false_per_event: float) -> Runs:
    """Let the bets of each repetition see its events, block by block, until all have found the change.

    Parameters
    ----------
    bets : of R slices: each repetition has a baseline of its own
    cells : (R, T), T a multiple of `block`
    change : the first event that is different, a multiple of `block`; T if nothing changes
    block : events
    false_per_event : the budget of each repetition
    """
    repetitions, length = cells.shape
    if change % block or length % block:
        raise ValueError(f"{change} and {length} events are not cut by blocks of {block}")
    # A block of one event is a row of the table that is read; this alone makes runs of millions possible.
    rows_of = np.ascontiguousarray(bets.matrix().swapaxes(1, 2))
    width, rows = rows_of.shape[1], np.arange(repetitions)
    evidence = np.zeros((repetitions, len(bets.weights)), np.float32)
    budget = np.full(repetitions, false_per_event * block)
    false = np.zeros(repetitions, np.int64)
    delay, bet = np.full(repetitions, np.inf), np.full(repetitions, -1)
    for begins in range(0, length, block):
        part = cells[:, begins : begins + block]
        growth = rows_of[rows, part[:, 0]] if block == 1 else bets.growth(tally(part, width))
        evidence = advance(evidence, growth, bets.weights, budget)
        if not (hit := fired(evidence)).any():
            continue
        if begins < change:
            false += hit
        else:
            first = hit & np.isinf(delay)
            delay[first], bet[first] = begins + block - change, evidence[first].argmax(axis=1)
        evidence[hit] = 0.0
        if begins >= change and np.isfinite(delay).all():
            break
    return Runs(false, repetitions * min(change, length), delay, bet)


def finite(delay: float | None) -> float | None:
    """Write a delay as JSON can hold it: null where the change is never found.

    Examples
    --------
    >>> finite(20.0), finite(math.inf)
    (20.0, None)
    """
    return delay if delay is not None and math.isfinite(delay) else None


def folder(given: Path, holds: str, found: Sequence[object]) -> None:
    """End the program, saying so, where the data is not there.

    Parameters
    ----------
    given : the folder
    holds : what must be in it
    found : what is
    """
    if not given.is_dir():
        sys.exit(f"{given} is no folder: name one that holds {holds}")
    if not found:
        sys.exit(f"{given} holds none of what this needs: {holds}")

"""The same streams -> when river's detectors find the change, at any setting, and at a rate of false alarms."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks.streams import Runs
from detectors.arrays import Floats


class Detector(Protocol):
    """What river's drift detectors have in common."""

    @property
    def drift_detected(self) -> bool:
        """Whether the last value made it alarm."""

    def update(self, x: Any) -> Any:
        """See a value."""


Make = Callable[[], Detector]


class AnyOf:
    """Several detectors that watch a value each: any of them alarms for all."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = detectors
        self.drift_detected = False

    def update(self, x: Sequence[float]) -> None:
        """See one event's values."""
        self.drift_detected = False
        for detector, value in zip(self.detectors, x, strict=True):
            detector.update(value)
            self.drift_detected |= detector.drift_detected


def river(make: Make, before: Floats, afters: Sequence[Floats] = (), learned: int = 0) -> list[Runs]:
    """Let one of river's detectors see each repetition, event by event, until it finds each of some changes.

    Parameters
    ----------
    make : a detector
    before : (R, T) values, or (R, T, K) for K detectors of which any alarms
    afters : what may come next, as wide; a detector that has seen `before` is copied for each of them
    learned : so many events at the beginning are its history; alarms among them do not count, as no table of bets
        is asked there

    Returns
    -------
    list of Runs
        One for each of `afters`; one that found nothing if there is none.
    """
    repetitions, length = before.shape[:2]
    several = before.shape[2] if before.ndim == 3 else 1
    false = np.zeros(repetitions, np.int64)
    delays = np.full((max(len(afters), 1), repetitions), np.inf)
    for i in range(repetitions):
        detector = make() if several == 1 else AnyOf(tuple(make() for _ in range(several)))
        for n, value in enumerate(before[i].tolist()):
            detector.update(value)
            false[i] += detector.drift_detected and n >= learned
        for nth, after in enumerate(afters):
            delays[nth, i] = _until(copy.deepcopy(detector), after[i].tolist())
    none, events = np.full(repetitions, -1), repetitions * (length - learned)
    return [Runs(false, events, delay, none) for delay in delays]


def _until(detector: Detector, stream: Sequence[float]) -> float:
    for n, value in enumerate(stream, 1):
        detector.update(value)
        if detector.drift_detected:
            return n
    return math.inf


def adwin(delta: float = 0.002, clock: int = 32) -> Make:
    """Make ADWINs; as river ships them, they look every 32 events only."""
    return lambda: ADWIN(delta=delta, clock=clock)  # type: ignore[no-untyped-call]  # river's own


def page_hinkley(threshold: float = 50.0) -> Make:
    """Make Page-Hinkley tests, of both directions."""
    return lambda: PageHinkley(threshold=threshold)


def kswin(alpha: float = 0.005) -> Make:
    """Make KSWINs, which draw from their windows with a seed of their own."""
    return lambda: KSWIN(alpha=alpha, seed=1)


def match(rate_at: Callable[[float], float], target: float, quiet: float, loud: float, steps: int) -> float:
    """Find the most sensitive setting whose measured rate of false alarms is no more than a target.

    Bisects on a log scale. A rate that is measured on a finite stream is a staircase, and its steps are what the
    stream can tell apart; of two settings on one step it is the more sensitive one that is sought.

    Parameters
    ----------
    rate_at : measures the rate of a setting, rising from `quiet` to `loud`
    quiet, loud : settings, above zero, between which the answer is sought; `quiet` is returned if even that is too loud

    Examples
    --------
    >>> round(match(lambda delta: delta / 2, 0.01, 1e-6, 1.0, 30), 4)
    0.02
    """
    low, high = math.log(quiet), math.log(loud)
    if rate_at(loud) <= target:
        return loud
    for _ in range(steps):
        middle = (low + high) / 2
        if rate_at(math.exp(middle)) <= target:
            low = middle
        else:
            high = middle
    return math.exp(low)

"""A config -> the baseline of a service that was not seen yet, to tell beforehand what its monitors will find."""

import math
from collections.abc import Collection
from typing import Final

import numpy as np

from schemas.cells import CELLS, EDGES
from schemas.signals import NO, YES, Signal
from streams.watch.alphabet import tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Alphabet, Baseline
from streams.watch.plan import Plan

_MEDIAN: Final = 1000.0
_WITHIN: Final = 3.0
"""Numbers are log-normal, nine of ten within three times a median of a thousand: milliseconds of an answer, say. Ranks
know no unit, so it fits other numbers as well."""


def usual(plan: Plan, service: str, bad: float, signals: Collection[str]) -> Baseline:
    """Make the baseline of a service where some signals are observed in every exchange, and no others at all.

    Parameters
    ----------
    plan : how many exchanges are learned from, and of how many names
    service : whose
    bad : share of the bad answer of every rate; of yes where none is bad
    signals : by name

    Returns
    -------
    Baseline
        Without slices: what they get of the budget is the plan's business. Names are as frequent as the first is, the
        second half of that, the third a third.
    """
    watch = plan.config.watch
    # The first half of what is learned gives the names, and the second the counts.
    n = max(plan.baseline_events(service) // 2, 1)
    names = tuple(f"name {i + 1}" for i in range(watch.names_per_signal))
    categories = tuple(names for signal in plan.known if signal.kind == "category")
    alphabet = Alphabet((), (), categories, watch.names_per_signal, plan.own)
    row = tally_row(alphabet)
    tally = np.zeros(row.size, np.int64)
    for segment in row.segments:
        if segment.signal.name in signals:
            tally[segment.at(0)] = _cells(segment.signal, n, bad, segment.width)
        else:
            tally[segment.at(0)][-1] = n
    return Baseline(1, alphabet, n, tally, {}, (), 0, 1)


def _cells(signal: Signal, n: int, bad: float, width: int) -> Ints:
    counts = np.zeros(width, np.int64)
    match signal.kind:
        case "rate":
            some = round(n * bad)
            counts[NO], counts[YES] = (some, n - some) if signal.bad == "down" else (n - some, some)
        case "number":
            counts += _log_normal(n)
        case "category":
            frequency = 1 / np.arange(1, width - 2)
            counts[: width - 3] = np.rint(n * frequency / frequency.sum())
        case "calibration":
            pass  # it needs no baseline
    return counts


def _log_normal(n: int) -> Ints:
    sigma = math.log(_WITHIN) / 1.645
    below = np.array([0.5 * (1 + math.erf(math.log(edge / _MEDIAN) / sigma / math.sqrt(2))) for edge in EDGES])
    counts = np.zeros(CELLS, np.int64)
    counts[1 : len(EDGES)] = np.rint(n * np.diff(below))
    return counts

"""A baseline -> the signals of which it says nothing, or too little, and why: these are not healthy, but not seen."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from schemas.signals import Signal
from streams.watch.alphabet import tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.once import once
from streams.watch.segments import Segment

NEEDED: Final = 100
"""Observations of the whole stream. With fewer and the usual budget, the baseline allows a share that it never saw to
come to a seventh: ``1 - 2e-7 ** (1 / 100)``. Such a signal is watched, but nothing short of a collapse is found."""

NOT_OBSERVED: Final = "not observed"
TOO_FEW: Final = "too few"
CONSTANT: Final = "constant"
NOT_LEARNED: Final = (NOT_OBSERVED, TOO_FEW, CONSTANT)
"""Why a signal could not be learned, as each reason begins."""


def unlearned(baseline: Baseline) -> dict[str, str]:
    """Say which signals could not be learned, and why.

    Parameters
    ----------
    baseline : of a service

    Returns
    -------
    dict of str to str
        Signal -> ``not observed``; ``too few (n of m needed)``; or ``constant``: all values of a number lie in one
        cell, so that any other value at all is outside of what was known.
    """
    found = {}
    for segment in tally_row(baseline.alphabet).segments:
        if why := _why(segment, baseline.tally[segment.at(0)]):
            found[segment.signal.name] = why
    return found


@once
def reasons(baseline: Baseline, watched: tuple[Signal, ...]) -> Mapping[str, int]:
    """Count the watched signals that could not be learned: by each of `NOT_LEARNED`.

    A baseline stays as it is, so a worker may ask this of all its services as often as it likes.
    """
    names = {signal.name for signal in watched}
    said = [why for name, why in unlearned(baseline).items() if name in names]
    return Counter(next(why for why in NOT_LEARNED if one.startswith(why)) for one in said)


def _why(segment: Segment, counts: Ints) -> str:
    observed = counts[:-1]  # the last cell of every kind is that of what was missing
    n = int(observed.sum())
    if n == 0:
        return NOT_OBSERVED
    if segment.signal.kind == "calibration":
        return ""  # it needs no baseline
    if n < NEEDED:
        return f"{TOO_FEW} ({n} of {NEEDED} needed)"
    return CONSTANT if segment.signal.kind == "number" and np.count_nonzero(observed) == 1 else ""

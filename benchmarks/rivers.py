"""Events of one signal, one after the other -> how often other detectors alarm on them, at their defaults."""

from collections.abc import Mapping
from typing import Final

from benchmarks.nulls import Floats
from benchmarks.others import Make, adwin, kswin, page_hinkley, river

DUMMY_EVERY: Final = 100_000

DETECTORS: Final[Mapping[str, Make]] = {"ADWIN": adwin(), "PageHinkley": page_hinkley(), "KSWIN": kswin()}
"""River's, as it ships them."""

SLOW: Final[Mapping[str, int]] = {"KSWIN": 20}
"""Detectors that see only so small a part of the events, for each of theirs costs a thousand of the others'."""


def alarms(name: str, values: Floats) -> int:
    """Count alarms; a detector starts afresh after each, as river's do by themselves.

    Examples
    --------
    >>> import numpy as np
    >>> alarms("ADWIN", np.repeat([0.0, 1.0], 500)), alarms("ADWIN", np.zeros(1000))
    (1, 0)
    """
    [runs] = river(DETECTORS[name], values[None])
    return int(runs.false.sum())


def part(name: str, values: Floats) -> Floats:
    """Take what a detector can see in the time there is."""
    return values[: len(values) // SLOW.get(name, 1)]

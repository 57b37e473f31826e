"""Events of one signal, one after the other -> how often other detectors alarm on them, at their defaults."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from river import drift

from benchmarks.nulls import Floats

DUMMY_EVERY: Final = 100_000

DETECTORS: Final[Mapping[str, Callable[[], Any]]] = {
    "ADWIN": drift.ADWIN,
    "PageHinkley": drift.PageHinkley,
    "KSWIN": lambda: drift.KSWIN(seed=1),
}
"""River's, as it ships them; the seed of KSWIN only says which of its draws are made."""

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
    detector, found = DETECTORS[name](), 0
    for value in values.tolist():
        detector.update(value)
        found += detector.drift_detected
    return found


def part(name: str, values: Floats) -> Floats:
    """Take what a detector can see in the time there is."""
    return values[: len(values) // SLOW.get(name, 1)]

"""Every table of bets there is, found by import, and baselines to make them of."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Final

import numpy as np

import detectors.bets
from detectors.arrays import Counts, Floats
from detectors.bets.table import Bets

Table = Callable[[Counts, Floats], Bets]

TABLES: Final[dict[str, Table]] = {
    module.name: importlib.import_module(f"detectors.bets.{module.name}").table
    for module in pkgutil.iter_modules(detectors.bets.__path__)
    if hasattr(importlib.import_module(f"detectors.bets.{module.name}"), "table")
}


def number(values: Floats, missing: int = 0) -> Counts:
    """Tally cells, given as floats around the middle of the scale."""
    counts = np.bincount(np.clip(np.round(values), 0, 233).astype(np.int64), minlength=235)
    counts[234] = missing
    return counts


def _numbers() -> Counts:
    rng = np.random.default_rng(20261123)
    wide = np.zeros(235, np.int64)
    wide[:] = 40
    return np.stack([
        number(rng.normal(120, 12, 3000), missing=60),
        number(np.full(2000, 100.0)),  # one value only
        np.concatenate([np.zeros(234, np.int64), [500]]),  # never observed
        number(np.array([0.0, 233.0])),  # both ends of the scale, and nearly nothing learned
        number(rng.choice([40.0, 48.0, 56.0], 5000, p=[0.7, 0.25, 0.05])),  # few values, as counts of tools have
        wide,
        number(np.repeat(np.arange(100.0, 110.0), 100)),  # cuts that fall on edges
        10_000 * number(np.full(1000, 60.0)),  # spread is known to be next to nothing
    ])  # fmt: skip


# A new kind of signal is one file in detectors/bets and one line here.
BASELINES: Final[dict[str, Counts]] = {
    "rate": np.array([[960, 40, 0], [40, 1960, 100], [0, 3000, 0], [3000, 0, 0], [0, 0, 50], [1, 1, 1]]),
    "number": _numbers(),
    "category": np.array([
        [500, 300, 100, 60, 40, 0, 0],
        [2000, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 70],
        [1, 0, 0, 0, 0, 0, 0],
        [7000, 2000, 700, 200, 99, 1, 300],
        [0, 0, 0, 0, 0, 900, 0],
    ]),
}  # fmt: skip

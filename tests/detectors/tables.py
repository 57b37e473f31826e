"""Every table of bets there is, and baselines to make them of."""

from collections.abc import Callable
from typing import Final

import numpy as np

from detectors.arrays import Counts, Floats
from detectors.bets import calibration, category, number, rate
from detectors.bets.table import Bets

Table = Callable[[Counts, Floats], Bets]
TOLERANCE: Final = 0.02

# A new kind of signal is one file in detectors/bets, one line here and one in BASELINES.
TABLES: Final[dict[str, Table]] = {
    "rate": rate.table,
    "number": number.table,
    "category": category.table,
    "calibration": calibration.learned,
    "calibrated": lambda counts, level: calibration.table(len(counts), TOLERANCE),
}
LEARNED: Final = tuple(sorted(set(TABLES) - {"calibrated"}))
"""The tables that are made of a baseline. Who is calibrated says so beforehand."""


def tally(values: Floats, missing: int = 0) -> Counts:
    """Tally cells, given as floats around the middle of the scale."""
    counts = np.bincount(np.clip(np.round(values), 0, 233).astype(np.int64), minlength=235)
    counts[234] = missing
    return counts


def calibrated(events: int) -> Counts:
    """Tally a service that says each confidence as often, and is right as often as the middle of the band."""
    share = (np.arange(20) + 0.5) / 20
    right = np.round(events / 20 * share).astype(np.int64)
    return np.append(np.stack([events // 20 - right, right], axis=1).ravel(), events // 10)


def _numbers() -> Counts:
    rng = np.random.default_rng(20261123)
    wide = np.zeros(235, np.int64)
    wide[:] = 40
    return np.stack([
        tally(rng.normal(120, 12, 3000), missing=60),
        tally(np.full(2000, 100.0)),  # one value only
        np.concatenate([np.zeros(234, np.int64), [500]]),  # never observed
        tally(np.array([0.0, 233.0])),  # both ends of the scale, and nearly nothing learned
        tally(rng.choice([40.0, 48.0, 56.0], 5000, p=[0.7, 0.25, 0.05])),  # few values, as counts of tools have
        wide,
        tally(np.repeat(np.arange(100.0, 110.0), 100)),  # cuts that fall on edges
        10_000 * tally(np.full(1000, 60.0)),  # spread is known to be next to nothing
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
    "calibration": np.stack([
        calibrated(4000),
        np.eye(41, dtype=np.int64)[37] * 700 + np.eye(41, dtype=np.int64)[36] * 300,  # says 0.9, holds 0.7
        np.eye(41, dtype=np.int64)[39] * 2000,  # always sure, and always right
        np.eye(41, dtype=np.int64)[0] * 2000,  # never sure, and never right
        np.eye(41, dtype=np.int64)[40] * 50,  # never observed
        np.ones(41, np.int64),
    ]),
    "calibrated": np.stack([calibrated(400), calibrated(4000), 0 * calibrated(400)]),
}  # fmt: skip

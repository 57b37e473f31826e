"""Every detector there is, with what the contract asks it: an observation at a time, before a change and after it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from detectors import delay
from detectors.arrays import Counts, Floats
from detectors.bets import traffic
from detectors.limits.traffic import Traffic, fit
from tests.detectors.tables import TABLES, TOLERANCE, Table

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Monitors:
    """S monitors of one detector that have their limits.

    block : (n, S) observations -> what the detector takes for them
    growth : such a block -> (S, J) nats
    foretold : budget of an observation -> observations until the change is found, by `detectors.delay`
    """

    weights: Floats
    block: Callable[[Counts], Counts]
    growth: Callable[[Counts], Floats]
    foretold: Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Detector:
    """What the contract needs to know of a detector.

    watch : (n, S) observations of a baseline, level of each monitor -> monitors
    before, after : rng, (n, S) -> observations
    learns : observations of a baseline; none if it needs none
    unknown : block -> one with a cell (or a size) that the detector does not know; and the words that refuse it
    """

    name: str
    watch: Callable[[Counts, float], Monitors]
    before: Callable[[Rng, tuple[int, int]], Counts]
    after: Callable[[Rng, tuple[int, int]], Counts]
    learns: int
    unknown: Callable[[Counts], Counts]
    refusal: str


def tallied(name: str, before: Floats, after: Floats, learns: int = 2000) -> Detector:
    """Make a detector of a table of bets on cells; an observation is the cell of an event."""
    table: Table = TABLES[name]
    cells = len(before)

    def block(observations: Counts) -> Counts:
        slot = np.arange(observations.shape[1]) * cells + observations
        return np.bincount(slot.ravel(), minlength=observations.shape[1] * cells).reshape(-1, cells)

    def watch(baseline: Counts, level: float) -> Monitors:
        bets = table(block(baseline), np.full(baseline.shape[1], level))
        return Monitors(bets.weights, block, bets.growth, lambda budget: delay.events(bets, 0, after, budget))

    return Detector(
        name=name,
        watch=watch,
        before=lambda rng, shape: rng.choice(cells, shape, p=before),
        after=lambda rng, shape: rng.choice(cells, shape, p=after),
        learns=learns,
        unknown=lambda counts: np.concatenate([counts, counts[:, :1]], axis=1),
        refusal="the table is for",
    )


def counted(name: str, before: float, after: float, size: float, learns: int = 2000) -> Detector:
    """Make a detector of traffic; an observation is the count of a bucket."""

    def watch(baseline: Counts, level: float) -> Monitors:
        fits = [fit(baseline[:, s], level) for s in range(baseline.shape[1])]
        lo, hi, least = (np.array(limits) for limits in zip(*fits, strict=True))
        return Monitors(
            weights=traffic.WEIGHTS,
            block=lambda observations: observations,
            growth=lambda counts: np.asarray(traffic.log_wealth(counts, lo, hi, least).sum(axis=0), np.float64),
            foretold=lambda budget: delay.buckets(Traffic(lo[0], hi[0], least[0]), after, budget),
        )

    return Detector(
        name=name,
        watch=watch,
        before=lambda rng, shape: rng.negative_binomial(size, size / (size + before), shape),
        after=lambda rng, shape: rng.negative_binomial(size, size / (size + after), shape),
        learns=learns,
        unknown=lambda counts: counts + 2**30,
        refusal="exactly",
    )


def _of_cells(chance: Floats, missing: float = 0.02) -> Floats:
    return np.append((1 - missing) * chance / chance.sum(), missing)


def _right(said: Floats, right: Floats) -> Floats:
    """Chance of each band, wrong and right, and of 5 % missing."""
    return _of_cells(np.stack([said * (1 - right), said * right], axis=1).ravel(), 0.05)


_CELL: Final = np.arange(234)
_SAID: Final = np.append(np.full(18, 0.01), np.full(2, 0.41))
_LEAST: Final = np.maximum(np.arange(20) / 20 - TOLERANCE, 0)
"""How seldom a calibrated service may be right, as far as its bands and the tolerance tell."""

# A new detector is one file in detectors/bets, and one line here.
DETECTORS: Final = (
    tallied("rate", np.array([0.93, 0.05, 0.02]), np.array([0.28, 0.70, 0.02])),
    tallied("number", _of_cells(stats.norm.pdf(_CELL, 120, 8)), _of_cells(stats.norm.pdf(_CELL, 144, 8))),
    tallied("category", np.array([0.5, 0.3, 0.1, 0.08, 0.0, 0.02]), np.array([0.1, 0.1, 0.1, 0.1, 0.58, 0.02])),
    tallied("calibration", _right(_SAID, _LEAST), _right(_SAID, np.maximum(_LEAST - 0.6, 0)), learns=5000),
    tallied("calibrated", _right(_SAID, _LEAST), _right(_SAID, np.maximum(_LEAST - 0.6, 0)), learns=0),
    counted("surge", 20.0, 80.0, size=10.0),
    counted("slump", 20.0, 4.0, size=10.0),
    counted("silence", 20.0, 0.0, size=10.0),
)  # fmt: skip

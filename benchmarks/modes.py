"""A process of failures -> how often intervals hold what is true of it, and how often traffic passes for change.

The arithmetic alone, without WATCH: `detectors.describe` on samples that are drawn from shares that are known.
"""

import math
from collections.abc import Callable, Mapping
from itertools import product
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from detectors.arrays import Counts, Floats
from detectors.describe.estimate import Estimate
from detectors.describe.hill import hill
from detectors.describe.rarefaction import rarefied

PROCESSES: Final[Mapping[str, Floats]] = MappingProxyType({
    name: np.asarray(weights, np.float64) / np.sum(weights)
    for name, weights in {
        "12 geometric": 0.5 ** np.arange(12),
        "20 geometric, slower": 0.8 ** np.arange(20),
        "5 alike": np.ones(5),
        "one of 87 %, 4 others": np.array([26, 1, 1, 1, 1]),
        "one of 97 %, 3 others": np.array([97, 1, 1, 1]),
        "40 Zipf": 1 / np.arange(1, 41),
    }.items()
})  # fmt: skip
"""Shares of the modes."""
SIZES: Final = (20, 30, 100, 300, 1_000, 10_000)
"""Failures of a sample."""
BEFORE: Final = (30, 300, 3_000)
AFTER: Final = (10, 30, 100, 1_000, 10_000)
"""Failures of the samples that are compared."""
GATE: Final = 0.999
"""The level at which they are."""
LEAST_HELD: Final = 0.93
MOST_HELD: Final = 0.97
"""What is asked of an interval of 95 %."""
REFERENCE: Final = 30
"""Failures that richness is rarefied to, or as many as there are, if they are fewer."""


class Figure(NamedTuple):
    """A figure of diversity, and what it is of a process."""

    name: str
    estimate: Callable[[Counts, float], Estimate]
    truth: Callable[[Floats, int], float]


def _rarefied(x: Counts, level: float) -> Estimate:
    return rarefied(x, min(int(x.sum()), REFERENCE), level)


FIGURES: Final = (
    Figure("order 1", lambda x, level: hill(x, 1, level), lambda p, _: float(np.exp(-(p * np.log(p)).sum()))),
    Figure("order 2", lambda x, level: hill(x, 2, level), lambda p, _: float(1 / (p**2).sum())),
    Figure("rarefied", _rarefied, lambda p, n: float((1 - (1 - p) ** min(n, REFERENCE)).sum())),
)


class Held(NamedTuple):
    """How often an interval of 95 % held the truth."""

    process: str
    failures: int
    figure: str
    held: float
    repetitions: int

    @property
    def ok(self) -> bool:
        """Whether that is 93 % and more, but for what repetitions scatter (three standard deviations)."""
        return self.held >= LEAST_HELD - 3 * math.sqrt(LEAST_HELD * (1 - LEAST_HELD) / self.repetitions)


def coverage(process: str, repetitions: int) -> list[Held]:
    """Draw samples of each size, and ask the interval of each figure."""
    shares, rows = PROCESSES[process], []
    for n, figure in product(SIZES, FIGURES):
        chance = np.random.default_rng([n, len(process)])
        rows.append(
            Held(process, n, figure.name, held(figure, shares, n, repetitions, chance) / repetitions, repetitions)
        )
    return rows


def held(figure: Figure, shares: Floats, n: int, repetitions: int, chance: np.random.Generator) -> int:
    """Count the samples of `n` failures whose interval of 95 % holds what is true of the process."""
    truth, found = figure.truth(shares, n), 0
    for sample in chance.multinomial(n, shares, repetitions):
        _, low, high = figure.estimate(sample, 0.95)
        found += low <= truth * (1 + 1e-9) and truth <= high * (1 + 1e-9)
    return found


class Opened(NamedTuple):
    """How often a gate opened, in percent of all pairs of a sample before and one after."""

    effective: float
    rarefied: float


class Gate(NamedTuple):
    """How often the gates opened: with nothing changed, and with every mode become two."""

    process: str
    before: int
    after: int
    false: Opened
    found: Opened


def gates(process: str, repetitions: int) -> list[Gate]:
    """Draw samples from before and after, and compare each with each."""
    shares, chance, rows = PROCESSES[process], np.random.default_rng(len(process)), []
    for before, after in product(BEFORE, AFTER):
        first = chance.multinomial(before, shares, repetitions)
        same = chance.multinomial(after, shares, repetitions)
        more = chance.multinomial(after, doubled(shares), repetitions)
        rows.append(Gate(process, before, after, opened(first, same, GATE), opened(first, more, GATE)))
    return rows


def opened(before: Counts, after: Counts, level: float) -> Opened:
    """Compare every sample before with every one after, as `detectors.describe.diversified` does with one of each.

    Parameters
    ----------
    before, after : int64 (R, C)
        Samples, each of as many failures.
    """
    size = int(min(before[0].sum(), after[0].sum()))
    effective = [hill(x, 1, level).high for x in before], [hill(x, 1, level).low for x in after]
    modes = [rarefied(x, size, level).high for x in before], [rarefied(x, size, level).low for x in after]
    return Opened(*(100 * float(np.less.outer(*ends).mean()) for ends in (effective, modes)))


def doubled(shares: Floats) -> Floats:
    """Make two modes of each: every effective number is doubled.

    Examples
    --------
    >>> doubled(np.array([0.75, 0.25])).tolist()
    [0.375, 0.375, 0.125, 0.125]
    """
    return np.repeat(shares / 2, 2)

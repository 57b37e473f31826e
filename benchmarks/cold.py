"""What ADWIN adds before a baseline is there: changes told while the service is still being learned.

``python -m benchmarks.cold [--services 100] [--seed 7] [--json]``, a minute and a half, no broker

Until its baseline is complete (20,000 events, the default) a service is not watched, and a change that comes meanwhile
is learned as normal. `detectors.cold` looks at the means of blocks of 80 events by then. Services are simulated: a
rate of 5 %, one of 50 %, and a lognormal latency, by its place on the scale of cells. In each the change comes at a
moment that is as likely as any other, from the tenth block to the end of the baseline. Twice as many services in
which nothing changes say how often ADWIN is wrong; and two more kinds, where it is often, and why it must never page: a
day's season, and sessions whose events resemble each other.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from benchmarks.bounds import TOLD, Bound, tell
from detectors.arrays import Floats, Means
from detectors.cold import advance
from detectors.limits.clopper_pearson import limits
from schemas.cells import OVER, cells

BASELINE: Final = 20_000
BLOCK: Final = 80
BLOCKS: Final = BASELINE // BLOCK
FIRST: Final = 10
"""The first block that a change may come with: before it there is nothing to compare with."""
SIGNALS: Final = {"rate of 5 %": 0.05, "rate of 50 %": 0.5, "latency of 1 s": 1000.0}
FACTORS: Final = {"rate of 5 %": (1.5, 2.0, 4.0), "rate of 50 %": (1.2, 1.5, 1.9), "latency of 1 s": (1.2, 1.5, 2.0)}
SPREAD: Final = 0.6
"""Of the logarithm of a latency."""
MOST_FALSE: Final = 0.02
"""Signals of services in which nothing changes, of which a change is told; to 99 %."""
CLEAR_TOLD: Final = 0.8
"""Changes by the largest factor that are told before the baseline is complete. Some come with its last blocks."""


class Case(NamedTuple):
    """What became of one kind of change.

    Attributes
    ----------
    told : services of which it was told after it came
    early : of which one was told before anything had changed
    delays : events from the change until it was told
    """

    signal: str
    factor: float
    services: int
    told: int
    early: int
    delays: list[int]


def means(rng: np.random.Generator, signal: str, factors: Floats) -> Floats:
    """Simulate the mean of each block, in which what the signal is usually was multiplied by a factor.

    Examples
    --------
    >>> means(np.random.default_rng(1), "rate of 5 %", np.ones(3)).tolist()
    [0.05, 0.0875, 0.025]
    """
    usual = SIGNALS[signal]
    if usual < 1:
        return np.asarray(rng.binomial(BLOCK, usual * factors) / BLOCK)
    values = usual * factors[:, None] * np.exp(rng.normal(0, SPREAD, (len(factors), BLOCK)))
    return np.asarray(cells(values).astype(np.float64).mean(axis=1) / OVER)


def season(rng: np.random.Generator) -> Floats:
    """Simulate a rate that goes up and down by 60 % within the day in which it is learned."""
    return means(rng, "rate of 5 %", 1 + 0.6 * np.sin(2 * np.pi * np.arange(BLOCKS) / BLOCKS))


def sessions(rng: np.random.Generator) -> Floats:
    """Simulate twenty sessions at a time, of six events on average, each with a rate of its own.

    Events of one correlate by 0.3, so that their variance inflation is 1 + 0.3 (2 x 6 - 2) = 4.
    """
    a, b, at_a_time = 0.05 * (1 / 0.3 - 1), 0.95 * (1 / 0.3 - 1), 20
    rate, found = rng.beta(a, b, at_a_time), np.zeros(BLOCKS)
    for block in np.repeat(np.arange(BLOCKS), BLOCK // at_a_time):
        found[block] += (rng.random(at_a_time) < rate).sum() / BLOCK
        over = rng.random(at_a_time) < 1 / 6
        rate[over] = rng.beta(a, b, int(over.sum()))
    return found


OTHERS: Final = {"a season of 60 % within the day": season, "sessions, variance inflation 4": sessions}


def told(of_blocks: Floats) -> list[int]:
    """Say with which blocks a change was told."""
    inputs: Means = np.zeros(0, np.float32)
    found = []
    for block, mean in enumerate(of_blocks.tolist()):
        inputs, changed = advance(inputs, mean)
        if changed:
            found.append(block)
    return found


def unchanged(rng: np.random.Generator, source: Callable[[np.random.Generator], Floats], services: int) -> int:
    """Count the services of which a change is told though there is none."""
    return sum(bool(told(source(rng))) for _ in range(services))


def changed(rng: np.random.Generator, signal: str, factor: float, services: int) -> Case:
    """Let a signal change somewhere in each of so many services."""
    delays, early = [], 0
    for _ in range(services):
        at = int(rng.integers(FIRST, BLOCKS))
        found = told(means(rng, signal, np.where(np.arange(BLOCKS) < at, 1.0, factor)))
        early += any(block < at for block in found)
        delays += [(block - at + 1) * BLOCK for block in found if block >= at][:1]
    return Case(signal, factor, services, len(delays), early, delays)


def bounds(false: int, quiet: int, wrong: Mapping[str, int], each: int, cases: Sequence[Case]) -> list[Bound]:
    """Lay out what was seen, beside what is promised.

    Examples
    --------
    >>> row = bounds(0, 600, {}, 100, [Case("rate of 5 %", 4.0, 100, 80, 0, [400])])
    >>> row[0].seen, row[0].met, row[1].met
    ('0 of 600', True, True)
    """
    most = float(limits(false, quiet, 0.01)[1])
    rows = [
        Bound(
            "nothing changes: signals told",
            f"below {MOST_FALSE:.0%}, to 99 %",
            f"{false} of {quiet}",
            most < MOST_FALSE,
        )
    ]
    rows += [Bound(f"{name}: signals told", TOLD, f"{n} of {each}", True) for name, n in wrong.items()]
    for case in cases:
        clear = case.factor == FACTORS[case.signal][-1]
        half = f", half of them within {statistics.median(case.delays):,.0f} events" if case.delays else ""
        rows.append(
            Bound(
                f"{case.signal}, times {case.factor:g}: told before the baseline is there",
                f"at least {CLEAR_TOLD:.0%}" if clear else TOLD,
                f"{case.told} of {case.services}{half}",
                not clear or case.told >= CLEAR_TOLD * case.services,
            )
        )
    return rows


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--services", type=int, default=100, help="of each change; twice as many without one")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="the figures as JSON in the last line")
    asked = parser.parse_args(arguments)
    rng = np.random.default_rng(asked.seed)
    steady = {signal: partial(means, signal=signal, factors=np.ones(BLOCKS)) for signal in SIGNALS}
    false = {signal: unchanged(rng, source, 2 * asked.services) for signal, source in steady.items()}
    wrong = {name: unchanged(rng, source, asked.services) for name, source in OTHERS.items()}
    cases = [changed(rng, signal, factor, asked.services) for signal in SIGNALS for factor in FACTORS[signal]]
    figures = {
        "false": false,
        "wrong": wrong,
        "quiet": 2 * asked.services * len(SIGNALS),
        "cases": [
            {
                "signal": case.signal, "factor": case.factor, "services": case.services, "told": case.told,
                "early": case.early, "median_events": statistics.median(case.delays) if case.delays else None,
            }
            for case in cases
        ],
    }  # fmt: skip
    quiet = 2 * asked.services * len(SIGNALS)
    return tell(bounds(sum(false.values()), quiet, wrong, asked.services, cases), figures, asked.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

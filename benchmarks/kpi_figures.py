"""Figures of a release -> how often their intervals of 95 % hold what is true, and what bias they have.

``python -m benchmarks.kpi_figures [--repetitions N] [--json]``, three minutes on one core, no broker. Samples of each
size are drawn from processes that are known, counted into tallies, and asked by `detectors.describe`:

- p50, p95 and p99 of latencies, with ends within cells, and by whole cells, as KPIs have them;
- the expected calibration error, as it is worked out and without what chance adds;
- accuracy weighted by severity, and how much more was stated than was right;
- PSI of names against what was learned, as it is worked out and without what chance adds;
- successful outcomes of a version;
- cost per request and per success, where failures are as dear as successes, and where they are four times as dear.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.modes import LEAST_HELD, MOST_HELD
from detectors.arrays import Counts, Floats
from detectors.describe.calibration_error import calibration_error
from detectors.describe.cost import mean, per_success
from detectors.describe.divergence import stability_index
from detectors.describe.estimate import Estimate
from detectors.describe.exact import exact_share
from detectors.describe.overconfidence import stated_less_right
from detectors.describe.quantile_interval import quantile_interval
from detectors.describe.stability import stability
from detectors.describe.weighted import weighted
from schemas.cells import CELLS, cells
from schemas.signals import BANDS, CALIBRATION_CELLS
from streams.watch.assess.figures.outcomes import WEIGHTS

SIZES: Final = (50, 200, 1_000, 10_000)
"""Events of a sample."""
SAID: Final[Floats] = (np.arange(BANDS) + 0.5) / BANDS
SPREAD: Final[Floats] = np.full(BANDS, 1 / BANDS)
HIGH: Final[Floats] = np.append(np.zeros(14), np.array([1, 1, 2, 4, 8, 8]) / 24)
"""How often each band of confidence is said: all alike, or high ones mostly, as models do."""
LATENCIES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType({"long tail": (6.7, 1.0), "narrow": (6.7, 0.3)})
"""Mean and deviation of the logarithm of milliseconds."""
CALIBRATED: Final[Mapping[str, tuple[Floats, Floats]]] = MappingProxyType({
    "spread, calibrated": (SPREAD, SAID),
    "spread, 5 points too sure": (SPREAD, np.maximum(SAID - 0.05, 0)),
    "spread, too sure at both ends": (SPREAD, 0.5 + 0.6 * (SAID - 0.5)),
    "high, calibrated": (HIGH, SAID),
    "high, 5 points too sure": (HIGH, np.maximum(SAID - 0.05, 0)),
    "high, one band 30 points too sure": (HIGH, SAID - np.where(np.arange(BANDS) == 18, 0.3, 0)),
})  # fmt: skip
"""How often each band is said, and how often it is right."""
_FALLING: Final[Floats] = np.arange(10, 0, -1) / 55
CLASSES: Final[Mapping[str, Floats]] = MappingProxyType(
    {
        "one in eight wrong": np.array([0.01, 0.03, 0.04, 0.04]),
        "one in fifty wrong, mostly gravely": np.array([0.01, 0.005, 0.005, 0.0]),
        "nearly all right": np.array([0.0005, 0.001, 0.002, 0.0]),
    }
)
"""How often answers are wrong, by severity; the others are right."""
MOVED: Final[Mapping[str, tuple[Floats, Floats]]] = MappingProxyType(
    {
        "twenty names, none moved": (np.full(20, 0.05), np.full(20, 0.05)),
        "twenty names, a quarter of one": (
            np.full(20, 0.05),
            np.full(20, 0.05) + 0.0125 * np.where(np.arange(20) % 2, 1, -1),
        ),
        "ten names, half of one": (_FALLING, _FALLING[::-1] * 0.3 + _FALLING * 0.7),
    }
)
"""How often each name comes before, of twenty thousand, and after."""
BOUND: Final = ("p50", "p95", "p99", "ECE", "weighted accuracy", "overconfidence", "success of a version")
"""Figures whose intervals must hold; of the others it is told how far they do."""
BIASED: Final = {"ECE": (100, 1), "PSI": (1, 3)}
"""Figures that chance adds to: in how many parts their bias is told, and with how many digits."""
SUCCESSES: Final = (0.5, 0.9, 0.99)
DEARER: Final = (1.0, 4.0)
"""What a failure costs, where a success costs one."""


class Drawn(NamedTuple):
    """A figure of a sample.

    Attributes
    ----------
    estimate, truth : of the process
    plain : as anybody works it out
    """

    estimate: Estimate
    truth: float
    plain: float


Draw = Callable[[int, np.random.Generator], Drawn]


def latency(
    q: float, location: float, scale: float, n: int, chance: np.random.Generator, *, whole_cells: bool = False
) -> Drawn:
    """Draw latencies, and ask for a quantile."""
    found = quantile_interval(tally(chance.lognormal(location, scale, n)), q, whole_cells=whole_cells)
    assert found is not None
    deviations = {0.5: 0.0, 0.95: 1.6448536269514722, 0.99: 2.3263478740408408}[q]
    return Drawn(found, math.exp(location + scale * deviations), found.value)


def confidence(said: Floats, right: Floats, n: int, chance: np.random.Generator) -> Drawn:
    """Draw answers with stated confidence, and ask for their calibration error."""
    answers = chance.multinomial(n, said)
    correct = chance.binomial(answers, right)
    counts = np.zeros(CALIBRATION_CELLS, np.int64)
    counts[0:-1:2], counts[1:-1:2] = answers - correct, correct
    found = calibration_error(counts)
    assert found is not None
    return Drawn(found.estimate, float(said @ np.abs(right - SAID)), found.plain)


def severity(wrong: Floats, n: int, chance: np.random.Generator) -> Drawn:
    """Draw answers, right or wrong by severity, and ask for their weighted accuracy."""
    right, weights = 1 - float(wrong.sum()), np.array([*WEIGHTS.values()])
    drawn = chance.multinomial(n, np.append(wrong, right))
    found = weighted(int(drawn[-1]), drawn[:-1], weights)
    assert found is not None
    return Drawn(found, right / (right + float(weights @ wrong)), found.value)


def confident(said: Floats, right: Floats, n: int, chance: np.random.Generator) -> Drawn:
    """Draw answers with stated confidence, and ask how much more was stated than was right."""
    answers = chance.multinomial(n, said)
    found = stated_less_right(answers - (correct := chance.binomial(answers, right)), correct, 0.95)
    assert found is not None
    return Drawn(found, float(said @ (SAID - right)), found.value)


def moved(before: Floats, after: Floats, n: int, chance: np.random.Generator) -> Drawn:
    """Draw names as they were learned, and as they came, and ask for their PSI."""
    tallies = chance.multinomial(20_000, before), chance.multinomial(n, after)
    found, plain = stability(*tallies), stability_index(*tallies)
    assert found is not None
    assert plain is not None
    return Drawn(found, float((after - before) @ np.log(after / before)), plain)


def success(right: float, n: int, chance: np.random.Generator) -> Drawn:
    """Draw outcomes of a version."""
    found = exact_share(int(chance.binomial(n, right)), n)
    assert found is not None
    return Drawn(found, right, found.value)


def cost(dearer: float, n: int, chance: np.random.Generator, *, each: bool) -> Drawn:
    """Draw what requests cost, of which four of five succeed; and ask for a request's cost, or a success's."""
    succeeded = chance.random(n) < 0.8
    found = mean(tally(np.where(succeeded, 1.0, dearer) * chance.lognormal(7.0, 0.8, n)))
    truth = (0.8 + 0.2 * dearer) * math.exp(7.0 + 0.8**2 / 2)
    if found is not None and each:
        found, truth = per_success(found, int(succeeded.sum()), n), truth / 0.8
    assert found is not None
    return Drawn(found.estimate, truth, found.estimate.value)


def tally(values: Floats) -> Counts:
    """Count numbers into cells.

    Examples
    --------
    >>> int(tally(np.array([1.0, 1.05]))[41])
    2
    """
    return np.bincount(cells(values), minlength=CELLS)


def cases() -> Iterator[tuple[str, str, Draw]]:
    """List figure, process, and how to draw one."""
    for q, (name, process) in product((0.5, 0.95, 0.99), LATENCIES.items()):
        yield f"p{100 * q:.0f}", name, partial(latency, q, *process)
        yield f"p{100 * q:.0f} by whole cells", name, partial(latency, q, *process, whole_cells=True)
    for name, said in CALIBRATED.items():
        yield "ECE", name, partial(confidence, *said)
    for name, classes in CLASSES.items():
        yield "weighted accuracy", name, partial(severity, classes)
    for name, said in CALIBRATED.items():
        yield "overconfidence", name, partial(confident, *said)
    for name, shares in MOVED.items():
        yield "PSI", name, partial(moved, *shares)
    for right in SUCCESSES:
        yield "success of a version", f"{right:.0%}", partial(success, right)
    for each, dearer in product((False, True), DEARER):
        name = f"failures cost {dearer:g} times as much"
        yield "cost per success" if each else "cost per request", name, partial(cost, dearer, each=each)


class Held(NamedTuple):
    """How often an interval of 95 % held the truth, and how far the figures were off on average."""

    figure: str
    process: str
    events: int
    held: float
    bias: float
    plain_bias: float
    repetitions: int

    @property
    def ok(self) -> bool:
        """Whether that is 93 % and more, but for what repetitions scatter (three standard deviations)."""
        return self.held >= LEAST_HELD - 3 * math.sqrt(LEAST_HELD * (1 - LEAST_HELD) / self.repetitions)


def held(figure: str, process: str, draw: Draw, events: int, repetitions: int) -> Held:
    """Draw samples, and count the intervals that hold the truth."""
    chance = np.random.default_rng([events, len(figure), len(process)])
    drawn = [draw(events, chance) for _ in range(repetitions)]
    within = [one.low <= truth * (1 + 1e-9) and truth <= one.high * (1 + 1e-9) for one, truth, _ in drawn]
    bias, plain = (
        float(np.mean([one - truth for one, truth in pairs]))
        for pairs in (
            [(one.estimate.value, one.truth) for one in drawn],
            [(one.plain, one.truth) for one in drawn],
        )
    )
    return Held(figure, process, events, float(np.mean(within)), bias, plain, repetitions)


def main() -> int:
    """Measure, and print the table."""
    asked = argparse.ArgumentParser(description="Whether intervals of a release's figures hold what is true.")
    asked.add_argument("--repetitions", type=int, default=2_000, help="samples of each row and size")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    args = asked.parse_args()
    rows = [[held(*case, n, args.repetitions) for n in SIZES] for case in cases()]
    every = [one for row in rows for one in row]
    bound = [one for one in every if one.figure in BOUND]
    between = sum(LEAST_HELD <= one.held <= MOST_HELD for one in every)
    bounds = [
        *(_of(row) for row in rows),
        Bound(f"{', '.join(BOUND)} hold, least", f"{LEAST_HELD:.0%}", f"{min(one.held for one in bound):.1%}",
              all(one.ok for one in bound)),
        Bound("from 93 to 97 %", TOLD, f"{between} of {len(every)}", met=True),
    ]  # fmt: skip
    figures = {"repetitions": args.repetitions, "intervals": [one._asdict() for one in every]}
    return tell(bounds, figures, args.json)


def _of(row: list[Held]) -> Bound:
    said = ", ".join(f"{one.events:,} {100 * one.held:.1f} %" for one in row)
    if row[0].figure in BIASED:
        times, digits = BIASED[row[0].figure]
        said += "; bias, plain " + ", ".join(f"{times * one.plain_bias:+.{digits}f}" for one in row)
        said += ", estimate " + ", ".join(f"{times * one.bias:+.{digits}f}" for one in row)
    return Bound(f"{row[0].figure}, {row[0].process}", TOLD, said, met=True)


if __name__ == "__main__":
    sys.exit(main())

"""Failures of a process -> whether intervals hold, whether traffic alone alarms, and whether a real spread is found.

``python -m benchmarks.diversity [--quick] [--json]``, six minutes on two cores, no broker. Samples are drawn from
processes whose shares are known (`benchmarks.modes`):

- of 20 to 10,000 failures each, how often intervals of 95 % hold the truth;
- a baseline of 30, 300 or 3,000 failures and 10 to 10,000 of the same process: how often the gates of
  `detectors.describe.diversified` open, though there is nothing but another traffic;
- the same where every mode has become two, so that every effective number is doubled.

And services are learned and watched by WATCH as it runs (`benchmarks.failing`):

- the same process at 10 to 10,000 failures an hour, and at three times as many of the same traffic; and other modes, as
  diverse as those before: by a config that alarms as readily as any may, and no spread may be told;
- every mode become two, and all failures moved into one workflow while as many fail as before: by the shipped config,
  and by one that knows that events are independent and all hours alike.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, product
from typing import Final, NamedTuple

import numpy as np

from benchmarks import watched
from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.failing import RATE, Process, watch
from benchmarks.modes import LEAST_HELD, MOST_HELD, PROCESSES, SIZES, Gate, Held, Opened, coverage, doubled, gates
from benchmarks.streams import finite
from schemas.config import parse
from schemas.signals import FAILURE_MODE
from schemas.taxonomy import Taxonomy
from streams.watch.plan import Plan

MOST_FALSE: Final = 1.0
"""Percent of all pairs of a baseline and what came after, of one process, in which a gate may open in vain."""
LEAST_FOUND: Final = 95.0
"""Percent in which a doubled effective number must be found: of pairs `SURE_OF`, and of services."""
SURE_OF: Final = (300, 1_000)
"""Failures before and after."""
AN_HOUR: Final = (10, 30, 100, 300, 1_000, 3_000, 10_000)
"""Failures of the same process that WATCH sees in an hour."""
SPREAD: Final = ("failure_diversity", "failure_concentration", "new_critical_mode")
"""What traffic alone must not raise."""
SERVICES: Final = 20
"""That are learned and watched, of each case."""
TWICE: Final = doubled(PROCESSES["12 geometric"])
USUAL: Final = Process(np.insert(PROCESSES["12 geometric"], np.arange(12), 0.0))
"""As many modes as `TWICE`, half of them never seen."""
TRUSTING: Final = "watch: {dependence: none, season_percent: 0}"


class Case(NamedTuple):
    """What services do that are watched.

    Attributes
    ----------
    failures : in the hour that is watched
    raises : what ought to be told, empty if nothing
    config : in YAML; None for the one that alarms most readily, by which no spread may be told
    """

    name: str
    after: Process
    failures: int
    raises: str = ""
    config: str | None = None


class Told(NamedTuple):
    """What was told of a case: of each service, signal -> failures by then."""

    case: Case
    told: Sequence[dict[str, int]]

    @property
    def found(self) -> float:
        """Say of which part of the services it was told what ought to be."""
        return sum(self.case.raises in one for one in self.told) / len(self.told)

    @property
    def median(self) -> float:
        """Say after how many failures; infinite where most were not found."""
        return float(np.median([one.get(self.case.raises, math.inf) for one in self.told]))

    @property
    def false(self) -> int:
        """Count the services of which a spread was told that there was not."""
        return sum(bool(one.keys() & set(SPREAD)) for one in self.told) if self.case.config is None else 0

    @property
    def bound(self) -> Bound:
        """Hold it against what is asked."""
        services, false = len(self.told), f"{self.false} told of a spread"
        if not self.case.raises:
            return Bound(self.case.name, "no spread told", f"of {services} services {false}", not self.false)
        said = f"{self.found:.0%} of {services} services, half of them by {self.median:g} failures; {false}"
        met = 100 * self.found >= LEAST_FOUND and not self.false
        return Bound(self.case.name, f"{LEAST_FOUND:g} % told of `{self.case.raises}`", said, met)


def cases() -> list[Case]:
    """List what is watched."""
    return [
        *(Case(f"the same, {n:,} failures", USUAL, n) for n in AN_HOUR),
        Case("the same, failing three times as often", USUAL._replace(rate=3 * RATE), 3_000, "failed"),
        Case("other modes, as diverse", Process(np.roll(USUAL.shares, 1)), 3_000, FAILURE_MODE),
        *(
            Case(f"{name}, {by}", process, 10_000, raises, config)
            for by, config in (("shipped config", ""), ("independent, without seasons", TRUSTING))
            for name, process, raises in (
                ("every mode become two", Process(TWICE), "failure_diversity"),
                ("all in one workflow", USUAL._replace(where=3), "failure_concentration"),
            )
        ),
    ]


def look(case: Case, seed: int) -> dict[str, int]:
    """Watch one service; where there is something to find, until it is found."""
    if case.config is None:
        return watch(watched.plan(trusting=True), USUAL, case.after, case.failures, seed)
    plan = Plan.of(parse(case.config), Taxonomy.load_default())
    return watch(plan, USUAL, case.after, case.failures, seed, until=case.raises)


def main() -> int:
    """Measure, and print the tables."""
    asked = argparse.ArgumentParser(description="Whether diversity is told from traffic, and how sure its figures are.")
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--repetitions", type=int, default=2_000, help="of each row of coverage; a third of the gates")
    asked.add_argument("--quick", action="store_true", help="a little of everything: shows that it runs, proves little")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    args = asked.parse_args()
    repetitions, services = (100, 2) if args.quick else (args.repetitions, SERVICES)
    with ProcessPoolExecutor(args.processes) as pool:
        held = list(chain(*pool.map(partial(coverage, repetitions=repetitions), PROCESSES)))
        compared = list(chain(*pool.map(partial(gates, repetitions=repetitions // 3), PROCESSES)))
        told = [Told(case, list(pool.map(partial(look, case), range(services)))) for case in cases()]
    return _tell(held, compared, told, args.json)


def _tell(held: list[Held], compared: list[Gate], told: list[Told], as_json: bool) -> int:
    false = max(max(one.false) for one in compared)
    found = min(one.found.effective for one in compared if (one.before, one.after) == SURE_OF)
    bounds = [
        *_of_intervals(held),
        *_of_gates(compared),
        Bound("intervals of 95 % hold, least", f"{LEAST_HELD:.0%}, but for chance",
              f"{min(one.held for one in held):.1%}", all(one.ok for one in held)),
        Bound("gates opened by traffic alone, most", f"{MOST_FALSE:g} %", f"{false:.2g} %", false <= MOST_FALSE),
        Bound(f"doubled, {SURE_OF[0]} before and {SURE_OF[1]:,} after, found at the least", f"{LEAST_FOUND:g} %",
              f"{found:.0f} %", found >= LEAST_FOUND),
        *(one.bound for one in told),
    ]  # fmt: skip
    nothing = [one for one in told if one.case.config is None]
    figures = {
        "ok": all(row.met for row in bounds),
        "false_from_traffic": sum(one.false for one in nothing) / sum(len(one.told) for one in nothing),
        "found_doubling": _least(told, "failure_diversity"),
        "found_concentration": _least(told, "failure_concentration"),
        "coverage": {
            "least": min(one.held for one in held), "most": max(one.held for one in held),
            "from_93_to_97": sum(LEAST_HELD <= one.held <= MOST_HELD for one in held), "of": len(held),
        },
        "gates": {"false_percent": false, "found_percent": found},
        "watched": [
            {"case": one.case.name, "services": len(one.told), "false": one.false,
             "found": one.found if one.case.raises else None, "median": finite(one.median)} for one in told
        ],
        "intervals": [one._asdict() for one in held],
        "compared": [one._asdict() | {"false": one.false._asdict(), "found": one.found._asdict()} for one in compared],
    }  # fmt: skip
    return tell(bounds, figures, as_json)


def _least(told: list[Told], raises: str) -> float:
    return min(one.found for one in told if one.case.raises == raises)


def _of_intervals(held: list[Held]) -> Iterable[Bound]:
    for process, n in product(PROCESSES, SIZES):
        row = [one for one in held if (one.process, one.failures) == (process, n)]
        said = ", ".join(f"{one.figure} {100 * one.held:.1f} %" for one in row)
        yield Bound(f"{process}, {n:,} failures: intervals hold", TOLD, said, met=True)


def _of_gates(compared: list[Gate]) -> Iterable[Bound]:
    for one in compared:
        said = " and ".join(
            f"{name} {false:.2g} % in vain, {found:.0f} % found"
            for name, false, found in zip(Opened._fields, one.false, one.found, strict=True)
        )
        yield Bound(f"{one.process}, {one.before:,} before, {one.after:,} after", TOLD, said, met=True)


if __name__ == "__main__":
    sys.exit(main())

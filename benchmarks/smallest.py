"""The shipped config -> the smallest change of a rate that is ever found, by baseline and by slice.

``python -m benchmarks.smallest [--json]``, a second

Limits are as wide as a monitor's part of the learning's risk asks, and what stays within them is never found, however
long it lasts. Half of a baseline's events are counted (the others only say which names there are), and of a slice only
its own. Computed by `detectors.delay` from a baseline that shows exactly its rate; nothing is simulated.
"""

import argparse
import sys
from itertools import product
from typing import Final, NamedTuple

import numpy as np

from benchmarks.bounds import TOLD, Bound, tell
from detectors.bets import rate
from detectors.delay import smallest_share
from schemas.config import Config
from schemas.taxonomy import Taxonomy
from streams.watch.plan import Plan

SIGNAL: Final = "refused"
BASELINES: Final = (1_000, 5_000, 20_000, 100_000)
SLICES: Final = (1.0, 0.1, 0.01)
"""Part of the traffic: all of it, and of a slice."""
RATES: Final = (0.02, 0.2)


class Smallest(NamedTuple):
    """The rate above which, and the one below which, a change is found; None where none ever is."""

    baseline_events: int
    part: float
    rate: float
    down: float | None
    up: float | None


def smallest(plan: Plan, baseline_events: int, part: float, was: float) -> Smallest:
    """Say what is found of a slice with so large a part of the traffic.

    Examples
    --------
    >>> found = smallest(Plan.of(Config(), Taxonomy.load_default()), 20_000, 1.0, 0.2)
    >>> found.down < 0.2 < found.up
    True
    """
    dimension = None if part == 1.0 else plan.config.measure.slices[0]
    level = plan.levels("service", SIGNAL, [dimension])
    counted = max(round(baseline_events / 2 * part), 1)
    yes = round(counted * was)
    bets = rate.table(np.array([[counted - yes, yes, 0]]), level)
    down, up = smallest_share(bets, 0, "yes")
    return Smallest(baseline_events, part, was, down, up)


def main() -> int:
    """Print the table."""
    asked = argparse.ArgumentParser(description="The smallest change of a rate that is ever found.")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    args = asked.parse_args()
    plan = Plan.of(Config(), Taxonomy.load_default())
    found = [smallest(plan, n, part, was) for was, n, part in product(RATES, BASELINES, SLICES)]
    rows = [Bound(_what(one), TOLD, f"below {_percent(one.down)}, above {_percent(one.up)}", met=True) for one in found]
    return tell(rows, {"smallest": [one._asdict() for one in found]}, args.json)


def _what(one: Smallest) -> str:
    where = "all of it" if one.part == 1.0 else f"a slice of {one.part:.0%}"
    return f"{one.rate:.0%} of {one.baseline_events:,} events, {where}"


def _percent(share: float | None) -> str:
    return "never" if share is None else f"{share * 100:.3g} %"


if __name__ == "__main__":
    sys.exit(main())

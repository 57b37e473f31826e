"""Traffic in which nothing ever changes -> how often Barograph pages all the same, against what it promised.

``python -m benchmarks.false_pages [DIR] [--budget 200] [--processes 2] [--only NAME] [--quick] [--json]``

The promise is an expectation: while nothing changes, pages are at most the budget that was taken in, over any time and
under any dependence between monitors. So each case collects a budget of 200 pages, counts pages, and fails if even
their lower 99 % limit exceeds the budget.

*Known rates* are watched by the engine alone (`detectors.esr` and the bets on a share): 5,000 monitors, half a billion
events. There at least 0.3 of the budget must be spent, for a detector that never alarms would keep any promise. What
comes of rates that were estimated, and taken for the truth, is told beside it.

All other cases go through `streams.watch.stage.step` with the config that is shipped, on flushes as MEASURE writes
them. Only the budget is scaled, to make 200 pages affordable: `false_pages_per_week` and `false_tickets_per_week` are
the largest that a config may hold (1,000 and 10,000), and `max_services` is one, so that each of 40 services is a fleet
of its own. (It also has all of the learning's risk: this is the hard end.) A second that is closed takes in a second's
budget, so 200 pages are three days of closed seconds, of four releases each. What counts is the budget that was really
taken in, second by second: what no event claimed is no excuse. A service that pages ten times its part is cut short.

Every alarm is counted, not every incident: incidents group alarms (`benchmarks.watched`). Numbers cannot page by the
shipped catalogue, so their cases are held against the budget of tickets. Two controls show that the harness would see
it: sessions and a daily season, watched by a config that believes in neither, must overspend. DIR holds recorded traces
(Azure's and Mooncake's); their rows are put in an order drawn by chance, again and again.

Beside them stand a dummy that alarms every 100,000 events, and river's ADWIN, PageHinkley and KSWIN at their defaults
on one signal of the same streams, in alarms per million events of a signal. The dummy may keep a budget, too: this
benchmark says nothing of what is found.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import known, rivers
from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.found import fewest, fewest_of_baselines
from benchmarks.nulls import SYNTHETIC, Null, traces
from benchmarks.watched import TIERS, TOO_MANY, Watched, plan, watch
from schemas.signals import RATES

SERVICES: Final = 40
SPENT: Final = 0.3
CONTROLS: Final = ("sessions, VIF 8", "daily season +-60 %")
KNOWN: Final = "known rates"
ESTIMATED: Final = (1_000, 20_000)
"""Events from which the same rates are estimated, to show what comes of it without limits."""
RIVER_EVENTS: Final = 400_000
MILLION: Final = 1e6


@dataclass(frozen=True)
class Case:
    """A null, learned from so many events, and the tier whose budget it is held against.

    Attributes
    ----------
    baseline_events : 0 for the shipped setting
    trusting : a control: watched by a config that believes in neither sessions nor seasons, it must overspend
    """

    null: Null
    baseline_events: int = 0
    trusting: bool = False

    @property
    def name(self) -> str:
        """Say all."""
        learned = f", baseline of {self.baseline_events:,}" if self.baseline_events else ""
        return self.null.name + learned + ", watched as if there were none" * self.trusting

    @property
    def tier(self) -> str:
        """Say which tier: a number cannot page."""
        return "tickets" if self.null.numbers else "pages"


@dataclass(frozen=True)
class Seen:
    """What the services of a case came to, and other detectors on one signal of it.

    Attributes
    ----------
    budget : that its services should have come to
    others : alarms per million events of one signal
    """

    case: Case
    budget: float
    watched: Sequence[Watched]
    others: dict[str, float]

    def of(self, tier: str) -> dict[str, Any]:
        """Sum up one tier."""
        each = [one.alarms[tier] for one in self.watched]
        budget, limit = sum(one.taken[tier] for one in self.watched), fewest_of_baselines(each)
        return {
            "name": self.case.name, "tier": tier, "budget": round(budget, 1), "pages": sum(each),
            "at_least": round(limit, 1), "ok": (limit <= budget) is not self.case.trusting, "worst_service": max(each),
            "services": len(each), "stopped": self.stopped, "events": sum(one.events for one in self.watched),
        }  # fmt: skip

    @property
    def stopped(self) -> int:
        """Count the services that were looked at no longer."""
        most = TOO_MANY * self.budget / len(self.watched)
        return sum(one.alarms[self.case.tier] >= most for one in self.watched)

    @property
    def per_million(self) -> float:
        """Count all alarms of all monitors, per million events of a signal."""
        alarms = sum(sum(one.alarms.values()) for one in self.watched)
        signals = len(self.case.null.numbers) or len(RATES)
        return alarms / max(sum(one.events for one in self.watched) * signals, 1) * MILLION

    @property
    def dummy(self) -> int:
        """Count the alarms of one that alarms by the number of events alone."""
        return sum(one.events // rivers.DUMMY_EVERY for one in self.watched)


def cases(folder: Path | None) -> list[Case]:
    """List what is tried; independent events with each of three lengths of learning."""
    first, *others = SYNTHETIC
    lengths = [Case(first, n) for n in (1_000, 5_000, 20_000)]
    controls = [Case(null, trusting=True) for null in others if null.name in CONTROLS]
    recorded = list(traces(folder)) if folder else []
    return [*lengths, *(Case(null) for null in (*others, *recorded)), *controls]


def look(pool: ProcessPoolExecutor, case: Case, services: int, budget: float, events: int) -> Seen:
    """Watch all services of a case, and let the others see one signal of it."""
    one = partial(_one, case, budget / services)
    watched = list(pool.map(one, range(1, services + 1)))
    raw = case.null.begin(np.random.default_rng([0, 0]), np.random.default_rng([0, 1])).raw(events)
    others = {}
    for name in rivers.DETECTORS:
        values = rivers.part(name, raw)
        others[name] = rivers.alarms(name, values) / len(values) * MILLION
    return Seen(case, budget, watched, others)


def _one(case: Case, budget: float, seed: int) -> Watched:
    return watch(plan(case.baseline_events, case.trusting), case.null, seed, case.tier, budget)


def main() -> int:
    """Run all cases."""
    asked = argparse.ArgumentParser(description="How often pages come though nothing changed, against the budget.")
    asked.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="of recorded traces")
    asked.add_argument("--budget", type=float, default=200.0, help="pages that each case may come to")
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--only", default="", help="cases whose name contains this")
    asked.add_argument(
        "--quick", action="store_true", help="a little of everything: shows that it runs, proves nothing"
    )
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    args = asked.parse_args()
    folder = args.folder if args.folder and args.folder.is_dir() else None
    if folder is None:
        print("No folder of recorded traces is given: their cases are left out.")
    chosen = [case for case in cases(folder) if args.only in case.name]
    budget, services = (args.budget / 200, 2) if args.quick else (args.budget, SERVICES)
    events = RIVER_EVENTS // (20 if args.quick else 1)
    exact = []
    if args.only in KNOWN:
        size = (5_000, 100 if args.quick else 5_000, 2 * args.budget)
        exact = [known.watch(*size, estimated) for estimated in (0, *ESTIMATED)]
        _progress(KNOWN, exact[0].budget, exact[0].alarms)
    seen = []
    with ProcessPoolExecutor(args.processes) as pool:
        for case in chosen:
            seen.append(look(pool, case, services, budget, events))
            told = seen[-1].of(case.tier)
            _progress(f"{case.name}, {case.tier}", told["budget"], told["pages"])
    if not exact and not seen:
        sys.exit(
            f"no case is called `{args.only}`; there are: {', '.join((KNOWN, *(one.name for one in cases(folder))))}"
        )
    return _tell(exact, seen, args.json, quick=args.quick)


def _progress(name: str, budget: float, pages: int) -> None:
    print(f"{name}: {pages} alarms, {budget:.0f} allowed", flush=True)


def _tell(exact: Sequence[known.Known], seen: Sequence[Seen], as_json: bool, quick: bool) -> int:
    figures, bounds = [], []
    for one in seen:
        for tier in TIERS if one.case.tier == "pages" and not one.case.trusting else (one.case.tier,):
            figures.append(row := one.of(tier))
            bounds.append(_bound(row, one.case.trusting, quick))
    if exact:
        first, *guessed = exact
        spent, limit = first.alarms / first.budget, fewest(first.alarms)
        enough = quick or spent >= SPENT
        row = {
            "name": KNOWN, "tier": "pages", "budget": first.budget, "pages": first.alarms, "at_least": round(limit, 1),
            "ok": limit <= first.budget and enough, "spent": round(spent, 3), "monitors": first.monitors,
            "events": first.events,
        }  # fmt: skip
        figures.insert(0, row)
        least = TOLD if quick else f"at least {SPENT}"
        bounds[:0] = [
            _bound(row),
            Bound(f"{KNOWN}, spent", least, f"{spent:.2f}", enough),
            *(
                Bound(f"were they taken from {n:,} events", TOLD, f"{one.alarms} of {one.budget:.0f}", met=True)
                for n, one in zip(ESTIMATED, guessed, strict=False)
            ),
        ]
    bounds += [Bound(f"{one.case.name}, a million events", TOLD, _beside(one), met=True) for one in seen]
    others = {one.case.name: {"barograph": one.per_million, "dummy": one.dummy, **one.others} for one in seen}
    return tell(bounds, {"cases": figures, "alarms_per_million_events": others}, as_json)


def _bound(row: dict[str, Any], trusting: bool = False, quick: bool = False) -> Bound:
    found = f"{row['pages']}, so {row['at_least']:g} or more"
    if row.get("stopped"):
        found += f"; {row['stopped']} of {row['services']} services cut short"
    asked = f"{'more than' if trusting else 'at most'} {row['budget']:.0f}"
    return Bound(f"{row['name']}, {row['tier']}", asked, found, row["ok"] or (trusting and quick))


def _beside(one: Seen) -> str:
    rates = {"Barograph": one.per_million, **one.others}
    said = ", ".join(f"{name} {rate:.3g}" for name, rate in rates.items())
    return f"{said}; dummy {one.dummy} in all"


if __name__ == "__main__":
    sys.exit(main())

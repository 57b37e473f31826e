"""The Numenta Anomaly Benchmark: 31 of its 58 series, its windows and its profiles, and what is known of others.

``python -m benchmarks.nab DIR [--json] [--quick]``, DIR with the series in folders and ``windows.json``, no broker. A
value is a number, as a latency would be; a count is traffic, a row one bucket. The first 15 % of the rows, 750 at most,
are learned from. After an alarm the detector is told that this is normal now: it learns anew, from as many rows behind
the alarm, and says nothing meanwhile. One false alarm in 10,000 rows is allowed, which of rows of five minutes are five
weeks.

NAB is not what Barograph is for: its series are single machines' readings, each row close to the one before, and none
of the promises holds for such. It is a check that drift detection is of some use there, and how little. Published
detectors choose their threshold on the very series that they are scored on; what that would give is told besides (of
five budgets ours is the best here by all three profiles, so it is no worse off than they are), and what as many alarms
come to that are thrown at random.
"""

import argparse
import csv
import importlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.others import Make, adwin, page_hinkley
from benchmarks.streams import folder
from benchmarks.windows import NOTHING, PROFILES, Outcome, Window, outcome, probation
from detectors.arrays import Bools, Floats
from detectors.bets import number
from detectors.esr import advance, fired
from schemas.cells import CELLS, cells

COUNTS: Final = ("Twitter_volume", "nyc_taxi", "request_count")
"""Series whose values are events in a bucket of time."""
BUDGET: Final = 1e-4
BUDGETS: Final = (1e-2, 1e-3, BUDGET, 1e-5, 1e-6)
"""False alarms a row; the threshold is chosen among them where it is chosen afterwards."""
LEVEL: Final = 0.05 / 100
THROWS: Final = 20
PUBLISHED: Final = (
    ("ARTime", 74.9, 65.1, 80.4), ("HTM", 70.5, 62.6, 75.2), ("CAD OSE", 69.9, 67.0, 73.2),
    ("Skyline", 58.2, 46.2, 63.9), ("KNN CAD", 58.0, 43.4, 64.8), ("Random Cut Forest", 51.7, 38.4, 59.7),
)  # fmt: skip
"""On all 58 series, thresholds chosen on them (NAB 1.1)."""
PUBLISHED_STANDARD: Final = (("Twitter", 47.1), ("Windowed Gaussian", 39.6), ("BOCPD", 17.7), ("Random", 11.0))
SEED: Final = 58


class Series(NamedTuple):
    """One of NAB's series."""

    name: str
    values: Floats
    windows: list[Window]

    @property
    def counts(self) -> bool:
        """Whether its values are counts."""
        return any(word in self.name for word in COUNTS)


Growth = tuple[Floats, Floats]
"""What each bet wins with each row, (T, J), and the bets' weights."""
Learn = Callable[[Floats, Floats], Growth]


def read(folder_: Path) -> list[Series]:
    """Read all labelled series that are there."""
    labelled = folder_ / "windows.json"
    folder(folder_, "NAB's windows.json", [labelled] if labelled.is_file() else [])
    found = []
    for name, windows in sorted(json.loads(labelled.read_text()).items()):
        if not (folder_ / name).is_file():
            continue
        with (folder_ / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        at = {row["timestamp"]: i for i, row in enumerate(rows)}
        values = np.array([float(row["value"]) for row in rows])
        found.append(Series(name, values, [(at[begins[:19]], at[ends[:19]]) for begins, ends in windows]))
    folder(folder_, "the series that NAB's windows.json names", [folder_ / one.name for one in found])
    return found


def as_number(learned: Floats, values: Floats) -> Growth:
    """Bet on ranks. What is below zero, which no number of ours may be, lies under the scale."""
    counts = np.bincount(cells(np.maximum(learned, 0.0)), minlength=CELLS)[None]
    bets = number.table(counts, np.array([LEVEL]))
    return bets.matrix()[0].T[cells(np.maximum(values, 0.0))], bets.weights


def as_traffic(bets: ModuleType, limits: ModuleType) -> Learn:
    """Bet on the number of events in a bucket."""

    def learn(learned: Floats, values: Floats) -> Growth:
        fitted = limits.fit(learned.astype(np.int64), LEVEL)
        return bets.log_wealth(values.astype(np.int64), fitted.lo, fitted.hi, fitted.size), bets.WEIGHTS

    return learn


def traffic() -> Learn | None:
    """Find the bets on traffic; None where they are not there."""
    try:
        return as_traffic(
            importlib.import_module("detectors.bets.traffic"), importlib.import_module("detectors.limits.traffic")
        )
    except ModuleNotFoundError:
        return None


def ours(values: Floats, learn: Learn, budget: float) -> Bools:
    """Learn, watch until there is an alarm, learn anew, and so on."""
    alarms = np.zeros(len(values), np.bool_)
    rows, begins = probation(len(values)), 0
    while begins + rows < len(values):
        first = begins + rows
        growth, weights = learn(values[begins:first], values[first:])
        begins = len(values)
        evidence = np.zeros((1, len(weights)), np.float32)
        for n, won in enumerate(growth, first):
            evidence = advance(evidence, won[None], weights, np.array([budget]))
            if fired(evidence)[0]:
                alarms[n], begins = True, n + 1
                break
    return alarms


def theirs(values: Floats, make: Make) -> Bools:
    """Let one of river's detectors see the rows."""
    detector, alarms = make(), []
    for value in values.tolist():
        detector.update(value)
        alarms.append(detector.drift_detected)
    return np.array(alarms, np.bool_)


def thrown(alarms: Bools, chance: np.random.Generator) -> Bools:
    """Throw as many alarms at random."""
    first = probation(len(alarms))
    at = chance.choice(np.arange(first, len(alarms)), int(alarms.sum()), replace=False)
    found = np.zeros(len(alarms), np.bool_)
    found[at] = True
    return found


def scores(total: Outcome) -> dict[str, float]:
    """Score it by each profile."""
    return {name: total.score(profile) for name, profile in PROFILES.items()}


def together(series: Sequence[Series], alarms: Iterable[Bools]) -> Outcome:
    """Add up what the alarms in each series come to."""
    return sum((outcome(found, one.windows) for one, found in zip(series, alarms, strict=True)), NOTHING)


def line(name: str, said: Mapping[str, float], more: str = "") -> None:
    """Print a line of the table."""
    print(f"{name:<44}" + "".join(f"{said[profile]:>10.1f}" if profile in said else f"{'':>10}" for profile in PROFILES)
          + f"   {more}".rstrip())  # fmt: skip


def beside(
    series: Sequence[Series], totals: Mapping[float, Outcome], alarms: Sequence[Bools], chance: np.random.Generator
) -> None:
    """Print what else could be had on these series."""
    best = {name: max(total.score(profile) for total in totals.values()) for name, profile in PROFILES.items()}
    line("e-SR, the best of five budgets", best, "chosen on these series, as the published ones are")
    throws = [scores(together(series, (thrown(one, chance) for one in alarms))) for _ in range(THROWS)]
    line("as many alarms, thrown at random", {name: float(np.mean([one[name] for one in throws])) for name in PROFILES})
    for name, make in (("ADWIN, as shipped", adwin()), ("PageHinkley, as shipped", page_hinkley())):
        total = together(series, (theirs(one.values, make) for one in series))
        line(name, scores(total), f"{total.found} found, {total.false} false")


def main() -> int:
    """Score, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nab")
    parser.add_argument("dir", type=Path, metavar="DIR", help="NAB's series, in folders, and windows.json")
    parser.add_argument("--quick", action="store_true", help="ours at the one budget, and nothing beside it")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    series = read(asked.dir)
    of_counts = traffic()
    if of_counts is None:
        print("detectors/bets/traffic.py is not there: counts are watched as numbers")

    def watched(one: Series, budget: float) -> Bools:
        return ours(one.values, of_counts if one.counts and of_counts is not None else as_number, budget)

    budgets = (BUDGET,) if asked.quick else BUDGETS
    alarms = {budget: [watched(one, budget) for one in series] for budget in budgets}
    each = [outcome(found, one.windows) for one, found in zip(series, alarms[BUDGET], strict=True)]
    print(f"\n{'':<44}{'windows':>9}{'found':>7}{'false':>7}")
    for one, part in zip(series, each, strict=True):
        name = Path(one.name).stem + (" (counts)" if one.counts else "")
        print(f"{name:<44}{part.windows:>9}{part.found:>7}{part.false:>7}")
    totals = {budget: together(series, found) for budget, found in alarms.items()}
    mine, seen = scores(totals[BUDGET]), totals[BUDGET]
    print(f"\n{f'{len(series)} series, {seen.windows} windows':<44}" + "".join(f"{name:>10}" for name in PROFILES))
    line("e-SR, one false alarm in 10,000 rows", mine, f"{seen.found} found, {seen.false} false")
    if not asked.quick:
        beside(series, totals, alarms[BUDGET], np.random.default_rng(SEED))
    line("NAB's null detector", dict.fromkeys(PROFILES, 0.0), "by definition")
    print("\npublished, on all 58 series:")
    for name, *three in PUBLISHED:
        line(name, dict(zip(PROFILES, three, strict=True)))
    for name, standard in PUBLISHED_STANDARD:
        line(name, {"standard": standard})
    table = [
        Bound(f"{name}: above NAB's null detector", "> 0", f"{score:.1f}", score > 0) for name, score in mine.items()
    ]
    table.append(Bound("series that are here, of NAB's 58", TOLD, str(len(series)), True))
    figures: dict[str, Any] = {
        **mine, "series": len(series), "windows": seen.windows, "found": seen.found, "false": seen.false,
        "counts_as": "number" if of_counts is None else "traffic",
    }  # fmt: skip
    return tell(table, figures, asked.json)


if __name__ == "__main__":
    raise SystemExit(main())

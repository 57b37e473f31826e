"""How soon, against how often in vain: curves of both for each kind of signal, ours and others', and where we lose.

``python -m benchmarks.delay [--json] [--quick]``, no broker; pictures go to ``benchmarks/out/delay-*.svg``. Any
detector is fast if it may alarm in vain, so nothing is compared at a nominal setting: each is run at several, its false
alarms are counted on streams in which nothing changes, its delays on streams that do, and what is compared is read off
these curves at the same *measured* rate. Everybody sees event by event, and has 10,000 events to learn from.

- *e-SR* as the product has it, with the limits of a baseline learned anew in each repetition, at a hundredth of 5 %;
- *e-SR, known*: the same with a baseline of ten million events, to show what learning costs;
- *ADWIN* at clock 1 and *PageHinkley*, of river. A number they see as its logarithm, as on raw values heavy tails
  drown them; of a category each name has a detector of its own, and any of them alarms;
- *CUSUM* on the true likelihood ratio: it knows both distributions, and nobody can beat it.
"""

import argparse
import importlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import stats

from benchmarks import oracle
from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.others import Make, adwin, page_hinkley, river
from benchmarks.plot import curves
from benchmarks.streams import Cells, draw, finite, watch
from detectors.arrays import Counts, Floats
from detectors.bets import category, number, rate
from detectors.bets.table import Bets
from schemas.cells import CELLS, EDGES, MISSING, PER_OCTAVE
from schemas.signals import YES

OUT: Final = Path(__file__).parent / "out"
LEARNED: Final = 10_000
KNOWN: Final = 10_000_000
LEVEL: Final = 0.05 / 100
QUIET: Final = 1_000
"""Events like the baseline before the change, so that evidence is where it usually is."""
LONG: Final = 40_000
"""Events without a change that one of river's detectors sees at a stretch."""
MOST: Final = 30_000
"""Events after the change; whoever has not found it by then has missed it."""
EVENTS_PER_FALSE: Final = (30, 300, 3_000, 30_000, 100_000)
"""The budgets that e-SR is run at."""
DELTAS: Final = (1.0, 0.5, 0.2, 0.05, 0.01)
THRESHOLDS: Final = (20.0, 40.0, 80.0, 160.0, 320.0)
"""PageHinkley's, in standard deviations of what it sees."""
RATES: Final = (1e-3, 1e-4, 1e-5)
"""False alarms an event, at which all are compared."""
TOLERANCE: Final = 0.02
NAMES: Final = 12
WORSE: Final = 1.05
"""Nobody has lost who needs five percent more: that is what repetitions differ by."""
SEED: Final = 20261126
OURS: Final = "e-SR"
BEATABLE: Final = ("ADWIN", "PageHinkley")


class Case(NamedTuple):
    """A kind of signal, and changes of it.

    Attributes
    ----------
    before : (C,) share of each cell
    changes : what changes, and the shares afterwards
    table : bets on a baseline
    seen : what river's detectors see of each cell, (C,), or (C, K) for K of them
    """

    name: str
    before: Floats
    changes: tuple[tuple[str, Floats], ...]
    table: Callable[[Counts, Floats], Bets]
    seen: Floats


class Size(NamedTuple):
    """How much is run.

    Attributes
    ----------
    repetitions : of every change
    baselines : on which e-SR's false alarms are counted
    quiet_events : without a change, of e-SR at the most and of river's
    """

    repetitions: int
    baselines: int
    quiet_events: tuple[int, int]


FULL: Final = Size(60, 400, (2_000_000, 600_000))
QUICK: Final = Size(20, 100, (200_000, 80_000))


class Point(NamedTuple):
    """One setting of a detector: false alarms an event, and the median delay of each change."""

    rate: float
    delays: tuple[float, ...]


Curve = Sequence[Point]


def rates() -> Case:
    """One event in twenty says yes; then more do."""

    def shares(yes: float) -> Floats:
        return np.array([1 - yes, yes, 0.0])

    changes = tuple((f"5 -> {100 * yes:g} %", shares(yes)) for yes in (0.0625, 0.075, 0.1, 0.2, 0.4))
    return Case("rate", shares(0.05), changes, rate.table, (np.arange(3) == YES).astype(np.float64))


def numbers() -> Case:
    """A latency with a heavy tail, lognormal and one percent of Pareto; then all of it takes longer."""

    def shares(factor: float) -> Floats:
        below = 0.99 * stats.lognorm.cdf(EDGES, 0.7, scale=800 * factor)
        below += 0.01 * stats.pareto.cdf(EDGES, 1.2, scale=2000 * factor)
        return np.concatenate([[below[0]], np.diff(below), [1 - below[-1]], [0.0]])

    changes = tuple((f"x {factor:g}", shares(factor)) for factor in (1.1, 1.25, 1.5, 2.0))
    octaves = np.minimum(np.arange(CELLS), MISSING) / PER_OCTAVE
    return Case("number", shares(1.0), changes, number.table, octaves)


def categories() -> Case:
    """Twelve names, one by one rarer; then one is doubled, the first loses a fifth, or a new one comes."""
    names = 1 / np.arange(1, NAMES + 1)
    before = np.concatenate([names / names.sum(), np.zeros(3)])
    doubled, less = before.copy(), before.copy()
    doubled[8] *= 2
    less[0] *= 0.8

    def new(share: float) -> Floats:
        return np.asarray((1 - share) * before + share * (np.arange(len(before)) == NAMES + 1), np.float64)

    changes = (
        (f"one of {100 * before[8]:.1f} % doubled", doubled / doubled.sum()),
        (f"the first, {100 * before[0]:.0f} %, down a fifth", less / less.sum()),
        ("unseen, 0.5 %", new(0.005)), ("unseen, 2 %", new(0.02)),
    )  # fmt: skip
    each = np.delete(np.eye(len(before)), [NAMES, NAMES + 2], axis=1)
    return Case("category", before, changes, category.table, each)


def calibration() -> Case | None:
    """Confidence as it is stated, mostly high, and right as often; then less often. None where such bets are not there.

    They need no baseline, so all that is learned is left alone; a gap of two points is no news to them.
    """
    try:
        bets = importlib.import_module("detectors.bets.calibration")
    except ModuleNotFoundError:
        return None
    said = (np.arange(20) + 0.5) / 20
    stated = np.diff(stats.beta.cdf(np.arange(21) / 20, 6, 2))

    def shares(off: float) -> Floats:
        right = np.maximum(said - off, 0.0)
        return np.append(np.stack([stated * (1 - right), stated * right], axis=1).ravel(), 0.0)

    changes = tuple((f"right {100 * off:g} points less often", shares(off)) for off in (0.05, 0.1, 0.2))
    gap = np.append(np.stack([-said, 1 - said], axis=1).ravel(), 0.0)
    return Case("calibration", shares(0.0), changes, lambda counts, _: bets.table(len(counts), TOLERANCE), gap)


def change(case: Case, nth: int, quiet: int, repetitions: int, chance: np.random.Generator) -> Cells:
    """Draw streams of which the nth change comes after `quiet` events."""
    before = draw(case.before, repetitions, quiet, chance)
    return np.concatenate([before, draw(case.changes[nth][1], repetitions, MOST, chance)], axis=1)


def baselines(case: Case, n: int, repetitions: int, chance: np.random.Generator) -> Bets:
    """Learn so many times from n events."""
    counts = chance.multinomial(n, case.before / case.before.sum(), size=repetitions)
    return case.table(counts, np.full(repetitions, LEVEL))


def ours(case: Case, size: Size, learned: int, chance: np.random.Generator) -> Curve:
    """Run e-SR at each of its budgets."""
    points = []
    for events in EVENTS_PER_FALSE:
        bets = baselines(case, learned, size.baselines, chance)
        quiet = min(100 * events * 10, size.quiet_events[0]) // size.baselines
        false = watch(bets, draw(case.before, size.baselines, quiet, chance), quiet, 1, 1 / events).rate
        delays = []
        for nth in range(len(case.changes)):
            bets = baselines(case, learned, size.repetitions, chance)
            stream = change(case, nth, QUIET, size.repetitions, chance)
            delays.append(watch(bets, stream, QUIET, 1, 1 / events).median)
        points.append(Point(false, tuple(delays)))
    return points


def theirs(case: Case, size: Size, makes: Iterable[Make], chance: np.random.Generator) -> Curve:
    """Run one of river's detectors at each of its settings; their history is as long as e-SR's baseline."""
    points = []
    width = case.seen.shape[1] if case.seen.ndim == 2 else 1
    long = size.quiet_events[1] // LONG // width
    few = size.repetitions if width == 1 else size.repetitions // 4  # each is as dear as all others together
    for make in makes:
        quiet = draw(case.before, max(long, 1), LEARNED + LONG, chance)
        false = river(make, case.seen[quiet], learned=LEARNED)[0].rate
        before = draw(case.before, few, LEARNED + QUIET, chance)
        afters = [case.seen[draw(after, few, MOST, chance)] for _, after in case.changes]
        points.append(Point(false, tuple(runs.median for runs in river(make, case.seen[before], afters, LEARNED))))
    return points


def known(case: Case, size: Size, chance: np.random.Generator) -> Curve:
    """Run the CUSUM of each change at each of the rates, which it keeps exactly."""
    points = []
    for false in RATES:
        delays = []
        for nth, (_, after) in enumerate(case.changes):
            ratio = oracle.likelihood(case.before, after)
            high = oracle.threshold(ratio, case.before, 1 / false)
            stream = change(case, nth, QUIET, size.repetitions, chance)
            delays.append(float(np.median(oracle.delays(ratio, stream, high, QUIET))))
        points.append(Point(false, tuple(delays)))
    return points


def at(curve: Curve, rate: float, nth: int) -> float | None:
    """Read the delay of a change off a curve, between its points on scales of logarithms; None beyond its ends.

    Examples
    --------
    >>> curve = [Point(1e-2, (10.0,)), Point(1e-4, (1000.0,)), Point(0.0, (5000.0,))]
    >>> round(at(curve, 1e-3, 0)), at(curve, 1e-5, 0) is None
    (100, True)
    """
    # Of settings that measure the same rate, the fastest: a staircase is read at its edge.
    best: dict[float, float] = {}
    for point in curve:
        if point.rate > 0:
            best[point.rate] = min(point.delays[nth], best.get(point.rate, np.inf))
    measured = sorted(best)
    if not measured or not measured[0] * 0.999 <= rate <= measured[-1] * 1.001:
        return None
    delays = np.array([best[one] for one in measured])
    read = float(np.exp(np.interp(np.log(rate), np.log(measured), np.log(delays))))
    return read if np.isfinite(read) else np.inf


def compare(case: Case, of: dict[str, Curve]) -> list[dict[str, Any]]:
    """Lay all curves side by side, at the rates that ours reaches."""
    rows = []
    for nth, (what, _) in enumerate(case.changes):
        for false in RATES:
            delays = {name: at(curve, false, nth) for name, curve in of.items()}
            if (own := delays[OURS]) is None:
                continue
            lost = [name for name in BEATABLE if (other := delays[name]) is not None and own > WORSE * other]
            rows.append({"kind": case.name, "change": what, "rate": false, "delay": delays, "lost_to": lost})
    return rows


def _said(delay: float | None) -> str:
    if delay is None:
        return "-"
    return "missed" if np.isinf(delay) else f"{delay:,.0f}"


def show(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    """Print a table: median delays in events; a dash where a curve does not reach that far."""
    print(f"\n{'':<32}{'false alarms':>14}" + "".join(f"{name:>14}" for name in names))
    for row in rows:
        said = "".join(f"{_said(row['delay'][name]):>14}" for name in names)
        lost = f"   lost to {' and '.join(row['lost_to'])}" if row["lost_to"] else ""
        print(f"{row['kind'] + ' ' + row['change']:<32}{'1 in ' + format(1 / row['rate'], ',.0f'):>14}{said}{lost}")


def _spent(events: int, point: Point) -> str:
    return f"1 in {events:,} " + (f"1 in {1 / point.rate:,.0f}" if point.rate else "none")


def picture(case: Case, nth: int, of: dict[str, Curve]) -> None:
    """Draw the curves of one change."""
    lines = {
        name: [(point.rate, point.delays[nth]) for point in curve if point.rate > 0 and np.isfinite(point.delays[nth])]
        for name, curve in of.items()
    }
    OUT.mkdir(exist_ok=True)
    title = f"{case.name}: {case.changes[nth][0]}"
    (OUT / f"delay-{case.name}.svg").write_text(curves(lines, title, "false alarms an event", "events until found"))


def main() -> int:
    """Measure, print the tables, draw the pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delay")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, a third of the repetitions")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    cases = [rates(), numbers(), categories()]
    if (extra := calibration()) is not None:
        cases.append(extra)
    else:
        print("calibration: not compared, as detectors/bets/calibration.py is not there")
    rows: list[dict[str, Any]] = []
    spent: list[dict[str, Any]] = []
    for case in cases:
        chance = np.random.default_rng(SEED)
        moments = [(case.before @ x, case.before @ x**2) for x in np.atleast_2d(case.seen.T)]
        spread = float(np.sqrt(np.mean([square - mean**2 for mean, square in moments])))
        of = {
            OURS: ours(case, size, LEARNED, chance),
            "e-SR, known": ours(case, size, KNOWN, chance),
            "ADWIN": theirs(case, size, (adwin(delta, clock=1) for delta in DELTAS), chance),
            "PageHinkley": theirs(case, size, (page_hinkley(spread * high) for high in THRESHOLDS), chance),
            "CUSUM": known(case, size, chance),
        }
        found = compare(case, of)
        show(found, list(of))
        spent.append({"kind": case.name, "measured": [point.rate for point in of[OURS]]})
        print("allowed, and measured: " + "; ".join(map(_spent, EVENTS_PER_FALSE, of[OURS])), flush=True)
        picture(case, len(case.changes) // 2, of)
        rows += found
    lost = sum(bool(row["lost_to"]) for row in rows)
    table = [Bound("comparisons that are lost to ADWIN or PageHinkley", TOLD, f"{lost} of {len(rows)}", True)]
    told = [row | {"delay": {name: finite(delay) for name, delay in row["delay"].items()}} for row in rows]
    return tell(
        table,
        {"compared": len(rows), "lost": lost, "allowed_1_in": EVENTS_PER_FALSE, "spent": spent, "rows": told},
        asked.json,
    )


if __name__ == "__main__":
    raise SystemExit(main())

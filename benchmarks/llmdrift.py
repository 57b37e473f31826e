"""Real changes of a model -> which signals show them, and how soon: GPT-3.5 and GPT-4 of March and June 2023.

``python -m benchmarks.llmdrift DIR [--json] [--quick]``, DIR with csv files of LLMDrift, no broker. Every repetition
draws, with replacement, a baseline of 1,000 rows, 3,000 more of the earlier snapshot and as many of the later one. A
signal *changed* where a Kolmogorov-Smirnov test on all rows says so at one in a million. Bets see blocks of 20 events,
their limits are at a hundredth of 5 %, and one false alarm in 100,000 events is allowed to each monitor.

Beside each rate stands an oracle: a CUSUM on the true likelihood ratio, with both rates known and exactly the nominal
rate of false alarms. Beside all of them river's detectors see the same streams, event by event, as they are shipped and
tuned: each to the most sensitive setting that, on these very streams, alarms no more often than the bets do.
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from river.drift import KSWIN
from scipy.stats import ks_2samp

from benchmarks import oracle
from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.others import Make, adwin, kswin, match, page_hinkley, river
from benchmarks.recorded import Signal, read
from benchmarks.streams import PER, Cells, Runs, finite, folder, tally, watch
from detectors.arrays import Counts, Floats
from detectors.bets import number, rate
from detectors.bets.table import Bets
from schemas.cells import CELLS, cells
from schemas.signals import RATE_CELLS

LEARNED: Final = 1_000
QUIET: Final = 3_000
CHANGED: Final = 3_000
BLOCK: Final = 20
EVENTS_PER_FALSE_ALARM: Final = 100_000
LEVEL: Final = 0.05 / 100
SURE: Final = 1e-6
MOST_OF_A_NUMBER: Final = 150
TIMES_ORACLE: Final = 3
MOST_FALSE: Final = 0.2
STEPS: Final = 8
"""Of the search for a setting that alarms as often as the bets do."""
SEED: Final = 20230614


class Kind(NamedTuple):
    """How a kind of signal becomes cells, and what is bet on them."""

    width: int
    cells: Callable[[Floats], Cells]
    table: Callable[[Counts, Floats], Bets]


KINDS: Final = {
    "rate": Kind(RATE_CELLS, lambda values: values.astype(np.uint8), rate.table),
    "number": Kind(CELLS, cells, number.table),
}


class Found(NamedTuple):
    """What became of a signal.

    Attributes
    ----------
    p_value : of the test on all rows
    bets : what the bets did
    oracle : median delay of the CUSUM that knows both rates; None for a number
    """

    signal: Signal
    p_value: float
    bets: Runs
    oracle: float | None

    @property
    def changed(self) -> bool:
        """Whether it did change, as far as all rows can tell."""
        return self.p_value < SURE

    @property
    def most(self) -> float:
        """The median delay that it may have, in events."""
        return MOST_OF_A_NUMBER if self.oracle is None else TIMES_ORACLE * self.oracle + BLOCK


def streams(signal: Signal, repetitions: int, chance: np.random.Generator) -> Floats:
    """Draw the baseline, what is like it, and what is not, one after another: (R, 7,000) values."""
    before = chance.choice(signal.before, (repetitions, LEARNED + QUIET))
    return np.concatenate([before, chance.choice(signal.after, (repetitions, CHANGED))], axis=1)


def look(signal: Signal, values: Floats) -> Found:
    """Let the bets, and the oracle, see a signal's streams."""
    kind = KINDS[signal.kind]
    seen = kind.cells(values)
    bets = kind.table(tally(seen[:, :LEARNED], kind.width), np.full(len(seen), LEVEL))
    runs = watch(bets, seen[:, LEARNED:], QUIET, BLOCK, 1 / EVENTS_PER_FALSE_ALARM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the exact p-value is too small to be worked out
        p_value = float(ks_2samp(signal.before, signal.after).pvalue)
    return Found(signal, p_value, runs, _oracle(signal, seen) if signal.kind == "rate" else None)


def _oracle(signal: Signal, seen: Cells) -> float:
    before, after = (np.bincount(side.astype(int), minlength=2) / len(side) for side in (signal.before, signal.after))
    ratio = oracle.likelihood(before, after)
    high = oracle.threshold(ratio, before, EVENTS_PER_FALSE_ALARM)
    return float(np.median(oracle.delays(ratio, seen[:, LEARNED:], high, QUIET)))


class Beside(NamedTuple):
    """One of river's detectors, on one signal."""

    name: str
    runs: Runs


def shipped(values: Floats, few: int) -> list[Beside]:
    """Let river's detectors see a signal's streams, as they are shipped; KSWIN, which is slow, only the first few."""
    return [
        Beside("ADWIN", _run(adwin(), values)), Beside("PageHinkley", _run(page_hinkley(), values)),
        Beside("KSWIN", _run(kswin(), values[:few])),
    ]  # fmt: skip


def matched(values: Floats, target: float, few: int) -> list[Beside]:
    """Let them see the streams at the setting that alarms no more often there than the bets did."""
    before = values[:, : LEARNED + QUIET]

    def best(make: Callable[[float], Make], quiet: float, loud: float) -> Runs:
        def measured(setting: float) -> float:
            return river(make(setting), before, learned=LEARNED)[0].rate

        return _run(make(match(measured, target, quiet, loud, STEPS)), values)

    # KSWIN's test is as good as alone with each event, and costs a thousand times as much as the others: the smallest
    # p-value of a quiet stream says which level would have kept it quiet.
    alpha = min(_least_p(stream.tolist()) for stream in before[:few]) * (1 - 1e-9)
    return [
        Beside("ADWIN, clock 1", best(lambda delta: adwin(delta, clock=1), 1e-12, 1.0)),
        Beside("PageHinkley", best(page_hinkley, 1e9, 0.1)),
        Beside("KSWIN", _run(kswin(alpha), values[:few])),
    ]


def _run(make: Make, values: Floats) -> Runs:
    return river(make, values[:, : LEARNED + QUIET], [values[:, LEARNED + QUIET :]], LEARNED)[0]


def _least_p(stream: Sequence[float]) -> float:
    detector, least = KSWIN(alpha=0.0, seed=1), 1.0
    for n, value in enumerate(stream, 1):
        detector.update(value)  # type: ignore[no-untyped-call]  # river's own
        if n >= detector.window_size:  # there is no test before
            least = min(least, detector.p_value)
    return least


def bounds(found: Sequence[Found]) -> tuple[list[Bound], dict[str, Any]]:
    """Hold what was seen against what was promised."""
    changed = [one for one in found if one.changed]
    missed = [one for one in changed if one.bets.missed]
    over = [one for one in changed if not one.bets.median <= one.most]
    numbers = [one.bets.median for one in changed if one.oracle is None]
    rates = [(one.bets.median - BLOCK) / max(one.oracle, 1.0) for one in changed if one.oracle is not None]
    false = sum(int(one.bets.false.sum()) for one in changed)
    events = sum(one.bets.events for one in changed)
    per = PER * false / max(events, 1)
    table = [
        Bound("signals that changed, and were found in every repetition", f"all {len(changed)}",
              str(len(changed) - len(missed)), bool(changed) and not missed),
        Bound("numbers: worst median delay, events", str(MOST_OF_A_NUMBER), f"{max(numbers, default=0):g}",
              max(numbers, default=0) <= MOST_OF_A_NUMBER),
        Bound("rates: worst median delay less a block, times the oracle's", str(TIMES_ORACLE),
              f"{max(rates, default=0):.2f}", not any(one in over for one in changed if one.oracle is not None)),
        Bound(f"false alarms in {PER:,} events", str(MOST_FALSE), f"{per:.3f} ({false} in {events:,})",
              per <= MOST_FALSE),
    ]  # fmt: skip
    figures = {
        "signals": len(changed), "missed": len(missed), "over_bound": len(over),
        "worst_median_delay": finite(max((one.bets.median for one in changed), default=None)), "false_per_10k": per,
        "each": [{"signal": one.signal.name, "median_delay": finite(one.bets.median), "most": one.most,
                  "oracle": one.oracle, "false": int(one.bets.false.sum())} for one in changed],
    }  # fmt: skip
    return table, figures


def _median(runs: Runs) -> str:
    return "missed" if np.isinf(runs.median) else f"{runs.median:g}"


def _said(beside: Beside) -> str:
    """The median delay, and false alarms in 10,000 events behind a stroke."""
    return f"{_median(beside.runs)} / {PER * beside.runs.rate:.2g}"


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llmdrift")
    parser.add_argument("dir", type=Path, metavar="DIR", help="csv files of LLMDrift")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--few", type=int, default=2, help="repetitions that KSWIN sees")
    parser.add_argument("--quick", action="store_true", help="ours alone")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    files = sorted(asked.dir.glob("*.csv"))
    folder(asked.dir, "csv files of LLMDrift, with the columns model and answer", files)
    signals = [signal for path in files for signal in read(path)]
    folder(asked.dir, "answers of two snapshots of a model, told apart by the digits that end its name", signals)
    repetitions, chance = asked.repetitions, np.random.default_rng(SEED)
    found, sums = [], dict[str, tuple[int, int]]()
    print(f"{repetitions} repetitions; median delay in events, and false alarms in {PER:,} events behind the stroke\n")
    for signal in signals:
        values = streams(signal, repetitions, chance)
        one = look(signal, values)
        found.append(one)
        moved = f"{signal.before.mean():.4g} -> {signal.after.mean():.4g}"
        if not one.changed:
            print(f"{signal.name:<42}{moved:<20} no change; {int(one.bets.false.sum())} false alarms")
            continue
        most = f"at most {one.most:g}" + ("" if one.oracle is None else f", oracle {one.oracle:g}")
        print(f"{signal.name:<42}{moved:<20} {_said(Beside('', one.bets))} ({most})", flush=True)
        if asked.quick:
            continue
        for how, besides in (("shipped", shipped(values, asked.few)),
                             ("matched", matched(values, one.bets.rate, asked.few))):  # fmt: skip
            print("    " + f"{how}: " + "; ".join(f"{beside.name} {_said(beside)}" for beside in besides), flush=True)
            for beside in besides:
                slower, all_ = sums.get(f"{beside.name}, {how}", (0, 0))
                sums[f"{beside.name}, {how}"] = slower + (beside.runs.median > one.bets.median), all_ + 1
    table, figures = bounds(found)
    table += [Bound(f"{name}: signals on which it is slower", TOLD, f"{slower} of {all_}", True)
              for name, (slower, all_) in sums.items()]  # fmt: skip
    figures["slower"] = {name: slower for name, (slower, _) in sums.items()}
    return tell(table, figures, asked.json)


if __name__ == "__main__":
    raise SystemExit(main())

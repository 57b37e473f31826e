"""The detect stage over thousands of monitors -> microseconds an event, bytes a monitor, and the size of a state.

``python -m benchmarks.cost [--monitors 10000 100000] [--events 100] [--rounds 5] [--quick] [--json]``

A service of the shipped config whose every slice is taken has a few hundred monitors (a monitor is one signal of one
slice), so some tens of services make 10,000 of them. Each of these services has a second with 100 events to decide
(`streams.watch.detect.decide`); every signal of the whole sees an event, and, where it is cut by slices, one slice in
each dimension: these are *updates* of monitors, the unit that river's ADWIN is paid in. It stands beside twice: one
that is fed in a hot loop, and ten thousand in a dictionary that take turns. All sides take turns in one process; what
counts are the ratios.

Bytes are those by which the process grew. Of a monitor's bytes its *evidence* is state: kept, and written to Kafka. The
rest is the table of its bets, made from the baseline and made again after a restart.

No time is a bound: only the size of the state has one.
"""

import argparse
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from river import drift

from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.full import aged, service, sizes
from schemas.config import Config
from schemas.signals import CATALOGUE
from schemas.taxonomy import Taxonomy
from streams.watch.alphabet import slice_count
from streams.watch.clock import end_ms
from streams.watch.detect import decide
from streams.watch.detector import Detector
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.state import State

MOST_STATE: Final = 1_000_000
"""Bytes of a service's state."""
WEEKS: Final = 8
"""For which a service went on learning."""
IN_TURN: Final = 10_000
"""ADWINs in the dictionary."""
HOT: Final = 50_000
_SEED: Final = 1


def updates(watching: Detector, dimensions: int) -> int:
    """Say how many monitors see an event: of each signal the whole, and one slice in each dimension."""
    return sum(1 + (dimensions if table.slices > 1 else 0) for table in watching.tables)


def decided(plan: Plan, services: Sequence[State]) -> float:
    """Decide the open second of each: seconds of CPU."""
    watching = [(_detector(plan, one), one) for one in services]
    began = time.process_time()
    for watched, one in watching:
        for stream in one.streams.values():
            decide(watched, stream, end_ms(one.second), plan.config.measure.bucket_s)
    return time.process_time() - began


def _detector(plan: Plan, state: State) -> Detector:
    assert state.baseline is not None
    return detector(state.baseline, plan, state.service)


def updated(detectors: Sequence[Any], values: Sequence[float], order: Sequence[int]) -> float:
    """Feed ADWINs one value each, in an order: seconds of CPU."""
    held = dict(enumerate(detectors))
    began = time.process_time()
    for who, value in zip(order, values, strict=True):
        held[who].update(value)
    return time.process_time() - began


def grown(make: Callable[[], Any]) -> tuple[Any, int]:
    """Make something, and say by how many bytes of memory the process grew."""
    gc.collect()
    before = _resident()
    made = make()
    gc.collect()
    return made, _resident() - before


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Measure."""
    asked = argparse.ArgumentParser(description="What the detect stage costs, beside river's ADWIN.")
    asked.add_argument("--monitors", type=int, nargs="+", default=[10_000, 100_000])
    asked.add_argument("--events", type=int, default=100, help="of a service in the second that is decided")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--quick", action="store_true", help="10,000 monitors and one round")
    asked.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    args = asked.parse_args()
    monitors, rounds = ([10_000], 1) if args.quick else (args.monitors, args.rounds)
    plan, rng = Plan.of(Config(), Taxonomy.load_default()), np.random.default_rng(_SEED)
    figures = [_measured(plan, n, args.events, rounds, rng) for n in monitors]
    most = plan.streams
    buckets = plan.config.watch.window_buckets
    one, all_ = (
        sizes(aged(plan, service(plan, args.events, rng, releases, buckets), WEEKS, rng)) for releases in (1, most)
    )
    bounds = [row for figure in figures for row in _rows(figure)]
    bounds += [
        _size("state of a service of one release, all of it", one.all),
        _size("its record that is written again and again", one.hot),
        _size(f"the same of {most} releases", all_.hot),
        Bound("its baseline, written once", TOLD, f"{one.baseline / 1e3:.0f} kB", met=True),
        Bound(f"what that took in within {WEEKS} weeks", TOLD, f"{one.growth / 1e3:.0f} kB", met=True),
        Bound("its history, a bucket at most", TOLD, f"{one.bucket / 1e3:.1f} kB", met=True),
        Bound(f"its history of {most} releases", TOLD, f"{all_.buckets / 1e3:,.0f} kB", met=True),
    ]
    learned = service(plan, args.events, rng).baseline
    assert learned is not None
    told = {
        "signals": len(CATALOGUE), "slices": slice_count(learned.alphabet),
        "detect": figures, "state_bytes": {"one_release": one._asdict(), "all_releases": all_._asdict()},
    }  # fmt: skip
    return tell(bounds, told, args.json)


def _measured(plan: Plan, monitors: int, events: int, rounds: int, rng: np.random.Generator) -> dict[str, float]:
    """Let the sides take turns; medians of the rounds."""
    first = service(plan, events, rng)
    watching = _detector(plan, first)
    each = sum(table.slices for table in watching.tables)
    n = -(-monitors // each)
    services, memory = grown(lambda: [_made(plan, events, rng) for _ in range(n)])
    adwins, of_adwins = grown(lambda: [_warm(rng) for _ in range(IN_TURN)])
    seen = updates(watching, len(plan.config.measure.slices)) * events * n
    spent: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        values = (rng.random(HOT) < 0.1).astype(np.float64).tolist()
        hot = updated(adwins[:1], values, [0] * HOT)
        turns = updated(adwins, values, rng.integers(0, IN_TURN, HOT).tolist())
        spent.append((decided(plan, services) / seen, hot / HOT, turns / HOT))
    update, hot, turns = (1e6 * statistics.median(column) for column in zip(*spent, strict=True))
    evidence = sum(stream.evidence.nbytes for stream in first.streams.values()) / each
    return {
        "monitors": n * each, "services": n, "us_per_event": update * seen / events / n, "us_per_update": update,
        "adwin_us_hot": hot, "adwin_us_in_dict": turns, "bytes_per_monitor": memory / n / each,
        "evidence_bytes_per_monitor": evidence, "adwin_bytes": of_adwins / IN_TURN,
        "cheaper_than_hot": hot / update, "cheaper_than_in_dict": turns / update,
        "smaller": of_adwins / IN_TURN * n * each / memory, "smaller_state": of_adwins / IN_TURN / evidence,
    }  # fmt: skip


def _made(plan: Plan, events: int, rng: np.random.Generator) -> State:
    """Make a service and its bets."""
    made = service(plan, events, rng)
    _detector(plan, made)
    return made


def _warm(rng: np.random.Generator) -> Any:
    """Make an ADWIN that has seen enough to be of its usual size."""
    one: Any = drift.ADWIN()  # type: ignore[no-untyped-call]
    for value in (rng.random(1000) < 0.1).astype(np.float64).tolist():
        one.update(value)
    return one


def _rows(figure: dict[str, float]) -> list[Bound]:
    at = f"{figure['monitors']:,.0f} monitors: "
    said = {
        "us an event": f"{figure['us_per_event']:.2f}, {figure['us_per_update']:.4f} an update",
        "us an update, ADWIN hot; of 10,000": f"{figure['adwin_us_hot']:.2f}; {figure['adwin_us_in_dict']:.2f}",
        "times cheaper an update": f"{figure['cheaper_than_hot']:.1f}; {figure['cheaper_than_in_dict']:.1f}",
        "bytes a monitor": f"{figure['bytes_per_monitor']:,.0f}",
        "bytes of evidence a monitor": f"{figure['evidence_bytes_per_monitor']:,.0f}",
        "bytes of an ADWIN": f"{figure['adwin_bytes']:,.0f}",
        "times smaller, all; state alone": f"{figure['smaller']:.2f}; {figure['smaller_state']:.1f}",
    }
    return [Bound(at + what, TOLD, seen, met=True) for what, seen in said.items()]


def _size(what: str, size: int) -> Bound:
    return Bound(what, f"below {MOST_STATE / 1e6:g} MB", f"{size / 1e6:.3f} MB", size < MOST_STATE)


if __name__ == "__main__":
    sys.exit(main())

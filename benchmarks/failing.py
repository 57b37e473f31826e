"""A process of failures, through WATCH as it runs -> what is told of it, and after how many failures.

A service is learned from one process and watched while it follows another: the same, at any traffic; one that has twice
the modes; one whose failures are all in one workflow. Nothing else is observed than whether exchanges failed, and how.
"""

from typing import Final, NamedTuple

import numpy as np

from benchmarks.flushes import ALL, BUCKET_S, NO_BESIDE, SERVICE
from benchmarks.nulls import Floats, Ints, Rng
from benchmarks.watched import BEGIN_S
from schemas.signals import FAILURE_MODE, NO, YES
from schemas.tallies import Flush, layout, pack
from streams.watch.clock import begin_ms
from streams.watch.plan import Plan
from streams.watch.stage import Record, reading, step
from streams.watch.state import State

RELEASE: Final = "release"
TRAFFIC: Final = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
"""Share of each workflow."""
RATE: Final = 0.03
LEARNED_FROM: Final = 500
"""Exchanges of each flush that is learned from."""
FLUSHES: Final = 360
"""An hour of buckets, over which the failures to be watched are spread."""
_FAILED_AT: Final = layout().begins[[signal.name for signal in layout().signals].index("failed")]
_MODE_AT: Final = layout().columns.index(FAILURE_MODE)


class Process(NamedTuple):
    """How a service fails.

    Attributes
    ----------
    shares : (M,) of its modes
    rate : part of the exchanges that fail
    where : the workflow that all failures are in; of None, they are where the traffic is
    """

    shares: Floats
    rate: float = RATE
    where: int | None = None

    def draw(self, exchanges: float, chance: Rng) -> tuple[Ints, Ints]:
        """Draw a flush: exchanges of each workflow, (W,), and how many of them failed in which mode, (W, M)."""
        served = chance.multinomial(chance.poisson(exchanges), TRAFFIC)
        if self.where is None:
            failed = chance.binomial(served, self.rate)
        else:
            failed = np.zeros_like(served)
            failed[self.where] = min(served[self.where], chance.binomial(served.sum(), self.rate))
        return served, chance.multinomial(failed, self.shares)


def flush(dimensions: tuple[str, ...], at_s: int, anchor: int, served: Ints, failed: Ints) -> Flush:
    """Write the flush of a block that is finished, as MEASURE would.

    Workflows are slices of the first dimension; of each other one there is a single slice.

    Parameters
    ----------
    dimensions : as in the config
    at_s : when it comes; its events lie in the bucket of that second
    anchor : offset of the first event in its source partition
    served, failed : as a `Process` draws them; something was served
    """
    workflows = [f"workflow-{i}" for i in range(len(served))]
    modes = [f"X.MODE_{i:02}" for i in range(failed.shape[1])]
    names = tuple(sorted({"", SERVICE, RELEASE, ALL, *workflows, *modes}))
    at = {name: i for i, name in enumerate(names)}
    named = layout().fixed + _MODE_AT * len(names) + np.array([at[mode] for mode in modes])
    cells = np.concatenate([[_FAILED_AT + NO, _FAILED_AT + YES], named])  # these rise
    none = np.zeros(len(modes), np.int64)
    rows = [(0, *row) for row in zip(workflows, served, failed.sum(axis=1), failed, strict=True)]
    rows += [(d, ALL, served.sum(), failed.sum(), none) for d in range(1, len(dimensions))]
    groups, seen, counts = [], [], []
    for dimension, name, n, k, of in rows:
        count = np.concatenate([[n - k, k], of])
        some = count > 0
        if n:
            groups.append((at[SERVICE], 1, at[RELEASE], dimension, at[name], int(some.sum())))
            seen.append(cells[some])
            counts.append(count[some])
    return Flush(
        source="ai.events", partition=0, anchor=anchor, end=anchor + int(served.sum()), final=True, digest="d",
        bucket_s=BUCKET_S, first_bucket=at_s // BUCKET_S, dimensions=dimensions, names=names,
        groups=pack(np.array(groups, np.int64)), cells=pack(np.concatenate(seen)), counts=pack(np.concatenate(counts)),
        beside=NO_BESIDE,
    )  # fmt: skip


def watch(plan: Plan, before: Process, after: Process, failures: int, seed: int, until: str = "") -> dict[str, int]:
    """Let a service be learned as it was, and watch it as it is.

    Parameters
    ----------
    before, after : processes of as many modes
    failures : to be expected afterwards, over an hour
    until : a signal; when it has alarmed, that is enough

    Returns
    -------
    dict of str to int
        Signal, or rule, that alarmed -> failures since the process is another.
    """
    chance, states = np.random.default_rng(seed), dict[str, State]()
    told, failed, watched, anchor, at_s = dict[str, int](), 0, 0, 0, BEGIN_S
    while watched < FLUSHES and until not in told:
        learned = SERVICE in states and states[SERVICE].baseline is not None
        now, exchanges = (after, failures / after.rate / FLUSHES) if learned else (before, LEARNED_FROM)
        served, of = now.draw(exchanges, chance)
        if served.any():
            one = flush(plan.config.measure.slices, at_s, anchor, served, of)
            changed, _ = step(plan, 0, states, Record(at_s, begin_ms(at_s), b""), reading(one))
            states |= changed
            anchor = one.end
        if learned:
            watched, failed = watched + 1, failed + int(of.sum())
            for signal in _alarmed(states[SERVICE]) - told.keys():
                told[signal] = failed
        at_s += BUCKET_S
    return told


def _alarmed(state: State) -> set[str]:
    return {alarm.signal for case in (*state.pending, *state.cases) for alarm in case.alarms}

"""What comes before there is a baseline -> a second opinion on whether it changes: a record, outside all budgets.

What a service is learned from is taken for normal, whatever it is. river's ADWIN looks at it meanwhile: at the share of
each rate that may page later, block by block. It tells nobody but who looks, and ends when the baseline is there.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from msgspec.structs import replace

from detectors import cold
from detectors.arrays import Means
from schemas.incidents import Change, Incident, Interval
from schemas.printable import printable
from schemas.signals import RATE_CELLS, UNKNOWN, YES, Signal
from streams.telling.identity import fingerprint
from streams.watch.arrays import Ints
from streams.watch.baseline import Provisional, Series
from streams.watch.cases import Case
from streams.watch.clock import begin_ms, end_ms
from streams.watch.lineage import lineage
from streams.watch.measured import layout_of
from streams.watch.plan import Plan, pageable
from streams.watch.report import labelled, short
from streams.watch.state import State
from streams.watch.total import laid

BLOCKS: Final = 250
"""Blocks in what a baseline is learned from, at most: 80 events of 20,000, as `benchmarks.cold` has them."""
FEWEST: Final = 40
"""Events of a block, at least."""


def looked(plan: Plan, state: State, over: int) -> tuple[State, list[Incident]]:
    """Look at what came, once it is a block.

    Parameters
    ----------
    state : of a service that has no baseline
    over : the last second that is over
    """
    held = state.provisional or Provisional(0)
    n = int(state.total.counts[state.total.cells < RATE_CELLS].sum())
    if n - held.events < max(plan.baseline_events(state.service) // BLOCKS, FEWEST):
        return state, []
    counts, said = laid(state.total), list[Incident]()
    series = dict(held.series)
    for signal, begin in _rates(plan, state.service):
        series[signal.name], told = _advanced(series.get(signal.name), counts[begin : begin + RATE_CELLS], over)
        if told is not None:
            state, more = _told(plan, state, signal, told, series[signal.name], over)
            said += more
    return replace(state, provisional=Provisional(n, series)), said


def _rates(plan: Plan, service: str) -> list[tuple[Signal, int]]:
    """List the catalogue's rates that may page, and where their cells begin; of what is in shadow nothing is said."""
    catalogue = layout_of(())
    begins = dict(zip((one.name for one in catalogue.signals), catalogue.begins, strict=True))
    return [
        (one, begins[one.name])
        for one in plan.signals
        if one.kind == "rate" and pageable(one) and one not in plan.own and not plan.in_shadow(service, one.name)
    ]


def _advanced(held: Series | None, counts: Ints, over: int) -> tuple[Series, Means | None]:
    """Let ADWIN see one more block; the means before a change, if it saw one."""
    held = held or Series(np.zeros(RATE_CELLS, np.int64), np.zeros(0, np.float32), ())
    came = counts - held.counts
    if (seen := int(came.sum() - came[UNKNOWN])) <= 0:
        return replace(held, counts=counts), None
    share = min(max(float(came[YES]) / seen, 0.0), 1.0)
    means, changed = cold.advance(held.means, share)
    now = Series(counts, means, (*held.ends, over)[-len(means) :])
    return now, held.means[: len(held.means) + 1 - len(means)] if changed else None


def _told(
    plan: Plan, state: State, signal: Signal, before: Means, now: Series, over: int
) -> tuple[State, list[Incident]]:
    """Open the incident of a signal, unless it is open: it says what was seen first."""
    known = plan.service(state.service)
    labels = labelled(f"{signal.name}_provisional", state.service, known.env, None, dark=False)
    print_ = fingerprint(labels)
    if len(state.cases) >= plan.config.limits.incidents or any(one.said.fingerprint == print_ for one in state.cases):
        return state, []
    episode, since, now_ms = state.episodes.get(print_, state.forgotten) + 1, begin_ms(now.ends[0]), end_ms(over)
    low = since - max((later - earlier for earlier, later in pairwise(now.ends)), default=1) * 1000
    change = Change(
        signal=signal.name, feature="yes", words=signal.words, unit="",
        direction="up" if now.means.mean() > before.mean() else "down", before=_figure(before),
        after=_figure(now.means), before_n=len(before), after_n=len(now.means),
        onset_at=since, onset_low_at=low, onset_high_at=now_ms, alarmed_at=now_ms, notify="record", false_per_week=0.0,
        release="",
    )  # fmt: skip
    said = Incident(
        id=f"{print_}-{episode}-1", fingerprint=print_, episode=episode, sequence=1, status="firing", step="fired",
        severity="sev-4", notify="record", provisional=True, labels=labels, service=state.service,
        summary=printable(f"{state.service}: {short(change)}, while it is being learned"),
        why_severity="there is no baseline yet, so that nobody knows what is usual", action=signal.action, since=since,
        since_low=low, since_high=now_ms, started_at=now_ms, updated_at=now_ms, changes=(change,), owner=known.owner,
        runbook=known.runbook, lineage=lineage(plan),
        how_sure="provisional: how often this comes in vain was measured, and is not promised",
    )  # fmt: skip
    cases = (*state.cases, Case(alarms=(), said=said, said_second=over))
    return replace(state, cases=cases, episodes={**state.episodes, print_: episode}), [said]


def _figure(means: Means) -> Interval:
    """Average means of blocks; twice their standard error to both sides, for people to read."""
    mean, error = float(means.mean()), float(means.std()) / len(means) ** 0.5
    return Interval(round(mean, 4), round(max(mean - 2 * error, 0.0), 4), round(min(mean + 2 * error, 1.0), 4))

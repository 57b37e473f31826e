"""What arrived in a second -> how much events of a service resemble each other, and what that leaves of evidence.

Thirty refusals of one session are no thirty proofs. So the growth of a signal's bets is divided by its variance
inflation, measured over blocks of arrival; and until that is known, it is taken for large, and nobody is woken by it.
"""

from collections.abc import Collection
from typing import Final, NamedTuple, TypeVar

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from detectors import inflation
from schemas.signals import Signal
from streams.watch.arrays import Ints
from streams.watch.baseline import Blocks, Unfinished
from streams.watch.cases import Alarm
from streams.watch.detector import Detector
from streams.watch.looks import Floats, values
from streams.watch.once import once
from streams.watch.plan import Plan, pageable
from streams.watch.state import State

MINUTE_S: Final = 60
LAG: Final = 30
"""Minutes from which on sums are used."""
ASSUMED: Final = 10.0
"""What evidence of tickets is divided by until more is known. Sessions of eight that are all alike come to eight."""
Kept = TypeVar("Kept", np.int64, np.float32)


class Tempered(NamedTuple):
    """What is left of evidence.

    Attributes
    ----------
    factor : (bets,) by which what each bet of the row wins is divided
    known : signals whose factor is known
    waits : (n,) of the accumulators' bets, those that may page and whose factor is not known yet
    """

    factor: Floats
    known: frozenset[str]
    waits: NDArray[np.bool_]


class _Gauges(NamedTuple):
    """What stands for each signal: the feature of its first bet (yes, the rank, the most frequent name).

    Attributes
    ----------
    looks : one a table, what each of its kept cells counts for, 0 where it does not look
    seen : one a table, 1 in the cells that it looks at
    mean, variance : (tables,) usually at this hour, of an event that it looks at; 0 if there is none
    begins, widths : (tables,) where the counters of each begin among those of the whole stream, and how many there are
    whole : (counters,) the kept counters of the whole stream, table by table
    """

    looks: Floats
    seen: Floats
    mean: Floats
    variance: Floats
    begins: Ints
    widths: Ints
    whole: Ints


def summed(plan: Plan, detector: Detector, state: State) -> State:
    """Add what arrived in the second that closes to its minute; the minute before it is a block from then on.

    Signals of an open incident are left out: a change is no dependence.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service; what arrived is still pending
    """
    if plan.config.watch.dependence == "none" or state.baseline is None:
        return state
    minute, gauges = state.second // MINUTE_S, _gauges(detector)
    signals = tuple(table.signal.name for table in detector.tables)
    blocks, held = _of(signals, state.blocks, state.unfinished)
    if held.counts is not None and held.minute != minute:
        blocks, held = _added(blocks, held, gauges)
    came = sum(stream.pending[gauges.whole] for stream in state.streams.values() if stream.pending is not None)
    if cases := (*state.cases, *state.shadow.cases):
        changed = {alarm.signal for case in cases for alarm in case.alarms}
        came = came * np.repeat([signal not in changed for signal in signals], gauges.widths)
    held = replace(held, minute=minute, counts=came if held.counts is None else held.counts + came)
    return replace(state, blocks=blocks, unfinished=held)


def calmed(state: State, alarms: Collection[Alarm], left: Tempered | None) -> State:
    """Leave a signal out of the blocks since its onset, if it alarmed by a factor that was known.

    While it is not known, dependence itself may be what alarms, and to leave that out would be to look away. So a
    change that comes in the first hours makes its signal slow for a while, and no signal fast that must not be.

    Parameters
    ----------
    state : of the service; the second that closes is `state.second`
    alarms : of that second
    left : what they were decided by
    """
    if left is None or state.blocks is None or state.unfinished is None:
        return state
    blocks, held = state.blocks, state.unfinished
    for alarm in alarms:
        if alarm.signal not in left.known:
            continue
        minutes = state.second // MINUTE_S - alarm.since // 1000 // MINUTE_S + 1
        row, first = blocks.signals.index(alarm.signal), max(blocks.events.shape[1] - -(-minutes // blocks.base), 0)
        events, off = blocks.events.copy(), blocks.off.copy()
        open_events, open_off = held.events.copy(), held.off.copy()
        events[row, first:], off[row, first:], open_events[row], open_off[row] = 0, 0, 0, 0
        blocks, held = replace(blocks, events=events, off=off), replace(held, events=open_events, off=open_off)
    return replace(state, blocks=blocks, unfinished=held)


def tempered(plan: Plan, detector: Detector, state: State) -> Tempered | None:
    """Say what is left of evidence, by the minutes before this one; None if events are said to be independent."""
    if plan.config.watch.dependence == "none" or state.baseline is None or state.blocks is None:
        return None
    return _tempered(state.blocks, detector)


@once
def _tempered(blocks: Blocks, detector: Detector) -> Tempered:
    known = _factors(blocks, _gauges(detector).variance, [table.signal for table in detector.tables])
    row = np.concatenate([
        np.full(table.slices * len(table.table.weights), factor)
        for table, factor in zip(detector.tables, known.tolist(), strict=True)
    ])  # fmt: skip
    gathered = detector.accumulators
    pages = np.array([notify == "page" for notify in gathered.notify])[gathered.of]
    named = frozenset(
        table.signal.name for table, factor in zip(detector.tables, known.tolist(), strict=True) if factor >= 1
    )
    return Tempered(np.where(np.isnan(row), ASSUMED, row), named, pages & np.isnan(row[gathered.bets]))


def _factors(blocks: Blocks, variance: Floats, signals: list[Signal]) -> Floats:
    """Bound each signal's inflation; NaN of what is not known.

    The latest half hour is not used: a change makes sums vary, and would hide itself before it is found.

    What happens too rarely to be measured is tempered by the largest factor of all that may page: what had never
    happened must still be able to wake somebody.
    """
    used = max(blocks.events.shape[1] - -(-LAG // blocks.base), 0)
    past = inflation.Blocks(blocks.base, blocks.base, blocks.events[:, :used], blocks.off[:, :used].astype(np.float64))
    factors = inflation.inflation(past, variance)
    grave = factors[[pageable(signal) for signal in signals]]
    if np.isnan(grave).all():
        return factors
    rare = past.events.sum(axis=1) * variance < inflation.FEWEST
    return np.where(rare, np.nanmax(grave), factors)


@once
def _gauges(detector: Detector) -> _Gauges:
    usual, tables, whole = detector.usual_now, detector.tables, detector.whole
    features = [values(table, 0, 0) for table in tables]
    widths = np.array([len(x) for x in features])
    looks, seen = np.nan_to_num(np.concatenate(features)), (~np.isnan(np.concatenate(features))).astype(np.float64)
    begins = np.cumsum(widths) - widths
    events, sums = (np.add.reduceat(usual[whole] * x, begins) for x in (seen, looks))
    mean = np.divide(sums, events, out=np.zeros(len(sums)), where=events > 0)
    off = seen * (looks - np.repeat(mean, widths)) ** 2
    variance = np.add.reduceat(usual[whole] * off, begins) / np.maximum(events, 1)
    return _Gauges(looks, seen, np.minimum(mean, 1.0), np.minimum(variance, 0.25), begins, widths, whole)


def _of(signals: tuple[str, ...], blocks: Blocks | None, held: Unfinished | None) -> tuple[Blocks, Unfinished]:
    """Give each signal its row, where a new baseline brought others."""
    n = len(signals)
    if blocks is None or held is None:
        empty = inflation.empty(n)
        return Blocks(signals, empty.base, empty.events, empty.off.astype(np.float32)), _nothing(0, n)
    if blocks.signals == signals:
        return blocks, held
    rows = np.array([blocks.signals.index(name) if name in blocks.signals else -1 for name in signals])

    def moved(values: NDArray[Kept]) -> NDArray[Kept]:
        held: NDArray[Kept] = np.concatenate([values, np.zeros_like(values[:1])])[rows]
        return held

    blocks = replace(blocks, signals=signals, events=moved(blocks.events), off=moved(blocks.off))
    return blocks, replace(held, counts=None, events=moved(held.events), off=moved(held.off))


def _nothing(minute: int, signals: int) -> Unfinished:
    return Unfinished(minute, None, 0, np.zeros(signals, np.int64), np.zeros(signals, np.float32))


def _added(blocks: Blocks, held: Unfinished, gauges: _Gauges) -> tuple[Blocks, Unfinished]:
    """Add a minute that is over. Blocks that are full change only when another is, so that they need not be written."""
    assert held.counts is not None
    events = np.add.reduceat(held.counts * gauges.seen, gauges.begins)
    sums = np.minimum(np.add.reduceat(held.counts * gauges.looks, gauges.begins), events)
    known = inflation.Blocks(blocks.base, blocks.base, blocks.events, blocks.off.astype(np.float64))
    if held.minutes:
        known = inflation.Blocks(
            blocks.base, held.minutes,
            np.append(blocks.events, held.events[:, None], axis=1),
            np.append(known.off, held.off[:, None].astype(np.float64), axis=1),
        )  # fmt: skip
    now = inflation.add(known, events.astype(np.int64), sums, events * gauges.mean)
    full = now.events.shape[1] - (now.last < now.base)
    if (now.base, full) != (blocks.base, blocks.events.shape[1]):
        blocks = replace(
            blocks, base=now.base, events=now.events[:, :full], off=now.off[:, :full].astype(np.float32)
        )  # fmt: skip
    if now.last == now.base:
        return blocks, _nothing(held.minute, len(held.events))
    return blocks, Unfinished(held.minute, None, now.last, now.events[:, -1], now.off[:, -1].astype(np.float32))

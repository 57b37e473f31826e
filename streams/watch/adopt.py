"""A new baseline, or a new config -> the same service, watched by it from now on."""

from collections.abc import Collection
from dataclasses import fields
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from schemas.incidents import Incident
from streams.watch import traffic
from streams.watch.assess.beyond import alone
from streams.watch.baseline import Naming
from streams.watch.cases import Case
from streams.watch.derived import preparing
from streams.watch.detector import Detector
from streams.watch.layout import detector
from streams.watch.pieces import Pieces
from streams.watch.plan import Plan
from streams.watch.report import resolved
from streams.watch.shadow import anew
from streams.watch.state import State, Stream, Traffic


class Adopted(NamedTuple):
    """A state, and the incidents that end with what they were measured against."""

    state: State
    incidents: list[Incident]


def baseline(plan: Plan, state: State, now_ms: int) -> Adopted:
    """Begin anew with a baseline that was just learned: no evidence, no history, and nothing that alarmed.

    What is open was a difference from the old baseline, or was seen before there was one. If the new one does not know
    it, it will alarm again. What KPIs alone say goes on: they are held against a target.
    """
    assert state.baseline is not None
    bets = len(detector(state.baseline, plan, state.service).accumulators.bets)
    streams = {
        name: Stream(
            name,
            one.first_second,
            one.last_second,
            np.zeros(bets, np.float32),
            reports=one.reports,
            failing=replace(one.failing, slices=()),
        )
        for name, one in state.streams.items()
    }
    why = f"measured against a new baseline, number {state.baseline.version}"
    open_ = (*state.pending, *state.cases, *state.shadow.pending, *state.shadow.cases)
    over = [resolved(case.said, now_ms, why) for case in open_ if not _of_kpis(case)]
    pending, cases, dark_pending, dark_cases = (
        tuple(filter(_of_kpis, book)) for book in (state.pending, state.cases, state.shadow.pending, state.shadow.cases)
    )
    shadow = replace(state.shadow, cases=dark_cases, pending=dark_pending)
    # How much events resemble each other is no matter of the baseline; a minute is counted in its bins.
    held = None if state.unfinished is None else replace(state.unfinished, counts=None)
    state = replace(
        state,
        streams=streams,
        cases=cases,
        pending=pending,
        shadow=shadow,
        unfinished=held,
        growth=None,
        provisional=None,
    )
    return Adopted(traffic.freed(state), over)


def _of_kpis(case: Case) -> bool:
    return alone(case.alarms)


def config(old: Plan, new: Plan, state: State) -> Pieces[State]:
    """Go on under another config; in two pieces, for the bets under the old one may have to be made as well.

    The places of bets are those of all signals of the baseline, whatever is watched, so that evidence stays where it
    is. Where limits moved it was gathered by other bets, and begins anew: that is always allowed. So does what shows
    that an open incident is over. History in buckets of another length is dropped. Learning begins anew where what is
    learned would be cut otherwise; signals that were not there before are learned when their counts come
    (`streams.watch.learn.caught_up`). What goes into shadow or comes out of it begins anew as well: what it gathered
    there was gathered on no budget. Its open incidents end with the next second (`streams.watch.shadow`).
    """
    before, after = old.config, new.config
    if state.baseline is None or state.naming is not None or state.counting is not None:
        cut = (before.measure.slices, before.watch.slices_per_dimension, before.watch.names_per_signal)
        if cut != (after.measure.slices, after.watch.slices_per_dimension, after.watch.names_per_signal):
            state = replace(state, naming=Naming(), counting=None, relearns=())
    if before.measure.bucket_s != after.measure.bucket_s:
        state = replace(state, traffic=Traffic())
    if state.baseline is None:
        return state
    was = yield from preparing(old, state)
    yield
    now = yield from preparing(new, state)
    keeps = before.measure.bucket_s == after.measure.bucket_s
    names = [table.signal.name for table in now.tables]
    moved = {one for one in names if old.in_shadow(state.service, one) != new.in_shadow(state.service, one)}
    streams = {
        name: replace(
            _carried(was, now, one, moved),
            buckets=one.buckets if keeps else {},
            planned=tuple(alarm for alarm in one.planned if alarm.signal not in moved),
        )
        for name, one in state.streams.items()
    }
    if new.config.watch.dependence == "none":
        state = replace(state, blocks=None, unfinished=None)
    return anew(replace(state, streams=streams))


def _carried(was: Detector, now: Detector, stream: Stream, moved: Collection[str]) -> Stream:
    """Carry evidence over to the accumulators whose bets stand on the same limits and may do the same.

    What a user's own signal means may have changed, and with it which bets may page. Then none of the evidence is, and
    nothing is out of play: what still differs alarms again, and joins its incident.

    Parameters
    ----------
    moved : signals that begin anew all the same
    """
    before, after = was.accumulators, now.accumulators
    carried = np.zeros(len(after.bets), np.float32)
    if np.array_equal(before.bets, after.bets) and (before.monitor, before.notify) == (after.monitor, after.notify):
        kept = np.zeros(now.bets, np.bool_)
        for old, new in zip(was.tables, now.tables, strict=True):
            same = new.signal.name not in moved and all(
                np.array_equal(getattr(old.table, one.name), getattr(new.table, one.name)) for one in fields(old.table)
            )
            kept[new.first_bet : new.first_bet + new.slices * len(new.table.weights)] = same
        carried[:] = np.where(kept[after.bets], stream.evidence, np.float32(0))
        return replace(stream, evidence=carried)
    return replace(stream, evidence=carried, fired=())

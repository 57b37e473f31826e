"""A fact of `barograph.tallies` -> new states, and what to publish."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from schemas.incidents import Incident
from schemas.signals import RATE_CELLS
from schemas.tallies import FIXED, KINDS, LATE, Flush, decode
from streams.watch.arrive import arrive
from streams.watch.detect import decide
from streams.watch.group import group
from streams.watch.layout import detector
from streams.watch.learn import learn
from streams.watch.merge import counted, merge
from streams.watch.parts import parts
from streams.watch.place import place
from streams.watch.plan import MOST_MODES, Plan
from streams.watch.publish import Finding, finding
from streams.watch.silence import hear, silent
from streams.watch.state import Alarm, Part, State

__all__ = ["Finding", "Plan", "Record", "State", "step"]

BACKWARD_S: Final = 60


class Record(NamedTuple):
    """A record of `barograph.tallies`; aiokafka's own records will do as well."""

    offset: int
    timestamp: int
    value: bytes


def step(
    plan: Plan, partition: int, states: Mapping[str, State], record: Record
) -> tuple[dict[str, State], list[Finding]]:
    """Apply one record.

    A service's second is open from when something arrives until a record of a later second comes, from whomever: then
    the evidence is weighed and incidents are moved on. Then what the record says is added. A record that changes
    nothing of a service leaves its state the very same object, which need not be stored again.

    Parameters
    ----------
    plan : what is decided by
    partition : of `barograph.tallies`
    states : of all services of the partition
    record : the next of the partition, or one that was applied before

    Returns
    -------
    states
        Those that changed, to be put in the place of the old.
    findings
        To be published. They follow from the log alone: applied again, the same record gives the same bytes.
    """
    fact = decode(record.value)
    second = record.timestamp // 1000
    came = parts(fact) if isinstance(fact, Flush) else {}
    changed: dict[str, State] = {}
    findings: list[Finding] = []
    for name in sorted(states.keys() | came.keys()):
        state = before = states.get(name) or State(service=name, second=second, total=np.zeros(FIXED, np.int64))
        if record.offset <= state.offset:
            continue
        now = state.second
        if second > now or second < now - BACKWARD_S:  # a clock that was set back must not stop all decisions
            now = second
            state, said = _closed(plan, state, second - 1)
            findings += [finding(replace(one, partition=partition, offset=record.offset)) for one in said]
        if not isinstance(fact, Flush):
            state = hear(plan, state, fact, second)
        elif name in came:
            state = _added(plan, state, fact, came[name], now)
        if state is not before:
            changed[name] = replace(state, offset=record.offset)
    return changed, findings


def _closed(plan: Plan, state: State, over: int) -> tuple[State, list[Incident]]:
    """Close the open second; `over` is the last one that is over."""
    if state.baseline is None:
        return state, []
    found = detector(state.baseline, plan, state.service)
    alarms: list[Alarm] = []
    if any(stream.pending is not None for stream in state.streams.values()):
        streams = {}
        for name, stream in state.streams.items():
            streams[name], fired = decide(found, stream, (over + 1) * 1000, plan.config.measure.bucket_s)
            alarms += fired
        state = replace(state, streams=streams)
    if (alarm := silent(plan, state, over)) is not None:
        alarms.append(alarm)
    return group(plan, found, state, alarms, over)


def _added(plan: Plan, state: State, flush: Flush, part: Part, now: int) -> State:
    """Add what a flush says that was not known."""
    state, new = merge(state, flush, part)
    if new is None:
        return state
    state = _totalled(replace(state, second=now), flush, new.part)
    if state.baseline is not None:
        untaken = new.untaken
        found = detector(state.baseline, plan, state.service)
        return arrive(plan, found, state, untaken, place(state.baseline.alphabet, untaken)) if _any(untaken) else state
    return learn(plan, state, new.untaken) if flush.final else state


def _any(part: Part) -> bool:
    return len(part.groups) > 0


def _totalled(state: State, flush: Flush, part: Part) -> State:
    whole = np.repeat(part.groups[:, 2] == 0, part.groups[:, 4])
    fixed = whole & (part.cells < FIXED)
    cells, counts = part.cells[fixed], part.counts[fixed]
    events = int(counts[cells < RATE_CELLS].sum())
    late = 0
    if (part.groups[:, 0] == LATE).any():
        of_late = np.repeat(part.groups[:, 0] == LATE, part.groups[:, 4])[fixed]
        late = int(counts[of_late & (cells < RATE_CELLS)].sum())
    beside = state.beside
    for _, kind, n in part.beside.tolist():
        beside = counted(beside, KINDS[kind], n)
    exemplars, beyond = state.exemplars, state.beyond
    if part.exemplars:
        exemplars = dict(exemplars)
        for _, mode, chosen in part.exemplars:
            exemplars.pop(part.names[mode], None)  # the one that was seen last stands last
            exemplars[part.names[mode]] = chosen
            if len(exemplars) > MOST_MODES:
                del exemplars[next(iter(exemplars))]
                beyond = counted(beyond, "exemplars")
    return replace(
        state,
        total=state.total + np.bincount(cells, counts, minlength=FIXED).astype(np.int64),
        beside=beside,
        late=state.late + late,
        exemplars=exemplars,
        beyond=beyond,
        last_event=state.second if events else state.last_event,
        sources={**state.sources, flush.partition: state.second} if events else state.sources,
    )

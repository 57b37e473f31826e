"""A fact of `barograph.tallies` -> new states, and what to publish."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from schemas.control import Release
from schemas.incidents import Exemplar, Incident
from schemas.signals import RATE_CELLS
from schemas.tallies import FIXED, KINDS, LATE, Fact, Flush, Passed, Tick, decode
from streams.telling.findings import Finding
from streams.watch import adopt, traffic, volume
from streams.watch.arrive import arrive
from streams.watch.assess import spans
from streams.watch.assess.arrive import came as served
from streams.watch.assess.close import close
from streams.watch.assess.command import commanded
from streams.watch.assess.scorecard import carded
from streams.watch.baseline import Baseline
from streams.watch.changes import planned
from streams.watch.clock import begin_ms, end_ms, second_of
from streams.watch.control import control
from streams.watch.derived import preparing, watching
from streams.watch.detect import decide
from streams.watch.failing import carried
from streams.watch.failures import reported
from streams.watch.grow import came, grown
from streams.watch.layout import detector
from streams.watch.learn import caught_up, learn
from streams.watch.merge import New, counted, merge
from streams.watch.parts import parts
from streams.watch.pieces import NamedPieces, whole
from streams.watch.place import place
from streams.watch.plan import Plan
from streams.watch.provisional import looked
from streams.watch.publish import Said, published
from streams.watch.rules import raised
from streams.watch.shadow import grouped, weighed
from streams.watch.silence import hear, silent
from streams.watch.state import Part, State
from streams.watch.temper import calmed, summed, tempered
from streams.watch.total import add

__all__ = ["Finding", "Plan", "Record", "State", "step", "stepping"]

BACKWARD_S: Final = 60


class Record(NamedTuple):
    """A record of `barograph.tallies`; aiokafka's own records will do as well."""

    offset: int
    timestamp: int
    value: bytes


class Read(NamedTuple):
    """What a record says, and what a flush says of each service."""

    fact: Fact
    parts: dict[str, Part]


def reading(fact: Fact) -> Read:
    """Split a fact by service."""
    return Read(fact, parts(fact) if isinstance(fact, Flush) else {})


def step(
    plan: Plan,
    partition: int,
    states: Mapping[str, State],
    record: Record,
    read: Read | None = None,
    without: Collection[str] = (),
) -> tuple[dict[str, State], list[Finding]]:
    """Apply one record to the services of a partition.

    A service's second is open from when something arrives until a record of a later second comes, from whomever: then
    the evidence is weighed and incidents are moved on. Then what the record says is added. A record that changes
    nothing of a service leaves its state the very same object, which need not be stored again.

    Parameters
    ----------
    plan : what is decided by
    partition : of `barograph.tallies`
    states : of all services of the partition
    record : the next of the partition, or one that was applied before
    read : what the record says, where the caller has read it already
    without : services that are left out

    Returns
    -------
    states
        Those that changed, to be put in the place of the old.
    findings
        To be published. They follow from the log alone: applied again, the same record gives the same bytes.
    """
    return whole(stepping(plan, partition, states, record, read, without))


def stepping(
    plan: Plan,
    partition: int,
    states: Mapping[str, State],
    record: Record,
    read: Read | None = None,
    without: Collection[str] = (),
) -> NamedPieces[tuple[dict[str, State], list[Finding]]]:
    """Do what `step` does, a service at a time, and name it first: the others can go on without one that has a bug.

    The first second of a baseline, and the first after a restart, makes all the bets on it: tens of milliseconds. The
    services of a partition often come to that together.
    """
    fact, came = read or reading(decode(record.value))
    new = {fact.said.service} if isinstance(fact, Passed) and isinstance(fact.said, Release) else set()
    changed: dict[str, State] = {}
    findings: list[Finding] = []
    for name in sorted((states.keys() | came.keys() | new).difference(without)):
        before = states.get(name) or State(service=name, second=second_of(record.timestamp))
        if record.offset <= before.offset:
            continue
        yield name
        if before.baseline is not None:
            yield from preparing(plan, before)
        state, said = _stepped(plan, before, fact, came.get(name), record)
        findings += [published(one, partition, record.offset, fact) for one in said]
        if state is not before:
            changed[name] = _stamped(plan, replace(state, offset=record.offset), said, partition)
    yield ""
    return changed, findings


def _stamped(plan: Plan, state: State, said: Sequence[Said], partition: int) -> State:
    """Keep what was published as it was published, so that it can be said again, byte for byte; in shadow none is."""
    mine = [one for one in said if isinstance(one, Incident) and not one.shadow]
    incidents = [replace(one, partition=partition, offset=state.offset) for one in mine]
    if not incidents:
        return state
    latest = {one.id: one for one in incidents}
    ended = [one for one in incidents if one.status == "resolved"]
    return replace(
        state,
        pending=tuple(replace(case, said=latest.get(case.said.id, case.said)) for case in state.pending),
        cases=tuple(replace(case, said=latest.get(case.said.id, case.said)) for case in state.cases),
        ended=(*state.ended, *ended)[-plan.config.limits.ended_incidents :],
    )


def _stepped(plan: Plan, state: State, fact: Fact, part: Part | None, record: Record) -> tuple[State, list[Said]]:
    """Apply a record to one service."""
    second = second_of(record.timestamp)
    now, said = state.second, list[Said]()
    if second > now or second < now - BACKWARD_S:  # a clock that was set back must not stop all decisions
        now = second
        state, said = _closed(plan, state, second - 1)
    match fact:
        case Tick():
            return spans.hear(
                plan, volume.hear(plan, hear(plan, state, fact, second), fact, second), fact, second
            ), said
        case Flush() if part is not None:
            state, more = _added(plan, state, fact, part, now)
            return state, said + more
        case Passed() if fact.said.service == state.service:
            state, more, refused = control(plan, state, fact, second)
            return state, said + more + ([refused] if refused else [])
        case _:
            return state, said


def _closed(plan: Plan, state: State, over: int) -> tuple[State, list[Said]]:
    """Close the open second; `over` is the last one that is over."""
    state, moved = traffic.close(plan, state, over)
    state, assessed = close(plan, state, over)
    if state.baseline is None:
        state, provisional = looked(plan, state, over)
        state, judged = commanded(plan, state, assessed, end_ms(over))
        return state, [*provisional, *carded(plan, state, judged)]
    found = watching(plan, state)
    alarms = [moved] if moved is not None else []
    if any(stream.pending is not None for stream in state.streams.values()):
        arrived = came(state)
        state = summed(plan, found, state)
        left, streams = tempered(plan, found, state), {}
        state = weighed(plan, found, state, left)
        for name, stream in state.streams.items():
            streams[name], fired = decide(found, stream, end_ms(over), plan.config.measure.bucket_s, left)
            alarms += fired
        state = calmed(replace(state, streams=streams), alarms, left)
        state = grown(plan, found, state, arrived)
    if (alarm := silent(plan, state, over)) is not None:
        alarms.append(alarm)
    alarms += raised(plan, found, state, alarms, over)
    state, alarms, reports = planned(plan, found, state, alarms, over)
    state, incidents = grouped(plan, found, state, alarms, over)
    state, failures = reported(plan, found, state, over)
    state, judged = commanded(plan, state, assessed, end_ms(over))  # an incident of this very second is its cause
    return state, [*incidents, *reports, *failures, *carded(plan, state, judged)]


def _added(plan: Plan, state: State, flush: Flush, part: Part, now: int) -> tuple[State, list[Incident]]:
    """Add what a flush says that was not known."""
    state, new = merge(state, flush, part, plan.config.limits.sources)
    if new is None:
        return state, []
    state = _totalled(plan, replace(state, second=now), flush, new.part)
    if new.instead is not None:
        state = _totalled(plan, state, flush, new.instead, sign=-1)
    state = volume.came(plan, state, flush.partition, new.part, new.instead)
    state = served(plan, state, flush.partition, new.part, new.instead)
    known = state.baseline
    if known is not None and _any(new.untaken):
        state = _arrived(plan, state, known, new)
    if not flush.final:
        return state, []
    state = caught_up(plan, state)
    if known is not None and state.naming is None and state.counting is None:
        return state, []
    state = learn(plan, state, new.block)
    if state.baseline is None or state.baseline is known:
        return state, []
    return adopt.baseline(plan, state, begin_ms(now))


def _arrived(plan: Plan, state: State, known: Baseline, new: New) -> State:
    found, alphabet = detector(known, plan, state.service), known.alphabet
    instead = (new.instead, place(alphabet, new.instead)) if new.instead is not None and new.watched else None
    return arrive(plan, found, state, new.untaken, place(alphabet, new.untaken), instead)


def _any(part: Part) -> bool:
    return len(part.groups) > 0


def _totalled(plan: Plan, state: State, flush: Flush, part: Part, sign: int = 1) -> State:
    """Add a part to what was ever added; with sign -1, take it back."""
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
        beside = counted(beside, KINDS[kind], sign * n)
    exemplars, beyond = state.exemplars, state.beyond
    if part.exemplars:
        exemplars = dict(exemplars)
        for _, what, chosen in part.exemplars:
            mode = part.names[what]
            exemplars.pop(mode, None)  # the one that was seen last stands last
            exemplars[mode] = tuple(
                Exemplar(mode, one.id, one.trace, flush.source, flush.partition, one.offset) for one in chosen
            )
            if len(exemplars) > plan.config.limits.exemplars:
                del exemplars[next(iter(exemplars))]
                beyond = counted(beyond, "exemplars")
    sources = state.sources if flush.topic_id == state.topic_id else {}  # made again, it may have fewer partitions
    return replace(
        state,
        total=add(state.total, cells, sign * counts),
        beside=beside,
        late=state.late + sign * late,
        exemplars=exemplars,
        carried=carried(state.carried, part.carried, state.second),
        beyond=beyond,
        last_event=state.second if events else state.last_event,
        sources={**sources, flush.partition: state.second} if events else sources,
        topic_id=flush.topic_id,
    )

"""A fact of `barograph.tallies` -> new states, and what to publish."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from schemas.tallies import FIXED, KINDS, LATE, OTHER, Flush, Tick, decode
from streams.watch.alphabet import events_of, place
from streams.watch.detect import arrive, born, decide
from streams.watch.detector import Detector, detector
from streams.watch.group import group
from streams.watch.learn import learn
from streams.watch.merge import New, merge
from streams.watch.parts import parts
from streams.watch.plan import Plan
from streams.watch.publish import Finding, finding
from streams.watch.silence import silent
from streams.watch.state import Alarm, Baseline, Bucket, Ints, Part, State, Stream

__all__ = ["Finding", "Plan", "Record", "State", "step"]


class Record(NamedTuple):
    """A record of `barograph.tallies`; aiokafka's own records will do as well."""

    offset: int
    timestamp: int
    value: bytes


def step(
    plan: Plan, partition: int, states: Mapping[str, State], record: Record
) -> tuple[dict[str, State], list[Finding]]:
    """Apply one record.

    A service's clock is the largest timestamp among the records since it was first seen. A record that lies in a
    later second than the open one closes it, for every service of the partition: the evidence of that second is
    weighed and incidents are moved on. Then what the record says is added.

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
    changed: dict[str, State] = {}
    findings: list[Finding] = []
    came = parts(fact) if isinstance(fact, Flush) else {}
    for name in sorted(states.keys() | came.keys()):
        state = states.get(name) or _new(name, second)
        if record.offset <= state.offset:
            continue
        after, said = _apply(plan, partition, state, fact, came.get(name), second, record.offset)
        if after is not state:
            changed[name] = replace(after, offset=record.offset)
        findings += said
    return changed, findings


def _new(service: str, second: int) -> State:
    return State(service=service, second=second, total=np.zeros(FIXED, np.int64))


def _apply(
    plan: Plan, partition: int, state: State, fact: Flush | Tick, part: Part | None, second: int, offset: int
) -> tuple[State, list[Finding]]:
    findings: list[Finding] = []
    if second > state.second:
        state, findings = _close(plan, partition, state, second, offset)
    if isinstance(fact, Tick):
        read = {p: second for p in fact.caught_up if fact.source == plan.source and p in state.sources}
        if any(state.caught_up.get(p) != at for p, at in read.items()):
            state = replace(state, caught_up={**state.caught_up, **read})
    elif part is not None:
        state, new = merge(state, fact, part)
        if new is not None:
            state = _add(plan, state, fact, new)
    return state, findings


def _add(plan: Plan, state: State, flush: Flush, new: New) -> State:
    """Add what a flush said that was not known."""
    part = new.part
    whole = (part.keys[:, 2] == 0) & (part.keys[:, 4] < FIXED)
    total = state.total + np.bincount(part.keys[whole, 4], part.counts[whole], minlength=FIXED).astype(np.int64)
    beside = dict(state.beside)
    for _, kind, n in part.beside.tolist():
        beside[KINDS[kind]] = beside.get(KINDS[kind], 0) + n
    late = int(part.counts[(part.keys[:, 0] == LATE) & (part.keys[:, 2] == 0) & (part.keys[:, 4] < 3)].sum())
    exemplars = dict(state.exemplars)
    for _, mode, chosen in part.exemplars:
        exemplars[part.names[mode]] = chosen
    events = events_of(part)
    state = replace(
        state, total=total, beside=beside, late=state.late + late, exemplars=exemplars,
        last_event=state.second if events else state.last_event,
        sources={**state.sources, flush.partition: state.second} if events else state.sources,
    )  # fmt: skip
    if not events:
        return state
    if state.baseline is None:
        return learn(plan, state, part)
    return _watch(plan, state, part, new.bets)


def _watch(plan: Plan, state: State, part: Part, bets: bool) -> State:
    """Take new counts in against the baseline, release by release."""
    assert state.baseline is not None
    found = known(plan, state.service, state.baseline)
    placed = place(state.baseline.alphabet, part)
    streams = dict(state.streams)
    for release in np.unique(placed.release).tolist():
        name = part.names[release]
        if name not in streams and len(streams) >= plan.config.watch.max_releases:
            name = _room(streams, state.second)
        stream = streams.get(name) or born(found, name if name != OTHER else OTHER, state.second)
        if name not in streams and name != OTHER:
            stream = replace(stream, release=part.names[release])
            name = part.names[release]
        streams[name] = arrive(found, stream, placed, release, bets, state.second)
    return replace(state, streams=streams)


HOUR_S = 3600


def _room(streams: dict[str, Stream], second: int) -> str:
    """Forget the release that was idle longest, if for an hour; else what comes is `__other__`."""
    idle = min(streams.values(), key=lambda stream: (stream.last_second, stream.release))
    if second - idle.last_second < HOUR_S:
        return OTHER
    del streams[idle.release]
    return ""


def _close(plan: Plan, partition: int, state: State, second: int, offset: int) -> tuple[State, list[Finding]]:
    """Close the open second and open another."""
    closing = state.second
    alarms: list[Alarm] = []
    found = known(plan, state.service, state.baseline) if state.baseline is not None else None
    if found is not None:
        streams = {}
        for name, open_stream in state.streams.items():
            stream, fired = decide(
                found, open_stream, state.interval_s, (closing + 1) * 1000, plan.config.measure.bucket_s
            )
            streams[name] = replace(stream, buckets=_settled(plan, stream.buckets, closing))
            alarms += fired
        state = replace(state, streams=streams)
    fell_silent = silent(state, closing, plan.config.watch.silence_after_s)
    told = group(plan, found, state, [*alarms, fell_silent] if fell_silent else alarms, closing)
    said = [finding(replace(one, partition=partition, offset=offset)) for one in told.incidents]
    return replace(told.state, second=second, interval_s=second - closing), said


def _settled(plan: Plan, buckets: dict[int, Bucket], second: int) -> dict[int, Bucket]:
    """Drop buckets that left the window; keep those that hardly change any more in as few bytes as hold them."""
    now = second // plan.config.measure.bucket_s
    oldest = now - plan.config.watch.window_buckets
    if all(bucket > oldest and (bucket > now - 3 or held.kept.itemsize < 8) for bucket, held in buckets.items()):
        return buckets
    return {
        bucket: held if bucket > now - 3 else replace(held, kept=_small(held.kept), raw=_small(held.raw))
        for bucket, held in buckets.items()
        if bucket > oldest
    }


def _small(counts: Ints) -> Ints:
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


@lru_cache(maxsize=2048)
def _known(plan: Plan, service: str, baseline: "_Held") -> Detector:
    return detector(plan, service, baseline.baseline)


class _Held:
    """A baseline as a key: one object is one baseline, so that its bets are made once."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline

    def __hash__(self) -> int:
        return id(self.baseline)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.baseline is self.baseline


def known(plan: Plan, service: str, baseline: Baseline) -> Detector:
    """Make the bets on a baseline, once for as long as it is in use."""
    return _known(plan, service, _Held(baseline))

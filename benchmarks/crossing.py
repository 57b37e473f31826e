"""Recorded events and tallies -> of each incident that fired, the event at which its evidence crossed.

WATCH decides when a second closes, over all that came in it. So the recorded tallies are stepped again to the record
that made an incident fire; then that second is stepped with only the first event that had come in it, with the first
two, and so on. The event that first makes it fire is the one at which the evidence crosses: had the log ended there,
the incident would have come all the same; without that event, it would not have come yet.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from schemas.incidents import Incident
from schemas.tallies import Flush, Tick, decode, encode
from streams.measure import stage as measure
from streams.watch import stage as watch
from streams.watch.clock import second_of
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from streams.watch.state import State

_incident: Final = msgspec.json.Decoder(Incident).decode
Events = Callable[[str, int, int, int], Sequence[measure.Record]]
"""(service, source partition, begin, end) -> the service's own records in ``[begin, end)``."""


@dataclass
class Open:
    """What came of a service in the second that is open, and the state before it."""

    before: State
    records: list[watch.Record] = field(default_factory=list)


class Fired(NamedTuple):
    """An incident that fired.

    Attributes
    ----------
    value : the finding, as it was published
    second : what it was decided by
    closing : the record that closed that second
    """

    incident: Incident
    value: bytes
    second: Open
    closing: watch.Record


class Crossing(NamedTuple):
    """The event at which evidence crossed, and how many of the second came before it."""

    event: measure.Record
    before: int
    after: int


def replayed(engine: Engine, partition: int, records: Iterable[watch.Record]) -> Iterator[tuple[bytes, Fired | None]]:
    """Step a partition of the tallies from its start, as its owner did.

    Yields
    ------
    bytes, Fired or None
        Each step of an incident, and what it was decided by if it is the first.
    """
    states, known = dict[str, State](), Own()
    seconds: dict[str, Open] = {}
    for record in records:
        fact = decode(record.value)
        names = set(fact.names) if isinstance(fact, Flush) else set()
        done = advance(engine, partition, known, states, record)
        known = done.own
        for finding in done.findings:
            if "found" not in finding.roles:
                continue
            said = _incident(finding.value)
            opened = seconds.get(said.service)
            first = said.step == "fired" and opened is not None
            yield finding.value, Fired(said, finding.value, opened, record) if first and opened else None
        for name in names & done.changed.keys():
            if (state := states.get(name)) is None:
                continue
            if name not in seconds or second_of(record.timestamp) > state.second:
                seconds[name] = Open(state)
            seconds[name].records.append(record)
        done.put(states)


def crossing(measured: measure.Plan, plan: watch.Plan, fired: Fired, events: Events) -> Crossing | None:
    """Find the event at which the evidence of an incident crossed; None if time alone made it fire.

    Raises
    ------
    RuntimeError
        If it does not fire with all of its second: then this replay is not what the worker did.
    """
    service, flushes = fired.incident.service, [(r, _flush(r)) for r in fired.second.records]
    came: list[measure.Record] = []
    for _, flush in flushes:
        mark = fired.second.before.marks.get(f"{flush.source}:{flush.partition}")
        known = mark.end if mark is not None and flush.anchor < mark.end else flush.anchor
        came += [one for one in events(service, flush.partition, known, flush.end) if one not in came]
    came.sort(key=lambda one: (one.timestamp, one.offset))
    for n in range(len(came) + 1):
        if _fires(measured, plan, fired, flushes, events, set(came[:n])):
            return Crossing(came[n - 1], n - 1, len(came) - n) if n else None
    raise RuntimeError(f"the replay of {fired.incident.id} does not fire: it is not what the worker did")


def _fires(
    measured: measure.Plan,
    plan: watch.Plan,
    fired: Fired,
    flushes: Sequence[tuple[watch.Record, Flush]],
    events: Events,
    came: set[measure.Record],
) -> bool:
    """Say whether the service's incident fires as the second closes, had only these of its events come in it."""
    service = fired.incident.service
    states = {service: fired.second.before}
    for record, flush in flushes:
        mark = fired.second.before.marks.get(f"{flush.source}:{flush.partition}")
        known = mark.end if mark is not None and flush.anchor < mark.end else flush.anchor
        these = [
            one
            for one in events(service, flush.partition, flush.anchor, flush.end)
            if one.offset < known or one in came
        ]
        block = measure.begin(flush.source, flush.partition, flush.anchor)
        block, _ = measure.feed(measured, block, these)
        for message in measure.flushes(measured, block, flush.final):
            changed, _ = watch.step(plan, 0, states, watch.Record(record.offset, record.timestamp, message.value))
            states |= changed
    tick = encode(Tick(plan.config.worker.name, plan.source))
    _, findings = watch.step(plan, 0, states, watch.Record(fired.closing.offset, fired.closing.timestamp, tick))
    said = [_incident(finding.value) for finding in findings]
    return any(one.step == "fired" and one.notify == fired.incident.notify for one in said)


def _flush(record: watch.Record) -> Flush:
    flush = decode(record.value)
    assert isinstance(flush, Flush)
    return flush

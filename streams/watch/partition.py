"""A record of `barograph.tallies` -> all that its partition knows, and what to publish: WATCH as its owner runs it."""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from schemas.config import Config
from schemas.control import Acknowledge, Rebaseline, Release
from schemas.found import MANY, Asked
from schemas.incidents import Incident
from schemas.strict import ConfigError
from schemas.tallies import Fact, Flush, Passed, decode
from schemas.taxonomy import Taxonomy
from streams.telling.findings import Finding
from streams.watch import adopt, effective, own
from streams.watch.clock import end_ms, second_of
from streams.watch.control import Refused
from streams.watch.merge import counted
from streams.watch.notices import LOSS
from streams.watch.own import Own
from streams.watch.pieces import NamedPieces, Pieces, whole
from streams.watch.plan import Plan
from streams.watch.publish import Said, published
from streams.watch.quarantine import Skipped, cleared, resumed, skipped
from streams.watch.stage import Record, reading, stepping
from streams.watch.state import State

MOST_PLANS: Final = 8
IDLE_S: Final = 3600
"""A service of which nothing came for so long may make room for another."""


class Engine:
    """What decides.

    Parameters
    ----------
    config : the worker's own; where the log says another, that one decides
    forced : decide by this config whatever the log says: how a config is tried on what was recorded
    """

    def __init__(self, config: Config, taxonomy: Taxonomy, forced: bool = False) -> None:
        self._config, self._taxonomy, self._forced = config, taxonomy, forced
        self._plans: dict[str, Plan] = {}  # of the configs that partitions are decided by: one, or two for a while

    def plan(self, known: Own) -> Plan:
        """Make the plan in force, once.

        Raises
        ------
        ConfigError
            If a newer version wrote the config that the log names.
        """
        text = "" if self._forced else known.config
        if text not in self._plans:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            self._plans[text] = effective.plan(self._config, text, self._taxonomy)
        return self._plans[text]


class Begun(NamedTuple):
    """What a snapshot says of a partition, and the offset behind it."""

    own: Own
    states: Mapping[str, State]
    next: int


class Advanced(NamedTuple):
    """What a record changed: own knowledge, states, services that are forgotten; and what to publish."""

    own: Own
    changed: dict[str, State]
    forgotten: tuple[str, ...]
    findings: list[Finding]

    def put(self, states: dict[str, State]) -> None:
        """Put what changed in the place of the old, and take out what is forgotten."""
        states |= self.changed
        for name in self.forgotten:
            del states[name]


def advance(engine: Engine, partition: int, known: Own, states: Mapping[str, State], record: Record) -> Advanced:
    """Apply one record, the next of the partition or one that was applied before.

    The log decides all of it: by which config, which services are left out, which are forgotten when there are too
    many. So whoever reads it again, from wherever, finds the same.

    Parameters
    ----------
    known : what the partition knows beside its services
    states : of its services

    Raises
    ------
    ConfigError
        If a newer version of Barograph wrote the record.
    """
    return whole(advancing(engine, partition, known, states, record))


def advancing(
    engine: Engine, partition: int, known: Own, states: Mapping[str, State], record: Record
) -> NamedPieces[Advanced]:
    """Do what `advance` does, a service at a time; the arguments are those of before until it is done."""
    second, before = second_of(record.timestamp), engine.plan(known)
    fact, fresh = _read(record), record.offset > known.offset
    now, incidents = own.note(known, partition, fact, record.offset, second, before.config.watch.max_services)
    said: list[Said] = [*incidents]
    if fact is None:
        own_said = [published(one, partition, record.offset, fact) for one in said]
        return Advanced(_stamped(now, own_said, partition, record.offset), {}, (), own_said)
    plan, read = engine.plan(now), reading(fact)
    adopted = yield from _adopted(before, plan, states, record.offset)
    states = {**states, **adopted} if adopted else states
    if fresh and (over := known.quarantined.keys() - now.quarantined.keys()):
        back = {name: resumed(states[name], known.quarantined[name]) for name in over if name in states}
        adopted |= {name: replace(state, offset=record.offset) for name, state in back.items()}
        states = {**states, **adopted}
    forgotten = tuple[str, ...]()
    if fresh and isinstance(fact, Flush):
        if now.quarantined:
            counts = skipped(_left_out(now, record.offset), states, fact, read.parts)
            now = replace(now, quarantined={**now.quarantined, **counts})
        forgotten = _forgotten(plan, states, read.parts.keys(), second)
    unseated = _unseated(plan, states, read.parts.keys(), forgotten)
    if fresh and unseated:
        now = replace(now, beyond=counted(now.beyond, "services", len(unseated)))
    if isinstance(fact, Passed):
        name = fact.said.service
        if fresh and isinstance(fact.said, Rebaseline):
            if name in now.quarantined and name in states:
                states = {**states, name: resumed(cleared(states[name]), now.quarantined[name])}
            now, incidents = own.released(now, name, second, f"rebaselined by {fact.said.by}")
            said += incidents
        if name == MANY and name not in states and isinstance(fact.said, Acknowledge):
            said.append(Asked(end_ms(second), fact))
        elif name not in states and not isinstance(fact.said, Release):
            words = f"no event of a service `{name}` was seen yet: nothing was changed"
            said.append(Refused("unknown_service", "$.service", words))
    without = {*_left_out(now, record.offset), *forgotten, *unseated}
    changed, findings = yield from stepping(plan, partition, states, record, read, without)
    if fresh:
        for name, state in changed.items():
            if name in states and state.lost > states[name].lost:
                words = f"a flush of {name} begins inside another and was not added"
                now, incidents = own.tell(now, LOSS, name, words, second)
                said += incidents
            now, incidents = own.learned(now, name, states.get(name), state, second)
            said += incidents
    own_said = [published(one, partition, record.offset, fact) for one in said]
    return Advanced(
        _stamped(now, own_said, partition, record.offset), {**adopted, **changed}, forgotten, [*own_said, *findings]
    )  # fmt: skip


def _adopted(before: Plan, plan: Plan, states: Mapping[str, State], offset: int) -> Pieces[dict[str, State]]:
    """Take every service over to another config, if there is one."""
    adopted = dict[str, State]()
    if plan is not before and plan.config != before.config:
        for name, state in states.items():
            if state.offset < offset:
                under = yield from adopt.config(before, plan, state)
                adopted[name] = replace(under, offset=offset)
                yield
    return adopted


def _left_out(now: Own, offset: int) -> dict[str, Skipped]:
    """Name the services that are in quarantine at a record."""
    return {name: one for name, one in now.quarantined.items() if one.since <= offset}


def planned(plan: Plan, states: Mapping[str, State]) -> float:
    """Add up the weights of the services of a partition."""
    return sum(plan.service(name).weight for name in states)


def _read(record: Record) -> Fact | None:
    """Read a record; None if it is none of ours.

    Raises
    ------
    ConfigError
        If it has the form of a fact, but of none that this version knows.
    """
    try:
        fact: Fact = decode(record.value)
    except msgspec.ValidationError:
        said = _any(record.value)
        if isinstance(said, list) and said and isinstance(said[0], str) and said[0].isidentifier():
            raise ConfigError(
                f"record {record.offset} of `barograph.tallies` is a `{said[0][:40]}` that this version does not "
                "understand: a newer one wrote it; upgrade this worker, nothing is lost"
            ) from None
        return None
    except msgspec.DecodeError:
        return None
    return fact


def _any(value: bytes) -> Any:
    """Read msgpack of any form; None if it is none."""
    try:
        return msgspec.msgpack.decode(value)
    except msgspec.DecodeError:
        return None


def _stamped(now: Own, told: Collection[Finding], partition: int, offset: int) -> Own:
    """Keep what was published as it was published, so that it can be said again, byte for byte."""
    if not told:
        return now
    ids = {finding.id for finding in told}

    def stamped(said: Incident) -> Incident:
        return replace(said, partition=partition, offset=offset) if said.id in ids else said

    open_ = {print_: replace(held, said=stamped(held.said)) for print_, held in now.notices.held.items()}
    return replace(now, notices=replace(now.notices, held=open_, ended=tuple(map(stamped, now.notices.ended))))


def _unseated(plan: Plan, states: Mapping[str, State], came: Any, forgotten: tuple[str, ...]) -> set[str]:
    """Name the services for which there is no room."""
    new = sorted(came - states.keys())
    room = plan.config.watch.services_per_partition - len(states) + len(forgotten)
    return set(new[max(room, 0) :])


def _forgotten(plan: Plan, states: Mapping[str, State], came: Any, second: int) -> tuple[str, ...]:
    """Choose the services that make room for new ones: those that were idle longest, and for an hour."""
    need = len(came - states.keys()) + len(states) - plan.config.watch.services_per_partition
    if need <= 0:
        return ()
    idle = [state for name, state in states.items() if second - state.second >= IDLE_S and name not in came]
    idle.sort(key=lambda state: (state.second, state.service))
    return tuple(state.service for state in idle[:need])

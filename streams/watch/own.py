"""A fact about ourselves -> what a partition of the tallies knows of its workers, and incidents about them."""

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from schemas.incidents import Incident
from schemas.tallies import Census, Effective, Fact, Loss, Quarantine, Stall, Tick
from streams.watch import notices
from streams.watch.merge import counted
from streams.watch.notices import DISAGREE, DRIFT, LOSS, OVER_PLAN, QUARANTINE, STALL, UNREADABLE, Kind, Notices
from streams.watch.quarantine import Skipped, lost
from streams.watch.state import State

FLEET: Final = 0
"""The partition where what concerns all of them is said, so that it is said once."""
ALIVE_S: Final = 10
DIFFER_S: Final = 60
"""A worker that has not ticked for the first is gone. Two that are there and differ for the second disagree: a rolling
upgrade is done with a worker sooner."""
MOST_WORKERS: Final = 64
MOST_TOPICS: Final = 4
MOST_LOSSES: Final = 256


class Own(Struct, frozen=True, kw_only=True):
    """What a partition of the tallies knows beside its services.

    Attributes
    ----------
    offset, second : of the last record that was applied
    config, engine : in force by the last config fact: sections in JSON, and the version that said it
    topics : the last ids of the source's topic, the present one last
    quarantined : by service
    workers : when each ticked last, and the digest of its config
    differ_since : second since which two workers that are there have different configs, 0 if they have not
    census : partition -> services, by weight
    notices : incidents about ourselves
    lost : records that were declared lost, as far as somebody can say
    losses : the last facts about losses: whoever says one may die before that is noted, and the next says it again
    beyond : what was over a cap, or unreadable
    """

    offset: int = -1
    second: int = 0
    config: str = ""
    engine: str = ""
    topics: tuple[str, ...] = ()
    quarantined: dict[str, Skipped] = {}
    workers: dict[str, tuple[int, str]] = {}
    differ_since: int = 0
    census: dict[int, float] = {}
    notices: Notices = Notices()
    lost: int = 0
    losses: tuple[Loss, ...] = ()
    beyond: dict[str, int] = {}


class Noted(NamedTuple):
    """What is known now, and the incidents to publish."""

    own: Own
    incidents: list[Incident]


def note(own: Own, partition: int, fact: Fact | None, offset: int, second: int, planned: float) -> Noted:
    """Apply a fact once.

    Parameters
    ----------
    partition : of the tallies
    fact : None of a record that says nothing
    offset, second : of the record
    planned : services that the budget is divided by
    """
    if offset <= own.offset:
        return Noted(own, [])
    open_, said = notices.expired(own.notices, second)
    own = replace(own, offset=offset, second=second, notices=open_)
    more: list[Incident] = []
    match fact:
        case Tick() if partition == FLEET:
            own, more = _ticked(own, fact, second)
        case Loss():
            own, more = _lost(own, fact, second)
        case Effective():
            own, more = _configured(own, fact, second)
        case Quarantine():
            own, more = quarantined(own, fact, second)
        case Stall():
            words = f"worker {fact.worker} ended: no progress in {fact.topic}:{fact.partition} at {fact.position}"
            own, more = tell(own, STALL, f"{fact.topic}:{fact.partition}", words, second)
        case Census():
            own, more = _counted(replace(own, census={**own.census, fact.partition: fact.services}), second, planned)
        case None:
            own = replace(own, beyond=counted(own.beyond, "unreadable"))
            words = f"{own.beyond['unreadable']} records of partition {partition} are not ours, the last at {offset}"
            own, more = tell(own, UNREADABLE, f"barograph.tallies:{partition}", words, second)
    return Noted(own, said + more)


def tell(own: Own, kind: Kind, about: str, words: str, second: int, lasts: bool = False) -> Noted:
    """Open an incident about ourselves, or say it again: `streams.watch.notices.tell`."""
    open_, said = notices.tell(own.notices, kind, about, words, second, lasts)
    return Noted(replace(own, notices=open_), said)


def learned(own: Own, service: str, before: State | None, state: State, second: int) -> Noted:
    """Say what came out as a baseline went on learning, and when that is no longer so.

    Parameters
    ----------
    before, state : of the service, before a record and after it
    """
    old, new = (one.growth.drifts if one and one.growth else () for one in (before, state))
    if new == old:
        return Noted(own, [])
    if not new:
        return _over(own, DRIFT, service, second, "last week lies within the first limits, or it was learned anew")
    words = f"{service}: nothing alarmed, but last week is not what was learned at first: {', '.join(new)}"
    return tell(own, DRIFT, service, words, second, lasts=True)


def left_out(own: Own, fact: Quarantine) -> Own:
    """Leave a service out from a record on: an owner must before it comes to the fact that says so."""
    held = own.quarantined.get(fact.service) or Skipped(fact.since, fact.error)
    return replace(own, quarantined={**own.quarantined, fact.service: held})


def quarantined(own: Own, fact: Quarantine, second: int) -> Noted:
    """Leave a service out, and say so."""
    own = left_out(own, fact)
    if notices.is_open(own.notices, QUARANTINE, fact.service):
        return Noted(own, [])
    words = f"service {fact.service} brought three owners to their end at record {fact.since}: {fact.error}"
    return tell(own, QUARANTINE, fact.service, words, second, lasts=True)


def released(own: Own, service: str, second: int, why: str) -> Noted:
    """Try a service again, if it is in quarantine; what was not counted meanwhile is declared lost."""
    gone = own.quarantined.get(service)
    if gone is None:
        return Noted(own, [])
    own = replace(own, quarantined={name: one for name, one in own.quarantined.items() if name != service})
    own, said = _over(own, QUARANTINE, service, second, why)
    if not (n := lost(gone)):
        return Noted(own, said)
    own = replace(own, lost=own.lost + n)
    words = f"{n} exchanges of {service} were not counted while it was in quarantine"
    own, more = tell(own, LOSS, service, words, second)
    return Noted(own, said + more)


def _over(own: Own, kind: Kind, about: str, second: int, why: str) -> Noted:
    open_, said = notices.over(own.notices, kind, about, second, why)
    return Noted(replace(own, notices=open_), said)


def _ticked(own: Own, tick: Tick, second: int) -> Noted:
    """See who is there: whether all have one config, and read one topic."""
    workers = {name: held for name, held in own.workers.items() if second - held[0] <= ALIVE_S and name != tick.worker}
    if len(workers) < MOST_WORKERS:
        workers[tick.worker] = (second, tick.config)
    differ = len({config for _, config in workers.values() if config}) > 1
    since = (own.differ_since or second) if differ else 0
    own, said = replace(own, workers=workers, differ_since=since), list[Incident]()
    if not since:
        own, said = _over(own, DISAGREE, "", second, "all workers have one config")
    elif second - since >= DIFFER_S and not notices.is_open(own.notices, DISAGREE, ""):
        who = ", ".join(f"{name} {config[:8]}" for name, (_, config) in sorted(workers.items()))
        own, said = tell(own, DISAGREE, "", f"workers have different configs: {who}", second, lasts=True)
    if not tick.topic_id or tick.topic_id in own.topics:
        return Noted(own, said)
    known = own.topics
    own = replace(own, topics=(*known, tick.topic_id)[-MOST_TOPICS:])
    if not known:
        return Noted(own, said)
    words = f"{tick.source} was made again; what it had held and was not counted is lost, nobody can say how much"
    own, more = tell(own, LOSS, tick.source, words, second)
    return Noted(own, said + more)


def _lost(own: Own, loss: Loss, second: int) -> Noted:
    if loss in own.losses:
        return Noted(own, [])
    own, place = replace(own, losses=(*own.losses, loss)[-MOST_LOSSES:]), f"{loss.topic}:{loss.partition}"
    if loss.why == "partitions_added":
        words = f"{place} was added: nobody can say how many requests and responses now lie apart, and are no exchanges"
    elif loss.end < 0:
        words = f"{place} was made again: what it had held from {loss.begin} on is lost, nobody can say how much"
    else:
        own = replace(own, lost=own.lost + loss.end - loss.begin)
        words = f"{loss.end - loss.begin} records of {place} are lost, from {loss.begin} to {loss.end}: {loss.why}"
    return tell(own, LOSS, place, words, second)


def _configured(own: Own, fact: Effective, second: int) -> Noted:
    """Take note of another config; another version of Barograph may have the cure for what is in quarantine."""
    said: list[Incident] = []
    if own.engine and fact.engine != own.engine:
        for service in own.quarantined:
            own, more = released(own, service, second, f"version {fact.engine} tries it again")
            said += more
    return Noted(replace(own, config=fact.said, engine=fact.engine), said)


def _counted(own: Own, second: int, planned: float) -> Noted:
    total = sum(own.census.values())
    if total <= planned:
        return _over(own, OVER_PLAN, "", second, f"there are {total:g} services, as planned")
    if notices.is_open(own.notices, OVER_PLAN, ""):
        return Noted(own, [])
    words = f"{total:g} services send events; the page budget is divided by {planned:g}"
    return tell(own, OVER_PLAN, "", words, second, lasts=True)

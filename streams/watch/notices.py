"""Something about ourselves that people must know -> an incident on the topic of all others, with a life of its own."""

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from schemas.found import OWN
from schemas.incidents import Incident, Lineage, Notify, Severity
from schemas.printable import printable
from streams.telling.identity import fingerprint, incident_id
from streams.watch.clock import begin_ms, end_ms
from streams.watch.effective import ENGINE
from streams.watch.report import resolved

QUIET_S: Final = 3600
"""An incident about something that happened is over when it has not happened again for so long."""
MOST_OPEN: Final = 64
MOST_EPISODES: Final = 256
MOST_ENDED: Final = 16


class Kind(NamedTuple):
    """What an incident about ourselves is called, how grave it is, whom it is told, and what to do."""

    alert: str
    severity: Severity
    notify: Notify
    action: str


LOSS: Final = Kind(
    "LossDeclared", "sev-2", "page",
    "Keep the topic's records for longer than any downtime; find out who deleted records, or made the topic again.",
)  # fmt: skip
QUARANTINE: Final = Kind(
    "ServiceQuarantined", "sev-2", "page",
    "This is a bug: report it with the error. An upgrade tries the service again; `barograph control rebaseline` makes "
    "it begin anew.",
)  # fmt: skip
UNREADABLE: Final = Kind(
    "TalliesUnreadable", "sev-2", "page", "Find out who else writes to `barograph.tallies`, and take the right away."
)  # fmt: skip
STALL: Final = Kind(
    "WorkerStalled", "sev-3", "ticket", "If it comes again, look at the worker's log and at the partition's broker."
)  # fmt: skip
OVER_PLAN: Final = Kind(
    "OverPlan", "sev-3", "ticket",
    "Raise `watch.max_services`: until then there may be more false pages than the budget promises.",
)  # fmt: skip
DISAGREE: Final = Kind("ConfigsDisagree", "sev-3", "ticket", "Give all workers the same config, and restart them.")
DRIFT: Final = Kind(
    "BaselineDrifted", "sev-3", "ticket",
    "Ask whether the service is still what it is meant to be: if it is, `barograph control rebaseline` makes that what "
    "it is compared with; if not, what moved is named here.",
)  # fmt: skip
KINDS: Final = (LOSS, QUARANTINE, UNREADABLE, STALL, OVER_PLAN, DISAGREE, DRIFT)


class Notice(Struct, frozen=True):
    """An open incident, and the second of its last cause; 0 while the cause lasts."""

    said: Incident
    last: int


class Notices(Struct, frozen=True):
    """Incidents about ourselves.

    Attributes
    ----------
    held : open incidents, by fingerprint
    episodes : fingerprint -> last episode, of the latest
    forgotten : the highest episode of those that are no longer remembered
    ended : the last that are over, as they were last said
    """

    held: dict[str, Notice] = {}
    episodes: dict[str, int] = {}
    forgotten: int = 0
    ended: tuple[Incident, ...] = ()


class Told(NamedTuple):
    """What is open now, and what is to be published."""

    notices: Notices
    incidents: list[Incident]


def tell(notices: Notices, kind: Kind, about: str, words: str, second: int, lasts: bool = False) -> Told:
    """Open an incident, or say it again with what is known now.

    Parameters
    ----------
    about : tells one cause from another: a partition, a service; empty for the whole fleet
    words : one sentence
    lasts : whether somebody will say when it is over; else it is over after an hour without another cause

    Examples
    --------
    >>> notices, [said] = tell(Notices(), LOSS, "ai.events:3", "7 records of ai.events:3 are lost", 100)
    >>> said.step, said.labels["alertname"], said.labels["slice"], said.summary
    ('fired', 'LossDeclared', 'ai.events:3', '7 records of ai.events:3 are lost')
    >>> [(one.step, one.id == said.id) for one in tell(notices, LOSS, "ai.events:3", "9 are lost", 130).incidents]
    [('updated', False)]
    """
    labels = _labels(kind, about)
    print_, now_ms = fingerprint(labels), end_ms(second)
    held = notices.held.get(print_)
    before, why = held.said if held else None, f"{kind.alert} is about Barograph itself, and declared {kind.severity}"
    episode = before.episode if before else notices.episodes.get(print_, notices.forgotten) + 1
    sequence = before.sequence + 1 if before else 1
    said = Incident(
        id=incident_id(print_, episode, sequence, shadow=False), fingerprint=print_, episode=episode, sequence=sequence,
        status="firing", step="updated" if before else "fired", severity=kind.severity, notify=kind.notify,
        labels=labels, service=OWN, summary=printable(words), why_severity=why, action=kind.action,
        since=before.since if before else begin_ms(second),
        since_low=before.since_low if before else begin_ms(second), since_high=before.since_high if before else now_ms,
        started_at=before.started_at if before else now_ms, updated_at=now_ms,
        runbook=f"docs/operations.md#{kind.alert.lower()}", kind="own", lineage=Lineage(engine=ENGINE),
    )  # fmt: skip
    episodes = {one: last for one, last in notices.episodes.items() if one != print_} | {print_: episode}
    forgotten = notices.forgotten
    if len(episodes) > MOST_EPISODES:
        forgotten = max(forgotten, episodes.pop(next(iter(episodes))))
    held_ = {**notices.held, print_: Notice(said, 0 if lasts else second)}
    notices = replace(notices, held=held_, episodes=episodes, forgotten=forgotten)
    if len(notices.held) <= MOST_OPEN:
        return Told(notices, [said])
    notices, over_ = _ended(notices, next(iter(notices.held)), second, "there are too many others")
    return Told(notices, [said, *over_])


def is_open(notices: Notices, kind: Kind, about: str) -> bool:
    """Say whether there is such an incident."""
    return fingerprint(_labels(kind, about)) in notices.held


def over(notices: Notices, kind: Kind, about: str, second: int, why: str) -> Told:
    """End an incident, if there is one."""
    if not notices.held:  # asked at every tick
        return Told(notices, [])
    return _ended(notices, fingerprint(_labels(kind, about)), second, why)


def expired(notices: Notices, second: int) -> Told:
    """End those of which nothing was heard for an hour."""
    said: list[Incident] = []
    for print_, notice in notices.held.items():
        if notice.last and second - notice.last >= QUIET_S:
            why = f"it has not happened again for {QUIET_S // 60} minutes"
            notices, ended = _ended(notices, print_, second, why)
            said += ended
    return Told(notices, said)


def _labels(kind: Kind, about: str) -> dict[str, str]:
    return {"alertname": kind.alert, "service": OWN, "env": "", "slice": about}


def _ended(notices: Notices, print_: str, second: int, why: str) -> Told:
    if print_ not in notices.held:
        return Told(notices, [])
    said = resolved(notices.held[print_].said, end_ms(second), why)
    held = {one: notice for one, notice in notices.held.items() if one != print_}
    return Told(replace(notices, held=held, ended=(*notices.ended, said)[-MOST_ENDED:]), [said])

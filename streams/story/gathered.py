"""The topics and an id -> the story of one episode: all that is said of it, and what is no longer there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from schemas.control import Control
from schemas.failures import FailureReport
from schemas.incidents import ChangeReport, Incident
from streams.story.asked import meant
from streams.story.facts import Fact, around
from streams.story.log import Log, Read, incidents, latest, read, step_of
from streams.story.looked import Looked
from streams.story.missing import missing

ROLES: Final = ("incidents", "incidents_state", "incidents_shadow", "control", "changes", "failures")
"""Of the topics that a story is gathered from."""

_controls: Final = msgspec.json.Decoder(Control).decode
_changes: Final = msgspec.json.Decoder(ChangeReport).decode
_failures: Final = msgspec.json.Decoder(FailureReport).decode

_Report = TypeVar("_Report", ChangeReport, FailureReport)


class Story(Struct, frozen=True, kw_only=True):
    """One episode of an incident.

    Attributes
    ----------
    asked : the step that was asked for, if one was
    present : as it was last said
    steps : those that are there, in order
    later : a later episode of the same fingerprint, as it was last said
    facts : of `ai.control`, in order
    parent : the incident that tells the common cause, as it was last said
    children : the parts of a common cause, as they were last said; those that are on the topics
    changes, failures : the latest reports of the releases that it names
    events : what lies where its exemplars lay; None if that was not looked at
    missing : what is not on the topics, in sentences
    """

    asked: int | None = None
    present: Incident
    steps: tuple[Incident, ...]
    later: Incident | None = None
    facts: tuple[Fact, ...] = ()
    parent: Incident | None = None
    children: tuple[Incident, ...] = ()
    changes: tuple[ChangeReport, ...] = ()
    failures: tuple[FailureReport, ...] = ()
    events: tuple[Looked, ...] | None = None
    missing: tuple[str, ...] = ()


def gather(asked: str, logs: Mapping[str, Log]) -> Story:
    """Gather what the topics say of one episode.

    Parameters
    ----------
    asked : a fingerprint, which means its latest episode; ``fingerprint-episode``; or the id of a step
    logs : role -> topic, of `ROLES`

    Raises
    ------
    ConfigError
        If the topics know nothing of it; with what they know.
    """
    told, states, dark = (read(logs[role], incidents) for role in ROLES[:3])
    control = read(logs["control"], _controls)
    changes, failures = read(logs["changes"], _changes), read(logs["failures"], _failures)
    every, state = [one for some in (told, states, dark) for _, one in some.said], latest(states)
    mine, episode, step = meant(asked, every, state.values())
    steps = tuple(one for _, one in sorted({one.sequence: one for one in mine if one.episode == episode}.items()))
    present, last = steps[-1], max(mine, key=step_of)
    on_topic = [
        one
        for _, one in (dark if present.shadow else told).said
        if (one.fingerprint, one.episode) == (present.fingerprint, episode)
    ]
    strange = (told.strange, states.strange, dark.strange, control.strange, changes.strange, failures.strange)
    return Story(
        asked=step,
        present=present,
        steps=steps,
        later=last if last.episode > episode else None,
        facts=around(control, logs["control"].topic, present),
        parent=_parent(every, present),
        children=tuple(_parts(every, present)),
        changes=_of_releases(changes, present),
        failures=_of_releases(failures, present),
        missing=tuple(missing(present, on_topic, logs, dict(zip(ROLES, strange, strict=True)))),
    )


def _parent(every: Sequence[Incident], part: Incident) -> Incident | None:
    """Find what tells the common cause; who paged before that was known does not name it, but is named by it."""
    me = part.fingerprint, part.episode
    named = [one for one in every if me in {(child.fingerprint, child.episode) for child in one.children}]
    return max(named or [one for one in every if one.fingerprint == part.parent], key=step_of, default=None)


def _parts(every: Sequence[Incident], parent: Incident) -> Iterator[Incident]:
    """Find the parts of a common cause, each as its episode was last said."""
    for child in parent.children:
        me = child.fingerprint, child.episode
        steps = [one for one in every if (one.fingerprint, one.episode) == me]
        if steps:
            yield max(steps, key=step_of)


def _of_releases(reports: Read[_Report], incident: Incident) -> tuple[_Report, ...]:
    """Keep the furthest report of each release that an incident names."""
    found: dict[str, _Report] = {}
    for _, one in reports.said:
        known = found.get(one.release)
        ours = one.service == incident.service and one.release in incident.releases
        if ours and (known is None or one.sequence > known.sequence):
            found[one.release] = one
    return tuple(found[release] for release in incident.releases if release in found)

"""A story's steps and the topics -> what a reader would look for there, and does not find."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Final

from schemas.incidents import Incident
from streams.figures import date
from streams.story.asked import span
from streams.story.facts import AROUND_MS
from streams.story.log import Log

TWICE: Final = (
    "steps of one number were told twice, and not the same: what was known was lost in between, and episodes began "
    "anew; the later ones are shown"
)


def missing(
    last: Incident, on_topic: Sequence[Incident], logs: Mapping[str, Log], strange: Mapping[str, int]
) -> Iterator[str]:
    """Say what is not there of one episode.

    Steps are numbered from 1 without a gap, so what retention took is known by its number.

    Parameters
    ----------
    last : the last step that is known, from wherever
    on_topic : all messages of the episode that the topic of its steps holds
    logs : role -> topic
    strange : role -> records of it that could not be read
    """
    source, control = logs["incidents_shadow" if last.shadow else "incidents"], logs["control"]
    gaps = _gaps({one.sequence for one in on_topic}, last.sequence)
    if gaps:
        steps = ", ".join(span(*gap) for gap in gaps)
        are = "is" if len(gaps) == 1 and gaps[0][0] == gaps[0][1] else "are"
        kept = f", which {_begins(source.begins)}" if source.begins is not None else ""
        alone = "; the last one is known from the present state alone" if gaps[-1][1] == last.sequence else ""
        yield f"{'step' if are == 'is' else 'steps'} {steps} {are} not on {source.topic}{kept}{alone}"
    for role, log in logs.items():
        if not log.there and role != "incidents_shadow":
            yield f"{log.topic}: there is no such topic, or you may not read it"
        if strange.get(role):
            yield f"{log.topic}: {strange[role]:,} of its records could not be read, and are left out"
    if control.begins is not None and control.begins > last.since_low - AROUND_MS:
        yield f"{control.topic} {_begins(control.begins)}: what was said before is gone"
    told: dict[int, Incident] = {}
    if any(told.setdefault(one.sequence, one) != one for one in on_topic):
        yield TWICE


def _gaps(there: set[int], last: int) -> list[tuple[int, int]]:
    """Find the runs of numbers from 1 to the last that are not there.

    Examples
    --------
    >>> _gaps({3, 4, 7}, 9), _gaps({1, 2}, 2)
    ([(1, 2), (5, 6), (8, 9)], [])
    """
    return [(one + 1, two - 1) for one, two in pairwise([0, *sorted(there), last + 1]) if two - one > 1]


def _begins(at: float) -> str:
    return f"begins at {date(int(at))}" if isfinite(at) else "holds nothing any more"

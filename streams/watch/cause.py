"""What else changed around an onset -> what is suspected to be the cause: one sentence, by a fixed order."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from schemas.incidents import Also, Change, ModeCount, Slice
from schemas.moments import second, written
from schemas.printable import printable
from schemas.tallies import OTHER
from schemas.watching import Service
from streams.watch.alphabet import categories_of
from streams.watch.assess.serving import SWAPPED
from streams.watch.cases import Alarm
from streams.watch.state import State

ALSO_S: Final = 600
"""How long before an onset something else must have changed to be worth telling."""
AFTER_S: Final = 60
"""What came so much later than an onset is not its cause."""
ALSO: Final = tuple(SWAPPED)
"""Categories of which a name that grew may be the cause of all else."""
MIX: Final = ("intent", "language", "persona")
"""Categories that say who asks for what."""
MOVED: Final = 0.1
"""A slice with so much more of the traffic than before is another mix."""
PROVIDER: Final = "AVL."


def also(state: State, lead: Alarm, changes: Sequence[Change]) -> tuple[Also, ...]:
    """Tell what else changed shortly before or during: releases, the model that serves, the prompt.

    Parameters
    ----------
    state : of the service
    lead : the leading alarm of the incident
    changes : of the incident
    """
    found: list[Also] = []
    learned = state.baseline.releases if state.baseline else ()
    streams = sorted(state.streams.values(), key=lambda stream: (stream.first_second, stream.release))
    for older, newer in pairwise(streams):
        near = lead.since - ALSO_S * 1000 <= newer.first_second * 1000 <= lead.since_high + ALSO_S * 1000
        if near and newer.release not in learned:
            found.append(Also("release", older.release, newer.release, newer.first_second * 1000))
    found += [
        Also(one.signal, _most_frequent(state, one.signal), one.feature.removeprefix("name="), one.onset_at)
        for one in changes
        if one.signal in ALSO and one.feature.startswith("name=") and one.direction == "up"
    ]
    return tuple(found)


def cause(
    known: Service,
    state: State,
    lead: Alarm,
    others: Sequence[Also],
    changes: Sequence[Change],
    modes: Sequence[ModeCount],
    where: Slice | None,
) -> str:
    """Say what is suspected; empty if nothing is.

    The order is that in which people would rather know: what they did themselves, what was done to them, what fails,
    who came. The first that is there is said. It is a suspicion: what happened at the same time.

    Parameters
    ----------
    known : what the config says of the service
    state : of the service
    lead : the leading alarm of the incident
    others, changes, modes, where : what is known of the incident
    """
    return printable(next(_suspected(known, state, lead, others, changes, modes, where), ""))


def _suspected(
    known: Service,
    state: State,
    lead: Alarm,
    others: Sequence[Also],
    changes: Sequence[Change],
    modes: Sequence[ModeCount],
    where: Slice | None,
) -> Iterator[str]:
    """Yield what may be the cause, what is likeliest first."""
    of = f" (provider {known.provider})" if known.provider else ""
    early = [one for one in others if one.at <= lead.since_high + AFTER_S * 1000]
    for one in early:
        if one.what == "release":
            yield f"release {one.after} began to serve at {written(one.at)}"
    yield from _told(state, lead)
    for one in early:
        if one.what == "model_served":
            yield f"{SWAPPED[one.what]} changed from {one.before} to {one.after} at {written(one.at)}{of}"
    if where is not None and where.dimension == "model_served" and _moved(where):
        yield f"the model {where.name} serves {_more(where)}{of}"
    for one in early:
        if one.what == "prompt_version":
            yield f"{SWAPPED[one.what]} changed from {one.before} to {one.after} at {written(one.at)}"
    if modes and modes[0].mode.startswith(PROVIDER):
        yield f"the provider fails: {modes[0].mode}, {modes[0].n} times since the onset{of}"
    if where is not None and where.dimension != "model_served" and _moved(where):
        yield f"another mix of traffic: {where.dimension} {where.name} has {_more(where)}"
    for change in changes:
        if change.signal in MIX and change.signal != lead.signal:
            yield f"another mix of traffic: {change.words}"


def _told(state: State, lead: Alarm) -> Iterator[str]:
    """Yield what people and pipelines said of releases near the onset, the latest first."""
    for fact in reversed(state.releases.values()):
        at = second(fact.at) * 1000  # MEASURE lets no fact pass whose time cannot be read
        if lead.since_low - ALSO_S * 1000 <= at <= lead.since_high + AFTER_S * 1000:
            yield f"release {fact.release} was said to be {fact.phase.replace('_', ' ')} at {written(at)}"


def _moved(where: Slice) -> bool:
    return where.share_after - where.share_before >= MOVED


def _more(where: Slice) -> str:
    return f"{where.share_after:.0%} of the traffic, {where.share_before:.0%} before".replace("%", " %")


def _most_frequent(state: State, category: str) -> str:
    """Name what a category mostly was when it was learned."""
    assert state.baseline is not None
    alphabet = state.baseline.alphabet
    names = alphabet.categories[[one.name for one in categories_of(alphabet)].index(category)]
    return names[0] if names else OTHER

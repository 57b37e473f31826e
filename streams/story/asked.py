"""An id as a person gives it -> the episode and the step that are meant, or a refusal that says which there are."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from schemas.incidents import Incident
from schemas.strict import ConfigError

_ID: Final = re.compile(r"(?:shadow-)?(?P<print>[^-\s]+)(?:-(?P<episode>\d{1,9})(?:-(?P<step>\d{1,9}))?)?")
_CHOICES: Final = 8


class Meant(NamedTuple):
    """What was asked for.

    Attributes
    ----------
    every : all messages of the fingerprint
    episode : of it
    step : of that, if one was named
    """

    every: Sequence[Incident]
    episode: int
    step: int | None


def meant(asked: str, known: Sequence[Incident], present: Iterable[Incident]) -> Meant:
    """Find what an id means.

    Parameters
    ----------
    asked : a fingerprint, which means its latest episode; ``fingerprint-episode``; or the id of a step
    known : every message there is, of all incidents
    present : incidents as they were last said, for the choices

    Raises
    ------
    ConfigError
        If nothing is known of it.
    """
    words = _ID.fullmatch(asked)
    every = [one for one in known if words and one.fingerprint == words["print"]]
    if words is None or not every:
        raise ConfigError(f"the topics hold no incident `{asked}`; {_open(present)} - at `ID`")
    episodes = {one.episode for one in every}
    episode = int(words["episode"] or max(episodes))
    if episode not in episodes:
        raise ConfigError(
            f"the topics hold no episode {episode} of `{words['print']}`, only {numbers(episodes)} - at `ID`"
        )
    step = int(words["step"]) if words["step"] else None
    steps = {one.sequence for one in every if one.episode == episode}
    if step is not None and step not in steps:
        raise ConfigError(
            f"the topics hold no step {step} of `{words['print']}-{episode}`, only {numbers(steps)} - at `ID`"
        )
    return Meant(every, episode, step)


def numbers(some: Iterable[int]) -> str:
    """Write whole numbers, runs of them short.

    Examples
    --------
    >>> numbers({1, 2, 3, 7, 9, 10})
    '1 to 3, 7, 9 to 10'
    """
    runs = [[number for _, number in run] for _, run in groupby(enumerate(sorted(some)), key=lambda at: at[1] - at[0])]
    return ", ".join(span(run[0], run[-1]) for run in runs)


def span(first: int, last: int) -> str:
    """Write a run of whole numbers.

    Examples
    --------
    >>> span(3, 3), span(3, 5)
    ('3', '3 to 5')
    """
    return str(first) if first == last else f"{first} to {last}"


def _open(present: Iterable[Incident]) -> str:
    some = sorted((one for one in present if one.status != "resolved"), key=lambda one: (one.severity, one.service))
    if not some:
        return "none is open"
    named = ", ".join(f"{one.fingerprint} ({one.service})" for one in some[:_CHOICES])
    more = f" and {len(some) - _CHOICES} more (`barograph incidents`)" if len(some) > _CHOICES else ""
    return f"open are: {named}{more}"

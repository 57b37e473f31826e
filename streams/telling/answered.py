"""A question about a release, and the verdicts that are known -> the answer: in doubt no data, and never a pass."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from schemas.answers import Answer, Links
from schemas.moments import written
from schemas.printable import printable
from schemas.strict import nearest
from schemas.topics import BY_ROLE
from schemas.verdicts import Verdict
from streams.telling.heard import Kept

AHEAD_MS: Final = 60_000
"""So far the clock by which verdicts are made may be ahead of ours."""
PARAMETERS: Final = ("service", "release", "baseline")
_CHOICES: Final = 20


class Known(NamedTuple):
    """What a worker knows of verdicts.

    Attributes
    ----------
    services : those that its config has KPIs of
    kept : the latest verdicts
    unread : why there may be later ones that are not known; empty if there are none
    prefix : of topics
    """

    services: Collection[str]
    kept: Kept
    unread: str = ""
    prefix: str = ""


class Asked(NamedTuple):
    """Of which release somebody wants to know; and the one that it must have been compared with, if any is named."""

    service: str
    release: str
    baseline: str = ""


class Wrong(NamedTuple):
    """A question that has no answer, and the sentence that says why."""

    status: int
    says: str


def asked(query: Iterable[tuple[str, str]]) -> Asked | Wrong:
    """Read a question off the parameters of an address; those that are empty were not asked.

    Examples
    --------
    >>> asked([("service", "bot"), ("release", "v2"), ("baseline", "")])
    Asked(service='bot', release='v2', baseline='')
    >>> asked([("service", "bot")]).says
    'the parameter `release` is missing'
    >>> asked([("service", "bot"), ("releas", "v2")]).says
    'no parameter `releas`; did you mean `release`? there are: service, release, baseline'
    """
    found: dict[str, str] = {}
    for name, value in query:
        if name not in PARAMETERS:
            hint = nearest(name, PARAMETERS)
            return Wrong(400, f"no parameter `{printable(name)}`; {hint}there are: {', '.join(PARAMETERS)}")
        if name in found:
            return Wrong(400, f"the parameter `{name}` is there twice")
        found[name] = value
    for name in ("service", "release"):
        if not found.get(name):
            return Wrong(400, f"the parameter `{name}` is missing")
    return Asked(found["service"], found["release"], found.get("baseline", ""))


def answered(ask: Asked, known: Known, now_ms: int) -> Answer | Wrong:
    """Answer; of a service that is known always by an answer, even if by one that says that nothing is known.

    Parameters
    ----------
    now_ms : milliseconds since 1970

    Returns
    -------
    Answer or Wrong
        Wrong (404) of a service that neither has KPIs nor a verdict. While not all verdicts are read nobody can say
        that, so it is an answer then.
    """
    services = sorted({*known.services, *(name for name, of in known.kept.items() if of)})
    if not known.unread and ask.service not in services:
        return Wrong(404, _unknown(ask.service, services))
    of = known.kept.get(ask.service, {})
    said = of.get(ask.release)
    links = Links(
        verdict=f"{known.prefix}{BY_ROLE['verdicts'].name}/{ask.service}:{ask.release}",
        scorecard=f"{known.prefix}{BY_ROLE['scorecards'].name}/{ask.service}:{ask.release}",
    )
    why = known.unread or (_doubt(said, ask, now_ms) if said else _none(ask.release, sorted(of)))
    if said is None:
        return Answer(service=ask.service, release=ask.release, verdict="no_data", reasons=(why,), links=links)
    if why:
        return Answer(
            service=said.service, release=said.release, baseline=said.baseline, phase=said.phase, verdict="no_data",
            evaluated_at=said.evaluated_at, expires_at=said.expires_at, reasons=(why,), links=links,
        )  # fmt: skip
    return Answer(**msgspec.structs.asdict(said), links=links)


def _doubt(said: Verdict, ask: Asked, now_ms: int) -> str:
    """Say why a verdict does not count; nothing of one that does."""
    if now_ms >= said.expires_at:
        return (
            f"the last verdict, `{said.verdict}`, expired at {written(max(said.expires_at, 0))}: nothing was said since"
        )
    if said.evaluated_at > now_ms + AHEAD_MS:
        ahead_s = (said.evaluated_at - now_ms) // 1000
        return f"the last verdict was made {ahead_s:,} s after now: this worker's clock is wrong, or the broker's"
    if ask.baseline and ask.baseline != said.baseline:
        other = f"`{printable(said.baseline)}`" if said.baseline else "nothing"
        return f"it is compared with {other}, not with `{printable(ask.baseline)}`"
    return ""


def _none(release: str, known: Sequence[str]) -> str:
    return f"no verdict of a release `{printable(release)}` is known; {nearest(release, known)}{_there(known)}"


def _unknown(service: str, known: Sequence[str]) -> str:
    return f"no service `{printable(service)}` has KPIs; {nearest(service, known)}{_there(known)}"


def _there(known: Sequence[str]) -> str:
    more = f" and {len(known) - _CHOICES} more" if len(known) > _CHOICES else ""
    return f"there are: {printable(', '.join(known[:_CHOICES])) or 'none'}{more}"

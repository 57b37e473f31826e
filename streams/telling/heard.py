"""Verdicts, in whatever order they are read -> the latest of each release, of as many as there is room for."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from schemas.verdicts import Verdict

Kept = Mapping[str, Mapping[str, Verdict]]
"""Service -> release -> its latest verdict."""


class Heard(NamedTuple):
    """What is known of a service now.

    Attributes
    ----------
    verdicts : release -> its latest verdict
    became : what came was kept; or it is older than what is known; or it was kept, and another release forgotten for it
    """

    verdicts: dict[str, Verdict]
    became: Literal["kept", "older", "forgotten"]


def heard(known: Mapping[str, Verdict], verdict: Verdict, most: int) -> Heard:
    """Keep a verdict, unless a later one is known: who lost a partition may still write an old one after a new one.

    Parameters
    ----------
    known : release -> its latest verdict, of the service
    most : releases that there is room for; the one that was judged longest ago goes

    Examples
    --------
    >>> from schemas.verdicts import Counted
    >>> def made(release: str, at: int) -> Verdict:
    ...     return Verdict(
    ...         id="", service="bot", release=release, baseline="", phase="live", verdict="pass", band="green",
    ...         score=100.0, evaluated_at=at, expires_at=at + 9, n=Counted(candidate=1, baseline=0, needed=1), kpis=(),
    ...         reasons=(), policy="", kpi_set="")
    >>> known: dict[str, Verdict] = {}
    >>> for verdict in (made("v1", 7), made("v1", 5), made("v2", 8), made("v3", 9)):
    ...     known, became = heard(known, verdict, most=2)
    ...     print(verdict.release, became, sorted(known))
    v1 kept ['v1']
    v1 older ['v1']
    v2 kept ['v1', 'v2']
    v3 forgotten ['v2', 'v3']
    """
    before = known.get(verdict.release)
    if before is not None and before.evaluated_at > verdict.evaluated_at:
        return Heard(dict(known), "older")
    verdicts = {**known, verdict.release: verdict}
    if len(verdicts) <= most:
        return Heard(verdicts, "kept")
    del verdicts[min(verdicts.values(), key=lambda one: (one.evaluated_at, one.release)).release]
    return Heard(verdicts, "forgotten")


def without(kept: Kept, key: bytes) -> dict[str, Mapping[str, Verdict]]:
    """Forget what is known of a record's key: its last word is gone, or cannot be read.

    Parameters
    ----------
    key : `service:release`; either may have colons in it
    """
    return {
        service: {release: one for release, one in of.items() if f"{service}:{release}".encode() != key}
        for service, of in kept.items()
    }

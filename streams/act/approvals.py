"""Approvals that people gave -> the one that lets a command go ahead."""

from collections.abc import Iterable

from schemas.control import Approve
from schemas.moments import BadTime, second
from schemas.rollbacks import Rollback


def approval(command: Rollback, given: Iterable[Approve], now: int) -> Approve | None:
    """Find who approved a command, the first if there are several.

    An approval names the key and the release. It counts from the command's issue to its expiry: one given to an earlier
    command of the same key died with it, and none is taken from the future.

    Parameters
    ----------
    given : facts of `ai.control`; one whose time is none was set aside by MEASURE, and lets nothing go ahead
    now : milliseconds since 1970

    Examples
    --------
    >>> from schemas.rollbacks import *
    >>> target, bad = Target("production", "bot", "flagd", "model"), Expected("v3", 3)
    >>> command = Rollback(
    ...     key=key_of(target, bad), target=target, expected=bad, to=Version("v2", 2), fence=Fence(3, "eu"),
    ...     issued_at=10_000, expires_at=60_000, cause=Reasons("f", 1, "sev-2"),
    ... )
    >>> said = [Approve(service="bot", at=at, release="v3", by="mira", key=command.key) for at in (9_000, 20_000)]
    >>> [approval(command, [one], now=30_000) is not None for one in said]
    [False, True]
    """
    names = (command.key, command.target.service, command.expected.release)
    last = min(now, command.expires_at) // 1000
    for one in given:
        if (one.key, one.service, one.release) != names:
            continue
        try:
            at = second(one.at)
        except BadTime:
            continue
        if command.issued_at // 1000 <= at <= last:
            return one
    return None

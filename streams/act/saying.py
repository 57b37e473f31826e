"""A result -> the line that people read."""

import shlex

from schemas.moments import written
from schemas.printable import printable
from schemas.rollbacks import Outcome, Rollback, RollbackResult
from schemas.topics import BY_ROLE

_SAID: dict[Outcome, str] = {
    "applied": "rolled back", "already_applied": "was rolled back already", "expired": "expired",
    "rejected_stale": "left alone, another release serves", "rejected_fenced": "left alone, it was rolled back before",
    "rejected_unknown_target": "left alone, there is no known way back", "dry_run": "would be rolled back",
    "failed": "FAILED", "cooldown": "waits for the cooldown", "too_early": "waits for its time",
    "waiting_for_approval": "waits for an approval", "unknown": "waits, since nobody can tell what serves",
}  # fmt: skip


def line(command: Rollback, result: RollbackResult) -> str:
    """Say what became of a command; of one that waits for an approval, how to give it.

    Examples
    --------
    >>> from schemas.rollbacks import *
    >>> target, bad = Target("production", "bot", "flagd", "model"), Expected("v3", 3)
    >>> command = Rollback(
    ...     key=key_of(target, bad), target=target, expected=bad, to=Version("v2", 2), fence=Fence(3, "eu"),
    ...     issued_at=10_000, expires_at=60_000, cause=Reasons("f", 1, "sev-2"),
    ... )
    >>> applied = RollbackResult(key=command.key, target=target, outcome="applied", said="done", at=20_000)
    >>> line(command, applied)
    '1970-01-01T00:00:20Z production/bot v3 -> v2: rolled back (done); rollback:production/bot:v3:g3'
    """
    said = (
        f"{written(result.at)} {command.target.env}/{command.target.service} {command.expected.release} -> "
        f"{command.to.release}: {_SAID[result.outcome]} ({result.said}); {command.key}"
    )
    if result.outcome == "waiting_for_approval":
        said += f"; to approve it: {approving(command)}"
    return printable(said)


def approving(command: Rollback) -> str:
    """Write the command line by which a person approves."""
    of = f"--service {shlex.quote(command.target.service)} --release {shlex.quote(command.expected.release)}"
    return f"barograph control approve {of} --key {shlex.quote(command.key)} --by YOU"


def not_ours(command: Rollback, offset: int) -> str:
    """Say that a command is for a target that is not configured here.

    Another actuator may have it, and to answer would be to speak for that one.
    """
    where = f"{BY_ROLE['rollbacks'].name}:0:{offset}"
    target = f"{command.target.env}/{command.target.service}"
    return printable(f"{where}: {target} is no target here; left alone: {command.key}")

"""The body of a hook of Flagger's, and the verdicts that are known -> a status: to go on, or to go back.

Flagger reads the two the opposite way: success of the one lets a canary go on, success of the other rolls it back.
So whatever is in doubt is a refusal of both, and neither follows from the other's status.
"""

from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from schemas.answers import Answer
from schemas.printable import printable
from streams.telling.answered import Asked, Known, answered

LARGEST: Final = 64 << 10
"""Bytes of a body. Flagger's has a few hundred."""
_LONGEST: Final = 1000


class Hook(Struct, frozen=True):
    """What Flagger sends.

    Attributes
    ----------
    name, namespace, phase : of its canary
    metadata : as the hook says it in the canary; ours are `service`, `release` and, if you like, `baseline`
    checksum : of the canary's spec
    """

    name: str
    namespace: str
    phase: str
    metadata: dict[str, str]
    checksum: str = ""


class Said(NamedTuple):
    """A status, and the line that Flagger shows among its events."""

    status: int
    line: str


_hook: Final = msgspec.json.Decoder(Hook).decode


def gate(body: bytes | None, known: Known, now_ms: int) -> Said:
    """Let a rollout go on (200) if the verdict is `pass`, and not otherwise (412).

    Parameters
    ----------
    body : None of one that was too large to be read
    now_ms : milliseconds since 1970

    Examples
    --------
    >>> gate(b"{}", Known((), {}), 0)
    Said(status=412, line='the body is not a hook of Flagger: Object missing required field `name`')
    """
    word, line = _asked(body, known, now_ms)
    return Said(200 if word == "pass" else 412, line)


def rollback(body: bytes | None, known: Known, now_ms: int) -> Said:
    """Have a canary rolled back (200) if the verdict is `fail`, and leave it alone otherwise (409).

    Parameters
    ----------
    body : None of one that was too large to be read
    now_ms : milliseconds since 1970

    Examples
    --------
    >>> rollback(b"{}", Known((), {}), 0).status
    409
    """
    word, line = _asked(body, known, now_ms)
    return Said(200 if word == "fail" else 409, line)


def _asked(body: bytes | None, known: Known, now_ms: int) -> tuple[str, str]:
    """Give the verdict, empty where there cannot be one, and the line."""
    if body is None:
        return "", f"the body is larger than {LARGEST:,} bytes"
    try:
        hook = _hook(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        return "", printable(f"the body is not a hook of Flagger: {wrong}")[:_LONGEST]
    for name in ("service", "release"):
        if not hook.metadata.get(name):
            return "", f"the hook's `metadata` does not name a `{name}`"
    ask = Asked(hook.metadata["service"], hook.metadata["release"], hook.metadata.get("baseline", ""))
    found = answered(ask, known, now_ms)
    if not isinstance(found, Answer):
        return "", found.says[:_LONGEST]
    reasons = "; ".join(found.reasons)
    return found.verdict, printable(f"{ask.service} {ask.release}: {found.verdict}: {reasons}")[:_LONGEST]

"""What rollback automation reads and answers: commands of `ai.rollbacks`, results of `ai.rollbacks.results`."""

import re
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from schemas.events import Count, Name
from schemas.incidents import Severity
from schemas.moments import LAST_MS
from schemas.printable import printable
from schemas.rejected import Reason

Mode = Literal["dry_run", "require_approval", "auto"]
Outcome = Literal[
    "applied", "already_applied", "expired", "rejected_stale", "rejected_fenced", "rejected_unknown_target", "dry_run",
    "failed", "cooldown", "too_early", "waiting_for_approval", "unknown",
]  # fmt: skip
Moment = Annotated[int, Meta(ge=0, le=LAST_MS)]
Kept = Annotated[str, Meta(max_length=512)]

LARGEST: Final = 64 << 10
"""Bytes of a command."""


class Version(Struct, frozen=True, forbid_unknown_fields=True):
    """One deployment of a release; deployed again, the same release has another generation."""

    release: Name
    generation: Count


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """The bad release, which must still serve.

    Attributes
    ----------
    source : whether a release fact told of it, or it was inferred from traffic, which never goes back by itself
    artifact : its package URL, empty where nobody said
    """

    release: Name
    generation: Count
    source: Literal["fact", "inferred"] = "inferred"
    artifact: Kept = ""


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to act.

    Attributes
    ----------
    ref : the flag's key, the webhook's name, or ``namespace/name`` of an object
    """

    env: Name
    service: Name
    kind: Literal["flagd", "webhook", "kubernetes"]
    ref: Name


class Fence(Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps an old command out.

    Attributes
    ----------
    epoch : generation of the bad release; once it was applied, nothing is done to that generation or an older one
    issuer : who asks
    """

    epoch: Count
    issuer: Name


class Reasons(Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is asked.

    Attributes
    ----------
    fingerprint, episode : of the incident
    kpis : that are red
    n : exchanges of the bad release that this rests on
    """

    fingerprint: Name
    episode: Count
    severity: Severity
    kpis: Annotated[tuple[Name, ...], Meta(max_length=64)] = ()
    n: Count = 0


class Guard(Struct, frozen=True, forbid_unknown_fields=True):
    """What the issuer asks the actuator to mind; of this and the actuator's own policy the stricter counts.

    Attributes
    ----------
    max_per_hour, cooldown_s : rollbacks of the target
    min_n : exchanges without which `auto` needs an approval
    """

    max_per_hour: Annotated[int, Meta(ge=1, le=1000)] = 1
    cooldown_s: Annotated[int, Meta(ge=0, le=86_400)] = 1800
    min_n: Count = 300


class Rollback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command: have a target go back from one release to another, if the bad one is still there.

    A field that an actuator does not know may be a limit that it would not keep, so it is refused.

    Attributes
    ----------
    key : idempotency key (`key_of`), which an approval names; however often a command comes, it is done once
    to : where to go back to; of an older generation than `expected`
    issued_at, expires_at : milliseconds since 1970
    not_before : likewise; null for at once
    """

    schema: Literal["barograph.rollback/v1"] = "barograph.rollback/v1"
    key: Annotated[str, Meta(min_length=1, max_length=4096)]
    target: Target
    expected: Expected
    to: Version
    fence: Fence
    mode: Mode = "require_approval"
    issued_at: Moment
    expires_at: Moment
    not_before: Moment | None = None
    cause: Reasons
    guard: Guard = Guard()


class RollbackResult(Struct, frozen=True, kw_only=True):
    """What became of a command.

    `cooldown`, `too_early`, `waiting_for_approval`, `unknown` and `failed` are not the last word, nor is
    `rejected_stale` while the bad release serves and others write to the target: it is tried again until the command
    expires.

    Attributes
    ----------
    said : one sentence
    at : milliseconds since 1970
    before, after : what the target was seen to run; null where nobody could see
    applied_at : when the target was changed by this command; null if it never was, as far as anybody can tell
    approved_by : who let it go ahead; empty where nobody had to
    """

    schema: Literal["barograph.rollback_result/v1"] = "barograph.rollback_result/v1"
    key: str
    target: Target
    outcome: Outcome
    said: str
    at: int
    before: Version | None = None
    after: Version | None = None
    applied_at: int | None = None
    approved_by: str = ""


class Unreadable(NamedTuple):
    """Why bytes are no command, in the words of `schemas.rejected`."""

    reason: Reason
    field: str
    said: str


_AT: Final = re.compile(r"(?P<said>.*?) - at `(?P<field>[^`]*)`", re.DOTALL)
_decode: Final = msgspec.json.Decoder(Rollback).decode


def target_key(env: str, service: str) -> str:
    """Give the key of a command's record: all that is asked of a target comes in one order.

    Examples
    --------
    >>> target_key("production", "support-bot"), target_key("a/b", "c")
    ('production/support-bot', 'a%2Fb/c')
    """
    return f"{quote(env, safe='')}/{quote(service, safe='')}"


def key_of(target: Target, expected: Expected) -> str:
    """Give the idempotency key: repeated alarms ask for one rollback, and a new deployment may be rolled back anew.

    Examples
    --------
    >>> key_of(Target("production", "support-bot", "flagd", "model"), Expected("2026.11.3", 42))
    'rollback:production/support-bot:2026.11.3:g42'
    """
    return (
        f"rollback:{target_key(target.env, target.service)}:{quote(expected.release, safe='')}:g{expected.generation}"
    )


def read(value: bytes | None) -> Rollback | Unreadable:
    """Read a record of `ai.rollbacks`.

    Examples
    --------
    >>> read(b"{}")
    Unreadable(reason='invalid', field='$', said='Object missing required field `key`')
    >>> read(b"roll back!").reason, read(None).reason
    ('not_json', 'empty')
    """
    if not value:
        return Unreadable("empty", "$", "a record without a value")
    if len(value) > LARGEST:
        return Unreadable("too_large", "$", f"{len(value)} bytes; a command has at most {LARGEST}")
    try:
        command = _decode(value)
    except msgspec.ValidationError as wrong:
        at = _AT.fullmatch(str(wrong))
        said, field = (at["said"], at["field"]) if at else (str(wrong), "$")
        return Unreadable("invalid", printable(field), printable(said)[:200])
    except (msgspec.MsgspecError, ValueError) as wrong:
        return Unreadable("not_json", "$", printable(str(wrong))[:200])
    return _contradiction(command) or command


def _contradiction(command: Rollback) -> Unreadable | None:
    """Find what a command says against itself."""
    expected, to = command.expected, command.to
    if command.key != (key := key_of(command.target, expected)):
        return Unreadable("invalid", "$.key", printable(f"of this target and release it is {key}"))
    if command.fence.epoch != expected.generation:
        said = f"{command.fence.epoch} is not the generation of the bad release, {expected.generation}"
        return Unreadable("invalid", "$.fence.epoch", said)
    if to.generation >= expected.generation:
        said = f"{to.generation} is not older than the bad release, {expected.generation}"
        return Unreadable("invalid", "$.to.generation", said)
    if to.release == expected.release:
        return Unreadable("invalid", "$.to.release", "it is the bad release")
    if command.expires_at <= max(command.issued_at, command.not_before or 0):
        return Unreadable("invalid", "$.expires_at", "it expires before it may be done")
    return None

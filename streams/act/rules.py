"""A rollback command and what is seen of its target -> an answer, or an action to try; and what came of that."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.actuate import Policy
from schemas.control import Approve
from schemas.moments import written
from schemas.printable import printable
from schemas.rollbacks import Expected, Mode, Outcome, Rollback, RollbackResult, Version
from streams.act.approvals import approval
from streams.act.resource import Done, Observed, Try, Unseen
from streams.act.state import State, heed, note

_HOUR_MS: Final = 3_600_000
_MODES: Final[tuple[Mode, ...]] = ("dry_run", "require_approval", "auto")
"""The stricter first."""


class Case(NamedTuple):
    """All that is asked of a rule."""

    state: State
    command: Rollback
    observed: Observed | Unseen
    now: int
    given: Sequence[Approve]
    policy: Policy

    @property
    def mode(self) -> Mode:
        """The stricter of what the command and the policy say."""
        return min(self.command.mode, self.policy.mode, key=_MODES.index)

    def answer(self, outcome: Outcome, said: str, applied_at: int | None = None) -> RollbackResult:
        """Answer without acting."""
        seen = None if isinstance(self.observed, Unseen) else self.observed.runs
        return RollbackResult(
            key=self.command.key, target=self.command.target, outcome=outcome, said=printable(said), at=self.now,
            before=seen, after=seen, applied_at=applied_at,
        )  # fmt: skip


def decide(
    state: State, command: Rollback, observed: Observed | Unseen, now: int, given: Sequence[Approve], policy: Policy
) -> RollbackResult | Try:
    """Ask the rules in their order; the first that answers, answers. If none does, the action may be tried.

    Parameters
    ----------
    state : of the command's target
    command : as `schemas.rollbacks.read` gave it, which finds what contradicts itself
    observed : the target, seen after the command was read
    now : milliseconds since 1970
    given : approvals (`streams.act.approvals`)

    Examples
    --------
    >>> from schemas.rollbacks import *
    >>> target, bad = Target("production", "bot", "flagd", "model"), Expected("v3", 3)
    >>> command = Rollback(
    ...     key=key_of(target, bad), target=target, expected=bad, to=Version("v2", 2), fence=Fence(3, "eu"),
    ...     issued_at=10_000, expires_at=60_000, cause=Reasons("f", 1, "sev-2"),
    ... )
    >>> state, serves = State(good=(command.to,)), Observed("7", Version("v3", 3))
    >>> decide(state, command, serves, 20_000, [], Policy()).outcome
    'waiting_for_approval'
    >>> decide(state, command, Observed("8", Version("v4", 4)), 20_000, [], Policy()).outcome
    'rejected_stale'
    >>> mira = Approve(service="bot", at=15_000, release="v3", by="mira", key=command.key)
    >>> decide(state, command, serves, 20_000, [mira], Policy()).observed.version
    '7'
    """
    case = Case(heed(state, observed), command, observed, now, given, policy)
    for rule in RULES:
        if (found := rule(case)) is not None:
            return found
    assert isinstance(observed, Observed)
    who = approval(command, given, now)
    return Try(command, observed, now, who.by if who else "")


def settle(state: State, tried: Try, done: Done) -> tuple[State, RollbackResult]:
    """Say and remember what came of a compare-and-set.

    What was applied is remembered. What was stale, refused or unknown is not: when the command is asked again the rules
    see what serves by then, and the target's marker tells what was done.
    """
    command, before = tried.command, tried.observed.runs
    outcome: Outcome = _SETTLED[done.outcome]
    applied = done.outcome == "applied"
    result = RollbackResult(
        key=command.key, target=command.target, outcome=outcome, said=printable(done.said), at=tried.at, before=before,
        after=command.to if applied else None, applied_at=tried.at if applied else None,
        approved_by=printable(tried.approved_by),
    )  # fmt: skip
    state = heed(state, tried.observed)
    return (note(state, command, result) if applied else state), result


_SETTLED: Final[dict[str, Outcome]] = {
    "applied": "applied", "stale": "rejected_stale", "refused": "failed", "unknown": "unknown",
}  # fmt: skip


def expired(case: Case) -> RollbackResult | None:
    """Nothing is done by a command that is too old; if it had been done before, that is told."""
    command, now = case.command, case.now
    if now > command.expires_at:
        said = f"expired at {written(command.expires_at)}"
    elif now - command.issued_at > case.policy.oldest_s * 1000:
        said = f"issued at {written(command.issued_at)}, more than {case.policy.oldest_s} s ago"
    elif command.issued_at - now > case.policy.ahead_s * 1000:
        said = f"issued at {written(command.issued_at)}, which is yet to come"
    else:
        return None
    before = answered(case)
    return case.answer("expired", said, before.applied_at if before else None)


def answered(case: Case) -> RollbackResult | None:
    """A key that was answered for good is answered alike; the target's own marker counts as much as our memory."""
    if known := case.state.answers.get(case.command.key):
        return known.result
    if isinstance(case.observed, Unseen) or (marker := case.observed.marker) is None:
        return None
    if marker.key != case.command.key:
        return None
    runs, bad = case.observed.runs, case.command.expected
    if runs.release == bad.release and runs.generation <= bad.generation:
        # Somebody undid it by hand, or the target took the marker and not the release.
        return case.answer("failed", f"done at {written(marker.at)}, and yet the bad release serves")
    return case.answer("already_applied", f"the target says so: {written(marker.at)}", marker.at)


def unseen(case: Case) -> RollbackResult | None:
    """A target that cannot be seen is left alone."""
    return case.answer("unknown", case.observed.said) if isinstance(case.observed, Unseen) else None


def stale(case: Case) -> RollbackResult | None:
    """A command is for one deployment, and touches no other."""
    assert isinstance(case.observed, Observed)
    runs, expected = case.observed.runs, case.command.expected
    if runs == Version(expected.release, expected.generation):
        return None
    return case.answer("rejected_stale", f"{_named(runs)} serves, not {_named(expected)}")


def fenced(case: Case) -> RollbackResult | None:
    """What serves after a rollback is of an older generation: only a new deployment may be rolled back again."""
    generation, fence = case.command.expected.generation, case.state.fence
    if generation > fence:
        return None
    return case.answer("rejected_fenced", f"generation {generation} is not newer than {fence}, which was rolled back")


def unknown_target(case: Case) -> RollbackResult | None:
    """There is no way back to a deployment that nobody knows to be good."""
    if case.command.to in case.state.good:
        return None
    known = ", ".join(map(_named, case.state.good)) or "none"
    return case.answer("rejected_unknown_target", f"{_named(case.command.to)} is not known to be good; known: {known}")


def cooling(case: Case) -> RollbackResult | None:
    """Rollbacks of a target come with pauses."""
    guard, policy, applied = case.command.guard, case.policy, case.state.applied
    most = min(guard.max_per_hour, policy.max_per_hour)
    until = applied[-1] + max(guard.cooldown_s, policy.cooldown_s) * 1000 if applied else 0
    if len(applied) >= most:
        until = max(until, applied[-most] + _HOUR_MS)
    return case.answer("cooldown", f"until {written(until)}") if case.now < until else None


def too_early(case: Case) -> RollbackResult | None:
    """A command may say from when on it may be done."""
    begins = case.command.not_before
    return case.answer("too_early", f"not before {written(begins)}") if begins and case.now < begins else None


def unapproved(case: Case) -> RollbackResult | None:
    """Without an approval goes what is a dry run, and `auto` at sev-1, with evidence, of a release that a fact told."""
    command, cause = case.command, case.command.cause
    if case.mode == "dry_run" or approval(command, case.given, case.now):
        return None
    if case.mode == "require_approval":
        why = f"`{case.policy.mode}` is the most that is allowed here" if command.mode == "auto" else "asked for"
    elif command.expected.source == "inferred":
        why = "the release was inferred from traffic, no fact told of it"
    elif cause.severity != "sev-1":
        why = f"{cause.severity} does not go by itself"
    elif cause.n < command.guard.min_n:
        why = f"{cause.n} exchanges are fewer than {command.guard.min_n}"
    else:
        return None
    return case.answer("waiting_for_approval", f"an approval is needed: {why}")


def dry_run(case: Case) -> RollbackResult | None:
    """All was as if it were to be done, and it is not done."""
    if case.mode != "dry_run":
        return None
    seen = case.answer("dry_run", f"would go from {_named(case.command.expected)} to {_named(case.command.to)}")
    return replace(seen, after=case.command.to)


RULES: tuple[Callable[[Case], RollbackResult | None], ...] = (
    expired, answered, unseen, stale, fenced, unknown_target, cooling, too_early, unapproved, dry_run,
)  # fmt: skip
"""In the order in which they are asked."""


def _named(version: Version | Expected) -> str:
    return f"{version.release} (generation {version.generation})"

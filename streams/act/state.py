"""What an actuator remembers of one target -> bytes, and back."""

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.rollbacks import Outcome, Rollback, RollbackResult, Version
from streams.act.resource import Observed, Unseen

_LAST: Final[frozenset[Outcome]] = frozenset(
    {"applied", "already_applied", "rejected_stale", "rejected_fenced", "rejected_unknown_target"}
)
"""Outcomes that are the last word on a key. `expired` follows from the command, and a dry run decided nothing."""

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_RESULTS: Final = 256
_GOOD: Final = 32
_BAD: Final = 64


class Answer(Struct, frozen=True):
    """The last word on a key, and until when it is kept: a day after its command expired."""

    result: RollbackResult
    until: int


class State(Struct, frozen=True, kw_only=True):
    """What is known of one target.

    Attributes
    ----------
    answers : by key
    fence : highest generation that was rolled back; -1 before the first
    applied : when rollbacks were done: the last, and those of the hour before it (milliseconds since 1970)
    good : deployments known to be good, the newest last
    bad : generations that were rolled back, the newest last; none of them is good again, whatever is read once more
    """

    answers: dict[str, Answer] = {}
    fence: int = -1
    applied: tuple[int, ...] = ()
    good: tuple[Version, ...] = ()
    bad: tuple[int, ...] = ()


_decode: Final = msgspec.msgpack.Decoder(State).decode


def encode(state: State) -> bytes:
    """Write a state.

    Examples
    --------
    >>> state = learn(State(), Version("v1", 1))
    >>> decode(encode(state)) == state
    True
    """
    return msgspec.msgpack.encode(state)


def decode(value: bytes) -> State:
    """Read a state that `encode` wrote.

    Raises
    ------
    msgspec.MsgspecError
        If it is none: whoever lost what was done may not act.
    """
    return _decode(value)


def learn(state: State, version: Version) -> State:
    """Take a deployment as known to be good, by a promotion, say; the 32 newest generations are kept."""
    if version.generation in state.bad:
        return state
    return replace(state, good=tuple(sorted({*state.good, version}, key=lambda one: one.generation)[-_GOOD:]))


def unlearn(state: State, version: Version) -> State:
    """Take a deployment as known to be good no longer: somebody rolled it back."""
    return replace(state, good=tuple(one for one in state.good if one != version))


def heed(state: State, observed: Observed | Unseen) -> State:
    """Take in what the target itself remembers of its last rollback: an actuator may have died before it wrote it."""
    if isinstance(observed, Unseen) or (marker := observed.marker) is None:
        return state
    applied = _with(state.applied, marker.at)
    return _rolled_back(replace(state, fence=max(state.fence, marker.epoch), applied=applied), marker.epoch)


def note(state: State, command: Rollback, result: RollbackResult) -> State:
    """Remember what was answered, if it is the last word on its key.

    What was applied raises the fence, starts the cooldown, and takes the bad deployment from those known to be good.
    """
    if result.outcome not in _LAST:
        return state
    known = state.answers.get(command.key)
    until = max(command.expires_at + _DAY_MS, known.until if known else 0)
    answers = {key: one for key, one in state.answers.items() if one.until > result.at and key != command.key}
    # However many are forgotten: the fence alone keeps anything from being done twice.
    answers = dict([*answers.items(), (command.key, Answer(result, until))][-_RESULTS:])
    if result.applied_at is None:
        return replace(state, answers=answers)
    fence, applied = max(state.fence, command.fence.epoch), _with(state.applied, result.applied_at)
    return _rolled_back(replace(state, answers=answers, fence=fence, applied=applied), command.expected.generation)


def settled(state: State, result: RollbackResult) -> bool:
    """Say whether nothing will come of a command any more; if not, it is to be asked again, until it expires.

    Parameters
    ----------
    state : as it is after the result

    Examples
    --------
    >>> from schemas.rollbacks import Target
    >>> target = Target("production", "bot", "flagd", "model")
    >>> said = {"key": "k", "target": target, "said": "", "at": 0}
    >>> [settled(State(), RollbackResult(outcome=one, **said)) for one in ("expired", "cooldown", "unknown")]
    [True, False, False]
    """
    return result.key in state.answers or result.outcome in ("expired", "dry_run")


def _rolled_back(state: State, generation: int) -> State:
    good = tuple(one for one in state.good if one.generation != generation)
    return replace(state, good=good, bad=tuple(sorted({*state.bad, generation})[-_BAD:]))


def _with(applied: tuple[int, ...], at: int) -> tuple[int, ...]:
    times = sorted({*applied, at})
    return tuple(one for one in times if one > times[-1] - _HOUR_MS)

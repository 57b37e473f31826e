"""Commands, facts and answers of one target -> what is to be asked next, told, and committed."""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.control import Approve, Release
from schemas.rollbacks import Rollback, RollbackResult, Version
from streams.act.state import State, learn, settled, unlearn

_TOLD: Final = 256


class Book(Struct, frozen=True, kw_only=True):
    """All that an actuator holds of one target.

    Attributes
    ----------
    state : what it remembers, as it was last written
    waiting : commands that are not settled, by the offset of their record
    due : of these, the ones to ask
    told : the last result of each key that was published
    """

    state: State = State()
    waiting: Mapping[int, Rollback] = {}
    due: frozenset[int] = frozenset()
    told: Mapping[str, RollbackResult] = {}


def ask(book: Book, offset: int, command: Rollback) -> Book:
    """Take in a command that was read."""
    return replace(book, waiting={**book.waiting, offset: command}, due=book.due | {offset})


def again(book: Book) -> Book:
    """Ask all that waits again: time has passed."""
    return replace(book, due=frozenset(book.waiting))


def heard(book: Book, fact: Approve | Release) -> Book:
    """Ask again what a fact may let go ahead: an approval its command, a release all of its service."""
    if isinstance(fact, Release):
        return again(book)
    return replace(book, due=book.due | {at for at, one in book.waiting.items() if one.key == fact.key})


def learned(state: State, facts: Iterable[Release]) -> State:
    """Learn from release facts, in their order, which deployments are good: those promoted, until one is rolled back.

    A fact without a generation names no deployment. What was rolled back by a command is never good again.

    Examples
    --------
    >>> facts = [Release(service="bot", at=0, release="v1", phase="promoted", generation=n) for n in (1, None)]
    >>> learned(State(), facts).good
    (Version(release='v1', generation=1),)
    """
    for fact in facts:
        if fact.generation is None:
            continue
        version = Version(fact.release, fact.generation)
        if fact.phase == "promoted":
            state = learn(state, version)
        elif fact.phase == "rolled_back":
            state = unlearn(state, version)
    return state


def news(book: Book, offset: int, result: RollbackResult) -> bool:
    """Say whether a result is to be published: it says something else than the last one of its key.

    That a command expired is no news while a later one of the same key waits.
    """
    others = [one for at, one in book.waiting.items() if at != offset and one.key == result.key]
    if result.outcome == "expired" and any(one.expires_at > result.at for one in others):
        return False
    last = book.told.get(result.key)
    return last is None or replace(last, at=0) != replace(result, at=0)


def taken(book: Book, offset: int) -> Book:
    """Begin to ask a command; what is heard from now on makes it due once more."""
    return replace(book, due=book.due - {offset})


def answered(book: Book, offset: int, state: State, result: RollbackResult, *, told: bool) -> Book:
    """Take in what came of a command, once it is written and published.

    Parameters
    ----------
    told : whether it was published
    """
    done = settled(state, result)
    waiting = {at: one for at, one in book.waiting.items() if at != offset or not done}
    book = replace(book, state=state, waiting=waiting, due=book.due & waiting.keys())
    return said(book, result) if told else book


def said(book: Book, result: RollbackResult) -> Book:
    """Take note of a result that was published."""
    rest = [(key, one) for key, one in book.told.items() if key != result.key]
    return replace(book, told=dict([*rest, (result.key, result)][-_TOLD:]))


def committed(books: Iterable[Book], read: int) -> int:
    """Give the offset to commit: up to the first command that is not settled, so that a restart asks it again.

    Parameters
    ----------
    read : offset up to which the log was read

    Examples
    --------
    >>> committed([Book(), Book()], read=7)
    7
    """
    return min((at for book in books for at in book.waiting), default=read)

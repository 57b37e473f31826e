"""A value -> what is made of it, made once and kept for as long as the value lives."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

Value = TypeVar("Value")
Made = TypeVar("Made")
Rest = TypeVarTuple("Rest")


def once(make: Callable[[Value, *Rest], Made]) -> Callable[[Value, *Rest], Made]:
    """Remember what was last made of each value, for the very object and not for its like.

    A cache of fixed size would be thrown over every second once a worker has more services than it holds, and one that
    only grows would keep what was long replaced.

    Parameters
    ----------
    make : pure, of an immutable value that is compared by identity, and of anything else

    Examples
    --------
    >>> class Word:
    ...     "Compared by identity."
    >>> calls = []
    >>> spell = once(lambda word, times: calls.append(times))
    >>> one = Word()
    >>> spell(one, 1), spell(one, 1), spell(one, 2), calls
    (None, None, None, [1, 2])
    """
    held: WeakKeyDictionary[Value, tuple[tuple[*Rest], Made]] = WeakKeyDictionary()

    @wraps(make)
    def of(value: Value, *rest: *Rest) -> Made:
        known = held.get(value)
        if known is None or known[0] != rest:
            known = held[value] = rest, make(value, *rest)
        return known[1]

    return of

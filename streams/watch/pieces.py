"""Long work, a piece at a time -> its result."""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")
Pieces: TypeAlias = Generator[None, None, Result]
"""Work that stops after every piece, so that whoever drives it can let others have their turn, and returns a result in
the end. Where it stops changes nothing of that."""
NamedPieces: TypeAlias = Generator[str | None, None, Result]
"""Work that says between its pieces of which service those are that come, if that changes, so that whoever drives it
knows which one brings a bug out; an empty name is that of none."""


def whole(work: NamedPieces[Result]) -> Result:
    """Do all of it in one go.

    Examples
    --------
    >>> def added(numbers):
    ...     total = 0
    ...     for number in numbers:
    ...         total += number
    ...         yield
    ...     return total
    >>> whole(added([1, 2, 3]))
    6
    """
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result

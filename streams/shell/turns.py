"""Long work -> its result, with turns for everything else in the process in between."""

import asyncio
import time
from typing import Final, TypeVar

from streams.watch.pieces import NamedPieces

Result = TypeVar("Result")

TURN_S: Final = 0.01
"""Work that takes longer goes on after everything else has had its turn. A piece itself takes less than a twentieth of
a second: the longest makes one service's bets."""


class PieceFailed(Exception):
    """A bug that a service brought out; its cause is the bug itself."""

    def __init__(self, service: str) -> None:
        super().__init__(f"service `{service}` cannot be applied")
        self.service = service


async def in_turns(work: NamedPieces[Result]) -> Result:
    """Do all of it, and give way whenever it has kept the loop for `TURN_S`.

    Work that is shorter never gives way, so that it costs nothing to ask.

    Raises
    ------
    PieceFailed
        If there is a bug in a piece of which the work said whose it is.

    Examples
    --------
    >>> def slept(times):
    ...     for _ in range(times):
    ...         time.sleep(TURN_S)
    ...         yield
    ...     return times
    >>> async def shown() -> None:
    ...     other = asyncio.create_task(asyncio.sleep(0, "had its turn"))
    ...     print(await in_turns(slept(2)), other.done())
    >>> asyncio.run(shown())
    2 True
    """
    began, service = time.monotonic(), ""
    while True:
        try:
            said = next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        except Exception as bug:
            if service:
                raise PieceFailed(service) from bug
            raise
        service = service if said is None else said
        if time.monotonic() - began >= TURN_S:
            await asyncio.sleep(0)
            began = time.monotonic()

"""Long work -> its result, with turns for everything else in the process in between."""

import asyncio
import time
from typing import Final, TypeVar

from streams.watch.pieces import Pieces

Result = TypeVar("Result")

TURN_S: Final = 0.01
"""Work that takes longer goes on after everything else has had its turn. A piece itself takes less than a twentieth of
a second: the longest makes one service's bets."""


async def in_turns(work: Pieces[Result]) -> Result:
    """Do all of it, and give way whenever it has kept the loop for `TURN_S`.

    Work that is shorter never gives way, so that it costs nothing to ask.

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
    began = time.monotonic()
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        if time.monotonic() - began >= TURN_S:
            await asyncio.sleep(0)
            began = time.monotonic()

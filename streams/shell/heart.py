"""An event loop that does not go round any more -> the end of the process, from a thread beside it."""

import asyncio
import faulthandler
import os
import sys
import threading
from collections.abc import Callable
from typing import Final

from streams.shell.exits import Doubt

BEAT_S: Final = 1.0


class Heart:
    """Beats in the event loop, and is listened to from a thread.

    Every other look at the worker is taken by the loop itself, and would never be taken while one step of it hangs. The
    thread counts its own rounds, not the clock: what freezes the process freezes both.

    Parameters
    ----------
    after_s : how long the loop may stand
    die : what then ends the process
    """

    def __init__(self, after_s: float, die: Callable[[Doubt], None] | None = None) -> None:
        self._after_s, self._die = after_s, die or _die
        self._beats = self._heard = 0
        self._silent_s = 0.0
        self._rests = threading.Event()

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self._beats += 1
            await asyncio.sleep(BEAT_S)

    def listen(self) -> None:
        """Listen from a thread that ends with the process, or when the loop is over."""
        threading.Thread(target=self._listen, name="heart", daemon=True).start()

    def rest(self) -> None:
        """Listen no more: the loop is over."""
        self._rests.set()

    def hear(self, passed_s: float) -> bool:
        """Listen once; whether the loop stood too long.

        Examples
        --------
        >>> heart = Heart(after_s=2)
        >>> [heart.hear(1.0), heart.hear(1.0), heart.hear(1.0)]
        [False, True, True]
        """
        self._silent_s = self._silent_s + passed_s if self._beats == self._heard else 0.0
        self._heard = self._beats
        return self._silent_s >= self._after_s

    def _listen(self) -> None:
        while not self._rests.wait(BEAT_S):
            if self.hear(BEAT_S):
                break
        else:
            return
        self._die(Doubt(f"the event loop stood still for {self._after_s:g} s (`worker.stall_after_s`): a bug"))


def _die(why: Doubt) -> None:
    """End as from a crash, with the place where the loop hangs, which nobody else could tell."""
    faulthandler.dump_traceback(sys.stderr)
    print(f"barograph: {why}", file=sys.stderr, flush=True)
    os._exit(why.code)

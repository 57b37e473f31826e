"""Two processes that take turns -> both run in the same weather.

On a shared machine the speed of a core changes by a third within a minute, which is more than what is to be measured.
So nothing is compared that ran at another time: one process runs for a moment while the other is stopped, and then the
other way round, again and again.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

TURN_S: Final = 1.0
"""Long enough that a worker which is woken once a turn works as it does when it is left alone."""

GO: Final = signal.SIGCONT
Process = subprocess.Popen[str] | subprocess.Popen[bytes]


@contextmanager
def ending(process: Process) -> Iterator[None]:
    """Kill a process if it has not ended by itself: one that is stopped never would."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def stop_self() -> None:
    """Stop the process that calls this, until its turn comes."""
    os.kill(os.getpid(), signal.SIGSTOP)


def stopped(process: Process) -> None:
    """Wait until a process has stopped itself.

    Raises
    ------
    RuntimeError
        If it ends instead.
    """
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        process.returncode = os.waitstatus_to_exitcode(status)
        raise RuntimeError(f"{process.args!r} ended with {process.returncode} before its turn came")


def take(one: Process, other: Process, over: Callable[[], bool]) -> tuple[float, float]:
    """Let two stopped processes run in turns, until `one` has done what it has to.

    Parameters
    ----------
    one, other : stopped; `one` is left running, or has ended, and `other` is left stopped
    over : asked at the end of each of `one`'s turns, while it runs

    Returns
    -------
    float, float
        Seconds that each of them ran.
    """
    ran_s = waited_s = 0.0
    while True:
        one.send_signal(GO)
        began, done = time.monotonic(), False
        while not done and time.monotonic() - began < TURN_S:
            time.sleep(TURN_S / 2)
            done = over()
        ran_s += time.monotonic() - began
        if done:
            return ran_s, waited_s
        one.send_signal(signal.SIGSTOP)
        other.send_signal(GO)
        time.sleep(TURN_S)
        waited_s += TURN_S
        other.send_signal(signal.SIGSTOP)

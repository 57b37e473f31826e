"""A config -> a worker, as `barograph run` starts it, that also measures how long its event loop was blocked.

``python -m benchmarks.gauge CONFIG`` runs the product's own worker. The one thing added is a callback that asks to be
called 5 ms later, again and again: how much later it is called is how long the loop did nothing else but one thing.
Whenever that is 10 ms or more, a line goes to the file ``CONFIG.gaps``.

What a busy machine does is told apart by the kernel: `/proc/thread-self/schedstat` counts the nanoseconds that the
loop's thread was ready to run and another process had its core. That part of a gap is not the worker's.
"""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from schemas.config import load
from streams.shell.app import run

COMMAND: Final = ("-m", "benchmarks.gauge")
TICK_S: Final = 0.005
KEPT_S: Final = 0.010


class Gap(NamedTuple):
    """A time in which the loop did not turn, in seconds; `at` is the machine's monotonic clock at its end.

    Attributes
    ----------
    late_s : beyond schedule
    waited_s : of which another process had the core
    """

    at: float
    late_s: float
    waited_s: float

    @property
    def own_s(self) -> float:
        """What the worker itself took, be it computing or sleeping in a system call.

        Examples
        --------
        >>> round(Gap(7.0, 0.120, 0.100).own_s, 3)
        0.02
        """
        return max(self.late_s - self.waited_s, 0.0)


class Gauge:
    """Measures one loop from its first turn on, until the process ends or it is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path) -> None:
        self._loop, self._out = loop, path.open("a", buffering=1)
        self._due = self._waited_s = 0.0
        loop.call_soon(self._start)

    def close(self) -> None:
        """Measure no more."""
        self._next_tick.cancel()
        self._out.close()
        self._stat.close()

    def _start(self) -> None:
        self._stat = Path("/proc/thread-self/schedstat").open("rb", buffering=0)  # noqa: SIM115  # for the whole run
        self._next()

    def _next(self) -> None:
        self._waited_s, self._due = self._waited(), self._loop.time() + TICK_S
        self._next_tick = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if (late_s := now - self._due) >= KEPT_S:
            self._out.write(msgspec.json.encode(Gap(now, late_s, self._waited() - self._waited_s)).decode() + "\n")
        self._next()

    def _waited(self) -> float:
        self._stat.seek(0)
        return int(self._stat.read().split()[1]) / 1e9


class _Policy(asyncio.DefaultEventLoopPolicy):
    """Puts a gauge on every loop: `run` makes its own."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        self._gauge = Gauge(loop, self._path)
        return loop


def gaps(path: Path, begin: float, end: float) -> list[Gap]:
    """Read what a worker with this config file measured between two moments of the monotonic clock."""
    lines = path.with_name(path.name + ".gaps").read_bytes().splitlines()
    found = (msgspec.json.decode(line, type=Gap) for line in lines)
    return [gap for gap in found if begin <= gap.at - gap.late_s and gap.at <= end]


def longest(gaps: Iterable[Gap]) -> Gap:
    """Take the gap of which the worker itself took most.

    Examples
    --------
    >>> longest([Gap(1.0, 0.2, 0.19), Gap(2.0, 0.05, 0.0)]).late_s, longest([]).late_s
    (0.05, 0.0)
    """
    return max(gaps, key=lambda gap: gap.own_s, default=Gap(0.0, 0.0, 0.0))


def main(arguments: Sequence[str]) -> int:
    """Run the worker."""
    [path] = map(Path, arguments)
    asyncio.set_event_loop_policy(_Policy(path.with_name(path.name + ".gaps")))
    return run(load(path))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A config file -> a worker, as `barograph run` starts it, that dies where a test says.

    python -m tests.shell.worker CONFIG [FAILPOINT [N]]
    python -m tests.shell.worker CONFIG broken SERVICE

With a failpoint, the process kills itself the N-th time (the first by default) that the failpoint is reached. A broken
worker has a bug that a service brings out once it has sent a thousand exchanges. Or it stands still: with ``hang`` the
whole event loop, from any flush on; with ``stuck`` WATCH alone, at its first record.
"""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from schemas.config import parse
from schemas.signals import RATE_CELLS
from streams.shell import failpoints
from streams.shell.app import run
from streams.watch import stage
from streams.watch.state import State
from streams.watch.total import laid


def break_(service: str) -> None:
    """Plant the bug."""
    merge = vars(stage)["merge"]

    def broken(state: State, *what: Any) -> Any:
        if state.service == service and laid(state.total)[:RATE_CELLS].sum() >= 1000:
            raise ZeroDivisionError(f"{service} has sent a thousand")
        return merge(state, *what)

    vars(stage)["merge"] = broken


def main(config: str, failpoint: str = "", n: str = "1") -> int:
    reached: Counter[str] = Counter()

    def die(name: str) -> None:
        reached[name] += 1
        if name == failpoint and reached[name] == int(n):
            os.kill(os.getpid(), signal.SIGKILL)

    if failpoint == "broken":
        break_(n)
    elif failpoint == "hang":
        failpoints.install(lambda _: time.sleep(3600))
    elif failpoint == "stuck":
        from streams.shell.watch_agent import Watch  # noqa: PLC0415 - a worker that only measures does without Faust

        setattr(Watch, "_take", _never)  # noqa: B010
    elif failpoint:
        failpoints.install(die)
    return run(parse(Path(config).read_text()))


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

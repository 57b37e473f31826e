"""A config file -> an actuator, as `barograph actuate` starts it, that dies where a test says.

    python -m tests.shell.actuator CONFIG [acted|written|published]

It kills itself when it has first changed its target, before anything of that is written; when the state is written, and
nothing published; or when the result is published, and nothing committed.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from schemas.actuate import load
from streams.act.resource import Done
from streams.shell import actuate
from streams.shell.actuators.flagd import FlagFile
from streams.shell.desk import Desk
from streams.shell.outbox import Outbox


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(config: str, place: str = "") -> int:
    if place == "acted":
        act = FlagFile.act

        def acting(self: FlagFile, tried: Any) -> Done:
            done = act(self, tried)
            if done.outcome == "applied":
                die()
            return done

        vars(sys.modules[FlagFile.__module__])["FlagFile"].act = acting
    elif place == "written":
        put = Outbox.put

        async def putting(self: Outbox, role: str, key: bytes, value: bytes | None, *more: Any, **named: Any) -> Any:
            if role == "rollback_results" and b'"applied"' in (value or b""):
                die()
            return await put(self, role, key, value, *more, **named)

        setattr(Outbox, "put", putting)  # noqa: B010
    elif place == "published":
        made: Any = Desk.__init__

        def making(self: Desk, *given: Any) -> None:
            async def commit() -> None:
                if any(one.outcome == "applied" for one in self.book.told.values()):
                    die()
                await given[-1]()

            made(self, *given[:-1], commit)

        setattr(Desk, "__init__", making)  # noqa: B010
    return actuate.run(load(Path(config)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""A folder of orders -> a worker that kills or freezes itself at a failpoint, and a log of the failpoints it reached.

The harness and its workers share a folder and nothing else: an order is an empty file that the worker takes away, a
failpoint reached is a line that outlives any kill.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast, get_args

from streams.shell.failpoints import FAILPOINTS, Failpoint
from streams.shell.outbox import Headers, Outbox, Sent

Where = Failpoint | Literal["saying"]
"""A failpoint, or the moment before a finding is handed to the producer as the present state of its incident."""

PLACES: Final[tuple[Where, ...]] = (*FAILPOINTS, "saying")
Blow = Literal["kill", "freeze"]
BLOWS: Final[tuple[Blow, ...]] = get_args(Blow)
_SIGNAL: Final = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


class Struck(NamedTuple):
    """A blow that a worker gave itself."""

    worker: str
    where: Where
    blow: Blow
    pid: int


def hook(folder: Path, worker: str) -> Callable[[Where], None]:
    """Make the hook of a worker's failpoints."""
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(_log(folder, worker), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def reached(where: Where) -> None:
        os.write(log, f"{where}\n".encode())
        for blow in BLOWS:
            try:
                _order(folder, worker, where, blow).unlink()
            except FileNotFoundError:
                continue
            os.write(log, f"{where} {blow} {os.getpid()}\n".encode())
            os.kill(os.getpid(), _SIGNAL[blow])

    return reached


def listen(reached: Callable[[Where], None]) -> None:
    """Have the hook called before each word on how an incident stands, so that one can be frozen with it unsaid."""
    put = Outbox.put

    async def said(
        self: Outbox, role: str, key: bytes, value: bytes | None, partition: int | None = None, headers: Headers = ()
    ) -> Sent:
        if role == "incidents_state":
            reached("saying")
        return await put(self, role, key, value, partition, headers)

    Outbox.put = said  # type: ignore[method-assign]


def arm(folder: Path, worker: str, where: Where, blow: Blow) -> None:
    """Order a blow at the next time that the worker comes by."""
    _order(folder, worker, where, blow).touch()


def disarm(folder: Path, worker: str, where: Where, blow: Blow) -> None:
    """Take an order back."""
    _order(folder, worker, where, blow).unlink(missing_ok=True)


def struck(folder: Path) -> list[Struck]:
    """List the blows so far."""
    return [
        Struck(path.stem, cast("Where", where), cast("Blow", blow), int(pid))
        for path in sorted(folder.glob("*.reached"))
        for where, blow, pid in (line.split() for line in path.read_text().splitlines() if line.count(" ") == 2)
    ]


def hits(folder: Path, worker: str = "*") -> dict[Where, int]:
    """Count how often each place was reached, by one worker or by all."""
    lines = Counter(line for path in folder.glob(f"{worker}.reached") for line in path.read_text().splitlines())
    return {where: lines[where] for where in PLACES}


def _order(folder: Path, worker: str, where: Where, blow: Blow) -> Path:
    return folder / f"{worker}.{where}.{blow}.order"


def _log(folder: Path, worker: str) -> Path:
    return folder / f"{worker}.reached"

"""Worker names -> processes under a supervisor, that starts each again a second after it ended."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from schemas.config import Config, show
from tests.chaos.plants import Plant

RESTART_S: Final = 1.0
ROOT: Final = Path(__file__).parents[2]
STOP_S: Final = 40.0
"""Longer than a worker may take to drain; one that takes longer hangs."""


class Exit(NamedTuple):
    """How a worker ended without being killed by us, and its last words."""

    worker: str
    code: int
    said: str


class Crew:
    """Workers, each supervised by a task.

    Parameters
    ----------
    folder : for configs, logs and orders
    config_of : worker's name -> its config
    plant, slow : see `tests.chaos.worker`

    Attributes
    ----------
    exits : ends that nobody ordered
    """

    def __init__(
        self, folder: Path, config_of: Callable[[str], Config], plant: Plant | None = None, slow: float = 0.0
    ) -> None:
        self.orders = folder / "orders"
        self.orders.mkdir(parents=True, exist_ok=True)
        self.exits: list[Exit] = []
        self._folder, self._config_of = folder, config_of
        self._arguments = [*(["--plant", plant] if plant else []), *(["--slow", str(slow)] if slow else [])]
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[str] = set()
        self._down: dict[str, float] = {}

    def start(self, worker: str) -> None:
        """Start a worker, and start it again whenever it ends."""
        self._leaving.discard(worker)
        self._tasks[worker] = asyncio.create_task(self._supervise(worker))

    def kill(self, worker: str, down_s: float = RESTART_S) -> bool:
        """Kill -9; say whether there was anything to kill.

        Parameters
        ----------
        down_s : how long it stays away
        """
        self._down[worker] = down_s
        return self._signal(worker, signal.SIGKILL)

    def freeze(self, worker: str) -> int | None:
        """Stop a worker where it stands, and give the id of the process."""
        return self._running[worker].pid if self._signal(worker, signal.SIGSTOP) else None

    def thaw(self, worker: str, pid: int | None) -> None:
        """Let a frozen process go on, if it was not killed meanwhile."""
        if worker in self._running and self._running[worker].pid == pid:
            self._signal(worker, signal.SIGCONT)

    async def stop(self, worker: str) -> int:
        """Ask a worker to stop, and give its exit code; -9 if it had to be killed."""
        self._leaving.add(worker)
        process = self._running.get(worker)
        self._signal(worker, signal.SIGTERM)
        done, _ = await asyncio.wait({self._tasks[worker]}, timeout=STOP_S)
        if not done:
            self._signal(worker, signal.SIGKILL)
            await self._tasks[worker]
        return -1 if process is None else process.returncode or 0

    async def disband(self) -> None:
        """Kill whatever still runs."""
        for task in self._tasks.values():
            task.cancel()
        for worker in list(self._running):
            self._signal(worker, signal.SIGKILL)
            await self._running[worker].wait()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def bugs(self) -> list[str]:
        """List what workers logged as bugs: an exception that is no doubt about Kafka."""
        return [
            f"{path.stem}: {line}"
            for path in sorted(self._folder.glob("*.log"))
            for line in path.read_text(errors="replace").splitlines()
            if line.startswith("barograph: a bug")
        ]

    async def _supervise(self, worker: str) -> None:
        config = self._folder / f"{worker}.yaml"
        config.write_text(show(self._config_of(worker)))
        while worker not in self._leaving:
            with (self._folder / f"{worker}.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.chaos.worker", "--config", str(config), "--orders", str(self.orders),
                    *self._arguments, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                )  # fmt: skip
            self._running[worker] = process
            code = await process.wait()
            del self._running[worker]
            if code != -signal.SIGKILL and worker not in self._leaving:
                self.exits.append(Exit(worker, code, self._last_words(worker)))
            if worker not in self._leaving:
                await asyncio.sleep(self._down.pop(worker, RESTART_S))

    def _last_words(self, worker: str) -> str:
        lines = (self._folder / f"{worker}.log").read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.startswith("barograph:")), lines[-1] if lines else "")

    def _signal(self, worker: str, number: signal.Signals) -> bool:
        process = self._running.get(worker)
        if process is None or process.returncode is not None:
            return False
        process.send_signal(number)
        return True

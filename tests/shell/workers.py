"""A config -> a worker in a process of its own, to be asked, stopped and killed."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from schemas.config import Config

PATIENCE_S = 60


async def until(true: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again and again until the answer is true; that it takes longer than a minute is a failure."""
    async with asyncio.timeout(PATIENCE_S):
        while not (answer := await true()):
            await asyncio.sleep(0.1)  # what is asked for happens in another process
        return answer


class Running:
    """A worker, and what it said on standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self._page: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said.append(line.decode().rstrip())
            if found := re.search(r"http://\S+", self.said[-1]):
                self._page.set_result(found[0])

    async def ask(self, path: str) -> tuple[int, str]:
        """Fetch a path of the worker's page."""
        async with aiohttp.ClientSession() as session, session.get(await self.address() + path) as answer:
            return answer.status, await answer.text()

    async def address(self) -> str:
        """Wait until it says where its page is."""
        return await asyncio.wait_for(asyncio.shield(self._page), PATIENCE_S)

    async def ready(self) -> None:
        """Wait until it has its partitions and their state."""

        async def is_ready() -> bool:
            status, body = await self.ask("/ready")
            assert json.loads(body)["ready"] is (status == 200)
            return status == 200

        await until(is_ready)

    async def stop(self) -> int:
        """Ask it to stop, as a supervisor does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end; its exit code, or the signal that killed it, negative."""
        code = await asyncio.wait_for(self.process.wait(), PATIENCE_S)
        await self._listening
        return code


@asynccontextmanager
async def worker(config: Config, folder: Path, failpoint: str = "", *more: str) -> AsyncIterator[Running]:
    """Run a worker for the length of the block at most; of the words, see `tests.shell.worker`."""
    path = folder / "barograph.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shell.worker", str(path), *([failpoint, *more] if failpoint else []),
        stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    running = Running(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await running.ended()

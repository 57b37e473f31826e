"""A broker, a script and disturbances -> a run, from the first event to the last, and what it came to."""

import asyncio
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from streams.shell import topics
from streams.shell.clients import measure_group, watch_group
from streams.shell.failpoints import Failpoint
from tests.chaos import failures
from tests.chaos.crew import ROOT, Crew
from tests.chaos.plants import Plant
from tests.chaos.records import counted, name
from tests.chaos.schedule import WORKERS, Act
from tests.chaos.settings import FLUSH_AFTER_S, config
from tests.chaos.traffic import Script
from tests.chaos.verdict import Verdict
from tests.kafka.clients import admin
from tests.kafka.cluster import Cluster

DRAIN_S: Final = 120.0
LOOK_S: Final = 0.1

log = logging.getLogger("chaos")


class Run(Struct, kw_only=True):
    """What was done to the workers, and what came of it.

    Attributes
    ----------
    armed : orders that no worker came by to carry out
    drained : whether all was counted and watched in the end, before the deadline
    stops : exit codes of workers that were asked to stop; all must be 0
    members : of the groups, after all were stopped; none must be left
    exits : ends that nobody ordered, as sentences -> how often; allowed while the broker is away
    bugs : what workers called bugs; none must be there
    """

    verdict: Verdict = msgspec.field(default_factory=Verdict)
    kills: int = 0
    pauses: int = 0
    joins: int = 0
    broker_restarts: int = 0
    armed: list[str] = []
    drained: bool = False
    stops: list[int] = []
    members: int = 0
    exits: dict[str, int] = {}
    bugs: list[str] = []
    failpoints: dict[str, dict[str, int]] = {}
    seconds: dict[str, float] = {}

    def wrong(self) -> list[str]:
        """Say what must not be."""
        found = [f"{self.verdict.wrong()} differences"] if self.verdict.wrong() else []
        found += [] if self.drained else ["not all was counted and watched in time"]
        found += [f"a stopped worker ended with {code}" for code in self.stops if code]
        found += [f"{self.members} members left in the groups"] if self.members else []
        return found + self.bugs


class Scene:
    """One run on a broker: a crew of workers, a driver, and whoever disturbs them.

    Parameters
    ----------
    prefix : of its topics and groups
    plant, slow : see `tests.chaos.worker`
    """

    def __init__(
        self, cluster: Cluster, folder: Path, prefix: str, plant: Plant | None = None, slow: float = 0.0,
        flush_after_s: float = FLUSH_AFTER_S,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.config = config(cluster.bootstrap, prefix, flush_after_s=flush_after_s)
        self.crew = Crew(folder, lambda worker: config(cluster.bootstrap, prefix, worker, flush_after_s), plant, slow)
        self.run = Run()
        self._cluster, self._folder, self._prefix = cluster, folder, prefix
        self._began = time.monotonic()

    async def play(
        self, script: Script, seed: int, disturb: Callable[["Scene"], Awaitable[None]], workers: Iterable[str] = WORKERS
    ) -> Run:
        """Let workers work, disturb them, wait until all is counted, stop them, and judge.

        The driver goes on to the end of its script, or to the end of the disturbance if that comes later or the script
        is endless.
        """
        await asyncio.to_thread(topics.ensure, self.config)
        driver = await self._driver(script, seed)
        try:
            for worker in workers:
                self.crew.start(worker)
            await disturb(self)
            self._note("disturbed")
            if script.seconds > 3600:
                driver.send_signal(signal.SIGTERM)
            if await driver.wait():
                raise RuntimeError(f"the driver failed: {(self._folder / 'driver.log').read_text()[-2000:]}")
            self._note("produced")
            self.run.armed = failures.disarm(self.crew.orders)
            await self._drain()
            self._note("drained")
            self.run.stops += await asyncio.gather(*(self.crew.stop(worker) for worker in workers))
            self.run.members = await self._members()
            self._note("stopped")
        finally:
            if driver.returncode is None:
                driver.kill()
                await driver.wait()
            await self.crew.disband()
        self.run.verdict = await self._judged()
        self._note("judged")
        self._told()
        return self.run

    async def blow(self, act: Act) -> None:
        """Do one disturbance, from its beginning to its end."""
        match act.do:
            case "kill":
                self.run.kills += self.crew.kill(act.worker, act.lasts)
            case "kill at" if act.where:
                await self.kill_at(act.worker, act.where)
            case "freeze":
                if pid := self.crew.freeze(act.worker):
                    await self._pause(act.worker, pid, act.lasts)
            case "freeze at" if act.where:
                await self._pause(act.worker, await self.freeze_at(act.worker, act.where), act.lasts)
            case "join":
                self.crew.start(act.worker)
                await asyncio.sleep(act.lasts)
                self.run.stops.append(await self.crew.stop(act.worker))
                self.run.joins += 1
            case "broker":
                await asyncio.to_thread(self._cluster.kill)
                await asyncio.sleep(act.lasts)
                await asyncio.to_thread(self._cluster.start)
                self.run.broker_restarts += 1
        log.info("%6.1f s  %s %s %s", time.monotonic() - self._began, act.do, act.worker, act.where or "")

    async def kill_at(self, worker: str, where: Failpoint) -> None:
        """Have a worker killed at a failpoint, and wait until it was."""
        await self._struck(worker, where, "kill")
        self.run.kills += 1

    async def freeze_at(self, worker: str, where: Failpoint) -> int:
        """Have a worker frozen at a failpoint; the id of the process once it is."""
        return await self._struck(worker, where, "freeze")

    async def _struck(self, worker: str, where: Failpoint, blow: failures.Blow) -> int:
        def found() -> list[failures.Struck]:
            return [s for s in failures.struck(self.crew.orders) if s[:3] == (worker, where, blow)]

        before = len(found())
        failures.arm(self.crew.orders, worker, where, blow)
        while len(now := found()) == before:
            await asyncio.sleep(LOOK_S)
        return now[-1].pid

    async def _pause(self, worker: str, pid: int, lasts: float) -> None:
        await asyncio.sleep(lasts)
        self.crew.thaw(worker, pid)
        self.run.pauses += 1

    async def _driver(self, script: Script, seed: int) -> asyncio.subprocess.Process:
        with (self._folder / "driver.log").open("wb") as out:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.chaos.driver", "--bootstrap", self._cluster.bootstrap,
                "--topic", name(self.config, "events"), "--script", msgspec.json.encode(script).decode(),
                "--seed", str(seed), "--out", str(self._produced), cwd=ROOT, stdout=out, stderr=out,
            )  # fmt: skip

    @property
    def _produced(self) -> Path:
        return self._folder / "produced.json"

    async def _drain(self) -> None:
        """Wait until topics say that all is counted and watched."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await counted(self.config)
            self.run.drained = True
        except TimeoutError:
            log.warning("not drained within %g s", DRAIN_S)

    async def _members(self) -> int:
        # One group a question: aiokafka 0.14 misreads the answer about several.
        async with admin(self._cluster.bootstrap) as client:
            answers = [
                await client.describe_consumer_groups([group])
                for group in (measure_group(self.config), watch_group(self.config))
            ]
        return sum(len(group["members"]) for [answer] in answers for group in answer.to_object()["groups"])

    async def _judged(self) -> Verdict:
        verify = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.verify", "--bootstrap", self._cluster.bootstrap, "--prefix",
            self._prefix, "--flush-after", str(self.config.measure.flush_after_s), "--produced", str(self._produced),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, _ = await verify.communicate()
        finally:
            if verify.returncode is None:
                verify.kill()
        if verify.returncode:
            raise RuntimeError(f"the judge ended with {verify.returncode}")
        return msgspec.json.decode(out, type=Verdict)

    def _told(self) -> None:
        self.run.bugs = self.crew.bugs()
        self.run.exits = dict(Counter(f"{one.code}: {one.said}" for one in self.crew.exits))
        struck = Counter((one.where, one.blow) for one in failures.struck(self.crew.orders))
        self.run.failpoints = {
            where: {"reached": n} | {blow: struck[where, blow] for blow in failures.BLOWS}
            for where, n in failures.hits(self.crew.orders).items()
        }

    def _note(self, what: str) -> None:
        self.run.seconds[what] = round(time.monotonic() - self._began, 1)

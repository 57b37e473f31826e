"""A broker, a script and disturbances -> a run, from the first event to the last, and what it came to."""

import asyncio
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from schemas.config import Config
from streams.shell import topics
from streams.shell.clients import measure_group, watch_group
from tests.chaos import failures, people
from tests.chaos.crew import ROOT, Crew
from tests.chaos.plants import Plant
from tests.chaos.records import counted, name, watched
from tests.chaos.schedule import WORKERS, Act, Waves
from tests.chaos.settings import FLUSH_AFTER_S, STATE_EVERY_S, changed, config
from tests.chaos.traffic import Script
from tests.chaos.verdict import Verdict
from tests.kafka.clients import admin
from tests.kafka.cluster import Cluster

DRAIN_S: Final = 120.0
PATIENCE_S: Final = 90.0
LOOK_S: Final = 0.1

log = logging.getLogger("chaos")


class Run(Struct, kw_only=True):
    """What was done to the workers, and what came of it.

    Attributes
    ----------
    upgrades : workers that were given another config
    missed : orders that no worker came by to carry out
    stuck : waves after which not every worker came to work again in time
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
    upgrades: int = 0
    missed: list[str] = []
    stuck: int = 0
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
        flush_after_s: float = FLUSH_AFTER_S, state_every_s: float = STATE_EVERY_S,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.config = config(cluster.bootstrap, prefix, flush_after_s=flush_after_s, state_every_s=state_every_s)
        self.crew = Crew(folder, self._config_of, plant, slow)
        self._upgraded: set[str] = set()
        self.run = Run()
        self._cluster, self._folder, self._prefix = cluster, folder, prefix
        self._began = time.monotonic()

    async def play(self, script: Script, seed: int, disturb: Callable[["Scene"], Awaitable[None]]) -> Run:
        """Let workers work, disturb them, wait until all is counted, stop them, and judge."""
        await asyncio.to_thread(topics.ensure, self.config)
        driver, hush = await self._driver(script, seed), asyncio.Event()
        speaking = asyncio.create_task(people.speak(self.config, seed, hush))
        try:
            for worker in WORKERS:
                self.crew.start(worker)
            await self.at_work()
            self._note("begun")
            await disturb(self)
            self._note("disturbed")
            hush.set()
            await speaking
            driver.send_signal(signal.SIGTERM)
            if await driver.wait():
                raise RuntimeError(f"the driver failed: {(self._folder / 'driver.log').read_text()[-2000:]}")
            await self._drain()
            self._note("drained")
            await self._hand_over()
            self.run.stops.append(await self.crew.stop(WORKERS[-1]))
            self.run.members = await self._members()
        finally:
            speaking.cancel()
            if driver.returncode is None:
                driver.kill()
                await driver.wait()
            await self.crew.disband()
        self.run.verdict = await self._judged()
        self._note("judged")
        self._told()
        return self.run

    async def waves(self, waves: Waves, seconds: float) -> None:
        """Disturb wave after wave, spread over so many seconds; the next one waits until every worker works again."""
        began = time.monotonic()
        for n, wave in enumerate(waves):
            await asyncio.sleep(began + seconds * n / len(waves) - time.monotonic())
            await asyncio.gather(*map(self.blow, wave))
            await self.at_work()

    async def at_work(self, workers: Sequence[str] = WORKERS) -> None:
        """Wait until each of these workers commits and checkpoints, for as long as a patient operator would."""
        signs: tuple[failures.Where, ...] = ("measure.after_commit", "watch.before_ack")

        def seen() -> list[int]:
            return [failures.hits(self.crew.orders, worker)[sign] for worker in workers for sign in signs]

        before = seen()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while any(now == then for now, then in zip(seen(), before, strict=True)):
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            self.run.stuck += 1

    async def blow(self, act: Act) -> None:
        """Do one disturbance, from its beginning to its end."""
        await asyncio.sleep(act.after)
        match act.do:
            case "kill":
                self.run.kills += self.crew.kill(act.worker, act.lasts)
            case "kill at" if act.where:
                await self.kill_at(act.worker, act.where)
            case "freeze":
                if pid := self.crew.freeze(act.worker):
                    await self._pause(act.worker, pid, act.lasts)
            case "freeze at" if act.where:
                if frozen := await self.freeze_at(act.worker, act.where):
                    await self._pause(frozen.worker, frozen.pid, act.lasts)
            case "join":
                self.crew.start(act.worker)
                await self.at_work([act.worker])
                await asyncio.sleep(act.lasts)
                self.run.stops.append(await self.crew.stop(act.worker))
                self.run.joins += 1
            case "broker":
                await asyncio.to_thread(self._cluster.kill)
                await asyncio.sleep(act.lasts)
                await asyncio.to_thread(self._cluster.start)
                self.run.broker_restarts += 1
            case "upgrade":
                for worker in WORKERS:
                    await self._upgrade(worker)
        log.info("%6.1f s  %s %s %s", time.monotonic() - self._began, act.do, act.worker, act.where or "")

    async def kill_at(self, worker: str, where: failures.Where) -> None:
        """Have a worker killed at a failpoint, and wait until it was."""
        if await self._struck(worker, where, "kill"):
            self.run.kills += 1

    async def freeze_at(self, worker: str, where: failures.Where) -> failures.Struck | None:
        """Have a worker frozen at a failpoint; who it was, once it is: of some failpoints the other one comes by."""
        return await self._struck(worker, where, "freeze")

    async def _struck(self, worker: str, where: failures.Where, blow: failures.Blow) -> failures.Struck | None:
        # Control facts are one partition's, and so are incidents: only the owner comes by, whoever that is by then.
        one_of_them = where in ("measure.before_control", "saying") or where.startswith("gather.")
        workers = WORKERS if one_of_them else (worker,)

        def found() -> list[failures.Struck]:
            told = failures.struck(self.crew.orders)
            return [one for one in told if one.worker in workers and one[1:3] == (where, blow)]

        before = len(found())
        for one in workers:
            failures.arm(self.crew.orders, one, where, blow)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(now := found()) == before:
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            self.run.missed.append(f"{worker} {blow} at {where}")
            return None
        finally:
            for one in workers:
                failures.disarm(self.crew.orders, one, where, blow)
        return now[-1]

    async def _upgrade(self, worker: str) -> None:
        """Stop a worker, and start it with the next config; whoever joins from now on has that one as well."""
        self.run.stops.append(await self.crew.stop(worker))
        self._upgraded.add(worker)
        self.crew.start(worker)
        await self.at_work([worker])
        self.run.upgrades += 1

    def _config_of(self, worker: str) -> Config:
        """Say by which config a worker is started; where the broker has a guard, it comes in by TLS and SCRAM."""
        guard = self._cluster.guard
        made = config(
            self._cluster.guarded() if guard else self._cluster.bootstrap, self._prefix, worker,
            self.config.measure.flush_after_s, guard.security() if guard else None,
            self.config.watch.state_every_s,
        )  # fmt: skip
        return changed(made) if self._upgraded and (worker in self._upgraded or worker not in WORKERS) else made

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

    async def _hand_over(self) -> None:
        """Have every partition taken over once more, so that each state of an incident that is out of date is righted.

        All but one worker stop. When that one has been past the end of all, it has the partitions of the others, and so
        the rebalance is over; when it has been once more, it has taken over its own anew.
        """
        try:
            async with asyncio.timeout(DRAIN_S):
                self.run.stops += await asyncio.gather(*map(self.crew.stop, WORKERS[:-1]))
                await watched(self.config)
                await watched(self.config)
        except TimeoutError:
            self.run.drained = False
            log.warning("the last worker had not taken over within %g s", DRAIN_S)

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
            self._prefix, "--flush-after", str(self.config.measure.flush_after_s),
            "--state-every", str(self.config.watch.state_every_s), "--produced", str(self._produced),
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

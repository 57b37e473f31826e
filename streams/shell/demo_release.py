"""A broker, a worker and a flag -> the demo's release: a canary that fails, promoted anyway, and taken back by command.

The service asks the flag which release serves, and sends what that one answered. What a pipeline and a person would
say is said by `barograph control`, what a rollout would ask is asked over HTTP, and the flag goes back by the hand of
`barograph actuate` alone.
"""

import asyncio
import contextlib
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec
import orjson
from aiokafka import AIOKafkaConsumer

from schemas import actuate
from schemas.actuate import Actuate, Flagd, Names, Place
from schemas.config import Config
from schemas.rollbacks import Outcome, Rollback, RollbackResult
from schemas.verdicts import Verdict, Word
from streams.demo.judged import answered, asked, judged
from streams.demo.primes import JUNE, MARCH, SERVICE
from streams.shell.clients import access, topic
from streams.shell.demo_service import Flags, traffic
from streams.shell.exits import Exit

PATIENCE_S: Final = 90.0
"""How long a step may take. Red takes some forty seconds: two windows, up to one until the first, and what is late."""
LOOK_S: Final = 0.25
STOP_S: Final = 20.0
BY: Final = "ana"
WHOLE_S: Final = 15.0
"""A verdict that is so much later than something rests on a window that began after it: ten seconds, and five more."""


class NotSo(Exit):
    """The story did not go on as it should; the message says which step did not come."""


class Told(NamedTuple):
    """What the story came to: the verdicts that decided, the command, and what became of it."""

    march: Verdict
    canary: Verdict
    promoted: Verdict
    command: Rollback
    result: RollbackResult
    again: Verdict


class Stage:
    """Where the story is told.

    Parameters
    ----------
    config : of the worker
    path : where that config lies
    page : address of the worker's page
    say : takes what people read
    """

    def __init__(self, config: Config, path: Path, page: str, say: Callable[[str], None]) -> None:
        self.config, self.path, self.page, self.say = config, path, page, say
        self.flags = Flags(path.with_name("flags.json"))
        self.kpis = next(one for one in config.releases.kpi_sets if SERVICE in one.services)
        self.colour = sys.stdout.isatty()

    async def control(self, fact: str, *words: str) -> None:
        """Say a fact, as a pipeline or a person would, by the command line."""
        said = ("control", fact, "--service", SERVICE, *words)
        self.say(f"$ barograph {shlex.join(said)}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams.cli", *said, "--config", str(self.path),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        if process.returncode:
            raise NotSo(f"`barograph control {fact}` ended with {process.returncode}: {out.decode().strip()}")

    async def verdict(self, release: str, word: Word, phase: str, since: float = 0.0) -> Verdict:
        """Ask for a release's verdict until it is this one, and show it.

        Parameters
        ----------
        since : seconds since 1970; what was decided before does not count
        """
        path = f"/v1/verdict?service={SERVICE}&release={release}"
        said = "nothing"
        for _ in _looks():
            found = await _get(self.page, path)
            if found and found["id"]:
                verdict = msgspec.convert(found, Verdict)
                said = f"{verdict.verdict} ({verdict.phase}): {'; '.join(verdict.reasons)}"
                if (verdict.verdict, verdict.phase) == (word, phase) and verdict.evaluated_at >= 1000 * since:
                    self.say(f"$ curl '{self.page}{path}'\n{judged(verdict, self.kpis, self.colour)}\n")
                    return verdict
            await asyncio.sleep(LOOK_S)
        raise NotSo(f"{release} was to be {word} ({phase}) within {PATIENCE_S:.0f} s; the last that was said: {said}")


async def release(stage: Stage, seed: int) -> Told:
    """Tell the story, to its end.

    Raises
    ------
    NotSo
        A step did not come.
    """
    stage.flags.path.unlink(missing_ok=True)
    stage.flags.deploy(MARCH, 1)
    async with _actuator(stage), traffic(stage.config, stage.flags, seed), _heard(stage) as heard:
        await stage.control("release", "--release", MARCH, "--phase", "promoted", "--generation", "1")
        march = await stage.verdict(MARCH, "pass", "live")

        stage.say("The snapshot of June is tried on a third of the questions.")
        stage.flags.deploy(MARCH, 1, canary=JUNE)
        new = ("--release", JUNE, "--generation", "2", "--previous", MARCH)
        await stage.control("release", *new, "--phase", "canary")
        canary = await stage.verdict(JUNE, "fail", "canary")

        stage.say("Somebody promotes it anyway: it is faster, and costs a thirteenth.")
        stage.flags.deploy(JUNE, 2)
        await stage.control("release", *new, "--phase", "promoted")
        promoted = await stage.verdict(JUNE, "fail", "live")
        command = await heard.command()
        stage.say(asked(command, stage.colour) + "\n")
        await heard.result(command.key, "waiting_for_approval")

        stage.say("Nothing goes back before a person says so.")
        await stage.control("approve", "--release", JUNE, "--by", BY, "--key", command.key)
        result = await heard.result(command.key, "applied")
        stage.say(answered(result, stage.colour) + "\n")
        if (serves := stage.flags.read()["defaultVariant"]) != MARCH:
            raise NotSo(f"the flag was to give {MARCH} again; it gives {serves}")
        await stage.control("release", *new, "--phase", "rolled_back")
        again = await stage.verdict(MARCH, "pass", "live", since=result.at / 1000 + WHOLE_S)
    return Told(march, canary, promoted, command, result, again)


class Heard:
    """What is said on the topics of rollbacks, as it comes."""

    def __init__(self, config: Config, consumer: AIOKafkaConsumer) -> None:
        self._consumer, self._results = consumer, topic(config, "rollback_results")
        self._commands_seen: list[Rollback] = []
        self._results_seen: list[RollbackResult] = []

    async def command(self) -> Rollback:
        """Wait for the first command of the service."""
        for _ in _looks():
            if self._commands_seen:
                return self._commands_seen[0]
            await self._read()
        raise NotSo(f"no rollback was asked for within {PATIENCE_S:.0f} s")

    async def result(self, key: str, outcome: Outcome) -> RollbackResult:
        """Wait for a result of a command."""
        for _ in _looks():
            for one in self._results_seen:
                if (one.key, one.outcome) == (key, outcome):
                    return one
            await self._read()
        said = "; ".join(f"{one.outcome}: {one.said}" for one in self._results_seen) or "nothing"
        raise NotSo(f"{key} was to be {outcome} within {PATIENCE_S:.0f} s; the actuator said {said}; see actuate.log")

    async def _read(self) -> None:
        for of, records in (await self._consumer.getmany(timeout_ms=int(1000 * LOOK_S))).items():
            for record in records:
                if of.topic == self._results:
                    result = msgspec.json.decode(record.value, type=RollbackResult)
                    self._results_seen += [result] if result.target.service == SERVICE else []
                else:
                    command = msgspec.json.decode(record.value, type=Rollback)
                    self._commands_seen += [command] if command.target.service == SERVICE else []


@contextlib.asynccontextmanager
async def _heard(stage: Stage) -> AsyncIterator[Heard]:
    names = [topic(stage.config, role) for role in ("rollbacks", "rollback_results")]
    consumer = AIOKafkaConsumer(*names, **access(stage.config), auto_offset_reset="earliest")
    await consumer.start()
    try:
        yield Heard(stage.config, consumer)
    finally:
        await consumer.stop()


@contextlib.asynccontextmanager
async def _actuator(stage: Stage) -> AsyncIterator[None]:
    """Run `barograph actuate` for the length of the block."""
    path = stage.path.with_name("actuate.yaml")
    place = Place(service=SERVICE, ref=SERVICE, flagd=Flagd(file=str(stage.flags.path)))
    kafka, topics = stage.config.kafka, Names(prefix=stage.config.topics.prefix)
    stage.say(f"$ barograph actuate {path}")
    path.write_text(actuate.show(Actuate(kafka=kafka, topics=topics, again_s=1.0, targets=(place,))))
    with path.with_suffix(".log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams.cli", "actuate", str(path), stdout=log, stderr=log, process_group=0
        )
        try:
            yield
        finally:
            await stop(process)


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and end it if it does not."""
    if process.returncode is None:
        process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOP_S)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _get(page: str, path: str) -> dict[str, Any] | None:
    """Ask the worker's page; None while it does not answer, as from the end of a worker to the start of the next."""
    try:
        async with aiohttp.ClientSession() as session, session.get(page + path) as answer:
            return orjson.loads(await answer.read()) if answer.status == 200 else None
    except aiohttp.ClientError:
        return None


def _looks() -> Iterator[None]:
    """Look again and again, as long as a step may take."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        yield

"""Commands on a real broker: approved, carried out once, answered, however often they come and whoever dies."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas.actuate import Actuate, Flagd, Names, Place, Policy, show
from schemas.control import Control, Release
from schemas.rejected import Rejected
from schemas.rollbacks import Rollback, RollbackResult, Version, target_key
from schemas.sections import Kafka
from streams import cli
from streams.act.state import decode
from streams.shell import topics
from tests.act.commands import MINUTE, TARGET, approve, command, version
from tests.act.files import FlagTarget
from tests.kafka.clients import read
from tests.shell.workers import PATIENCE_S, until

KEY = target_key(TARGET.env, TARGET.service)


class Scene:
    """A broker's namespace, a flag, and what everybody does with them."""

    def __init__(self, bootstrap: str, namespace: str, folder: Path) -> None:
        self.folder, self.flag = folder, FlagTarget(folder)
        self.settings = Actuate(
            kafka=Kafka(bootstrap=bootstrap, group=namespace, session_timeout_s=6),
            topics=Names(prefix=f"{namespace}."),
            policy=Policy(cooldown_s=0, max_per_hour=1000),
            again_s=0.5,
            targets=(Place(service="bot", ref="model", flagd=Flagd(file=str(self.flag.path))),),
        )

    async def open(self) -> None:
        await asyncio.to_thread(topics.ensure, self.settings.config())
        await self.say(promoted(2))

    async def send(self, role_name: str, key: str, value: bytes) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.settings.kafka.bootstrap) as producer:
            name = self.settings.topics.prefix + role_name
            await producer.send_and_wait(name, value, key.encode(), partition=0)

    async def say(self, *facts: Control) -> None:
        for fact in facts:
            await self.send("ai.control", fact.service, msgspec.json.encode(fact))

    async def ask(self, *commands: Rollback) -> None:
        for one in commands:
            await self.send("ai.rollbacks", KEY, msgspec.json.encode(one))

    async def topic(self, name: str) -> list[Any]:
        return await read(self.settings.kafka.bootstrap, self.settings.topics.prefix + name)

    async def results(self) -> list[RollbackResult]:
        return [msgspec.json.decode(one.value, type=RollbackResult) for one in await self.topic("ai.rollbacks.results")]

    async def answered(self, *outcomes: str) -> list[RollbackResult]:
        """Wait until these were published, and nothing else."""

        async def there() -> bool:
            return len(await self.results()) >= len(outcomes)

        await until(there)
        found = await self.results()
        assert [one.outcome for one in found] == list(outcomes)
        return found

    @property
    def metadata(self) -> Any:
        return self.read()["metadata"]

    def read(self) -> Any:
        return self.flag.read()["flags"]["model"]

    @asynccontextmanager
    async def actuator(self, place: str = "", name: str = "actuator-0") -> AsyncIterator["Running"]:
        """Run one, which has its turn by the time that the block begins."""
        path = self.folder / f"{name}.yaml"
        path.write_text(show(msgspec.structs.replace(self.settings, name=name)))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.shell.actuator", str(path), *([place] if place else []),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        running = Running(process)
        try:
            await running.until(" acts", " stands by")
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await running.ended()


class Running:
    """An actuator in a process of its own, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.said, self.told = process, list[str](), list[str]()
        assert process.stdout is not None
        assert process.stderr is not None
        streams = ((process.stderr, self.said), (process.stdout, self.told))
        self._listening = [asyncio.create_task(self._listen(*one)) for one in streams]

    async def _listen(self, stream: asyncio.StreamReader, into: list[str]) -> None:
        async for line in stream:
            into.append(line.decode().rstrip())  # noqa: PERF401 - each is to be seen as it comes

    async def until(self, *words: str) -> None:
        async def there() -> bool:
            return self.process.returncode is not None or any(word in line for word in words for line in self.said)

        await until(there)

    async def ended(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), PATIENCE_S)
        await asyncio.gather(*self._listening)
        return code

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()


def now() -> int:
    return time.time_ns() // 1_000_000


def promoted(n: int) -> Release:
    return Release(service="bot", at=now(), release=f"v{n}", phase="promoted", generation=n)


def fresh(bad: Version | None = None, to: Version | None = None, **changed: Any) -> Rollback:
    at = now()
    return command(bad, to, issued_at=at, expires_at=at + 30 * MINUTE, **changed)


@pytest.fixture
async def scene(kafka: str, namespace: str, tmp_path: Path) -> Scene:
    found = Scene(kafka, namespace, tmp_path)
    await found.open()
    return found


async def test_an_approved_command_is_done_once_and_said_once_however_often_it_comes(scene: Scene) -> None:
    asked = fresh()
    async with scene.actuator() as running:
        await scene.ask(asked)
        [waits] = await scene.answered("waiting_for_approval")
        assert (waits.before, waits.applied_at) == (version(3), None)
        assert scene.read()["defaultVariant"] == "v3"
        said = msgspec.structs.replace(approve(asked, now()), by="mira")
        await scene.say(said)
        _, applied = await scene.answered("waiting_for_approval", "applied")
        assert (applied.before, applied.after, applied.approved_by) == (version(3), version(2), "mira")
        assert (scene.read()["defaultVariant"], scene.metadata["version"]) == ("v2", 2)
        await scene.ask(asked, fresh(version(3), version(1)))  # the second has the same key
        await scene.ask(fresh(version(4)))
        results = await scene.answered("waiting_for_approval", "applied", "rejected_stale")
        assert results[-1].said == "v2 (generation 2) serves, not v4 (generation 4)"
        assert await running.stop() == 0
    assert scene.metadata["version"] == 2
    assert len(running.told) == 3
    assert f"barograph control approve --service bot --release v3 --key {asked.key}" in running.told[0]
    assert ": rolled back (model is v2 now); " in running.told[1]
    state = decode((await scene.topic("barograph.actuated"))[-1].value)
    assert (state.fence, state.bad, state.good) == (3, (3,), (version(2),))


async def test_a_command_for_what_serves_no_more_touches_nothing(scene: Scene) -> None:
    async with scene.actuator():
        asked = fresh()
        scene.flag.deploy(version(4))
        before = scene.flag.path.read_bytes()
        await scene.say(approve(asked, now()))
        await scene.ask(asked)
        await scene.answered("rejected_stale")
        assert scene.flag.path.read_bytes() == before


async def test_there_is_no_way_back_to_what_nobody_promoted(scene: Scene) -> None:
    async with scene.actuator():
        asked = fresh(to=version(1))
        await scene.say(approve(asked, now()))
        await scene.ask(asked)
        [refused] = await scene.answered("rejected_unknown_target")
        assert refused.said == "v1 (generation 1) is not known to be good; known: v2 (generation 2)"
        assert scene.read()["defaultVariant"] == "v3"


@pytest.mark.parametrize(
    ("place", "then"), [("acted", "already_applied"), ("written", "applied"), ("published", "applied")]
)
async def test_whoever_dies_after_acting_finds_that_it_was_done(scene: Scene, place: str, then: str) -> None:
    asked = fresh()
    async with scene.actuator(place) as dies:
        await scene.ask(asked)
        await scene.answered("waiting_for_approval")
        await scene.say(approve(asked, now()))
        assert await dies.ended() == -signal.SIGKILL
    assert scene.metadata["version"] == 2
    async with scene.actuator() as running:
        await scene.answered("waiting_for_approval", then)
        await scene.ask(fresh(version(5)))
        await scene.answered("waiting_for_approval", then, "rejected_stale")
        assert await running.stop() == 0
    assert (scene.read()["defaultVariant"], scene.metadata["version"]) == ("v2", 2)


async def test_what_waits_is_not_forgotten_by_a_restart_and_what_came_meanwhile_is_taken_up(scene: Scene) -> None:
    asked = fresh()
    async with scene.actuator() as first:
        await scene.ask(asked)
        await scene.answered("waiting_for_approval")
        assert await first.stop() == 0
    await scene.say(approve(asked, now()))
    async with scene.actuator() as second:
        await scene.answered("waiting_for_approval", "applied")
        assert await second.stop() == 0
    async with scene.actuator() as third:
        await asyncio.sleep(1)
        assert await third.stop() == 0
    assert third.told == []
    assert scene.metadata["version"] == 2


async def test_garbage_is_set_aside_with_its_place_and_others_targets_are_left_alone(scene: Scene) -> None:
    async with scene.actuator() as running:
        await scene.send("ai.rollbacks", KEY, b"roll back!")
        elsewhere = msgspec.structs.replace(TARGET, service="search")
        asked = fresh()
        key = asked.key.replace("/bot:", "/search:")
        await scene.ask(msgspec.structs.replace(asked, target=elsewhere, key=key))
        other = msgspec.structs.replace(asked, target=msgspec.structs.replace(TARGET, kind="webhook", ref="router"))
        await scene.ask(other)
        [unknown] = await scene.answered("unknown")
        assert unknown.said == "here it is the flag model that decides, not the webhook router"
        assert await running.stop() == 0
    [record] = await scene.topic("ai.events.rejected")
    aside = msgspec.json.decode(record.value, type=Rejected)
    assert (aside.source, aside.partition, aside.offset) == (f"{scene.settings.topics.prefix}ai.rollbacks", 0, 0)
    assert (aside.reason, aside.size) == ("not_json", len(b"roll back!"))
    assert record.key == aside.key()
    assert any("ai.rollbacks:0:1: production/search is no target here; left alone" in line for line in running.said)


async def test_a_second_one_stands_by_and_takes_over_with_all_that_is_known(scene: Scene) -> None:
    asked = fresh()
    async with scene.actuator() as first, scene.actuator(name="actuator-1") as second:
        await scene.ask(asked)
        await scene.answered("waiting_for_approval")
        acting, other = (second, first) if second.told else (first, second)
        assert await acting.stop() == 0
        await other.until(" acts")
        await scene.say(approve(asked, now()))
        await scene.answered("waiting_for_approval", "applied")
        assert await other.stop() == 0
    assert scene.metadata["version"] == 2


async def test_a_state_that_cannot_be_read_stops_the_start(scene: Scene) -> None:
    await scene.send("barograph.actuated", KEY, b"no state")
    async with scene.actuator() as running:
        assert await running.ended() == 3
    assert f"what was remembered of {KEY} is nothing that this version reads" in running.said[-1]


async def test_without_topics_it_does_not_start(
    kafka: str, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "actuate.yaml"
    path.write_text(show(Scene(kafka, namespace, tmp_path).settings))
    assert await asyncio.to_thread(cli.main, ["actuate", str(path)]) == 3
    assert f"there is no topic {namespace}.ai.control" in capsys.readouterr().err

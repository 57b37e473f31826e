"""A release on a real broker passes, fails and expires, and every worker answers so, whether it watches it or not."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import orjson
import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from schemas.answers import Answer
from schemas.config import Config
from schemas.kpis import KpiSet
from schemas.policy import Policy
from schemas.releases import Releases
from schemas.scorecards import Scorecard
from schemas.strict import read
from schemas.verdicts import Verdict
from streams.cli import main
from streams.shell import topics
from streams.shell import verdicts as shell
from streams.shell.metrics import Metrics
from streams.shell.verdicts import Verdicts
from streams.telling.answered import Asked, answered
from tests.kafka.cluster import Cluster
from tests.shell.on_kafka import configured
from tests.shell.workers import Running, until, worker
from tests.telling.verdicts import hook, verdict

KPIS = """
use_case: a bot
services: [bot]
owners: {accountable: me}
kill_switch: {kpi: refused}
kpis:
  - name: refused
    layer: quality
    rank: primary
    measures: {stat: share, signal: refused}
    window: 10s
    min_events: 10
    direction: lower_is_better
    target: 5
    bands:
      yellow: {value: 10, for_windows: 1}
      red: {value: 20, for_windows: 1, action: rollback, severity: sev-1}
"""
POLICY = "{services: [bot], live: {min_events: 10, holds: 40s}}"
"""A window is judged some ten seconds after its end; so a verdict can be relied on half a minute."""

ASKS = "/v1/verdict?service=bot&release="


def holding(bootstrap: str, namespace: str) -> Config:
    config = configured(bootstrap, namespace)
    return replace(
        config,
        topics=replace(config.topics, events_partitions=1),
        measure=replace(config.measure, late_after_s=5),
        releases=Releases(kpi_sets=(read(KPIS, KpiSet),), policies=(read(POLICY, Policy),)),
    )


def measuring(config: Config) -> Config:
    """The same, of a worker that watches nothing."""
    return replace(config, worker=replace(config.worker, name="beside", stages=("measure",)))


class Traffic:
    """Ten exchanges a second, of which all or none are refused."""

    refused = False

    async def send(self, config: Config) -> None:
        n = 0
        async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap) as producer:
            while True:
                n += 1
                event = orjson.dumps({
                    "type": "exchange", "id": f"x{n}", "service": "bot", "release": "v1", "status": "ok",
                    "at": round(time.time() * 1000), "refused": self.refused, "latency_ms": 300, "cost_usd": 0.002,
                    "model_served": "m-1",
                })  # fmt: skip
                await producer.send(f"{config.topics.prefix}ai.events", event, partition=0)
                await asyncio.sleep(0.1)


@asynccontextmanager
async def traffic(config: Config) -> AsyncIterator[Traffic]:
    made = Traffic()
    sending = asyncio.create_task(made.send(config))
    yield made
    sending.cancel()
    await asyncio.wait({sending})


def says(running: Running, word: str, reason: str = "") -> Callable[[], Awaitable[bool]]:
    async def asks() -> bool:
        status, body = await running.ask(f"{ASKS}v1")
        assert status == 200, body
        found = msgspec.json.decode(body, type=Answer)
        return found.verdict == word and reason in found.reasons[0]

    return asks


async def put(config: Config, *verdicts: Verdict | bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=config.kafka.bootstrap) as producer:
        for one in verdicts:
            key, value = (b"bot:v1", one) if isinstance(one, bytes) else (_key(one), msgspec.json.encode(one))
            await producer.send_and_wait(f"{config.topics.prefix}ai.verdicts", value, key=key)


def _key(one: Verdict) -> bytes:
    return f"{one.service}:{one.release}".encode()


async def scorecard(config: Config, folder: Path, capsys: pytest.CaptureFixture[str]) -> Scorecard:
    """Ask by the command, for people and for programs."""
    path = folder / "config.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    ask = ["scorecard", "bot", "--config", str(path)]
    assert await asyncio.to_thread(main, ask) == 0
    assert "bot, release v1, live, as of" in capsys.readouterr().out
    assert await asyncio.to_thread(main, [*ask, "--json"]) == 0
    return msgspec.json.decode(capsys.readouterr().out, type=Scorecard)


@pytest.mark.long
async def test_a_release_passes_then_fails_then_nothing_is_known_of_it_and_every_worker_says_so(
    kafka: str, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = holding(kafka, namespace)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with worker(config, tmp_path / "a") as watching, worker(measuring(config), tmp_path / "b") as beside:
        await asyncio.gather(watching.ready(), beside.ready())
        assert await says(beside, "no_data", "no verdict of a release `v1` is known")()
        async with traffic(config) as sent:
            await asyncio.gather(until(says(watching, "pass")), until(says(beside, "pass")))
            sent.refused = True
            await asyncio.gather(until(says(watching, "fail")), until(says(beside, "fail", "which rolls back")))
        card = await scorecard(config, tmp_path, capsys)
        assert (card.release, card.status, card.models, card.owners.accountable) == ("v1", "fail", ("m-1",), "me")
        assert {one.name: one.unit for one in card.fields if one.value is not None} == {
            "p95": "ms", "cost_per_1k": "USD/1k", "safety_violation_rate": "%"
        }  # fmt: skip
        assert await watching.stop() == 0
        await until(says(beside, "no_data", "the last verdict, "))  # nobody judges any more, and the last one expires
        assert await beside.stop() == 0


async def test_whoever_asks_is_answered_by_the_topic_alone_and_only_with_a_token(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3same")
    config = measuring(holding(kafka, namespace))
    config = replace(
        config,
        worker=replace(config.worker, http_host="0.0.0.0", http_token_file=str(tmp_path / "token")),  # noqa: S104
    )
    now = time.time_ns() // 1_000_000
    await asyncio.to_thread(topics.ensure, config)
    await put(
        config,
        verdict(at=now), verdict("fail", "bad", now), verdict(release="old", at=now - 10**6),
        verdict("fail", "v3", now), verdict("pass", "v3", now - 60_000),  # the later one was said first
        verdict(release="v1", at=now), b'{"schema": "barograph.verdict/v2"}',
    )  # fmt: skip
    async with worker(config, tmp_path) as running:
        await running.ready()
        assert (await running.ask(f"{ASKS}v2"))[0] == 401
        page = await running.address()
        headers = {"Authorization": "Bearer s3same"}
        async with aiohttp.ClientSession(page, headers=headers) as session:

            async def word(of: str) -> str:
                async with session.get(f"{ASKS}{of}") as answer:
                    assert answer.status == 200
                    return msgspec.json.decode(await answer.read(), type=Answer).verdict

            async def hooked(path: str, of: str) -> int:
                async with session.post(f"/v1/flagger/{path}", data=hook(release=of)) as answer:
                    return answer.status

            said = {of: await word(of) for of in ("v2", "bad", "old", "v3", "v1", "v0", "v2&baseline=v0")}
            assert said == {
                "v2": "pass", "bad": "fail", "old": "no_data", "v3": "fail", "v1": "no_data", "v0": "no_data",
                "v2&baseline=v0": "no_data",
            }  # fmt: skip
            gates = {of: (await hooked("gate", of), await hooked("rollback", of)) for of in ("v2", "bad", "old", "v0")}
            assert gates == {"v2": (200, 409), "bad": (412, 200), "old": (412, 409), "v0": (412, 409)}
            async with session.get("/v1/verdict?service=bat&release=v2") as answer:
                assert answer.status == 404
                assert "did you mean `bot`" in await answer.text()
            async with session.get("/v1/verdict?service=bot") as answer:
                assert (answer.status, await answer.text()) == (400, "the parameter `release` is missing\n")
            async with session.get("/metrics") as answer:
                text = await answer.text()
        counted = {"kept": 5.0, "older": 1.0, "unreadable": 1.0}
        assert all(f'barograph_verdicts_read_total{{became="{name}"}} {n}' in text for name, n in counted.items())
        assert await running.stop() == 0
    assert len(running.said) == 2, f"when all is well a worker says that it starts, and that it ends: {running.said}"


async def test_while_the_broker_is_away_nothing_is_answered_and_it_is_read_on_when_it_is_back(
    own_kafka: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "STALE_S", 3.0)
    config = holding(own_kafka.bootstrap, namespace)
    await asyncio.to_thread(topics.ensure, config)
    now = time.time_ns() // 1_000_000
    await put(config, verdict(at=now))
    verdicts = Verdicts(config, Metrics())
    assert verdicts.missing() == ["verdicts: not read yet"]
    reading = asyncio.create_task(verdicts.run())

    async def complete() -> bool:
        return not verdicts.missing()

    async def away() -> bool:
        return bool(verdicts.missing())

    def word() -> str:
        found = answered(Asked("bot", "v2"), verdicts.known(), now)
        assert isinstance(found, Answer)
        return found.verdict

    await until(complete)
    assert word() == "pass"
    await asyncio.to_thread(own_kafka.kill)
    await until(away)
    assert verdicts.missing()[0].startswith("verdicts: it is not known since")
    assert word() == "no_data"
    assert not reading.done()
    await asyncio.to_thread(own_kafka.restart)
    await until(complete)
    assert word() == "pass"
    reading.cancel()
    await asyncio.wait({reading})


async def test_a_worker_without_kpis_reads_nothing_and_needs_nothing() -> None:
    verdicts = Verdicts(Config(), Metrics())
    await verdicts.run()
    assert verdicts.missing() == []
    assert answered(Asked("bot", "v2"), verdicts.known(), 0).status == 404  # type: ignore[union-attr]

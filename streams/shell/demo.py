"""The demo's stories -> a broker, a worker, real traffic in real time, and what on-call would read of it."""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas import config as configs
from schemas.config import Config
from streams.demo.story import SECONDS, SEED, story
from streams.demo.tell import tell
from streams.shell.broker import embedded
from streams.shell.clients import access, producer, topic
from streams.shell.demo_release import Stage, release, stop
from streams.shell.exits import BrokerError, Exit

FOLDER: Final = Path(".demo")
READY_S: Final = 45.0
AFTER_S: Final = 6.0
"""How long findings may still come after the last event."""
RESTART_S: Final = 1.0

CHANGED: Final = ["forms-assistant", "survey-assistant"]

OPENING: Final = f"""
Five services send events to Kafka: a survey, a chat and a forms assistant, an airline agent and a prime checker, with
recorded answers (see streams/demo/data/NOTICE.md). For some time all is well, and Barograph learns what that looks
like. Then the model behind the survey assistant changes, without a deploy and without a word; and the forms assistant
begins to break its schema in one workflow, while each answer says that all is well. Neither the app nor its config
knows when. This takes {SECONDS:.0f} seconds.

Meanwhile the prime checker has a release: from GPT-4's snapshot of March to that of June, which is faster and costs a
thirteenth. Each is held against the KPIs of streams/demo/prime-checker.yaml. This takes up to two minutes.
"""


def run() -> int:
    """Show it at work; every finding is left in ``.demo/findings.jsonl``.

    Returns
    -------
    int
        0 if the stories came out as they should: one incident of each service that changed, and silence on the others;
        a release that fails, and is taken back.
    """
    FOLDER.mkdir(exist_ok=True)
    with embedded() as bootstrap:
        try:
            return asyncio.run(_tell(_config(bootstrap)))
        except KeyboardInterrupt:
            return 130


def traffic(bootstrap: str) -> int:
    """Send the story to a broker, again and again, until told to stop (for `docker-compose.yml`)."""
    config = configs.parse(f"kafka: {{bootstrap: {json.dumps(bootstrap)}}}")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_traffic(config))
    return 0


async def _tell(config: Config) -> int:
    print(OPENING)
    path = FOLDER / "barograph.yaml"
    path.write_text(configs.show(config))
    worker = asyncio.create_task(_supervise(path))
    try:
        await _ready(config, worker)
        found = asyncio.create_task(_listen(config))
        page = f"http://{config.worker.http_host}:{config.worker.http_port}"
        await _both(_changes(config), release(Stage(config, path, page, _say), SEED))
        await asyncio.sleep(AFTER_S)
        found.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await found
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    return _closing()


async def _both(*acts: Coroutine[Any, Any, object]) -> None:
    """Tell what happens at the same time; where one cannot go on, the other ends, too."""
    tasks = [asyncio.create_task(act) for act in acts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _changes(config: Config) -> None:
    async with _sending(config) as sender:
        await _send(config, sender, SEED)


def _say(text: str) -> None:
    print(text, flush=True)


def _closing() -> int:
    """Say how the story ended."""
    steps = [json.loads(line) for line in _findings().read_text().splitlines()]
    opened = {step["fingerprint"]: step for step in reversed(steps) if step["step"] == "fired"}
    services = sorted({step["service"] for step in opened.values()})
    print(f"{len(opened)} incident(s), of: {', '.join(services) or 'nobody'}. Every step of them: {_findings()}")
    if len(opened) == len(CHANGED) and services == CHANGED:
        print("The two services that did not change stayed silent. The release that failed was taken back.")
        return 0
    due = " and ".join(CHANGED)
    print(f"That is not how the story should end: one incident was due of {due} each.", file=sys.stderr)
    return 1


async def _supervise(config: Path) -> None:
    """Run a worker, and start it again whenever it ends, as compose and systemd do."""
    log = (FOLDER / "worker.log").open("wb")
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams.cli", "run", "--config", str(config), stdout=log, stderr=log,
            process_group=0,
        )  # fmt: skip
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await stop(process)
            raise
        if code in (2, 3):
            raise Exit(f"the worker ended with code {code}; it says why in {FOLDER / 'worker.log'}")
        await asyncio.sleep(RESTART_S)


async def _ready(config: Config, worker: asyncio.Task[None]) -> None:
    """Wait until the worker says that it is ready."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if worker.done():
            worker.result()
        if await _answers(config.worker.http_host, config.worker.http_port):
            return
        await asyncio.sleep(0.2)
    raise BrokerError(f"the worker was not ready after {READY_S:g} s; it says why in {FOLDER / 'worker.log'}")


async def _answers(host: str, port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /ready HTTP/1.0\r\n\r\n")
        status = await reader.readline()
    except OSError:  # it does not listen yet, or has just ended
        return False
    writer.close()
    return b" 200 " in status


async def _listen(config: Config) -> None:
    """Write every finding down, and show what on-call would see."""
    with _findings().open("wb") as out:
        async with _consumer(config) as consumer:
            async for record in consumer:
                out.write(record.value + b"\n")
                out.flush()
                said = json.loads(record.value)
                if said["status"] == "pending":  # nobody is told of it, and in a moment it is what fires
                    continue
                print(tell(said, colour=sys.stdout.isatty()), flush=True)
                print(flush=True)


async def _send(config: Config, sender: AIOKafkaProducer, seed: int) -> None:
    """Send the story's events at their time."""
    begin, sent, told = time.time(), 0, 0.0
    name = topic(config, "events")
    deliveries: list[asyncio.Future[object]] = []
    for beat in story(seed):
        ahead = begin + beat.seconds - time.time()
        if ahead > 0.005:
            await asyncio.sleep(ahead)
        event = {**beat.event, "at": int((begin + beat.seconds) * 1000)}
        deliveries.append(await sender.send(name, orjson.dumps(event), key=beat.event["service"].encode()))
        sent += 1
        if beat.seconds >= told:
            print(f"  {beat.seconds:3.0f} s  {sent:6,} events sent", flush=True)
            told += 15
    await asyncio.gather(*deliveries)
    print(f"  {SECONDS:3.0f} s  {sent:6,} events sent, and no more\n", flush=True)


async def _traffic(config: Config) -> None:
    seed = SEED
    async with _sending(config) as sender:
        while True:
            await _send(config, sender, seed)
            seed += 1


@contextlib.asynccontextmanager
async def _sending(config: Config) -> AsyncIterator[AIOKafkaProducer]:
    sender = producer(config)
    try:
        await sender.start()
    except KafkaError:
        await sender.stop()
        raise BrokerError(f"no Kafka broker answers at `{config.kafka.bootstrap}`") from None
    try:
        yield sender
    finally:
        await sender.stop()


@contextlib.asynccontextmanager
async def _consumer(config: Config) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(topic(config, "incidents"), **access(config), auto_offset_reset="earliest")
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def _config(bootstrap: str) -> Config:
    shipped = files("streams.demo").joinpath("demo.yaml").read_text()
    wanted = f"{shipped}\nkafka: {{bootstrap: '{bootstrap}'}}\nworker: {{http_port: {_free_port()}}}\n"
    return configs.parse(wanted, Path(str(files("streams.demo"))))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _findings() -> Path:
    return FOLDER / "findings.jsonl"

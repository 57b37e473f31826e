"""A config -> a running worker, and the exit code that says how it ended."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, NoReturn

from mode import Service

from schemas.config import Config
from schemas.printable import printable
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy
from streams.measure.stage import Plan as Measured
from streams.shell import groups, rights, secret, topics
from streams.shell.clients import producer, watch_group
from streams.shell.exits import Doubt, Exit, Fuse, forbidden
from streams.shell.floods import WINDOW_S, Floods
from streams.shell.heart import Heart
from streams.shell.logs import Printable
from streams.shell.lookout import Lookout, Stage
from streams.shell.metrics import Metrics
from streams.shell.outbox import Outbox
from streams.shell.source import Measure
from streams.shell.ticks import Survey, Ticks
from streams.shell.verdicts import Verdicts
from streams.shell.web import Web
from streams.watch import size
from streams.watch.own import Own
from streams.watch.partition import Engine
from streams.watch.records import VERSION

DRAIN_S: Final = 30.0
"""How long a worker that was asked to stop may take; then it ends all the same, as from a crash."""

GC_THRESHOLD: Final = 100_000
"""Objects between two garbage collections: decoded events form no cycles, and looking for some costs a tenth of the
CPU."""

log = logging.getLogger("barograph")


def run(config: Config) -> int:
    """Run a worker until it is asked to stop, by SIGTERM or SIGINT.

    On a doubt it does not return: the process ends where it stands, as from a crash, so that nothing that is half done
    gets finished. Whoever supervises the worker starts it again.

    Parameters
    ----------
    config : `worker.stages` says whether it measures, watches, or both

    Returns
    -------
    int
        0: stopped in order, everything said and committed. 2: the config asks for what cannot be had. 3: no broker, or
        topics that do not fit. (4: in doubt.) Each but 0 comes with a sentence on standard error.
    """
    metrics = Metrics()
    floods = _quiet(metrics)
    try:
        secret.check(config)
        known = rights.require(config)
        topics.ensure(config)
        if not known:
            rights.require(config)
        asyncio.run(_work(config, metrics, floods))
    except Exit as why:
        _say(why)
        return why.code
    except ConfigError as why:
        _say(why)
        return 2
    finally:
        floods.sum_up()
    return 0


def _say(why: Exception) -> None:
    print(f"barograph: {printable(str(why))}", file=sys.stderr, flush=True)


def _quiet(metrics: Metrics) -> Floods:
    """Log what is wrong, and nothing that is right but the start and the end; a flood of lines only in sum."""
    stream = logging.StreamHandler()
    stream.setFormatter(Printable("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[stream])
    log.setLevel(logging.INFO)
    floods = Floods(metrics)
    for handler in logging.getLogger().handlers:
        handler.addFilter(floods)
    return floods


async def _work(config: Config, metrics: Metrics, floods: Floods) -> None:
    heart = Heart(config.worker.stall_after_s)
    kept = [asyncio.create_task(heart.beat()), asyncio.create_task(_summed_up(floods))]
    heart.listen()
    fuse, stop, opened = Fuse(), asyncio.Event(), AsyncExitStack()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    starting = asyncio.create_task(fuse.guard(_start(config, metrics, fuse, opened)))
    await _first(fuse, stop.wait())
    await _first(fuse, _drain(starting, opened), DRAIN_S)
    log.info("%s has stopped", config.worker.name)
    heart.rest()
    for task in kept:
        task.cancel()


async def _summed_up(floods: Floods) -> None:
    while True:
        await asyncio.sleep(WINDOW_S / 4)
        floods.sum_up(time.time())


async def _first(fuse: Fuse, work: Coroutine[Any, Any, object], timeout_s: float | None = None) -> None:
    """Wait for some work to end; end the process if the fuse blows before, or time runs out."""
    blown, working = asyncio.create_task(fuse.blown()), asyncio.create_task(fuse.guard(work))
    done, _ = await asyncio.wait({blown, working}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    if fuse.why:
        _end(fuse.why)
    if not done:
        _end(Doubt(f"not everything was said and committed within {timeout_s:g} s"))
    blown.cancel()


async def _drain(starting: asyncio.Task[None], opened: AsyncExitStack) -> None:
    starting.cancel()
    await asyncio.wait({starting})
    await opened.aclose()


def _end(why: Exit) -> NoReturn:
    for handler in logging.getLogger().handlers:
        for one in handler.filters:
            if isinstance(one, Floods):
                one.sum_up()  # what led here may have been said a thousand times
    _say(why)
    sys.stdout.flush()
    os._exit(why.code)


async def _start(config: Config, metrics: Metrics, fuse: Fuse, opened: AsyncExitStack) -> None:
    """Start everything; what is left in `opened` drains it, the last opened first."""
    taxonomy = Taxonomy.load_default()
    verdicts = Verdicts(config, metrics)
    lacking: list[Callable[[], list[str]]] = [verdicts.missing]

    def missing() -> list[str]:
        return [one for lacks in lacking for one in lacks()]

    metrics.runs(config.worker.name, str(VERSION))
    metrics.ready.set_function(lambda: not missing())
    web = Web(config, metrics, missing, verdicts.known)
    opened.push_async_callback(web.stop)
    sender = producer(config)
    opened.push_async_callback(sender.stop)
    await sender.start()
    outbox = Outbox(sender, config)
    services: list[Service] = []
    stages: list[Stage] = []
    ticked: Callable[[], Iterable[int]] = partial(range, config.topics.tallies_partitions)
    survey: Callable[[], Awaitable[Survey]] = _nothing
    if "watch" in config.worker.stages:
        # Faust takes its time to import; who only measures does without.
        from streams.shell.gather_agent import Gather  # noqa: PLC0415
        from streams.shell.watch_agent import Watch  # noqa: PLC0415
        from streams.shell.watch_app import build  # noqa: PLC0415

        engine = Engine(config, taxonomy)
        size.check(engine.plan(Own()))  # what cannot be decided by, or stored, is refused before anything is read
        watch = Watch(config, engine, outbox, metrics, fuse)
        gather = Gather(config, outbox, metrics, fuse)
        app = build(config, watch, gather, fuse)
        opened.push_async_callback(groups.leave, config, watch_group(config))
        opened.push_async_callback(app.stop)
        _background(_crashed(app), fuse, opened)
        services.append(app)
        stages += [watch, gather]
        lacking += [watch.missing, gather.missing]
        ticked = ticked if "measure" in config.worker.stages else watch.owned
    if "measure" in config.worker.stages:
        measure = Measure(config, Measured.of(config, taxonomy), outbox, metrics, fuse)
        opened.push_async_callback(measure.stop)
        services.append(measure)
        stages.append(measure)
        lacking.append(measure.missing)
        survey = measure.survey
    lookout = Lookout(config, outbox, metrics, stages)
    lacking.append(lookout.missing)
    await web.start()
    await asyncio.gather(*(service.start() for service in services))
    _background(lookout.run(), fuse, opened)
    _background(verdicts.run(), fuse, opened)
    _background(Ticks(config, outbox, ticked, survey).run(), fuse, opened)
    log.info(
        "%s has started to %s at %s; its page is http://%s:%d",
        config.worker.name, " and ".join(config.worker.stages), config.kafka.bootstrap,
        config.worker.http_host, web.port,
    )  # fmt: skip


def _background(work: Coroutine[Any, Any, None], fuse: Fuse, opened: AsyncExitStack) -> None:
    task = asyncio.create_task(fuse.guard(work))
    opened.callback(task.cancel)


async def _crashed(service: Service) -> None:
    """Wait until something within Faust fails; it would log that, and stand still."""
    await service.wait_until_stopped()
    if service.crash_reason:
        raise forbidden(service.crash_reason) or Doubt(f"Faust crashed: {service.crash_reason!r}")


async def _nothing() -> Survey:
    """Say what a worker has read to its end that reads nothing."""
    return Survey()

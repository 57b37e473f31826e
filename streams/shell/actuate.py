"""A config of targets -> a running actuator, and the exit code that says how it ended."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, NoReturn

import msgspec
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.actuate import Actuate
from schemas.printable import printable
from schemas.rejected import Rejected
from schemas.rollbacks import Target, Unreadable, read, target_key
from schemas.strict import ConfigError
from streams.act.book import Book, committed
from streams.act.saying import not_ours
from streams.shell import groups, rights, secret, topics
from streams.shell.actuated import restored
from streams.shell.actuators.actuator import Actuator
from streams.shell.actuators.made import made, named, seen
from streams.shell.clients import actuate_group, commands_consumer, producer, reading, topic
from streams.shell.desk import Desk, sure
from streams.shell.ears import Ears
from streams.shell.exits import Doubt, Exit, Fuse, TopicError
from streams.shell.logs import Printable
from streams.shell.outbox import Outbox

POLL_MS: Final = 200
DRAIN_S: Final = 120.0
"""How long one that was asked to stop may take: a target that does not answer is waited for, three times at most."""

NEEDED: Final = ("rollbacks", "rollback_results", "actuated", "control", "rejected")
"""Roles of the topics that there must be."""

log = logging.getLogger("barograph")


def shown(settings: Actuate) -> Iterator[str]:
    """Say of each target what it runs; nothing is changed.

    Raises
    ------
    ConfigError
        With the path of what cannot be used.
    """
    actuators = made(settings)
    for place in settings.targets:
        key = target_key(place.env, place.service)
        yield f"{key}: {named(place.asked)} {seen(actuators[key].observe())}"


def run(settings: Actuate) -> int:
    """Carry commands out until asked to stop, by SIGTERM or SIGINT.

    Returns
    -------
    int
        0: stopped in order. 2: the config asks for what cannot be had. 3: no broker, or topics are missing. (4: in
        doubt; the process ends where it stands, to be started again.) Each but 0 comes with a sentence on standard
        error.
    """
    config = settings.config()
    stream = logging.StreamHandler()
    stream.setFormatter(Printable("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[stream])
    log.setLevel(logging.INFO)
    try:
        actuators = made(settings)
        secret.usable(config.kafka.security)
        rights.require(config, "actuator")
        there = {row.role: row for row in topics.show(config) if row.role in NEEDED}
        if missing := [row.name for row in there.values() if not row.there]:
            raise TopicError(
                f"there is no topic {', nor '.join(missing)}, or this user may not see it: a worker makes them, or "
                "`barograph topics --create`; `barograph topics --acls` prints the rights of an actuator"
            )
        asyncio.run(_work(settings, actuators, there["control"].there or 1))
    except (Exit, ConfigError) as why:
        _say(why)
        return why.code if isinstance(why, Exit) else 2
    return 0


def _say(why: Exception) -> None:
    print(f"barograph: {printable(str(why))}", file=sys.stderr, flush=True)


def _end(why: Exit) -> NoReturn:
    """End where we stand, as from a crash: a thread may be waiting for a target that does not answer."""
    _say(why)
    sys.stdout.flush()
    os._exit(why.code)


async def _work(settings: Actuate, actuators: Mapping[str, Actuator], control_partitions: int) -> None:
    fuse, stop = Fuse(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    actuator = Rollbacks(settings, actuators, control_partitions, fuse)
    running = asyncio.create_task(fuse.guard(actuator.run(stop)))
    blown, stopping = asyncio.create_task(fuse.blown()), asyncio.create_task(stop.wait())
    await asyncio.wait({running, blown, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if fuse.why is None:
        await asyncio.wait({running, blown}, timeout=DRAIN_S, return_when=asyncio.FIRST_COMPLETED)
    if fuse.why is not None:
        _end(fuse.why)
    if not running.done():
        _end(Doubt(f"what was begun did not end within {DRAIN_S:g} s"))
    blown.cancel()


class _Session:
    """One time that commands are ours to carry out: a desk for each target.

    Attributes
    ----------
    read : offset up to which commands were read
    durable : what was committed; -1 if nothing was
    """

    def __init__(self, desks: Mapping[str, Desk], read: int, durable: int) -> None:
        self.desks, self.read, self.durable = desks, read, durable
        self.tasks: list[asyncio.Task[None]] = []
        self.committing = asyncio.Lock()

    async def close(self) -> None:
        """Bring to an end what is being carried out."""
        for desk in self.desks.values():
            desk.leave()
        if self.tasks:
            await asyncio.wait(self.tasks)


class Rollbacks:
    """Reads commands while they are ours, and has each target's desk carry them out, one at a time.

    The first partition of the commands makes its owner the one who acts; others of the group stand by.

    Parameters
    ----------
    actuators : by target key
    fuse : blows when something cannot be read, written or committed
    """

    def __init__(
        self, settings: Actuate, actuators: Mapping[str, Actuator], control_partitions: int, fuse: Fuse
    ) -> None:
        self._settings, self._actuators, self._fuse = settings, actuators, fuse
        self._config = config = settings.config()
        self._targets: dict[str, Target] = {target_key(one.env, one.service): one.asked for one in settings.targets}
        self._tp = TopicPartition(topic(config, "rollbacks"), 0)
        self._controls = [TopicPartition(topic(config, "control"), n) for n in range(control_partitions)]
        self._session: _Session | None = None
        self._ours, self._turn = False, 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until asked to stop; then finish, commit, and leave the group."""
        async with AsyncExitStack() as opened:
            sender = producer(self._config)
            opened.push_async_callback(sender.stop)
            await sender.start()
            self._outbox = Outbox(sender, self._config)
            services = {target.service for target in self._targets.values()}
            self._ears = Ears(await opened.enter_async_context(reading(self._config)), self._controls, services)
            await self._ears.begin()
            self._consumer = commands_consumer(self._config)
            opened.push_async_callback(groups.leave, self._config, actuate_group(self._config))
            opened.push_async_callback(self._consumer.stop)
            self._consumer.subscribe([self._tp.topic], listener=_Listener(self, self._fuse))
            await self._consumer.start()
            names = ", ".join(f"{key} ({named(target)})" for key, target in self._targets.items())
            log.info(
                "%s has started at %s, for %s; `%s` is the most that is allowed",
                self._settings.name, self._settings.kafka.bootstrap, names, self._settings.policy.mode,
            )  # fmt: skip
            while not stop.is_set():
                await self._listen()
                if self._ours and self._session is None:
                    await self._begin()
                session = self._session
                got = (await self._consumer.getmany(timeout_ms=POLL_MS)).get(self._tp, ())
                if got and session is not None:
                    await self._listen()  # so that what was said before a command is known when it is asked
                    if session is self._session:
                        await self._take(session, got)
            await self.release()
        log.info("%s has stopped", self._settings.name)

    def own(self, assigned: Collection[TopicPartition]) -> None:
        """Take note of an assignment; the next round begins, if it is for us to."""
        self._ours, self._turn = self._tp in assigned, self._turn + 1
        if not self._ours:
            log.info("%s stands by: another one acts", self._settings.name)

    async def release(self) -> None:
        """Finish what is being carried out: a rebalance begins, or we stop."""
        self._ours, self._turn = False, self._turn + 1
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _listen(self) -> None:
        for fact in await self._ears.listen():
            for key, desk in (self._session.desks if self._session else {}).items():
                if self._targets[key].service == fact.service:
                    desk.hear(fact)

    async def _begin(self) -> None:
        """Restore what the last owner wrote, and go on from where it committed; with nothing committed, from now on."""
        turn = self._turn
        done = await self._consumer.committed(self._tp)
        first = (await self._consumer.beginning_offsets([self._tp]))[self._tp]
        end = (await self._consumer.end_offsets([self._tp]))[self._tp]
        books = await restored(self._config, self._targets)
        if turn != self._turn:
            return  # a rebalance came in between
        at = start(done, first, end)
        if done is not None and at != done:
            log.warning("%s:0 holds offsets %d to %d, and %d was next: it goes on at %d", self._tp.topic, first, end,
                        done, at)  # fmt: skip
        desks: dict[str, Desk] = {}
        session = _Session(desks, at, -1 if done is None else done)
        for key, target in self._targets.items():
            desks[key] = self._desk(session, target, books[key])
            for fact in self._ears.heard.releases.get(target.service, ()):
                desks[key].hear(fact)
        self._consumer.seek(self._tp, at)
        self._session = session
        session.tasks = [asyncio.create_task(self._fuse.guard(desk.work())) for desk in desks.values()]
        await self._commit(session)
        log.info("%s acts on what is asked from %s:0:%d on", self._settings.name, self._tp.topic, at)

    def _desk(self, session: _Session, target: Target, book: Book) -> Desk:
        actuator = self._actuators[target_key(target.env, target.service)]
        return Desk(self._settings, target, actuator, book, self._outbox, lambda: self._ears.heard.given,
                    lambda: self._commit(session))  # fmt: skip

    async def _take(self, session: _Session, records: Sequence[Any]) -> None:
        for record in records:
            command = read(record.value)
            if isinstance(command, Unreadable):
                await self._reject(record, command)
            elif desk := session.desks.get(target_key(command.target.env, command.target.service)):
                desk.ask(record.offset, command)
            else:
                log.info("%s", not_ours(command, record.offset))
            session.read = record.offset + 1
        if session is self._session:
            await self._commit(session)

    async def _reject(self, record: Any, why: Unreadable) -> None:
        aside = Rejected(
            source=record.topic, partition=record.partition, offset=record.offset, timestamp=record.timestamp,
            reason=why.reason, field=why.field, said=why.said, size=len(record.value or b""),
        )  # fmt: skip
        log.warning("%s:%d:%d is no command: %s - at %s", record.topic, record.partition, record.offset, why.said,
                    why.field)  # fmt: skip
        await sure(self._settings, self._outbox.put("rejected", aside.key(), msgspec.json.encode(aside)))

    async def _commit(self, session: _Session) -> None:
        """Commit as far as all is settled; a command that waits is read again after a restart."""
        async with session.committing:
            at = committed((desk.book for desk in session.desks.values()), session.read)
            if at != session.durable:
                await self._consumer.commit({self._tp: OffsetAndMetadata(at, "")})
                session.durable = at


def start(done: int | None, first: int, end: int) -> int:
    """Say where reading begins.

    Parameters
    ----------
    done : what was committed; None if nothing was
    first, end : the first offset that the log holds, and the one behind its last

    Examples
    --------
    Nothing was committed, so that nobody was asked; retention took some; the topic was made again:

    >>> start(None, 3, 9), start(5, 3, 9), start(1, 3, 9), start(70, 0, 9)
    (9, 5, 3, 9)
    """
    return end if done is None or done > end else max(done, first)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Hands commands over; an exception that left these methods would only be logged."""

    def __init__(self, rollbacks: Rollbacks, fuse: Fuse) -> None:
        self._rollbacks, self._fuse = rollbacks, fuse

    async def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        await self._fuse.guard(self._rollbacks.release())

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._rollbacks.own(assigned)

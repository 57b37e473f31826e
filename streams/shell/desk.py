"""Commands for one target -> carried out one after the other: acted, state written, result published, committed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from schemas.actuate import Actuate
from schemas.control import Approve, Release
from schemas.rollbacks import Rollback, Target, target_key
from streams.act import book as books
from streams.act.book import Book
from streams.act.saying import line
from streams.act.state import State, encode
from streams.shell.actuators.actuator import Actuator, carry_out
from streams.shell.actuators.made import for_command
from streams.shell.exits import Doubt
from streams.shell.now import now_ms
from streams.shell.outbox import Outbox, delivered

GIVEN = Callable[[], Sequence[Approve]]
SAYS: Final = ("actuated", "rollback_results")
"""Roles of the topics that a desk writes to, in the order in which it does."""


class Desk:
    """Takes what is asked of one target, and nothing else changes its state.

    Parameters
    ----------
    given : gives the approvals known by now
    commit : called when a command is dealt with

    Attributes
    ----------
    book : what waits, and what is remembered
    """

    def __init__(
        self, config: Actuate, target: Target, actuator: Actuator, book: Book, outbox: Outbox, given: GIVEN,
        commit: Callable[[], Awaitable[None]],
    ) -> None:  # fmt: skip
        self.book = book
        self._config, self._target, self._actuator = config, target, actuator
        self._outbox, self._given, self._commit = outbox, given, commit
        self._key = target_key(target.env, target.service).encode()
        self._facts: list[Release] = []
        self._awake, self._leaving = asyncio.Event(), False

    def ask(self, offset: int, command: Rollback) -> None:
        """Take in a command."""
        self.book = books.ask(self.book, offset, command)
        self._awake.set()

    def hear(self, fact: Approve | Release) -> None:
        """Take in a fact."""
        if isinstance(fact, Release):
            self._facts.append(fact)
        self.book = books.heard(self.book, fact)
        self._awake.set()

    def leave(self) -> None:
        """Begin nothing more; what is being carried out is brought to its end."""
        self._leaving = True
        self._awake.set()

    async def work(self) -> None:
        """Work until told to leave."""
        while not self._leaving:
            self._awake.clear()
            await self._learn()
            while self.book.due and not self._leaving:
                await self._carry_out(min(self.book.due))
                await self._learn()
            if not self._leaving:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._config.again_s):
                await self._awake.wait()
        except TimeoutError:
            self.book = books.again(self.book)

    async def _learn(self) -> None:
        """Take release facts into the state, which nobody changes while a command is carried out."""
        facts, self._facts = self._facts, []
        if facts:
            await self._keep(books.learned(self.book.state, facts))

    async def _keep(self, state: State) -> None:
        if state != self.book.state:
            await self._put("actuated", encode(state))
            self.book = msgspec.structs.replace(self.book, state=state)

    async def _carry_out(self, offset: int) -> None:
        command = self.book.waiting[offset]
        self.book = books.taken(self.book, offset)
        actuator = for_command(self._target, self._actuator, command)
        state, result = await asyncio.to_thread(
            carry_out, self.book.state, command, actuator, now_ms, self._given(), self._config.policy
        )
        await self._keep(state)
        news = books.news(self.book, offset, result)
        if news:
            await self._put("rollback_results", msgspec.json.encode(result))
            print(line(command, result), flush=True)
        self.book = books.answered(self.book, offset, state, result, told=news)
        await self._commit()

    async def _put(self, role: str, value: bytes) -> None:
        await sure(self._config, self._outbox.put(role, self._key, value))


async def sure(config: Actuate, putting: Coroutine[Any, Any, asyncio.Future[Any]]) -> None:
    """Send a record, and wait until the broker has it.

    Raises
    ------
    Doubt
        If it does not say so in time: then the process ends, and what it held is read again.
    """
    within = config.kafka.delivery_timeout_s
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            await delivered([await putting])
            return
    raise Doubt(f"the broker left a record unacknowledged for {within:g} s (`kafka.delivery_timeout_s`)")

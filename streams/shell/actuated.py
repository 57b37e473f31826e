"""What actuators wrote -> the books of targets, as the last one left them."""

import logging
from collections.abc import Collection

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.config import Config
from schemas.rollbacks import RollbackResult
from streams.act.book import Book, said
from streams.act.state import State, decode
from streams.shell.clients import reading, topic
from streams.shell.exits import TopicError
from streams.shell.restore import batches, bounds

log = logging.getLogger(__name__)


async def restored(config: Config, keys: Collection[str]) -> dict[str, Book]:
    """Read the state of each of these targets, and what was published of its commands.

    Parameters
    ----------
    keys : of targets, as `schemas.rollbacks.target_key` gives them

    Raises
    ------
    TopicError
        If a state is not one that this version reads: who forgot what was done may not act.
    """
    async with reading(config) as consumer:
        states = await _states(consumer, TopicPartition(topic(config, "actuated"), 0), keys)
        books = {key: Book(state=states.get(key, State())) for key in keys}
        place = TopicPartition(topic(config, "rollback_results"), 0)
        async for batch in batches(consumer, place, *await bounds(consumer, place)):
            for record in batch:
                if (key := _name(record.key)) not in books:
                    continue
                try:
                    result = msgspec.json.decode(record.value or b"", type=RollbackResult)
                except msgspec.MsgspecError:
                    log.warning("%s:0:%d is no result; at worst it is said again", place.topic, record.offset)
                    continue
                books[key] = said(books[key], result)
    return books


async def _states(consumer: AIOKafkaConsumer, place: TopicPartition, keys: Collection[str]) -> dict[str, State]:
    last: dict[str, bytes | None] = {}
    async for batch in batches(consumer, place, *await bounds(consumer, place)):
        last |= {key: record.value for record in batch if (key := _name(record.key)) in keys}
    found = {}
    for key, value in last.items():
        try:
            found[key] = decode(value) if value is not None else State()
        except msgspec.MsgspecError as wrong:
            raise TopicError(
                f"{place.topic}:0: what was remembered of {key} is nothing that this version reads ({wrong}): run the "
                "version that wrote it, or write a record without a value for this key, which forgets all that was done"
            ) from None
    return found


def _name(key: bytes | None) -> str:
    return (key or b"").decode(errors="replace")

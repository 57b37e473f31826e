"""A consumer group -> where it stands, and who is in it."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata

from schemas.config import Config
from streams.measure.stage import floor
from streams.shell.clients import admin
from streams.shell.exits import Doubt

log = logging.getLogger(__name__)

ANCHOR: Final = "anchor"
"""Metadata of a commit whose offset begins a block."""

_ATTEMPTS: Final = 30
_PAUSE_S: Final = 0.5


def start(committed: OffsetAndMetadata | None, log_start: int) -> int:
    """Say where the first block of a partition begins that has just been assigned.

    Parameters
    ----------
    committed : what MEASURE's group has committed, None or offset -1 where it has not
    log_start : the first offset that the partition still holds

    Examples
    --------
    >>> start(OffsetAndMetadata(70_123, "anchor"), 0)
    70123

    Somebody else's commit may lie within a block, so the start goes down to where one surely begins:

    >>> start(OffsetAndMetadata(70_123, ""), 0), start(OffsetAndMetadata(70_123, ""), 66_000), start(None, 5)
    (65536, 66000, 5)
    """
    if committed is None or committed.offset < 0:
        return log_start
    begins = committed.offset if committed.metadata == ANCHOR else floor(committed.offset)
    return max(begins, log_start)


async def committed(
    config: Config, group: str, partitions: Collection[TopicPartition]
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Ask where a group stands, with the metadata of its commits, which `AIOKafkaConsumer.committed` drops.

    The admin client does not try again by itself: a coordinator that is just loading its offsets would end the worker.

    Raises
    ------
    Doubt
        If there was no answer within a quarter of a minute.
    """
    if not partitions:
        return {}
    for attempt in range(_ATTEMPTS):
        try:
            async with admin(config) as client:
                found = await client.list_consumer_group_offsets(group, partitions=list(partitions))
        except KafkaError as error:
            if attempt == _ATTEMPTS - 1:
                raise Doubt(f"nobody tells what the group {group} has committed: {error!r}") from error
            await asyncio.sleep(_PAUSE_S)
        else:
            return {tp: found[tp] for tp in partitions if tp in found}
    raise AssertionError("unreachable")


async def leave(config: Config, group: str) -> None:
    """Take this worker out of a group at once, instead of when its session runs out.

    Clients do not let static members leave on `stop`: a restart should find its partitions again. A drained worker has
    nothing to come back for, and the others should take over. It is a courtesy: if it fails, the session's timeout does
    the same, so the error is only logged.
    """
    client = AIOKafkaClient(bootstrap_servers=config.kafka.bootstrap, client_id=f"{config.worker.name}-leaving")
    try:
        async with admin(config) as asking:
            [described] = await asking.describe_consumer_groups([group])
        await client.bootstrap()
        coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
        for member in _members(described.to_object(), config.worker.name):
            await client.send(coordinator, LeaveGroupRequest(group, member))
    except KafkaError as error:
        log.info("the group %s was not left: %r", group, error)
    finally:
        await client.close()


def _members(described: Mapping[str, object], name: str) -> list[str]:
    groups = described["groups"]
    assert isinstance(groups, list)
    return [member["member_id"] for group in groups for member in group["members"] if member["client_id"] == name]

"""A consumer group -> where it stands, and who is in it."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import CoordinationType
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata

from schemas.config import Config
from schemas.tallies import Why
from streams.measure.stage import floor
from streams.shell.clients import admin, connection
from streams.shell.exits import Doubt

log = logging.getLogger(__name__)

ANCHOR: Final = "anchor"
"""First word in the metadata of a commit whose offset begins a block; the id of the topic follows, and how many
partitions it had."""
NO_ID: Final = "-"

_ATTEMPTS: Final = 30
_PAUSE_S: Final = 0.5


class Start(NamedTuple):
    """Where reading begins, and what is lost before it: ``[begin, end)`` and why; `end` is -1 where nobody can say."""

    at: int
    lost: tuple[int, int, Why] | None = None


class Said(NamedTuple):
    """What the metadata of a commit says: whether it is an anchor, in which topic, and of how many partitions."""

    anchor: bool
    topic_id: str
    partitions: int


def anchored(topic_id: str, partitions: int) -> str:
    """Write the metadata of a commit that is an anchor."""
    return f"{ANCHOR} {topic_id or NO_ID} {partitions}"


def said(metadata: str | None) -> Said:
    """Read the metadata of a commit, which may be anybody's; some brokers say None where nothing was committed.

    Examples
    --------
    >>> said(anchored("q83v", 4)), said("somebody else's") == said(None)
    (Said(anchor=True, topic_id='q83v', partitions=4), True)
    """
    word, topic_id, partitions, *_ = (*(metadata or "").split(" "), "", "", "")
    if word != ANCHOR:
        return Said(False, "", 0)
    return Said(True, "" if topic_id == NO_ID else topic_id, int(partitions) if partitions.isdecimal() else 0)


def start(committed: OffsetAndMetadata | None, log_start: int, log_end: int, topic_id: str = "") -> Start:
    """Say where the first block of a partition begins that has just been assigned.

    Parameters
    ----------
    committed : what MEASURE's group has committed, None or offset -1 where it has not
    log_start, log_end : the first offset that the partition still holds, and the one behind its last
    topic_id : of the topic that has the name now, where the broker can tell

    Examples
    --------
    >>> start(OffsetAndMetadata(70_123, "anchor"), 0, 80_000)
    Start(at=70123, lost=None)

    Somebody else's commit may lie within a block, so the start goes down to where one surely begins:

    >>> start(OffsetAndMetadata(70_123, ""), 0, 80_000).at, start(OffsetAndMetadata(70_123, ""), 66_000, 80_000).at
    (65536, 66000)

    What retention took, and what went with a topic that was made again, is lost, and said so:

    >>> start(OffsetAndMetadata(70_123, "anchor"), 70_200, 80_000)
    Start(at=70200, lost=(70123, 70200, 'retention'))
    >>> start(OffsetAndMetadata(70_123, "anchor"), 0, 500)
    Start(at=0, lost=(70123, -1, 'made_again'))
    """
    if committed is None or committed.offset < 0:
        return Start(log_start)
    known = said(committed.metadata)
    if committed.offset > log_end or (known.topic_id and topic_id and known.topic_id != topic_id):
        return Start(log_start, (committed.offset, -1, "made_again"))
    if committed.offset < log_start:
        return Start(log_start, (committed.offset, log_start, "retention"))
    begins = committed.offset if known.anchor else floor(committed.offset)
    return Start(max(begins, log_start))


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
    try:
        async with admin(config) as asking:
            [described] = await asking.describe_consumer_groups([group])
        async with connection(config, "leaving") as client:
            coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
            for member in _members(described.to_object(), config.worker.name):
                await client.send(coordinator, LeaveGroupRequest(group, member))
    except KafkaError as error:
        log.info("the group %s was not left: %r", group, error)


def _members(described: Mapping[str, object], name: str) -> list[str]:
    groups = described["groups"]
    assert isinstance(groups, list)
    return [member["member_id"] for group in groups for member in group["members"] if member["client_id"] == name]

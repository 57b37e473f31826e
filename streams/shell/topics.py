"""The table of topics and a broker -> all topics are there and fit, or the sentence that says which does not."""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from schemas.config import Config
from schemas.topics import TOPICS, Topic
from streams.shell.clients import admin
from streams.shell.exits import BrokerError, TopicError
from streams.shell.knock import hushed, knock

VISIBLE_S: Final = 20.0
"""How long a new topic may take until all its partitions have a leader."""

_PAUSE_S: Final = 0.2


class Row(NamedTuple):
    """One topic, as `barograph topics` shows it; `there` is the number of its partitions, None where it is missing."""

    role: str
    name: str
    key: str
    wanted: int
    there: int | None
    cleanup: str
    retention_s: int | None
    writer: str
    reader: str


def ensure(config: Config) -> None:
    """Create the topics that are missing, and verify those that are there; no existing topic is ever changed.

    Faust would create topics itself, but on a fresh broker its agent then sits there without partitions. So this comes
    first. Several workers may do it at once.

    Raises
    ------
    BrokerError
        If nobody answers, or the broker does not create a topic.
    TopicError
        If a topic has another number of partitions than the config can live with.
    """
    asyncio.run(_with_broker(config, create=True))


def show(config: Config) -> list[Row]:
    """List all topics, as they should be and as they are.

    Raises
    ------
    BrokerError
        If nobody answers.
    """
    there = asyncio.run(_with_broker(config, create=False))
    return [
        Row(
            role=topic.role, name=(name := config.topics.prefix + topic.name), key=topic.key,
            wanted=partitions(config, topic), there=there.get(name), cleanup=topic.cleanup,
            retention_s=topic.retention_s, writer=topic.writer, reader=topic.reader,
        )
        for topic in TOPICS
    ]  # fmt: skip


def partitions(config: Config, topic: Topic) -> int:
    """Say how many partitions a topic is created with."""
    match topic.partitions:
        case "events":
            return config.topics.events_partitions
        case "tallies":
            return config.topics.tallies_partitions
        case "one" | "first":
            return 1


def verify(config: Config, there: Mapping[str, int]) -> None:
    """Refuse topics that the config does not fit.

    More partitions of events than configured are all read. Another number of tallies partitions, even a larger one,
    would send services where their state is not.

    Parameters
    ----------
    there : topic -> number of its partitions

    Raises
    ------
    TopicError
        With the topic, what is there, what is configured, and what to do.
    """
    for topic in TOPICS:
        name, wanted = config.topics.prefix + topic.name, partitions(config, topic)
        found = there.get(name, 0)
        if topic.partitions == "events" and found < wanted:
            raise TopicError(
                f"the topic {name} has {found} partitions, but `topics.events_partitions` says {wanted}: "
                f"set it to {found}, or add partitions to the topic"
            )
        if topic.partitions == "tallies" and found != wanted:
            raise TopicError(
                f"the topic {name} has {found} partitions, but `topics.tallies_partitions` says {wanted}: "
                f"set it to {found}; the number cannot change once services have their state there"
            )


async def _with_broker(config: Config, create: bool) -> dict[str, int]:
    address = config.kafka.bootstrap
    await knock(config)
    with hushed():
        try:
            async with admin(config) as client:
                there = await _there(client, config)
                if create:
                    there |= await _create(client, config, there)
                    verify(config, there)
                return there
        except (KafkaError, TimeoutError) as error:
            raise BrokerError(f"the Kafka broker at {address} does not do its work: {error!r}") from None


async def _there(client: AIOKafkaAdminClient, config: Config) -> dict[str, int]:
    """Count the partitions of our topics, without creating one by the question, as brokers may do."""
    known = set(await client.list_topics())
    ours = [name for topic in TOPICS if (name := config.topics.prefix + topic.name) in known]
    return {found["topic"]: len(found["partitions"]) for found in await client.describe_topics(ours)} if ours else {}


async def _create(client: AIOKafkaAdminClient, config: Config, there: Mapping[str, int]) -> dict[str, int]:
    missing = [topic for topic in TOPICS if config.topics.prefix + topic.name not in there]
    if not missing:
        return {}
    cluster = await client.describe_cluster()
    if cluster["controller_id"] in {broker["node_id"] for broker in cluster["brokers"]}:
        # The embedded broker has no controller; there, the question after a topic below makes it.
        answer = await client.create_topics([_new(config, topic) for topic in missing])
        for name, code, *said in answer.topic_errors:
            if code == TopicAuthorizationFailedError.errno:
                raise TopicError(
                    f"the topic {name} is not there, or this user may not see it, and may not create it: create it, or "
                    "grant that; `barograph topics --acls` prints how"
                )
            if code not in (0, TopicAlreadyExistsError.errno):
                raise TopicError(f"the broker did not create the topic {name}: {said[0] or for_code(code).__name__}")
    names = [config.topics.prefix + topic.name for topic in missing]
    async with asyncio.timeout(VISIBLE_S):
        while True:
            found = await client.describe_topics(names)
            if all(_led(topic) for topic in found):
                return {topic["topic"]: len(topic["partitions"]) for topic in found}
            await asyncio.sleep(_PAUSE_S)


def _new(config: Config, topic: Topic) -> NewTopic:
    return NewTopic(
        config.topics.prefix + topic.name,
        num_partitions=partitions(config, topic),
        replication_factor=config.topics.replication,
        topic_configs=topic.config(),
    )


def _led(topic: Mapping[str, object]) -> bool:
    found = topic["partitions"]
    return topic["error_code"] == 0 and isinstance(found, list) and all(one["leader"] >= 0 for one in found)

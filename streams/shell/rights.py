"""A config -> the broker lets this worker do all that it will have to do, or the sentence that says what not."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.client import CoordinationType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAuthorizationFailedError,
)

from schemas.acls import Grant, Operation, Role, grants
from schemas.config import Config
from streams.shell.clients import connection
from streams.shell.exits import BrokerError
from streams.shell.knock import hushed, knock
from streams.shell.wire import GroupsRequest, TopicsRequest

BITS: Final[dict[Operation, int]] = {"Read": 3, "Write": 4, "Describe": 8}
"""Kafka's AclOperation; whether a topic may be created is found out where one is missing."""

UNKNOWN: Final = -(2**31)

_ATTEMPTS: Final = 60
_PAUSE_S: Final = 0.25


def require(config: Config, role: Role = "worker") -> bool:
    """Refuse to start if the broker would refuse, some day, something that a worker, or an actuator, has to do.

    A broker says no when it happens: that of the topic of rejected records, weeks later, at the first bad one. But
    since Kafka 2.3 it can be asked. One that cannot, and one that has no authorizer, is taken at its word.

    Returns
    -------
    bool
        Whether all topics were there; of one that is not, nothing is known.

    Raises
    ------
    BrokerError
        With the topics and groups, and what is not allowed there; or if nobody answers.
    """
    return asyncio.run(_require(config, role))


async def _require(config: Config, role: Role) -> bool:
    await knock(config)
    wanted = grants(config, role)
    with hushed():
        try:
            async with connection(config, "rights") as client:
                found = await _topics(client, [grant.name for grant in wanted if grant.kind == "topic"])
                groups = {grant.name: await _group(client, grant.name) for grant in wanted if grant.kind == "group"}
        except (IncompatibleBrokerVersion, NotImplementedError):
            return False
        except (KafkaError, TimeoutError) as error:
            raise BrokerError(f"the Kafka broker at {config.kafka.bootstrap} does not do its work: {error!r}") from None
    missing = list(_missing(wanted, {("topic", name): ops for name, ops in found.items()}
                            | {("group", name): ops for name, ops in groups.items()}))  # fmt: skip
    if missing:
        raise BrokerError(
            f"the broker does not let this {role} {', nor '.join(missing)}: grant it; `barograph topics --acls` "
            "prints how"
        )
    return len(found) == sum(grant.kind == "topic" for grant in wanted)


def _missing(wanted: list[Grant], found: dict[tuple[str, str], int]) -> Iterator[str]:
    """Say what is wanted but not allowed.

    Parameters
    ----------
    found : (kind, name) -> the bits of what is allowed; 0 where we may not even look
    """
    for grant in wanted:
        bits = found.get((grant.kind, grant.name), UNKNOWN)
        if bits == UNKNOWN:
            continue
        lacks = [one.lower() for one in grant.operations if one in BITS and not bits >> BITS[one] & 1]
        if lacks:
            yield f"{' and '.join(lacks)} the {grant.kind} {grant.name}"


async def _topics(client: Any, names: list[str]) -> dict[str, int]:
    """Ask what we may do with each of these topics that is there."""
    answer = await client.send(client.get_random_node(), TopicsRequest(names))
    refused = TopicAuthorizationFailedError.errno
    return {topic[1]: 0 if topic[0] == refused else topic[4] for topic in answer.topics if topic[0] in (0, refused)}


async def _group(client: Any, name: str) -> int:
    """Ask what we may do with a group; its coordinator may be just coming up, with the first group of all."""
    for attempt in range(_ATTEMPTS):
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, name)
            [group] = (await client.send(node, GroupsRequest([name]))).groups
        except GroupAuthorizationFailedError:
            return 0
        except (IncompatibleBrokerVersion, NotImplementedError):
            raise
        except KafkaError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            if group[0] == 0:
                return int(group[6])
            if group[0] == GroupAuthorizationFailedError.errno:
                return 0
        await asyncio.sleep(_PAUSE_S)
    return UNKNOWN

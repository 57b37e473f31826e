"""Topics' names -> the ids of the topics that bear them: one that was deleted and made again is another log."""

import base64
from collections.abc import Sequence

from schemas.config import Config
from streams.shell.clients import connection
from streams.shell.wire import NOBODY, IdsRequest


async def topic_ids(config: Config, names: Sequence[str]) -> dict[str, str]:
    """Ask for the ids of topics, as Kafka's tools write them; empty for one that is not there, or has none.

    Brokers before 2.8 know no ids. There a topic that was made again is only noticed where its log ends before what was
    counted.

    Raises
    ------
    KafkaError
        If nobody answers.
    """
    async with connection(config, "ids") as client:
        try:
            answer = await client.send(client.get_random_node(), IdsRequest(names))
        except NotImplementedError:  # aiokafka's word for a broker that knows no such version
            return dict.fromkeys(names, "")
    return {name: "" if code or raw == NOBODY else _written(raw) for code, name, raw, *_ in answer.topics}


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

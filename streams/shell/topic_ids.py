"""A topic's name -> the id of the topic that bears it: one that was deleted and made again is another log.

aiokafka speaks Metadata up to version 5; ids came with version 10. So the request is written here, with aiokafka's own
types (https://kafka.apache.org/protocol, Metadata).
"""

import base64
from io import BytesIO
from typing import Final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from schemas.config import Config
from streams.shell.clients import connection


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]  # aiokafka has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_TEXT: Final = CompactString("utf-8")
_NUMBERS: Final = CompactArray(Int32)
_NOBODY: Final = bytes(16)


class _Answer(Response):  # type: ignore[misc]  # likewise
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(
            ("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields)
        )),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        ("topics", CompactArray(
            ("error_code", Int16), ("name", _TEXT), ("topic_id", _Uuid), ("is_internal", Boolean),
            ("partitions", CompactArray(
                ("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
                ("replicas", _NUMBERS), ("isr", _NUMBERS), ("offline", _NUMBERS), ("tags", TaggedFields),
            )),
            ("authorized_operations", Int32), ("tags", TaggedFields),
        )),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )  # fmt: skip


class _Question(RequestStruct):  # type: ignore[misc]  # likewise
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("cluster_operations", Boolean),
        ("topic_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Metadata(Request[_Question]):  # type: ignore[misc]  # likewise
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([(_NOBODY, self._topic, {})], False, False, False, {})


async def topic_id(config: Config, topic: str) -> str:
    """Ask for the id of a topic, as Kafka's tools write it; empty if the topic is not there, or has none.

    Brokers before 2.8, and the embedded one, know no ids. There a topic that was made again is only noticed where its
    log ends before what was counted.

    Raises
    ------
    KafkaError
        If nobody answers.
    """
    async with connection(config, "ids") as client:
        node = client.get_random_node()
        try:
            answer = await client.send(node, _Metadata(topic))
        except NotImplementedError:  # aiokafka's word for a broker that knows no such version
            return ""
    [(code, _, raw, *_)] = answer.topics
    return "" if code or raw == _NOBODY else base64.urlsafe_b64encode(raw).decode().rstrip("=")

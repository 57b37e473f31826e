"""Questions to a broker -> bytes and back: the versions of Kafka's protocol that aiokafka lacks (KIP-430, KIP-516)."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Array,
    Boolean,
    Bytes,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

NOBODY: Final = bytes(16)
"""The id of no topic."""

_Text: Final = String("utf-8")
_Compact: Final = CompactString("utf-8")
_Numbers: Final = CompactArray(Int32)


class _TopicsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    """Metadata version 8: the first that says what one may do, which aiokafka does not know."""

    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _Text), ("port", Int32), ("rack", _Text))),
        ("cluster_id", _Text),
        ("controller_id", Int32),
        ("topics", Array(
            ("error_code", Int16),
            ("topic", _Text),
            ("is_internal", Boolean),
            ("partitions", Array(
                ("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
                ("replicas", Array(Int32)), ("isr", Array(Int32)), ("offline_replicas", Array(Int32)),
            )),
            ("authorized_operations", Int32),
        )),
        ("cluster_authorized_operations", Int32),
    )  # fmt: skip


class _TopicsRequestV8(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _TopicsResponse
    SCHEMA = Schema(
        ("topics", Array(_Text)), ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean), ("include_topic_authorized_operations", Boolean),
    )  # fmt: skip


class TopicsRequest(Request[_TopicsRequestV8]):  # type: ignore[misc]
    """Asks what these topics are, and what we may do with them; none is created by the question."""

    API_KEY = 3

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def build(self, kind: type[_TopicsRequestV8]) -> _TopicsRequestV8:
        """Make the one version there is here."""
        return kind(self._names, False, False, True)


class _GroupsResponse(Response):  # type: ignore[misc]
    """DescribeGroups version 3; aiokafka asks for it, and reads the answer as one of version 2."""

    API_KEY = 15
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("groups", Array(
            ("error_code", Int16), ("group", _Text), ("state", _Text), ("protocol_type", _Text), ("protocol", _Text),
            ("members", Array(
                ("member_id", _Text), ("client_id", _Text), ("client_host", _Text),
                ("member_metadata", Bytes), ("member_assignment", Bytes),
            )),
            ("authorized_operations", Int32),
        )),
    )  # fmt: skip


class _GroupsRequestV3(RequestStruct):  # type: ignore[misc]
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = _GroupsResponse
    SCHEMA = Schema(("groups", Array(_Text)), ("include_authorized_operations", Boolean))


class GroupsRequest(Request[_GroupsRequestV3]):  # type: ignore[misc]
    """Asks who is in these groups, and what we may do with them."""

    API_KEY = 15

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def build(self, kind: type[_GroupsRequestV3]) -> _GroupsRequestV3:
        """Make the one version there is here."""
        return kind(self._names, True)


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class _IdsResponse(Response):  # type: ignore[misc]
    """Metadata version 10: the first that says a topic's id."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(
            ("node_id", Int32), ("host", _Compact), ("port", Int32), ("rack", _Compact), ("tags", TaggedFields)
        )),
        ("cluster_id", _Compact),
        ("controller_id", Int32),
        ("topics", CompactArray(
            ("error_code", Int16), ("topic", _Compact), ("topic_id", _Uuid), ("is_internal", Boolean),
            ("partitions", CompactArray(
                ("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
                ("replicas", _Numbers), ("isr", _Numbers), ("offline_replicas", _Numbers), ("tags", TaggedFields),
            )),
            ("authorized_operations", Int32), ("tags", TaggedFields),
        )),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )  # fmt: skip


class _IdsRequestV10(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _IdsResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", _Compact), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean), ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean), ("tags", TaggedFields),
    )  # fmt: skip


class IdsRequest(Request[_IdsRequestV10]):  # type: ignore[misc]
    """Asks which topics bear these names; none is created by the question."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def build(self, kind: type[_IdsRequestV10]) -> _IdsRequestV10:
        """Make the one version there is here."""
        return kind([(NOBODY, name, {}) for name in self._names], False, False, False, {})

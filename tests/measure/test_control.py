"""Records of the control topic: passed on with their place, or set aside with the reason."""

import msgspec
import pytest

from schemas.control import Maintain, Release
from schemas.tallies import Passed, decode
from schemas.topics import tallies_partition
from streams.measure.control import LARGEST, words
from streams.measure.decode import Record

NOW = 1_795_000_000_000
GOOD = b'{"type": "release", "service": "bot", "at": "2026-11-18T10:00:00Z", "release": "v2", "phase": "canary"}'


MAINTAIN = (
    b'{"type": "maintain", "service": "bot", "at": "2026-11-18T10:00:00Z", "by": "ana",'
    b' "until": "2026-11-19T10:00:00Z"}'
)


@pytest.mark.parametrize("until", [b"2026-11-19T10:00:00Z", b"2020-01-01T00:00:00Z"], ids=["ahead", "over, to end it"])
def test_a_maintenance_is_passed_on_with_its_time(until: bytes) -> None:
    [word] = words("ai.control", 0, "", 4, [Record(3, NOW, MAINTAIN.replace(b"2026-11-19T10:00:00Z", until))])
    fact = decode(word.message.value)
    assert isinstance(fact, Passed)
    assert isinstance(fact.said, Maintain)
    assert fact.said.until == until.decode()


def test_a_fact_goes_to_the_partition_of_its_service_with_its_place() -> None:
    [word] = words("ai.control", 2, "q83v", 8, [Record(17, NOW, GOOD)])
    fact = decode(word.message.value)
    assert isinstance(fact, Passed)
    assert (fact.source, fact.partition, fact.offset, fact.timestamp, fact.topic_id) == (
        "ai.control",
        2,
        17,
        NOW,
        "q83v",
    )
    assert isinstance(fact.said, Release)
    assert (word.role, word.message.partition) == ("tallies", tallies_partition("bot", 8))


@pytest.mark.parametrize(
    ("value", "reason", "field"),
    [
        (None, "empty", "$"),
        (b"", "not_json", "$"),
        (b"nonsense", "not_json", "$"),
        (b"[]", "invalid", "$"),
        (b'{"type": "promote"}', "unknown_type", "$.type"),
        (GOOD.replace(b"canary", b"live"), "invalid", "$.phase"),
        (GOOD.replace(b'"bot"', b'""'), "invalid", "$.service"),
        (GOOD.replace(b'"bot"', b"null"), "invalid", "$.service"),
        (GOOD.replace(b"2026-11-18T10:00:00Z", b"yesterday"), "bad_time", "$.at"),
        (GOOD.replace(b"2026-11-18T10:00:00Z", b"2036-11-18T10:00:00Z"), "future", "$.at"),
        (GOOD.replace(b'"v2"', b'"' + b"x" * LARGEST + b'"'), "too_large", "$"),
        (b'{"x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "too_deep", "$"),
        (b"\xff" + GOOD, "not_json", "$"),
        (MAINTAIN.replace(b"2026-11-19T10:00:00Z", b"tonight"), "bad_time", "$.until"),
        (MAINTAIN.replace(b"2026-11-19T10:00:00Z", b"2026-11-19T10:00:00"), "bad_time", "$.until"),
        (MAINTAIN.replace(b"2026-11-19T10:00:00Z", b"2028-11-19T10:00:00Z"), "future", "$.until"),
        (MAINTAIN.replace(b'"2026-11-19T10:00:00Z"', b"9007199254740992"), "future", "$.until"),
        (MAINTAIN.replace(b"2026-11-18T10:00:00Z", b"tonight"), "bad_time", "$.at"),
    ],
)
def test_what_is_no_fact_is_set_aside(value: bytes | None, reason: str, field: str) -> None:
    [word] = words("ai.control", 0, "", 4, [Record(3, NOW, value)])
    said = msgspec.json.decode(word.message.value)
    assert word.role == "rejected"
    assert (said["source"], said["offset"], said["reason"], said["field"]) == ("ai.control", 3, reason, field)

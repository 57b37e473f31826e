"""MEASURE promises: bytes that are no event harm nobody, and are set aside with the field's name and their position."""

import threading
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Config
from schemas.rejected import Rejected
from schemas.taxonomy import Taxonomy
from streams.measure.decode import DEEPEST, decode, deepest
from streams.measure.stage import Block, Plan, Record, begin, feed, rejects
from tests.measure.traffic import SECOND, measured
from tests.measure.words import Refused, event

GOOD: dict[str, Any] = {"type": "exchange", "id": "1", "service": "s", "release": "r", "at": SECOND * 1000}
NOW_MS = SECOND * 1000


def but(**said: Any) -> bytes:
    """A good event, but for some fields; a field of `...` is left out."""
    return orjson.dumps({name: value for name, value in (GOOD | said).items() if value is not ...})


def raw(text: str) -> bytes:
    """A good event with one more field, written out since no encoder would write it."""
    return but()[:-1] + b"," + text.encode() + b"}"


def nested(depth: int) -> bytes:
    """A good event with one more field, that is nested; the event itself is the first level."""
    return raw('"x":' + "[" * (depth - 1) + "]" * (depth - 1))


BEYOND_FLOATS = [raw('"latency_ms":1e400'), raw(f'"latency_ms":{10**400}')]

TABLE = [
    (None, "empty", "$"),
    (b"", "not_json", "$"),
    (b"refund, please", "not_json", "$"),
    (b'{"type":"exchange","id":"1"', "not_json", "$"),
    (b"\xff\xfe{}", "not_json", "$"),
    (b'{"type":"exchange","id":"\xc3"}', "not_json", "$"),
    (but()[:-1] + b"}}", "not_json", "$.at"),
    (raw('"latency_ms":NaN'), "not_json", "$.latency_ms"),
    (raw('"latency_ms":Infinity'), "not_json", "$.latency_ms"),
    (raw('"intent":"\\ud800"'), "not_json", "$"),
    (b"null", "invalid", "$"),
    (b"[]", "invalid", "$"),
    (b"{}", "invalid", "$.type"),
    (but(type=5), "invalid", "$.type"),
    (but(type="exchanges"), "unknown_type", "$.type"),
    (but(service=...), "invalid", "$.service"),
    (but(release=...), "invalid", "$.release"),
    (but(id=...), "invalid", "$.id"),
    (but(at=...), "invalid", "$.at"),
    (but(service=5), "invalid", "$.service"),
    (but(service=None), "invalid", "$.service"),
    (but(service=""), "invalid", "$.service"),
    (but(service="s" * 257), "invalid", "$.service"),
    (but(intent=["refund"]), "invalid", "$.intent"),
    (but(answered=1), "invalid", "$.answered"),
    (but(answered="yes"), "invalid", "$.answered"),
    (but(latency_ms="12.5"), "invalid", "$.latency_ms"),
    (but(latency_ms=True), "invalid", "$.latency_ms"),
    (but(latency_ms=-1), "invalid", "$.latency_ms"),
    (BEYOND_FLOATS[0], "invalid", "$.latency_ms"),
    (BEYOND_FLOATS[1], "invalid", "$.latency_ms"),
    (raw(f'"input_tokens":{10**30}'), "invalid", "$.input_tokens"),
    (but(input_tokens=3.5), "invalid", "$.input_tokens"),
    (but(confidence=1.01), "invalid", "$.confidence"),
    (but(status="fine"), "invalid", "$.status"),
    (but(tools=[{"name": "a"}, {"name": None}]), "invalid", "$.tools[1].name"),
    (but(tools=[{"ok": True}]), "invalid", "$.tools[0].name"),
    (but(type="outcome"), "invalid", "$.about"),
    (but(type="evaluation", pack="p", pack_version="1", case="c", suite="smoke"), "invalid", "$.suite"),
    (but(at=-1), "invalid", "$.at"),
    (but(at=1.5), "invalid", "$.at"),
    (but(at="now"), "bad_time", "$.at"),
    (but(at=""), "bad_time", "$.at"),
    (but(at="2026-11-24T00:00:00"), "bad_time", "$.at"),
    (but(at="2026-11-24"), "bad_time", "$.at"),
    (but(at="20261124T000000Z"), "bad_time", "$.at"),
    (but(at="2026-W48-2T00:00:00Z"), "bad_time", "$.at"),
    (but(at="2026-11-24T00:00:60Z"), "bad_time", "$.at"),
    (but(at="2026-02-29T00:00:00Z"), "bad_time", "$.at"),
    (but(at="2026-11-24T00:00:00.Z"), "bad_time", "$.at"),
    (but(at="2026-11-24T00:00:00.5x5Z"), "bad_time", "$.at"),
    (but(at="2026-11-24T00:00:00+25:00"), "bad_time", "$.at"),
    (but(at="\uff12026-11-24T00:00:00Z"), "bad_time", "$.at"),
    (but(at=(SECOND + 86_401) * 1000), "future", "$.at"),
    (but(at="2126-11-24T00:00:00Z"), "future", "$.at"),
    (but(at=2**53), "future", "$.at"),
    (but(sql="x" * (1 << 20)), "too_large", "$"),
    (nested(DEEPEST + 1), "too_deep", "$"),
    (raw('"x":' + "[" * 100_000), "too_deep", "$"),
    (raw('"x":' + '{"x":' * 50_000), "too_deep", "$"),
]  # fmt: skip

FINE = {
    "a day ahead": but(at=(SECOND + 86_400) * 1000),
    "of 1970": but(at=0),
    "a huge number": but(latency_ms=1e30, cost_usd=1e305),
    "a number that is too small": but(latency_ms=5e-324),
    "minus zero": but(latency_ms=-0.0),
    "null": but(latency_ms=None, intent=None, answered=None),
    "a long name": but(service="s" * 256, intent="i" * 100_000),
    "emoji": raw('"intent":"\\ud83d\\ude00"'),
    "unknown fields": but(nobody={"reads": ["this"]}),
    "as deep as may be": nested(DEEPEST),
    "brackets in a text": but(sql="[{" * 5000),
    "a broad list": but(missing_fields=["[" for _ in range(5000)]),
}


def told(block: Block) -> list[Rejected]:
    """What people read of it."""
    return [msgspec.json.decode(message.value, type=Rejected) for message in rejects(block)]


@pytest.mark.parametrize(("value", "reason", "field"), TABLE)
def test_what_is_no_event_is_set_aside_with_field_and_position(value: bytes | None, reason: str, field: str) -> None:
    block = measured([Record(40, NOW_MS, but()), Record(41, NOW_MS + 1, value), Record(42, NOW_MS, but())])[-1]
    assert block.events == 2
    [one] = told(block)
    assert (one.source, one.partition, one.offset, one.timestamp) == ("ai.events", 0, 41, NOW_MS + 1)
    assert (one.reason, one.field) == (reason, field)
    assert one.said
    assert one.size == len(value or b"")
    assert rejects(block)[0].key == b"ai.events:0:41"
    assert block.stats["rejected", reason] == 1


@pytest.mark.parametrize("value", FINE.values(), ids=FINE.keys())
def test_what_is_only_odd_counts(value: bytes) -> None:
    block = measured([Record(0, NOW_MS, value)])[-1]
    assert block.events == 1
    assert not block.rejected


@pytest.mark.parametrize(("value", "reason", "field"), [row for row in TABLE if row[1] in ("invalid", "unknown_type")])
def test_the_oracle_refuses_the_same_fields(value: bytes, reason: str, field: str) -> None:
    refused = event(value, 1 << 20)
    assert isinstance(refused, Refused)
    if value in BEYOND_FLOATS:  # to orjson that is no JSON
        assert refused.reason == "not_json"
    else:
        assert refused == (reason, field)


TEXTS = st.text(st.sampled_from('a\\"[]{}/\n'))
VALUES = st.recursive(TEXTS | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@given(VALUES)
def test_brackets_and_quotes_within_texts_are_no_depth(value: Any) -> None:
    def depth(of: Any) -> int:
        inner = of.values() if isinstance(of, dict) else of if isinstance(of, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    assert deepest(orjson.dumps(value)) == depth(value)


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1])
def test_how_deep_the_stack_is_does_not_decide_what_counts(depth: int) -> None:
    def below(frames: int) -> int:
        return below(frames - 1) if frames else len(decode([Record(0, 0, nested(depth))], 1 << 20)[0])

    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(below(frames) for frames in (0, 100, 400)))
    thread.start()
    thread.join()
    assert found == [depth == DEEPEST] * 3


def test_each_of_many_bad_records_is_set_aside_in_order() -> None:
    values = [but(at="now"), None, but(), but(service=5), but(at=2**53), b"{", but()]
    block = measured([Record(i, NOW_MS, value) for i, value in enumerate(values)])[-1]
    assert [(one.offset, one.reason) for one in block.rejected] == [
        (0, "bad_time"), (1, "empty"), (3, "invalid"), (4, "future"), (5, "not_json"),
    ]  # fmt: skip
    assert block.events == 2


def test_fields_that_nobody_reads_are_counted() -> None:
    block = measured([Record(0, NOW_MS, but(intnet="refund", region="eu"))])[-1]
    unknown = {which: n for (what, which), n in block.stats.items() if what == "unknown_field"}
    assert unknown == {"intnet": 1, "region": 1}


def test_a_first_record_that_is_set_aside_is_not_looked_at_again() -> None:
    """It was, once, and each owner of the partition died of it in turn."""
    deep = b'{"type": "exchange", "x": ' + b"[" * 1500 + b"]" * 1500 + b"}"
    block, _ = feed(Plan.of(Config(), Taxonomy.load_default()), begin("e", 0, 0), [Record(0, SECOND * 1000, deep)])
    assert [one.reason for one in block.rejected] == ["too_deep"]

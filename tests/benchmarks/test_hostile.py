"""Each hostile kind is what it claims, by other means than the product's; and what is designed becomes of it."""

import json
from collections import Counter
from typing import Any

import msgspec
import orjson
import pytest

from benchmarks.events import START_MS
from benchmarks.hostile import BIG_BYTES, CONTROLS, KINDS, LIMIT_BYTES, MILLION, Kind, Record, hostile, numbers
from schemas.config import Config
from schemas.tallies import Flush, decode
from schemas.taxonomy import Taxonomy
from streams.measure import stage as measure

N = len(KINDS) * 8


@pytest.fixture(scope="module")
def made() -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {kind.name: [] for kind in KINDS}
    for record in hostile(N, START_MS, START_MS + 60_000, seed=7):
        found[record.kind.name].append(record)
    return found


def test_the_full_run_has_a_thousand_of_each_kind_but_of_the_few() -> None:
    counts = numbers(100_000)
    assert sum(counts.values()) == 100_000
    assert {counts[kind.name] for kind in KINDS if kind.few} == {100}
    assert min(counts[kind.name] for kind in KINDS if not kind.few) >= 1_000
    assert len(KINDS) >= 12


def test_the_same_seed_makes_the_same_records() -> None:
    first, again, other = (list(hostile(50, 0, 1000, seed)) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_product_does_with_each_kind_what_is_designed(kind: Kind, made: dict[str, list[Record]]) -> None:
    plan = measure.Plan.of(Config(), Taxonomy.load_default())
    records = made[kind.name]
    assert records
    fed = [measure.Record(i, START_MS + i, record.value) for i, record in enumerate(records)]
    block, finished = measure.feed(plan, measure.begin("s", 0, 0), fed)
    assert not finished
    if kind.reasons:
        assert {one.reason for one in block.rejected} <= set(kind.reasons)
        assert [one.offset for one in block.rejected] == list(range(len(records)))
    else:
        assert block.rejected == ()
        flushes = [decode(message.value) for message in measure.flushes(plan, block, True)]
        named = {name for flush in flushes if isinstance(flush, Flush) for name in flush.names}
        assert {record.service for record in records} <= named
        assert block.stats["late", ""] == (len(records) if kind.late else 0)


def _of(made: dict[str, list[Record]], kind: str) -> list[bytes]:
    return [record.value or b"" for record in made[kind]]


def _depth(value: bytes) -> int:
    return max(value.count(b"["), value.count(b'{"a":'))


def test_kinds_that_are_no_json_are_none(made: dict[str, list[Record]]) -> None:
    for kind in ("cut off", "random bytes", "control characters unescaped", "bad UTF-8", "nothing at all"):
        for value in _of(made, kind):
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(value)


def test_kinds_are_as_large_and_as_deep_as_they_claim(made: dict[str, list[Record]]) -> None:
    assert all(BIG_BYTES <= len(value) < 1.01 * BIG_BYTES for value in _of(made, "5 MB"))
    assert all(len(orjson.loads(value)["tools"]) == MILLION for value in _of(made, "a million tools")[:1])
    assert all(LIMIT_BYTES - 100 < len(value) <= LIMIT_BYTES for value in _of(made, "tools up to the limit"))
    assert all(_depth(value) > 500 for value in _of(made, "deep nesting"))


def test_kinds_hold_the_numbers_that_they_claim(made: dict[str, list[Record]]) -> None:
    assert all(b":NaN" in value for value in _of(made, "NaN"))
    assert all(b":1e999" in value for value in _of(made, "1e999"))
    assert all(json.loads(value)["input_tokens"] == 10**30 for value in _of(made, "10^30 of a count"))
    assert all(json.loads(value)["latency_ms"] == 10**30 for value in _of(made, "10^30 of an amount"))
    assert all(json.loads(value)["at"] == 10**30 for value in _of(made, "10^30 as a time"))
    assert all(orjson.loads(value)["latency_ms"] < 0 for value in _of(made, "negative number"))
    assert all(isinstance(orjson.loads(value)["latency_ms"], str) for value in _of(made, "wrong type"))
    for value in _of(made, "bad UTF-8"):
        with pytest.raises(UnicodeDecodeError):
            value.decode()


def test_duplicates_say_a_key_twice_and_the_last_word_counts(made: dict[str, list[Record]]) -> None:
    def keys(pairs: list[tuple[str, Any]]) -> list[str]:
        return [key for key, _ in pairs]

    for record in made["duplicate keys"]:
        assert Counter(json.loads(record.value or b"", object_pairs_hook=keys))["service"] == 2
        assert record.service == "hostile-duplicate-keys"


def test_control_characters_stand_in_names_of_their_own(made: dict[str, list[Record]]) -> None:
    services = {record.service for record in made["control characters in names"]}
    assert services <= {f"hostile-{odd}" for odd in CONTROLS}
    assert len(services) > 2


def test_a_tombstone_has_no_value_and_nothing_at_all_an_empty_one(made: dict[str, list[Record]]) -> None:
    assert {record.value for record in made["tombstone"]} == {None}
    assert {record.value for record in made["nothing at all"]} == {b""}


def test_what_is_valid_counts_for_a_service_that_no_good_event_names(made: dict[str, list[Record]]) -> None:
    for records in made.values():
        for record in records:
            assert (record.service is None) == bool(record.kind.reasons)
            assert record.service is None or record.service.startswith("hostile-")


def test_far_times_are_far(made: dict[str, list[Record]]) -> None:
    said = [msgspec.json.decode(value, type=dict[str, Any])["at"] for value in _of(made, "far past")]
    assert all(at in (0, 1) or str(at) < "1971" for at in said)
    said = [msgspec.json.decode(value, type=dict[str, Any])["at"] for value in _of(made, "far future")]
    assert all(at == 2**53 or str(at) > "2100" for at in said)

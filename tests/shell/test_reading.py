"""What is told of a partition, and when."""

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.config import Config
from schemas.sections import Measure
from schemas.taxonomy import Taxonomy
from streams.measure.stage import Plan, Record
from streams.shell.exits import Doubt
from streams.shell.groups import start
from streams.shell.reading import Reading
from streams.watch.pieces import whole
from tests.shell.traffic import exchanges

PLAN = Plan.of(Config(), Taxonomy.load_default())
EVENT = next(exchanges(1))
AFTER_S = 1.25


def record(offset: int, second: int, value: bytes = EVENT) -> Record:
    return Record(offset, 1_795_000_000_000 + second * 1000, value)


def reading(at: float = 0.0) -> Reading:
    return Reading(PLAN, TopicPartition("ai.events", 2), 0, at)


@pytest.mark.parametrize(
    ("committed", "log_start", "begins"),
    [
        (None, 0, 0),
        (None, 900, 900),
        (OffsetAndMetadata(-1, ""), 900, 900),  # what the broker says of a group that never committed
        (OffsetAndMetadata(70_001, "anchor"), 0, 70_001),
        (OffsetAndMetadata(70_001, ""), 0, 65_536),  # a tool's commit: down to where a block surely begins
        (OffsetAndMetadata(70_001, "by hand"), 0, 65_536),
        (OffsetAndMetadata(70_001, ""), 66_000, 66_000),  # retention took the beginning of that block
        (OffsetAndMetadata(70_001, "anchor"), 80_000, 80_000),
    ],
)
def test_a_partition_begins_at_an_anchor(committed: OffsetAndMetadata | None, log_start: int, begins: int) -> None:
    assert start(committed, log_start, 90_000).at == begins


def test_an_open_block_is_told_when_it_waited_and_grew() -> None:
    one = reading()
    assert not one.due(100.0, AFTER_S), "nothing to tell"
    one.count([record(0, 0)], now=100.0)
    assert not one.due(101.0, AFTER_S)
    assert one.due(101.25, AFTER_S)
    whole(one.so_far(now=101.25))
    assert not one.due(200.0, AFTER_S), "it has not grown"
    one.count([record(1, 0)], now=200.0)
    assert one.due(200.0, AFTER_S), "it grew, and what came first has waited"


def test_a_new_block_waits_anew() -> None:
    one = reading()
    one.count([record(0, 0)], now=100.0)
    one.count([record(1, 1)], now=101.2)
    one.finished.clear()
    assert not one.due(102.0, AFTER_S)
    assert one.due(102.45, AFTER_S)


def test_nothing_of_an_open_block_is_due_while_a_finished_one_waits() -> None:
    one = reading()
    one.count([record(0, 0), record(1, 1)], now=100.0)
    assert len(one.finished) == 1
    assert not one.due(200.0, AFTER_S)


def test_what_was_set_aside_is_told_once_while_open_and_again_at_the_end() -> None:
    one = reading()
    one.count([record(0, 0, b"not json")], now=0.0)
    first = [said for role, said in whole(one.so_far(now=2.0)) if role == "rejected"]
    one.count([record(1, 0, b"nor this"), record(2, 0)], now=3.0)
    second = [said for role, said in whole(one.so_far(now=5.0)) if role == "rejected"]
    one.count([record(3, 1)], now=6.0)
    final = [said for role, said in whole(one.final()) if role == "rejected"]
    assert [said.key for said in first] == [b"ai.events:2:0"]
    assert [said.key for said in second] == [b"ai.events:2:1"]
    assert final == [*first, *second], "the same key and the same bytes"


def test_the_statistics_add_up_whatever_the_batches() -> None:
    records = [record(i, i // 7, b"" if i % 5 == 0 else EVENT) for i in range(40)]
    whole, parts = reading(), reading()
    at_once = whole.count(records, now=0.0)
    bit_by_bit = parts.count(records[:1], now=0.0)
    for i in range(1, 40, 3):
        bit_by_bit.update(parts.count(records[i : i + 3], now=0.0))
    assert at_once == bit_by_bit
    assert at_once["events", "exchange"] == 32


PAIRED = Plan.of(Config(measure=Measure(pairing=True, pair_lookback=5)), Taxonomy.load_default())
HALF = b'{"type": "%b", "id": "1", "service": "s", "release": "r", "at": 1795000000000}'


def test_what_is_read_back_is_not_counted_but_remembered() -> None:
    owner = Reading(PAIRED, TopicPartition("ai.events", 2), anchor=7, now=0.0, back=2)
    assert owner.count([record(4, 0, HALF % b"request"), record(5, 0)], now=1.0) == {}
    assert not owner.due(200.0, AFTER_S), "nothing to tell"
    stats = owner.count([record(6, 0), record(7, 1, HALF % b"response"), record(8, 1)], now=2.0)
    assert +stats == {("events", "response"): 1, ("events", "exchange"): 1, ("requests", "answered"): 1}
    assert (owner.block.anchor, owner.block.end, owner.block.events) == (7, 9, 2)
    assert owner.due(3.25, AFTER_S), "what is counted has waited since the second poll"


def test_a_gap_before_the_anchor_leaves_nothing_to_read_back() -> None:
    owner = Reading(PAIRED, TopicPartition("ai.events", 2), anchor=7, now=0.0, back=2)
    stats = owner.count([record(7, 1, HALF % b"response")], now=2.0)
    assert +stats == {("events", "response"): 1, ("unpaired", ""): 1}


def test_a_log_that_goes_back_before_the_anchor_is_a_doubt() -> None:
    owner = Reading(PAIRED, TopicPartition("ai.events", 2), anchor=7, now=0.0, back=2)
    owner.count([record(4, 0)], now=0.0)
    with pytest.raises(Doubt, match="went back from 5 to 4"):
        owner.count([record(4, 0)], now=1.0)


def test_a_log_that_goes_back_is_a_doubt() -> None:
    one = reading()
    one.count([record(0, 0), record(1, 0)], now=0.0)
    with pytest.raises(Doubt, match="went back from 2 to 1"):
        one.count([record(1, 0)], now=1.0)

"""MEASURE promises: where a block begins follows from the log alone."""

import pytest

from streams.measure.stage import Record, begin, feed, floor, flushes
from tests.measure.traffic import PLAN, SECOND, measured

MS = SECOND * 1000
VALUE = b'{"type":"exchange","id":"1","service":"s","release":"r","at":0}'


def anchors(*records: tuple[int, int]) -> list[int]:
    """Where blocks begin in a log of (offset, milliseconds after a whole second)."""
    return [block.anchor for block in measured([Record(offset, MS + ms, VALUE) for offset, ms in records])]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([(0, 0), (1, 999)], [0], id="one second is one block"),
        pytest.param([(0, 0), (1, 1000)], [0, 1], id="a later second begins one"),
        pytest.param([(0, 999), (1, 1000), (2, 1999)], [0, 1], id="seconds are whole ones, not the first record's"),
        pytest.param([(0, 0), (1, 5000), (2, 4999)], [0, 1], id="an earlier record joins what is open"),
        pytest.param([(0, 0), (1, -60_000), (2, 0)], [0], id="up to a minute back"),
        pytest.param([(0, 0), (1, -60_001), (2, 0)], [0, 1, 2], id="beyond a minute back begins one"),
        pytest.param([(0, 0), (1, -500), (2, 999)], [0], id="a block's second is its first record's"),
        pytest.param([(7, 0), (9, 0)], [0], id="a gap before the first record belongs to the block"),
        pytest.param([(0, 0), (5, 0), (9, 1000)], [0, 9], id="offsets may leave gaps"),
        pytest.param([(65_535, 0), (65_536, 0)], [0, 65_536], id="every multiple of 65,536 begins one"),
        pytest.param([(65_530, 0), (65_540, 0)], [0, 65_536], id="even if no record lies there"),
        pytest.param([(65_530, 0), (65_540, 1000)], [0, 65_536], id="though a later second begins behind it"),
        pytest.param([(0, 0), (140_000, 0)], [0, 131_072], id="multiples in a long gap begin none"),
        pytest.param([(140_000, 0), (140_001, 0)], [0, 131_072], id="nor before the first record"),
    ],
)
def test_where_blocks_begin(records: list[tuple[int, int]], expected: list[int]) -> None:
    assert anchors(*records) == expected


def test_a_block_ends_where_the_next_one_begins() -> None:
    blocks = measured([Record(offset, MS + ms, VALUE) for offset, ms in [(0, 0), (7, 1000), (70_000, 1000)]])
    assert [(block.anchor, block.end) for block in blocks] == [(0, 7), (7, 65_536), (65_536, 70_001)]


def test_a_start_at_no_anchor_goes_down_to_one() -> None:
    records = [Record(offset, MS + offset // 100 * 1000, VALUE) for offset in range(65_400, 66_000)]
    whole = {block.anchor for block in measured(records)}
    assert {block.anchor for block in measured(records[136:], start=floor(65_777))} <= whole


def test_a_block_without_events_says_nothing() -> None:
    empty, aside = measured([Record(70_000, MS, None)])
    assert flushes(PLAN, empty, True) == flushes(PLAN, aside, True) == []
    assert [one.offset for one in aside.rejected] == [70_000]


def test_nothing_changes_a_block_that_was_given_away() -> None:
    first, _ = feed(PLAN, begin(PLAN.source, 0, 0), [Record(0, MS, VALUE)])
    said = flushes(PLAN, first, False)
    feed(PLAN, first, [Record(1, MS, VALUE), Record(2, MS, None)])
    assert flushes(PLAN, first, False) == said
    assert (first.end, first.events, first.rejected) == (1, 1, ())


def test_a_record_that_was_counted_is_not_counted_again() -> None:
    block, _ = feed(PLAN, begin(PLAN.source, 0, 0), [Record(5, MS, VALUE)])
    with pytest.raises(ValueError, match=r"record 5 of ai\.events:0 was counted up to 6"):
        feed(PLAN, block, [Record(5, MS, VALUE)])

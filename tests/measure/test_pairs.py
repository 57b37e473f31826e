"""MEASURE promises: a request and its response count once, as one exchange, whoever counts and wherever they begin."""

from collections import Counter
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import Config
from schemas.sections import Measure
from streams.measure.stage import Block, Message, Plan, Record, begin, feed, flushes, rejects, remember
from streams.measure.waiting import Asked, forget
from tests.measure.recount import counts, read, read_beside, read_exemplars, settled, total
from tests.measure.test_counts import agree, told
from tests.measure.traffic import SECOND, TAXONOMY, halves, measured, pairings

MS = SECOND * 1000
CONFIG = Config(measure=Measure(pairing=True, pair_lookback=10, open_requests=3))
PLAN = Plan.of(CONFIG, TAXONOMY)
FAILED = "AVL.NO_RESPONSE"


@settings(max_examples=400, deadline=None)
@given(halves(), pairings())
def test_every_cell_is_what_a_search_from_each_request_says(log: list[Record], config: Config) -> None:
    plan = Plan.of(config, TAXONOMY)
    agree(log, config, plan)
    blocks, plain = measured(log, plan), counts(log, config)
    for block, count in zip(blocks, plain, strict=True):
        assert count.requests == {which: n for (what, which), n in block.stats.items() if what == "requests"}


Cuts = list[int]
cuts = st.lists(st.integers(0, 30), max_size=6)


def batches(log: list[Record], places: Cuts) -> list[list[Record]]:
    """Cut a log into batches, some of them empty."""
    ends = sorted(min(place, len(log)) for place in places)
    return [log[a:b] for a, b in zip([0, *ends], [*ends, len(log)], strict=True)]


Said = tuple[list[Message], list[Message]]
Place = tuple[int, int, bool]
"""Anchor and end of a block, and whether it is finished."""


def said(plan: Plan, block: Block, final: bool) -> Said:
    """All that is sent of a block."""
    return flushes(plan, block, final), rejects(block)


@settings(max_examples=150, deadline=None)
@given(halves(), pairings(), cuts)
def test_however_a_log_is_cut_the_same_bytes_are_sent(log: list[Record], config: Config, places: Cuts) -> None:
    plan = Plan.of(config, TAXONOMY)
    block, finished = begin(plan.source, 0, 0), list[Block]()
    for batch in batches(log, places):
        block, ended = feed(plan, block, batch)
        finished += ended
    assert [said(plan, one, True) for one in (*finished, block)] == [
        said(plan, one, True) for one in measured(log, plan)
    ]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_whoever_takes_over_at_an_anchor_and_reads_back_says_what_the_one_before_would_have(
    data: st.DataObject,
) -> None:
    """Any number of owners, each from an anchor on and cut short anywhere: every word is the one true word."""
    log, config = data.draw(halves()), data.draw(pairings())
    plan, lookback = Plan.of(config, TAXONOMY), config.measure.pair_lookback
    block, true, words = begin(plan.source, 0, 0), dict[Place, Block](), dict[Place, Said]()
    for record in log:
        block, finished = feed(plan, block, [record])
        true |= {(one.anchor, one.end, True): one for one in finished}
        true[block.anchor, block.end, False] = block
    open_at = {0: list[Asked]()}
    for one, after in pairwise(measured(log, plan)):
        near, _ = forget(one.waiting, after.anchor - lookback)
        open_at[after.anchor] = list(near.requests.values())

    def word(place: Place) -> Said:
        if place not in words:
            words[place] = said(plan, true[place], place[2])
        return words[place]

    for _ in range(3):
        anchor = data.draw(st.sampled_from(sorted(open_at)))
        own = begin(plan.source, 0, anchor)
        for batch in batches([one for one in log if anchor - lookback <= one.offset < anchor], data.draw(cuts)):
            own = remember(plan, own, batch)
        assert list(own.waiting.requests.values()) == open_at[anchor]
        ahead = batches([one for one in log if one.offset >= anchor], data.draw(cuts))
        for batch in ahead[: data.draw(st.integers(1, 9))]:
            own, finished = feed(plan, own, batch)
            for one in finished:
                assert said(plan, one, True) == word((one.anchor, one.end, True))
            if own.end > own.anchor:
                assert said(plan, own, False) == word((own.anchor, own.end, False))


def half(kind: str, **says: Any) -> bytes:
    """Make a half of exchange 1 of service s."""
    return orjson.dumps({"type": kind, "id": "1", "service": "s", "release": "r", "at": MS} | says)


ASK, ANSWER = half("request", intent="buy", input_tokens=7), half("response", status="ok")


def what_becomes(*records: tuple[int, float, bytes | None], plan: Plan = PLAN) -> dict[str, int]:
    """Say what became of the halves in a log of (offset, seconds, value)."""
    blocks = measured([Record(offset, int(MS + s * 1000), value) for offset, s, value in records], plan)
    whole = sum((block.stats for block in blocks), start=Counter[tuple[str, str]]())
    return {what or "unpaired": n for (kind, what), n in whole.items() if kind in ("requests", "unpaired")}


WHOLE = half("exchange", id="0")
OTHERS = [half("request", id=str(n)) for n in range(2, 9)]


@pytest.mark.parametrize(
    ("records", "becomes"),
    [
        pytest.param([(0, 0, ASK), (1, 0, ANSWER)], {"answered": 1}, id="a pair"),
        pytest.param([(0, 0, ASK)], {}, id="a request waits"),
        pytest.param([(0, 0, ASK), (1, 60, ANSWER)], {"answered": 1}, id="sixty seconds are in time"),
        pytest.param([(0, 0, ASK), (1, 60.001, ANSWER)], {"no_response": 1, "unpaired": 1}, id="a response too late"),
        pytest.param([(0, 0, ASK), (1, 60.001, WHOLE)], {"no_response": 1}, id="any later record gives up"),
        pytest.param([(0, 0, ASK), (1, 60.001, b"?")], {"no_response": 1}, id="even one that is no event"),
        pytest.param([(0, 0, ASK), (1, 61, None), (2, 62, WHOLE)], {"no_response": 1}, id="given up once"),
        pytest.param([(0, 0, ASK), (1, -60, ANSWER)], {"answered": 1}, id="a clock that is a minute behind"),
        pytest.param([(0, 0, ASK), (1, -60.001, ANSWER)], {"unpaired": 1}, id="a clock that is further behind"),
        pytest.param([(0, 0, ASK), (10, 0, ANSWER)], {"answered": 1}, id="ten offsets apart are near enough"),
        pytest.param([(0, 0, ASK), (11, 0, ANSWER)], {"unpaired": 1}, id="eleven are not"),
        pytest.param([(0, 0, ASK), (11, 1, WHOLE)], {"too_far": 1}, id="forgotten at an anchor, and said so"),
        pytest.param([(0, 0, ASK), (11, 0, WHOLE), (12, 61, None)], {"too_far": 1}, id="forgotten is not given up"),
        pytest.param([(0, 0, ANSWER), (1, 0, ASK)], {"unpaired": 1}, id="a response before its request is alone"),
        pytest.param(
            [(0, 0, ASK), (1, 0, ANSWER), (2, 0, ANSWER)], {"answered": 1, "unpaired": 1}, id="the second is alone"
        ),
        pytest.param([(0, 0, ASK), (1, 1, ASK), (2, 2, ANSWER)], {"repeated": 1, "answered": 1}, id="the last counts"),
        pytest.param([(0, 0, ASK), (1, 30, ASK), (2, 61, WHOLE)], {"repeated": 1}, id="which waits from the second on"),
        pytest.param([(0, 0, ASK), (1, 0, half("response", service="t"))], {"unpaired": 1}, id="of another service"),
        pytest.param([(0, 0, ASK), (1, 0, half("response", id="2"))], {"unpaired": 1}, id="of another id"),
        pytest.param([(0, 0, ASK), (1, 0, half("response", release="2"))], {"answered": 1}, id="of another release"),
        pytest.param([(0, 0, half("request", at="?")), (1, 0, ANSWER)], {"unpaired": 1}, id="a rejected request"),
        pytest.param(
            [(0, 0, ASK), (1, 0, half("response", at=MS + 2 * 86_400_000)), (2, 0, ANSWER)], {"answered": 1},
            id="a rejected response",
        ),
        pytest.param([(0, 0, ASK), (1, 0, None), (2, 0, ANSWER)], {"answered": 1}, id="something rejected between"),
        pytest.param(
            [(0, 0, ASK), *((i, 0, one) for i, one in enumerate(OTHERS[:3], 1)), (4, 0, ANSWER)],
            {"overflow": 1, "unpaired": 1}, id="the oldest of more than three is forgotten, and said so",
        ),
        pytest.param(
            [(0, 9, OTHERS[0]), *((i, 0, OTHERS[i]) for i in (1, 2, 3)), (4, 0, half("response", id="3"))],
            {"overflow": 1, "answered": 1}, id="the oldest is the one of the smallest offset",
        ),
        pytest.param(
            [(0, 0, ASK), (1, 0, OTHERS[0]), (2, 0, OTHERS[1]), (3, 0, OTHERS[1]), (4, 0, ANSWER)],
            {"repeated": 1, "answered": 1}, id="a repeated one needs no new room",
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_halves(records: list[tuple[int, float, bytes | None]], becomes: dict[str, int]) -> None:
    assert what_becomes(*records) == becomes


def of(*records: tuple[int, float, bytes], plan: Plan = PLAN) -> list[Block]:
    return measured([Record(offset, int(MS + s * 1000), value) for offset, s, value in records], plan)


def test_an_exchange_counts_in_the_block_and_bucket_of_its_response() -> None:
    first, second = of((0, 0, ASK), (1, 1, ANSWER))
    assert [one.events for one in (first, second)] == [1, 1]
    assert total(read(one) for one in told(first, PLAN)) == {}
    assert {key[1] for key in total(read(one) for one in told(second, PLAN))} == {SECOND // 10}
    [late] = of((0, 200, half("request", at=MS + 200_000)), (1, 200, ANSWER))
    assert {key[1] for key in total(read(one) for one in told(late, PLAN))} == {"late"}


def test_what_the_response_does_not_say_the_request_does() -> None:
    ask = half("request", intent="buy", workflow="shop", input_tokens=7, trace="t", deadline_ms=50)
    answer = half("response", intent="sell", workflow=None, release="2", latency_ms=80)
    [block] = of((0, 0, ask), (1, 0, answer))
    cells = total(read(one) for one in told(block, PLAN))
    [workflow] = [held for key, held in cells.items() if key[2:] == ("2", "workflow", "shop")]
    assert workflow["intent", "sell"] == workflow["failed", "yes"] == workflow["failure_mode", "AVL.TIMEOUT"] == 1
    assert ("input_tokens", "missing") not in workflow
    [flush] = told(block, PLAN)
    assert read_exemplars(flush) == {("s", "2", "AVL.TIMEOUT"): [("1", "t", 1)]}
    assert read_beside(flush) == {("s", "r", "request"): 1}


def test_a_request_that_is_given_up_failed_and_is_an_exemplar_that_lies_where_it_was_asked() -> None:
    block = of((7, 0, half("request", intent="buy", trace="t")), (9, 61, WHOLE))[-1]
    [flush] = told(block, PLAN)
    assert read_exemplars(flush) == {("s", "r", FAILED): [("1", "t", 7)]}
    intents = {key[4]: cells for key, cells in read(flush).items() if key[3] == "intent"}
    [whole] = [cells for key, cells in read(flush).items() if key[3] == "workflow"]
    assert whole["failure_mode", FAILED] == intents["buy"]["failed", "yes"] == 1
    assert intents["buy"]["latency", "missing"] == intents["buy"]["answered", "missing"] == 1
    assert {key[1] for key in read(flush)} == {SECOND // 10}, "by the time at which it was asked"


def test_a_request_that_is_given_up_long_after_it_was_asked_is_late() -> None:
    block = of((0, 0, ASK), (1, 500, half("exchange", id="2", at=MS + 500_000)))[-1]
    buckets = {key[1]: cells["failed", "yes"] for key, cells in total(map(read, told(block, PLAN))).items()}
    assert buckets == {"late": 1, SECOND // 10 + 50: 0}


def test_a_response_alone_counts_for_what_it_says_and_is_told_beside() -> None:
    [flush] = [one for block in of((0, 0, ANSWER)) for one in told(block, PLAN)]
    assert read_beside(flush) == {("s", "r", "response"): 1}
    assert sum(cells["answered", "missing"] for key, cells in read(flush).items() if key[3] == "intent") == 1


def test_without_pairing_halves_count_for_themselves() -> None:
    plan = Plan.of(Config(), TAXONOMY)
    [block, _] = of((0, 0, ASK), (1, 0, ANSWER), (2, 90, WHOLE), plan=plan)
    [flush] = told(block, plan)
    assert read_beside(flush) == {("s", "r", "request"): 1, ("s", "r", "response"): 1}
    assert block.waiting.requests == {}
    assert what_becomes((0, 0, ASK), (1, 0, ANSWER), (2, 90, WHOLE), plan=plan) == {}


def test_events_are_counted_by_the_type_that_they_were_sent_as() -> None:
    records = (0, 0, ASK), (1, 0, ANSWER), (2, 0, ANSWER), (3, 0, OTHERS[0]), (4, 0, WHOLE), (5, 61, None)
    whole = sum((block.stats for block in of(*records)), start=Counter[tuple[str, str]]())  # type: ignore[arg-type]
    assert {which: n for (what, which), n in whole.items() if what == "events" and n} == {
        "request": 2, "response": 2, "exchange": 1,
    }  # fmt: skip


def test_nothing_changes_the_open_requests_of_a_block_that_was_given_away() -> None:
    [before] = of((0, 0, ASK))
    after, _ = feed(PLAN, before, [Record(1, MS, ANSWER), Record(2, MS, OTHERS[0])])
    assert [asked.key for asked in before.waiting.requests.values()] == [("s", "1")]
    assert [asked.key for asked in after.waiting.requests.values()] == [("s", "2")]


def test_what_is_held_of_requests_stays_small() -> None:
    plan = Plan.of(Config(measure=Measure(pairing=True, open_requests=50)), TAXONOMY)
    block = begin(plan.source, 0, 0)
    for i in range(0, 9000, 3):
        ask, never = half("request", id=f"{i}", trace="t" * 3000, intent="i" * 3000), half("request", id=f"{i}+")
        answer = half("response", id=f"{i}")
        block, _ = feed(plan, block, [Record(i, MS, ask), Record(i + 1, MS, answer), Record(i + 2, MS, never)])
    assert len(block.waiting.requests) == 50
    [*_, last] = feed(plan, block, [Record(9000, MS, ask)])[0].waiting.requests.values()
    assert sorted(map(len, filter(None, last.said))) == [128, 128]


@pytest.mark.parametrize("offsets", [[89], [100], [99, 100]])
def test_only_what_lies_right_before_the_anchor_is_read_back(offsets: list[int]) -> None:
    records = [Record(offset, MS, ASK) for offset in offsets]
    with pytest.raises(ValueError, match=r"are not those before 100, where nothing of ai\.events:0 is counted yet"):
        remember(PLAN, begin(PLAN.source, 0, 100), records)


def test_nothing_is_read_back_once_something_was_counted() -> None:
    block, _ = feed(PLAN, begin(PLAN.source, 0, 100), [Record(100, MS, ASK)])
    with pytest.raises(ValueError, match="records 99 to 99 are not those before 100"):
        remember(PLAN, block, [Record(99, MS, ASK)])


def test_chunks_of_any_size_pair_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log = [Record(i, MS + i * 400, (ASK, ANSWER, OTHERS[i % 7], b"?")[i % 4]) for i in range(400)]
    expected = [said(PLAN, block, True) for block in measured(log, PLAN)]
    for size in (1, 7, 119):
        monkeypatch.setattr("streams.measure.batch.CHUNK", size)
        assert [said(PLAN, block, True) for block in measured(log, PLAN)] == expected


@settings(max_examples=50, deadline=None)
@given(halves())
def test_flushes_settle_to_the_plain_count(log: list[Record]) -> None:
    facts = [one for block in measured(log, PLAN) for one in told(block, PLAN)]
    assert settled([*facts, *facts[:3]]) == total(count.cells for count in counts(log, CONFIG))

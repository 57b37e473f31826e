"""MEASURE promises: the hot path counts as one would by hand, however the log is cut, and says it in the same bytes."""

from collections import Counter
from collections.abc import Iterable
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cells import EDGES
from schemas.config import Config
from schemas.dimensions import Dimension
from schemas.sections import Measure
from schemas.tallies import Flush, decode
from streams.measure.stage import Block, Message, Plan, Record, begin, feed, flushes, rejects
from streams.measure.texts import Texts
from tests.measure import recount
from tests.measure.recount import Beside, counts, read, read_beside, read_exemplars, settled, total
from tests.measure.traffic import CONFIG, PLAN, TAXONOMY, flood, logs, measured


def told(block: Block, plan: Plan = PLAN, final: bool = True) -> list[Flush]:
    """What WATCH reads of a block."""
    facts = [decode(message.value) for message in flushes(plan, block, final)]
    return [fact for fact in facts if isinstance(fact, Flush)]


def beside(facts: Iterable[Flush]) -> Beside:
    """What flushes count beside the exchanges."""
    return sum((read_beside(one) for one in facts), start=Counter())


def agree(log: list[Record], config: Config, plan: Plan) -> None:
    """Compare each block with the plain count: cells, events beside, exemplars, what is set aside, where it ends."""
    blocks, plain = measured(log, plan), counts(log, config)
    assert [(block.anchor, block.end) for block in blocks] == [(count.anchor, count.end) for count in plain]
    for block, count in zip(blocks, plain, strict=True):
        facts = told(block, plan)
        assert {(one.anchor, one.end) for one in facts} <= {(count.anchor, count.end)}
        assert total(read(one) for one in facts) == count.cells
        assert beside(facts) == count.beside
        assert {key: held for one in facts for key, held in read_exemplars(one).items()} == count.exemplars
        aside = {one.offset: one.reason for one in block.rejected}
        mistyped = Counter({which: n for (what, which), n in block.stats.items() if what == "mistyped"})
        assert mistyped == +count.mistyped
        assert aside == {offset: refused.reason for offset, refused in count.refused.items()}


def test_the_oracle_has_the_edges_of_the_scale() -> None:
    assert EDGES.tolist() == recount.EDGES


@settings(max_examples=300, deadline=None)
@given(logs())
def test_every_cell_is_what_a_plain_count_says(log: list[Record]) -> None:
    agree(log, CONFIG, PLAN)


@settings(max_examples=50, deadline=None)
@given(
    logs(12),
    st.lists(st.sampled_from(get_args(Dimension)), max_size=3, unique=True),
    st.sampled_from([1, 7, 3600]),
    st.sampled_from([1, 86_400]),
    st.integers(0, 4),
)
def test_so_it_is_with_other_settings(
    log: list[Record], slices: list[Dimension], bucket_s: int, late_after_s: int, exemplars: int
) -> None:
    measure = Measure(
        slices=tuple(slices), bucket_s=bucket_s, late_after_s=late_after_s, exemplars=exemplars, names_per_block=16,
        max_event_bytes=1024,
    )  # fmt: skip
    config = Config(measure=measure)
    agree(log, config, Plan.of(config, TAXONOMY))


@pytest.mark.parametrize("seed", range(3))
def test_caps_hold_service_by_service_in_the_order_of_the_log(seed: int) -> None:
    log = flood(seed)
    agree(log, CONFIG, PLAN)
    [first, *_] = counts(log, CONFIG)
    services = {key[0] for key in first.cells}
    assert len(services) == 17  # sixteen, and `__other__`
    assert "__other__" in services


def test_one_services_flood_of_names_costs_no_other_service_its_own() -> None:
    said = b'{"type":"exchange","id":"1","service":"%b","release":"r","at":0,"intent":"%d"}'
    values = [said % (b"greedy", i) for i in range(99)] + [said % (b"modest", i) for i in (98, 99)]
    log = [Record(i, 0, value) for i, value in enumerate(values)]
    intents: dict[str, set[str | int]] = {"greedy": set(), "modest": set()}
    for key, cells in total(read(one) for one in told(measured(log)[-1])).items():
        intents[key[0]] |= {name for signal, name in cells if signal == "intent"}
    assert intents["modest"] == {"98", "99"}
    assert intents["greedy"] == {*map(str, range(16)), "__other__"}


@st.composite
def cut(draw: st.DrawFn, log: list[Record]) -> list[list[Record]]:
    """Cut a log into batches, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(log)), max_size=6)))
    return [log[a:b] for a, b in zip([0, *places], [*places, len(log)], strict=True)]


def all_said(batches: list[list[Record]], texts: Texts | None = None) -> list[tuple[int, list[Message], list[Message]]]:
    """Feed batches: the end of each block, and every byte that is sent of it."""
    block, finished = begin(PLAN.source, 0, 0, texts), list[Block]()
    for batch in batches:
        block, ended = feed(PLAN, block, batch)
        finished += ended
    return [(one.end, flushes(PLAN, one, True), rejects(one)) for one in (*finished, block)]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_however_a_log_is_cut_the_same_bytes_are_sent(data: st.DataObject) -> None:
    log = data.draw(logs())
    assert all_said(data.draw(cut(log))) == all_said([log])


@settings(max_examples=30, deadline=None)
@given(logs(), st.lists(st.text(max_size=3) | st.sampled_from(["s", "2", "en", "FMT.EMPTY", "__other__"]), max_size=20))
def test_what_was_read_before_changes_no_byte(log: list[Record], known: list[str]) -> None:
    texts = Texts()
    for name in known:
        texts[name]
    assert all_said([log], texts) == all_said([log])


def test_chunks_of_any_size_count_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log = flood(4, n=120)
    expected = all_said([log])
    for size in (1, 7, 119):
        monkeypatch.setattr("streams.measure.batch.CHUNK", size)
        assert all_said([log]) == expected


def test_counting_into_cells_and_sorting_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    log = flood(5, n=200)
    by_cost = all_said([log])
    for price in (0, 10**9):
        monkeypatch.setattr("streams.measure.tally._SORT", price)
        assert all_said([log]) == by_cost


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whoever_starts_at_an_anchor_says_the_same_from_there_on(data: st.DataObject) -> None:
    log = data.draw(logs())
    blocks = measured(log)
    at = data.draw(st.sampled_from(blocks)).anchor
    again = measured([record for record in log if record.offset >= at], start=at)
    later = [block for block in blocks if block.anchor >= at]
    assert [(block.anchor, block.end) for block in again] == [(block.anchor, block.end) for block in later]
    assert [flushes(PLAN, block, True) for block in again] == [flushes(PLAN, block, True) for block in later]


@settings(max_examples=40, deadline=None)
@given(logs())
def test_a_longer_flush_contains_every_shorter_one(log: list[Record]) -> None:
    block, before = begin(PLAN.source, 0, 0), dict[int, list[Flush]]()
    for record in log:
        block, _ = feed(PLAN, block, [record])
        longer, shorter = told(block, final=False), before.get(block.anchor, [])
        held = total(read(one) for one in longer)
        for key, cells in total(read(one) for one in shorter).items():
            assert cells <= held[key]
        assert beside(shorter) <= beside(longer)
        before[block.anchor] = longer


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_flushes_settle_to_the_plain_count_in_any_order_and_with_repeats(data: st.DataObject) -> None:
    log = data.draw(logs())
    block, facts = begin(PLAN.source, 0, 0), list[Flush]()
    for batch in data.draw(cut(log)):
        block, finished = feed(PLAN, block, batch)
        for one in finished:
            facts += told(one)
        facts += told(block, final=False)
    assert settled([*data.draw(st.permutations(facts)), *facts[:3]]) == recount.recount(log, CONFIG)


def test_each_event_lies_in_one_slice_of_every_dimension() -> None:
    log = flood(9, n=300)
    cells = recount.recount(log, CONFIG)
    for dimension in CONFIG.measure.slices:
        slices = [held for key, held in cells.items() if key[3] == dimension]
        assert sum(held["answered", flag] for held in slices for flag in ("no", "yes", "missing")) == 300

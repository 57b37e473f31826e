"""What of a flush is new, by its anchor: added once, whoever tells it, in whatever order."""

from collections import Counter

import pytest

from schemas.tallies import Flush
from streams.watch.merge import merge
from streams.watch.parts import parts
from streams.watch.state import State
from tests.watch.tallies import Counts, Key, flush, told


def said(n: int) -> Counts:
    """`n` events that were not refused."""
    return Counter({("s", Key(100, "1", "workflow", "", 6)): n})


def state() -> State:
    return State(service="s", second=0)


def add(now: State, n: int, sources: int = 4096, **where: object) -> tuple[State, int | None]:
    """Merge a flush of n events; what it adds."""
    told_of: Flush = flush(said(n), **where)  # type: ignore[arg-type]
    after, new = merge(now, told_of, parts(told_of)["s"], sources)
    return after, None if new is None else sum(told(new.part).values())


def test_a_longer_flush_of_an_open_block_adds_the_difference() -> None:
    now, added = add(state(), 3, anchor=10, end=13, final=False)
    assert added == 3
    now, added = add(now, 5, anchor=10, end=15, final=False)
    assert added == 2
    now, added = add(now, 9, anchor=10, end=20, final=True)
    assert added == 4
    assert now.marks["ai.events:0"].held is None  # nothing of a finished block is kept


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize(("anchor", "end"), [(10, 15), (10, 12), (0, 10), (12, 15), (12, 14)])
def test_an_end_that_was_seen_adds_nothing(anchor: int, end: int, final: bool) -> None:
    now, _ = add(state(), 5, anchor=10, end=15, final=True)
    after, added = add(now, end - anchor, anchor=anchor, end=end, final=final)
    assert added is None
    assert after is now


def test_a_final_flush_that_adds_nothing_finishes_its_block() -> None:
    now, _ = add(state(), 5, anchor=10, end=15, final=False)
    now, added = add(now, 5, anchor=10, end=15, final=True)
    assert added == 0
    assert now.marks["ai.events:0"].held is None


@pytest.mark.parametrize("anchor", [15, 16, 65_536])
def test_an_anchor_at_or_past_the_last_end_begins_a_new_block(anchor: int) -> None:
    """Between two blocks of a service there may be others that do not speak of it."""
    now, _ = add(state(), 5, anchor=10, end=15, final=True)
    assert add(now, 2, anchor=anchor, end=anchor + 2)[1] == 2


@pytest.mark.parametrize("anchor", [9, 11, 14])
@pytest.mark.parametrize("final", [False, True])
def test_a_block_that_begins_inside_another_is_a_loss_that_is_counted(anchor: int, final: bool) -> None:
    now, _ = add(state(), 5, anchor=10, end=15, final=final)
    after, added = add(now, 7, anchor=anchor, end=20)
    assert added is None
    assert after.lost == 1
    assert after.marks == now.marks


def test_a_block_that_was_finished_does_not_grow() -> None:
    """Two workers then cut the log by different rules."""
    now, _ = add(state(), 5, anchor=10, end=15, final=True)
    assert add(now, 7, anchor=10, end=17)[0].lost == 1


def test_of_a_block_measured_in_two_ways_the_longest_stands_and_the_other_is_taken_back() -> None:
    now, _ = add(state(), 5, anchor=10, end=15, final=False, digest="old")
    said_now = flush(said(9), anchor=10, end=19, digest="new")
    after, new = merge(now, said_now, parts(said_now)["s"], 4096)
    assert new is not None
    assert new.instead is not None
    assert (sum(told(new.part).values()), sum(told(new.instead).values()), after.lost) == (9, 5, 0)
    assert add(after, 5, anchor=10, end=15, final=False, digest="old")[1] is None  # a zombie of the old worker
    assert add(after, 4, anchor=19, end=23, digest="new")[1] == 4


def test_a_topic_that_was_made_again_is_another_log() -> None:
    now, _ = add(state(), 5, anchor=10, end=15, topic_id="first")
    assert add(now, 3, anchor=0, end=3, topic_id="second")[1] == 3
    assert add(now, 5, anchor=10, end=15, topic_id="first")[1] is None


def test_partitions_and_topics_have_marks_of_their_own() -> None:
    now, _ = add(state(), 5, anchor=10, end=15)
    assert add(now, 5, anchor=10, end=15, partition=1)[1] == 5
    assert add(now, 5, anchor=10, end=15, source="other.events")[1] == 5


def test_what_an_open_block_said_before_there_was_a_baseline_is_taken_with_the_rest() -> None:
    now, _ = add(state(), 3, anchor=10, end=13, final=False)
    told_of = flush(said(9), anchor=10, end=19)
    _, new = merge(now, told_of, parts(told_of)["s"], 4096)
    assert new is not None
    assert sum(told(new.part).values()) == 6
    assert sum(told(new.untaken).values()) == 9


def test_a_mark_is_never_forgotten_and_so_there_is_an_end_to_them() -> None:
    now, _ = add(state(), 5, sources=2, partition=0)
    now, _ = add(now, 5, sources=2, partition=1)
    now, added = add(now, 5, sources=2, partition=2)
    assert added is None
    assert (now.lost, now.beyond) == (1, {"sources": 1})
    assert add(now, 5, sources=2, partition=1, anchor=1, end=6)[1] == 5

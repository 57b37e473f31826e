"""Delays are counted from the change to the block that tells of it, and what comes before is a false alarm."""

import numpy as np
import pytest

from benchmarks.intents import learn, mix
from benchmarks.others import adwin, match, river
from benchmarks.streams import draw, tally, watch
from detectors.bets import rate

HALF = np.array([0.5, 0.5, 0.0])


def test_a_change_is_found_in_the_first_block_that_can_tell() -> None:
    """Of 10,000 none said yes, so a block of 20 that all do is worth 20 times log(25) and some nats less."""
    bets = rate.table(np.array([[10_000, 0, 0]]), np.array([1e-3]))
    cells = np.array([[0] * 100 + [1] * 100], np.uint8)
    found = watch(bets, cells, change=100, block=20, false_per_event=1e-5)
    assert (found.delay.tolist(), found.false.tolist(), found.events) == ([20.0], [0], 100)
    assert bets.feature[found.bet[0]] == "yes"
    assert bets.direction[found.bet[0]] == 1


def test_event_by_event_the_same_evidence_is_gathered_sooner() -> None:
    bets = rate.table(np.array([[10_000, 0, 0]]), np.array([1e-3]))
    cells = np.array([[0] * 100 + [1] * 100], np.uint8)
    single = watch(bets, cells, change=100, block=1, false_per_event=1e-5)
    assert 1 < single.delay[0] < 20


def test_alarms_before_the_change_are_false_and_begin_anew() -> None:
    bets = rate.table(np.array([[10_000, 0, 0]]), np.array([1e-3]))
    cells = np.array([[1] * 40 + [0] * 40], np.uint8)
    found = watch(bets, cells, change=80, block=20, false_per_event=1e-5)
    assert found.false.tolist() == [2]
    assert found.missed == 1
    assert found.rate == 2 / 80


def test_false_alarms_keep_the_budget() -> None:
    """A known baseline: 1,000,000 events at 1 in 500 allow 2,000 alarms, and chance four standard deviations more."""
    repetitions, length = 200, 5_000
    bets = rate.table(np.tile([[5_000_000, 5_000_000, 0]], (repetitions, 1)), np.full(repetitions, 1e-3))
    cells = draw(HALF, repetitions, length, np.random.default_rng(1))
    found = watch(bets, cells, change=length, block=1, false_per_event=1 / 500)
    assert found.events == 1_000_000
    assert 200 < found.false.sum() < 2_000 + 4 * 2_000**0.5


def test_blocks_must_cut_the_change() -> None:
    bets = rate.table(np.array([[10, 10, 0]]), np.array([1e-3]))
    with pytest.raises(ValueError, match="not cut by blocks of 20"):
        watch(bets, np.zeros((1, 100), np.uint8), change=50, block=20, false_per_event=1e-5)


def test_events_are_drawn_as_often_as_said_and_never_where_nothing_is() -> None:
    """Of 100,000 events a half is known to 0.16 %; five times that is asked."""
    drawn = tally(draw(HALF, 10, 10_000, np.random.default_rng(1)), 3).sum(axis=0)
    assert drawn[2] == 0
    assert abs(drawn[0] / drawn.sum() - 0.5) < 0.008


def test_others_see_each_change_from_the_same_past() -> None:
    before = np.tile([0.0, 1.0], 500)[None]
    same, other = np.tile([0.0, 1.0], 200)[None], np.ones((1, 400))
    quiet, found = river(adwin(clock=1), before, [same, other], learned=500)
    assert (quiet.missed, quiet.false.sum(), quiet.events) == (1, 0, 500)
    assert 0 < found.median < 100


def test_of_several_detectors_any_alarms_for_all() -> None:
    before = np.zeros((1, 500, 3))
    after = np.zeros((1, 400, 3))
    after[:, :, 1] = 1.0
    assert river(adwin(clock=1), before, [after])[0].median < 100


def test_a_setting_is_matched_from_below_whichever_way_it_runs() -> None:
    assert match(lambda threshold: 1 / threshold, 0.01, quiet=1e6, loud=1.0, steps=30) == pytest.approx(100, rel=1e-6)
    assert match(lambda _: 0.0, 0.01, quiet=1e6, loud=1.0, steps=30) == 1.0


def test_an_intent_that_the_first_half_never_saw_is_unseen() -> None:
    intents = [f"intent-{i:03}" for i in range(150)]
    first = np.repeat(np.arange(100, dtype=np.uint8), np.arange(200, 100, -1))
    learned = learn(intents, first)
    assert learned.names[:2] == ("intent-000", "intent-001")
    assert {learned.names[cell] for cell in learned.cells[100:]} == {"__unseen__"}
    assert {learned.names[cell] for cell in learned.cells[16:100]} == {"__other__"}
    assert {learned.sliced[s] for s in learned.slices[8:]} == {"__other__"}


def test_a_doubled_intent_leaves_the_others_as_they_are_to_each_other() -> None:
    usual, doubled = mix(150), mix(150, doubled=3)
    others = np.arange(100) != 3
    assert doubled[3] == pytest.approx(2 * usual[3])
    assert doubled.sum() == pytest.approx(1)
    ratio = doubled[:100][others] / usual[:100][others]
    assert ratio == pytest.approx(ratio[0])

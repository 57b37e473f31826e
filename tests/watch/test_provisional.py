"""While a service is being learned there is a second opinion: a provisional record, that ends with a baseline."""

import numpy as np

from streams.watch.provisional import FEWEST
from tests.watch.logs import in_bytes
from tests.watch.story import USUAL, Expected, Story, incident, story
from tests.watch.traffic import rate

SLOW = USUAL.replace("baseline_events: 2000", "baseline_events: 40000")


def seen(step: str, **what: object) -> Expected:
    return incident(step, signal="refused", sev="sev-4", notify="record", **what)


def begun(refused: int = 5) -> Story:
    """Eight minutes of 32 exchanges a second, of which forty thousand are learned: a block is 160 exchanges."""
    return story(SLOW).at("14:00").every("5s", until="14:08").flush(160, refused=rate(refused))


def test_a_change_while_learning_is_a_record_that_is_marked_provisional() -> None:
    told = begun().expects().every("5s", until="14:14").flush(160, refused=rate(25))
    told = told.expects(seen("fired", version=0, since="14:08"))
    [case] = told.state().cases
    assert case.said.provisional
    [change] = case.said.changes
    assert change.direction == "up"
    assert change.before is not None
    assert change.after is not None
    assert change.before.low <= 0.05 <= change.before.high
    assert change.after.low <= 0.25 <= change.after.high


def test_what_stays_as_it_is_is_no_record() -> None:
    begun().every("5s", until="14:14").flush(160, refused=rate(5)).expects()


def test_it_is_over_once_there_is_a_baseline_and_what_follows_is_measured_against_that() -> None:
    told = begun().every("5s", until="14:14").flush(160, refused=rate(25)).expects(seen("fired"))
    told = told.every("5s", until="14:24").flush(160, refused=rate(25))
    told = told.expects(seen("resolved", why="measured against a new baseline, number 1"))
    assert told.state().provisional is None
    assert told.state().cases == ()


def test_its_state_is_bounded_whatever_comes() -> None:
    """Of a learning that never ends, as of a service with hardly any traffic, no more than 512 means are kept."""
    told = begun().expects()
    state = told.state()
    assert state.provisional is not None
    held = state.provisional.series["refused"]
    assert len(held.means) == len(held.ends)
    assert held.counts.sum() == state.provisional.events >= FEWEST
    assert np.all((held.means >= 0) & (held.means <= 1))
    assert len(in_bytes(state)) < 20_000

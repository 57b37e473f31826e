"""What happened within a second is decided as soon as it can have been told, given ticks; and says when that was."""

import orjson
import pytest

from schemas.tallies import Flush, decode
from streams.watch.clock import SHIFT_MS
from streams.watch.stage import Finding, Record, State, step
from tests.watch import logs

MARGIN_MS = 20


def told(late_ms: int) -> list[Record]:
    """Each block told so long after its second is over, and a tick just after each second of WATCH is over."""
    blocks = [(logs.BEGIN_MS + (one.second + 1) * 1000 + late_ms, one.final) for one in logs.blocks()]
    seconds = range(logs.SECONDS + 10)
    ticks = [(logs.BEGIN_MS + second * 1000 + SHIFT_MS + MARGIN_MS, logs.TICK) for second in seconds]
    in_order = sorted([*blocks, *ticks], key=lambda one: one[0])
    return [Record(i, at, value) for i, (at, value) in enumerate(in_order)]


@pytest.mark.parametrize("late_ms", [0, 60, SHIFT_MS - 1])
def test_what_happened_within_a_second_is_decided_as_soon_as_it_can_have_been_told(late_ms: int) -> None:
    """By the log's own clock: no evidence that a flush brought is left behind by the tick after it."""
    states: dict[str, State] = {}
    said: list[tuple[Record, Finding]] = []
    waited = 0
    for record in told(late_ms):
        changed, findings = step(logs.PLAN, 0, states, record)
        states |= changed
        said += [(record, finding) for finding in findings]
        pending = any(one.pending is not None for state in states.values() for one in state.streams.values())
        if isinstance(decode(record.value), Flush):
            waited += pending
        else:
            assert not pending
    assert waited > logs.SECONDS // 2, "or nothing was shown"
    assert said
    for record, finding in said:
        assert record.timestamp - orjson.loads(finding.value)["updated_at"] == MARGIN_MS, "it says when it was decided"


def test_no_rhythm_of_telling_moves_a_decision() -> None:
    """Whatever of a second is told in time is decided as one."""
    first, *others = ([but_for_place(one) for one in findings(late_ms)] for late_ms in (0, 60, SHIFT_MS - 1))
    assert first
    assert all(other == first for other in others)


def findings(late_ms: int) -> list[Finding]:
    states: dict[str, State] = {}
    said = []
    for record in told(late_ms):
        changed, found = step(logs.PLAN, 0, states, record)
        states |= changed
        said += found
    return said


def but_for_place(finding: Finding) -> object:
    return logs.but_for_offsets([finding])[0]

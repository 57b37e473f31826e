"""What a baseline could not learn is said by name and reason."""

import numpy as np

from schemas.signals import CATALOGUE
from streams.watch.alphabet import choose, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.segments import Segment
from streams.watch.unlearned import NEEDED, unlearned


def learned(**counts: dict[int, int]) -> Baseline:
    """A baseline with so many events in some cells of some signals, from the last cell backwards if negative."""
    alphabet = choose({}, ("workflow",), slices=2, told=4)
    row = tally_row(alphabet)
    tally: Ints = np.zeros(row.size, np.int64)
    for name, cells in counts.items():
        segment: Segment = next(one for one in row.segments if one.signal.name == name)
        for cell, n in cells.items():
            tally[segment.at(0)][cell] = n
    return Baseline(1, alphabet, 1000, tally, {}, (), 0, 1)


def test_a_signal_that_no_event_carries_is_not_observed_whatever_its_kind() -> None:
    missing = {signal.name: {-1: 1000} for signal in CATALOGUE}
    assert unlearned(learned(**missing)) == {signal.name: "not observed" for signal in CATALOGUE}
    assert unlearned(learned()) == {signal.name: "not observed" for signal in CATALOGUE}


def test_reasons_are_told_apart() -> None:
    found = unlearned(learned(
        failed={0: 1000}, accepted={0: 3, 1: 4, -1: 993}, refused={0: NEEDED - 1, 1: 1}, latency={50: 1000},
        cost={50: 500, 51: 500}, intent={0: NEEDED - 1}, calibration={30: 1},
    ))  # fmt: skip
    assert found["accepted"] == f"too few (7 of {NEEDED} needed)"
    assert found["intent"] == f"too few ({NEEDED - 1} of {NEEDED} needed)"
    assert found["latency"] == "constant"
    assert not {"failed", "refused", "cost", "calibration"} & found.keys()  # a rate may well be always no

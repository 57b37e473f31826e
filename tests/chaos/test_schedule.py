"""Whatever the seed, a full run breaks everything that it is there to break."""

from collections import Counter

import pytest

from streams.shell.failpoints import FAILPOINTS
from tests.chaos.schedule import FROZEN_AT, KILLS, WORKERS, brief, full


@pytest.mark.parametrize("seed", range(20))
def test_a_full_run_holds_every_disturbance(seed: int) -> None:
    acts = [act for wave in full(seed) for act in wave]
    done = Counter(act.do for act in acts)
    # An act that finds its worker dead kills nothing; a margin of four above the twenty kills that are promised.
    assert done["kill"] + done["kill at"] == KILLS
    assert [done[what] for what in ("freeze", "freeze at", "join", "broker", "upgrade")] == [1, 5, 2, 2, 1]
    assert {act.where for act in acts if act.do == "kill at"} == set(FAILPOINTS)
    assert {act.where for act in acts if act.do == "freeze at"} == set(FROZEN_AT)
    assert {act.worker for act in acts if act.do not in ("join", "broker", "upgrade")} == set(WORKERS)
    [upgrade] = [wave for wave in full(seed) if any(act.do == "upgrade" for act in wave)]
    assert len(upgrade) == 1, "a worker that something else takes down cannot be asked to stop"


def test_a_seed_is_a_schedule() -> None:
    assert full(3) == full(3) != full(4)


def test_the_brief_run_holds_one_of_each_kind() -> None:
    assert {act.do for wave in brief() for act in wave} == {"kill", "kill at", "freeze at", "join", "broker"}

"""One kill of each kind, on a real broker; `make chaos` is the long run."""

from pathlib import Path

import pytest

from tests.chaos.scene import Scene
from tests.chaos.schedule import brief
from tests.chaos.traffic import Script
from tests.kafka.cluster import Cluster

pytestmark = pytest.mark.alone


async def test_one_of_each_kind_and_every_count_and_finding_is_right(own_kafka: Cluster, tmp_path: Path) -> None:
    async def disturb(scene: Scene) -> None:
        await scene.waves(brief(), seconds=0)

    script = Script(rate=160, warm=16, cycle=18, change=6)
    run = await Scene(own_kafka, tmp_path, "brief").play(script, seed=1, disturb=disturb)

    assert run.wrong() == [], run.verdict.examples
    assert run.verdict.wrong() == 0
    assert (run.kills, run.pauses, run.joins, run.broker_restarts) == (2, 1, 1, 1)
    assert (run.missed, run.stuck) == ([], 0)
    assert run.failpoints["measure.mid_final"]["kill"] == run.failpoints["watch.before_state"]["freeze"] == 1
    assert run.verdict.steps["fired"] > 0, "a run without incidents proves nothing of them"
    assert run.verdict.rejected > 0
    assert run.verdict.overflowed > 0
    assert run.verdict.controls > 0
    assert min(run.verdict.requests.get(became, 0) for became in ("answered", "no_response", "overflow")) > 0

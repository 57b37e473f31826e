"""A planted bug -> a short run in which it must show; and the same disturbances without a bug, in which nothing may."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal

from tests.chaos.plants import FORGOT, Plant
from tests.chaos.records import watched
from tests.chaos.scene import LOOK_S, Run, Scene
from tests.chaos.settings import SESSION_S
from tests.chaos.traffic import Script
from tests.kafka.cluster import Cluster

Trial = Plant | Literal["none"]
SLOW_S: Final = 1.0
"""How long a record takes to the broker where not waiting for it is the bug."""

FLUSH_AFTER_S: Final = 5.0
"""Open blocks are hardly ever told of, so that a lost final flush is not half made up for."""

SCRIPT: Final = Script(rate=200.0)


async def kill_after_commit(scene: Scene) -> None:
    """Kill a worker right behind a commit: by then, all that the commit stands for must be with the broker."""
    await scene.kill_at("w0", "measure.after_commit")
    await scene.at_work()


async def write_old_over_new(scene: Scene) -> None:
    """Have a zombie write states after the newer ones of its heir, and leave the heir's position in place.

    Worker w0 is frozen with a state in hand; w1 takes over and goes further; w1 dies; w0 wakes, writes what it had, and
    dies before it writes its position.
    """
    if (frozen := await scene.freeze_at("w0", "watch.before_state")) is None:
        return
    async with asyncio.timeout(120):
        await watched(scene.config)
    scene.run.pauses += 1
    scene.run.kills += scene.crew.kill("w1", down_s=SESSION_S)
    killed = asyncio.create_task(scene.kill_at("w0", "watch.before_position"))
    await asyncio.sleep(LOOK_S)  # until the order is there
    scene.crew.thaw(frozen.worker, frozen.pid)
    await killed
    await scene.at_work()


async def wait_for_a_skip(scene: Scene) -> None:
    """Wait until a worker has forgotten a flush."""
    async with asyncio.timeout(60):
        while not (scene.crew.orders / FORGOT).exists():
            await asyncio.sleep(LOOK_S)
    await scene.at_work()


async def all_of_it(scene: Scene) -> None:
    """Do what brings the bugs to light, where there is none."""
    await kill_after_commit(scene)
    await write_old_over_new(scene)


DISTURBANCES: Final[dict[Trial, Callable[[Scene], Awaitable[None]]]] = {
    "undelivered": kill_after_commit, "latest": write_old_over_new, "skipped": wait_for_a_skip,
    "unread": kill_after_commit, "none": all_of_it,
}  # fmt: skip


async def trial(cluster: Cluster, folder: Path, name: Trial, seed: int) -> Run:
    """Run with a bug, or with "none"."""
    plant = None if name == "none" else name
    slow = {"undelivered": SLOW_S, "none": SLOW_S / 5}.get(name, 0.0)
    # States are written at each checkpoint: a worker that is frozen before it writes them must have some in hand.
    scene = Scene(cluster, folder / name, f"plant-{name}", plant, slow, FLUSH_AFTER_S, state_every_s=0)
    return await scene.play(SCRIPT, seed, DISTURBANCES[name])


def failed(name: Trial, run: Run) -> list[str]:
    """Say why a trial did not show what it must: the bug, by wrong counts and by nothing but its own doing."""
    if name == "none":
        return run.wrong()
    found = [] if run.verdict.wrong_counts else [f"the bug {name!r} was not seen"]
    found += [] if run.drained else ["not all was counted and watched in time"]
    return found + run.missed + run.bugs

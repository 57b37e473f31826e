"""A loop that is blocked is seen to be, and whose doing it was."""

import asyncio
import time
from pathlib import Path

from benchmarks.cores import Cores, Used
from benchmarks.gauge import Gap, Gauge, gaps, longest


async def _blocked(path: Path, work_s: float) -> tuple[float, float]:
    gauge = Gauge(asyncio.get_running_loop(), path.with_name(path.name + ".gaps"))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    end = time.thread_time() + work_s
    while time.thread_time() < end:  # work, however long the machine takes for it
        pass
    await asyncio.sleep(0.05)
    gauge.close()
    return began, time.monotonic()


def test_work_that_blocks_the_loop_is_the_workers_own(tmp_path: Path) -> None:
    began, ended = asyncio.run(_blocked(tmp_path / "w.yaml", 0.2))
    gap = longest(gaps(tmp_path / "w.yaml", began - 0.02, ended))
    assert gap.own_s > 0.19  # less the 5 ms between two ticks, and the clock's grain
    assert gap.late_s >= gap.own_s


def test_what_lies_outside_the_time_asked_for_is_not_told(tmp_path: Path) -> None:
    began, ended = asyncio.run(_blocked(tmp_path / "w.yaml", 0.1))
    assert gaps(tmp_path / "w.yaml", ended, ended + 100) == []
    assert gaps(tmp_path / "w.yaml", began - 100, began) == [
        gap for gap in gaps(tmp_path / "w.yaml", 0, ended) if gap.at <= began
    ]


def test_waiting_for_a_core_is_no_block_of_ours() -> None:
    assert longest([Gap(1, 0.5, 0.49), Gap(2, 0.03, 0.0)]) == Gap(2, 0.03, 0.0)


def test_busy_cores_are_divided_without_a_rest() -> None:
    cores = Cores.between(Used(0, 10, 10, {"a": 1, "b": 0}), Used(10, 26, 14, {"a": 4, "b": 2}))
    assert cores.of == {"a": 0.3, "b": 0.2}
    assert sum(cores.of.values()) + cores.others + cores.idle == 2.0

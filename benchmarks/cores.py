"""Two looks at the kernel's counters -> which cores' time went to whom in between."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """CPU seconds by now: of the machine, and of some processes with all their threads.

    Attributes
    ----------
    busy_s, idle_s : of all cores together; what a hypervisor took away counts as busy
    of_s : by the processes' names
    """

    at: float
    busy_s: float
    idle_s: float
    of_s: Mapping[str, float]

    @classmethod
    def now(cls, processes: Mapping[str, int]) -> Self:
        """Look now; `processes` are names and their process ids."""
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        ticks = [int(word) for word in words]  # user nice system idle iowait irq softirq steal
        idle = ticks[3] + ticks[4]
        of = {name: cpu_s(pid) for name, pid in processes.items()}
        return cls(time.monotonic(), (sum(ticks) - idle) * _TICK_S, idle * _TICK_S, of)


def cpu_s(pid: int) -> float:
    """Read the CPU seconds of a process, user and system.

    Examples
    --------
    >>> abs(cpu_s(os.getpid()) - time.process_time()) < 0.1
    True
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


class Cores(NamedTuple):
    """Cores that were busy on average: one process that never waits takes one.

    Attributes
    ----------
    idle : cores that had nothing to do
    others : cores that went to processes that were not named
    """

    of: dict[str, float]
    others: float
    idle: float

    @classmethod
    def between(cls, first: Used, last: Used) -> Self:
        """Divide the time between two looks.

        Examples
        --------
        >>> Cores.between(Used(0, 0, 0, {"broker": 1}), Used(10, 15, 5, {"broker": 6}))
        Cores(of={'broker': 0.5}, others=1.0, idle=0.5)
        """
        wall_s = last.at - first.at
        of = {name: (used_s - first.of_s[name]) / wall_s for name, used_s in last.of_s.items()}
        return cls(of, (last.busy_s - first.busy_s) / wall_s - sum(of.values()), (last.idle_s - first.idle_s) / wall_s)

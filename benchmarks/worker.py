"""A config -> what `barograph run` costs on a topic of events: the product itself, looked at from outside."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from msgspec.structs import replace

from schemas.config import Config, show

EVERY_S: Final = 0.5
SETTLED_S: Final = 1.0
"""Open blocks are told of within `measure.flush_after_s`; so long after that no flush may come any more."""

GRACE_S: Final = 0.5
"""After the last flush was acknowledged, WATCH has so long to step it."""

GIVE_UP_S: Final = 180
RUN: Final = ("-m", "streams.cli", "run", "--config")


_LAG: Final = re.compile(r'^barograph_lag_records{.*topic="[^"]*ai\.events".*} (\S+)$', re.MULTILINE)


class Cost(NamedTuple):
    """What some events cost, and how often WATCH said something."""

    events: int
    cpu_s: float
    wall_s: float
    rss_mb: float
    findings: int = 0

    @property
    def us(self) -> float:
        """CPU of one event, in microseconds."""
        return self.cpu_s / self.events * 1e6


class Look(NamedTuple):
    """A worker at one moment; `lag` is that of the events alone, by its last tick."""

    at: float
    cpu_s: float
    events: int
    flush_bytes: int
    findings: int
    watched: int
    learning: int
    rejected: int
    series: int
    lag: int

    @classmethod
    def of(cls, page: str) -> Self:
        """Read it from the worker's own metrics."""

        def total(name: str) -> float:
            return sum(map(float, re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", page, re.MULTILINE)))

        return cls(
            time.monotonic(), total("process_cpu_seconds_total"), int(total("barograph_events_total")),
            int(total("barograph_flush_bytes_total")), int(total("barograph_findings_total")),
            int(total('barograph_services{state="watched"}')), int(total('barograph_services{state="learning"}')),
            int(total("barograph_rejected_total")),
            sum(not line.startswith("#") for line in page.splitlines()),
            int(sum(map(float, _LAG.findall(page)))),
        )  # fmt: skip


class Worker:
    """A worker from its start to its end, as a `with` block that kills it if anything goes wrong.

    Parameters
    ----------
    config : its own; the port of its page is chosen here
    folder : for its config file
    command : Python's arguments that start it, the config file last
    """

    def __init__(self, config: Config, folder: Path, command: Sequence[str] = RUN) -> None:
        self._port, self._settled_s = _free_port(), config.measure.flush_after_s + SETTLED_S
        config = replace(config, worker=replace(config.worker, http_port=self._port))
        (path := folder / f"{config.worker.name}.yaml").write_text(show(config))
        self.process = subprocess.Popen([sys.executable, *command, str(path)])
        self._first: Look | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def warm(self, events: int, watched: int) -> Look:
        """Let it count so many events and learn so many services, and stop it there: its turn comes later.

        A baseline is learned once, and what that costs is no cost of an event.
        """
        self._first = self.until(lambda look: look.events >= events and look.watched >= watched)
        self.process.send_signal(signal.SIGSTOP)
        return self._first

    def until(self, true: Callable[[Look], bool], patience_s: float = GIVE_UP_S) -> Look:
        """Look at it again and again until it is so.

        Raises
        ------
        RuntimeError
            If it takes longer than `patience_s`, or the worker ends.
        """
        began = time.monotonic()
        while (look := self.look()) is None or not true(look):
            if time.monotonic() - began > patience_s:
                raise RuntimeError(f"the worker does not get on: {look}")
            time.sleep(EVERY_S)
        return look

    def stop(self) -> None:
        """Stop it in order.

        Raises
        ------
        RuntimeError
            If it does not.
        """
        self.process.send_signal(signal.SIGTERM)
        if code := self.process.wait(GIVE_UP_S):
            raise RuntimeError(f"the worker did not stop in order: {code}")

    def counted(self, events: int) -> bool:
        """Say whether it has counted so many events."""
        look = self.look()
        return look is not None and look.events >= events

    def finish(self, events: int, wall_s: float) -> Cost:
        """Wait until it has told of all it counted, stop it in order, and add up.

        CPU is taken from the end of the warm-up to `GRACE_S` after the last flush was acknowledged, plus what stopping
        takes: the last checkpoint, commits, leaving the groups. What it idles in between is left out.

        Raises
        ------
        RuntimeError
            If the worker ends, or not in order.
        """
        looks: list[Look] = []
        while not looks or looks[-1].at - _told(looks).at < self._settled_s:
            if (look := self.look()) is not None:
                looks.append(look)
            time.sleep(EVERY_S)
        last = next(look for look in looks if look.at >= _told(looks).at + GRACE_S)
        rss_mb = peak_mb(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if status or self._first is None:
            raise RuntimeError(f"the worker did not stop in order: {self.process.returncode}")
        stopping_s = used.ru_utime + used.ru_stime - looks[-1].cpu_s
        cpu_s = last.cpu_s - self._first.cpu_s + stopping_s
        return Cost(events - self._first.events, cpu_s, wall_s, rss_mb, looks[-1].findings)

    def look(self) -> Look | None:
        """Look at its page; None while it has none yet.

        Raises
        ------
        RuntimeError
            If the worker has ended.
        """
        if (code := self.process.poll()) is not None:
            raise RuntimeError(f"the worker ended with {code}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as page:
                return Look.of(page.read().decode())
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
        except ConnectionError:
            pass
        return None


def peak_mb(pid: int) -> float:
    """Read the largest resident memory that a process ever had, without that of the one that it was forked from."""
    return _status_mb(pid, "VmHWM")


def rss_mb(pid: int) -> float:
    """Read the resident memory of a process."""
    return _status_mb(pid, "VmRSS")


def _status_mb(pid: int, what: str) -> float:
    [said] = re.findall(rf"^{what}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(said) / 1024


def _told(looks: list[Look]) -> Look:
    """Find the look at which it had told of all that it has told of by now."""
    return next(look for look in looks if look.flush_bytes == looks[-1].flush_bytes)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""A config -> what `barograph run` costs on a topic of events: the product itself, looked at from outside."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Final, NamedTuple, Self

from msgspec.structs import replace

from schemas.config import Config, show

EVERY_S: Final = 0.25
SETTLED_S: Final = 2.0
"""So long after the last event no flush may come any more: open blocks are told of within `measure.flush_after_s`."""

GRACE_S: Final = 0.5
"""After the last flush was acknowledged, WATCH has so long to step it."""

GIVE_UP_S: Final = 180


class Cost(NamedTuple):
    """What some events cost, and how often WATCH said something."""

    events: int
    cpu_s: float
    wall_s: float
    rss_mb: float
    findings: int = 0


class Look(NamedTuple):
    """A worker at one moment."""

    at: float
    cpu_s: float
    events: int
    flush_bytes: int
    findings: int
    watched: int

    @classmethod
    def of(cls, page: str) -> Self:
        """Read it from the worker's own metrics."""

        def total(name: str) -> float:
            return sum(map(float, re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", page, re.MULTILINE)))

        return cls(
            time.monotonic(), total("process_cpu_seconds_total"), int(total("barograph_events_total")),
            int(total("barograph_flush_bytes_total")), int(total("barograph_findings_total")),
            int(total('barograph_services{state="watched"}')),
        )  # fmt: skip


def cost(config: Config, folder: Path, events: int, warm_up: int, watched: int = 0) -> Cost:
    """Run a worker until it has counted all events and told of them, and stop it.

    The warm-up is over when so many events are counted and so many services are watched: a baseline is learned once,
    and what that costs is no cost of an event. CPU is taken from the first look after it to `GRACE_S` after the last flush was acknowledged, plus what
    stopping takes: the last checkpoint, commits, leaving the groups. What it idles in between is left out.

    Raises
    ------
    RuntimeError
        If the worker ends, or does not get on.
    """
    config = replace(config, worker=replace(config.worker, http_port=_free_port()))
    (path := folder / f"{config.worker.name}.yaml").write_text(show(config))
    process = subprocess.Popen([sys.executable, "-m", "streams.cli", "run", "--config", str(path)])
    try:
        looks = _watch(config.worker.http_port, process, events)
        rss_mb = peak_mb(process.pid)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.send_signal(signal.SIGTERM)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"the worker did not stop in order: {os.waitstatus_to_exitcode(status)}")
    first = next(look for look in looks if look.events >= warm_up and look.watched >= watched)
    counted = next(look for look in looks if look.events == events)
    if first.events > events / 2:
        raise RuntimeError(f"{first.events} of {events} events were counted before the clock started: give more")
    told = next(look for look in looks if look.flush_bytes == looks[-1].flush_bytes)
    last = next(look for look in looks if look.at >= told.at + GRACE_S)
    stopping_s = used.ru_utime + used.ru_stime - looks[-1].cpu_s
    return Cost(
        events - first.events, last.cpu_s - first.cpu_s + stopping_s, counted.at - first.at, rss_mb, looks[-1].findings
    )  # fmt: skip


def peak_mb(pid: int) -> float:
    """Read the largest resident memory that a process ever had, without that of the one that it was forked from."""
    [peak] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(peak) / 1024


def _watch(port: int, process: "subprocess.Popen[bytes]", events: int) -> list[Look]:
    """Look at a worker until it has nothing more to tell."""
    looks: list[Look] = []
    began = time.monotonic()
    while not looks or looks[-1].events < events or looks[-1].at - _changed(looks) < SETTLED_S:
        time.sleep(EVERY_S)
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended with {process.returncode}")
        if time.monotonic() - began > GIVE_UP_S:
            raise RuntimeError(f"the worker does not get on: {looks[-1:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
                looks.append(Look.of(page.read().decode()))
        except ConnectionError:
            continue
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
    return looks


def _changed(looks: list[Look]) -> float:
    """When the number of events or of bytes told of changed last."""
    now = looks[-1]
    return next(look.at for look in looks if (look.events, look.flush_bytes) == (now.events, now.flush_bytes))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""Seconds that services were watched, and findings of them -> what was promised so far, and what was spent of it."""

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import msgspec
from prometheus_client import Histogram

from detectors.shares import WEEK_S
from schemas.incidents import Direction, Notify, Severity, Step
from schemas.signals import BY_RULE
from streams.shell.metrics import Metrics
from streams.shell.outbox import Sent
from streams.telling.findings import Finding
from streams.watch.cases import Case
from streams.watch.clock import begin_ms
from streams.watch.plan import Plan
from streams.watch.state import State

GAP_S: Final = 60
"""A longer hole in the log is no time in which anything was watched."""
_TIERS: Final[tuple[Notify, ...]] = ("record", "ticket", "page")
"""Records and tickets come out of one budget, that of tickets: a record is a ticket that nobody need look at."""


class _Change(msgspec.Struct):
    signal: str
    direction: Direction


class _Told(msgspec.Struct):
    """Of an incident, what is counted."""

    severity: Severity
    step: Step
    notify: Notify
    service: str
    changes: tuple[_Change, ...] = ()
    shadow: bool = False


_told: Final = msgspec.json.Decoder(_Told).decode


class Budget:
    """Counts the pages and tickets that may have been in vain by now, and those that there were.

    What is promised grows with the log's own seconds, service by service, by each one's part of
    ``watch.false_pages_per_week`` and ``watch.false_tickets_per_week``: by as much as all its monitors take in, where
    every seat is taken. What is spent are incidents that came to page, or to be tickets or records, whether in vain or
    in earnest: nobody tells us. One that rises counts in each tier that it comes to. Both begin at nothing with the
    process. What is in shadow is no part of either.
    """

    def __init__(self, planned: int, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seconds: dict[int, int] = {}
        metrics.planned.set(planned)

    def passed(self, plan: Plan, partition: int, states: Mapping[str, State], second: int) -> None:
        """Let the clock of a partition, which is decided by this plan, go on to this second."""
        since = self._seconds.setdefault(partition, second)
        if second > since:
            watch = plan.config.watch
            watched = [plan.service(one.service) for one in states.values() if one.baseline is not None]
            weight = sum(service.weight for service in watched if not service.shadow)
            part = weight / watch.max_services * min(second - since, GAP_S) / WEEK_S
            self._metrics.promised.labels("page").inc(watch.false_pages_per_week * part)
            self._metrics.promised.labels("ticket").inc(watch.false_tickets_per_week * part)
        self._seconds[partition] = second

    def forget(self) -> None:
        """Forget all clocks: the partitions are somebody else's now."""
        self._seconds.clear()

    def found(self, states: Mapping[str, State], finding: Finding, sent: Sent) -> None:
        """Count a finding, and how long it takes from its evidence to the broker.

        Parameters
        ----------
        states : before the record that brought it
        sent : the finding on its way
        """
        told = _told(finding.value)
        if told.shadow:
            self._would(states.get(told.service), told, finding.key.decode())
            return
        self._metrics.findings.labels(told.severity, told.step).inc()
        before = states.get(told.service)
        if before is not None and any(case.said.id == finding.id for case in before.cases):
            return  # sent again, by `watch.resend_every_s`: the rest of it was counted when it was new
        if told.step == "fired":
            for change in told.changes:
                self._metrics.changed(change.signal, change.direction)
        if before is None or all(change.signal in BY_RULE for change in told.changes):
            return
        if told.step == "fired":
            sent.add_done_callback(partial(self._delivered, self._metrics.finding.labels(told.notify), before.second))
        if _comes_to(told, before.cases, finding.key.decode()):
            self._metrics.spent.labels(told.notify).inc()

    def _would(self, before: State | None, told: _Told, key: str) -> None:
        """Count an incident in shadow when it would come to page, or to be a ticket or a record."""
        if _comes_to(told, before.shadow.cases if before else (), key):
            self._metrics.shadow.labels(told.notify).inc()

    @staticmethod
    def _delivered(seconds: Histogram, arrived: int, sent: Sent) -> None:
        if not sent.cancelled() and sent.exception() is None:
            seconds.observe(max(time.time() - begin_ms(arrived) / 1000, 0.0))


def _comes_to(told: _Told, before: Iterable[Case], key: str) -> bool:
    """Say whether an incident is new, or rose: whether it comes to a tier that it was not in."""
    was = [_TIERS.index(case.said.notify) for case in before if case.said.fingerprint == key]
    return told.step in ("fired", "updated") and _TIERS.index(told.notify) > max(was, default=-1)

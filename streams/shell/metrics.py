"""What a worker does -> figures for Prometheus."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import Final, TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from schemas.incidents import Direction, Notify, Severity, Step
from schemas.metrics import METRICS, SECONDS, Metric
from schemas.own import MOST_OWN
from schemas.printable import printable
from schemas.signals import BY_NAME, OF_ALL

_FIELDS: Final = 50
"""Names of unknown fields that get a label of their own: what producers send must not fill Prometheus."""

_SIGNALS: Final = len(BY_NAME) + len(OF_ALL) + 2 * MOST_OWN
"""Names of signals that get one: the catalogue's, and as many as two configs declare, one after the other."""

_MODES: Final = 128
"""Failure modes that get a label of their own: the taxonomy's, and as many of one's own."""

_Kind = TypeVar("_Kind", Counter, Gauge, Histogram)


class Metrics:
    """The metrics of one worker, as the table in `schemas.metrics` has them.

    Counts are of what this process has read since it started. After a restart or a rebalance up to a block is read
    again and counted here again; the tallies are what is exact. How often a worker was started again is told by
    ``process_start_time_seconds`` (docs/decisions/0026).
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when each count began: the process' start says it
        registry = self._registry = CollectorRegistry()
        self._fields, self._signals, self._modes = set[str](), set[str](), set[str]()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        table = {metric.name: _made(metric, registry) for metric in METRICS}
        self._events = _of(Counter, table["barograph_events_total"])
        self._rejected = _of(Counter, table["barograph_rejected_total"])
        self._failures = _of(Counter, table["barograph_failures_total"])
        self._late = _of(Counter, table["barograph_late_events_total"])
        self._unknown = _of(Counter, table["barograph_unknown_fields_total"])
        self._mistyped = _of(Counter, table["barograph_mistyped_total"])
        self._requests = _of(Counter, table["barograph_requests_total"])
        self._unpaired = _of(Counter, table["barograph_unpaired_responses_total"])
        self.open_requests = _of(Gauge, table["barograph_open_requests"])
        self._flushes = _of(Counter, table["barograph_flushes_total"])
        self._flush_bytes = _of(Counter, table["barograph_flush_bytes_total"])
        self.info = _of(Gauge, table["barograph_info"])
        self.ready = _of(Gauge, table["barograph_ready"])
        self.skipped = _of(Counter, table["barograph_source_offsets_skipped_total"])
        self.overflow = _of(Counter, table["barograph_overflow_total"])
        self.findings = _of(Counter, table["barograph_findings_total"])
        self.finding = _of(Histogram, table["barograph_finding_seconds"])
        self._changes = _of(Counter, table["barograph_changes_total"])
        self.promised = _of(Counter, table["barograph_budget_promised_total"])
        self.spent = _of(Counter, table["barograph_budget_spent_total"])
        self.held_back, self.shadow = (
            _of(Counter, table[f"barograph_{kept}_total"]) for kept in ("held_back", "shadow")
        )  # fmt: skip
        self.services = _of(Gauge, table["barograph_services"])
        self.unlearned = _of(Gauge, table["barograph_unlearned_signals"])
        self.lost = _of(Counter, table["barograph_lost_records_total"])
        self.quarantined = _of(Gauge, table["barograph_quarantined_services"])
        self.weight, self.planned = (
            _of(Gauge, table[f"barograph_{kept}"]) for kept in ("services_weight", "planned_services")
        )  # fmt: skip
        self.lag = _of(Gauge, table["barograph_lag_records"])
        self.lag_seconds = _of(Gauge, table["barograph_lag_seconds"])
        self.held = _of(Gauge, table["barograph_held_partitions"])
        self.unacknowledged = _of(Gauge, table["barograph_unacknowledged_records"])
        self.unacknowledged_seconds = _of(Gauge, table["barograph_unacknowledged_seconds"])
        self.checkpoint = _of(Histogram, table["barograph_checkpoint_seconds"])
        self.checkpoint_bytes = _of(Counter, table["barograph_checkpoint_bytes_total"])
        self.checkpoint_age = _of(Gauge, table["barograph_checkpoint_age_seconds"])
        self.state_bytes = _of(Gauge, table["barograph_state_bytes"])
        self.restore = _of(Histogram, table["barograph_restore_seconds"])
        self.verdicts = _of(Counter, table["barograph_verdicts_read_total"])
        self.withheld = _of(Counter, table["barograph_log_lines_withheld_total"])
        # Prometheus sees no increase in a count that is there only once it is 1, and of these each one matters.
        for planned in ("page", "ticket"):
            self.promised.labels(planned)
        for severity, step in product(get_args(Severity), get_args(Step)):
            self.findings.labels(severity, step)
        for tier in get_args(Notify):
            self.finding.labels(tier)
            self.spent.labels(tier)
            self.shadow.labels(tier)
        self.know([*BY_NAME, *OF_ALL])

    def counted(self, stats: Mapping[tuple[str, str], int]) -> None:
        """Add what a block has more in its statistics than before: (what, which) -> how many."""
        for (what, which), n in stats.items():
            match what:
                case "events":
                    self._events.labels(which).inc(n)
                case "rejected":
                    self._rejected.labels(which).inc(n)
                case "failed":
                    self._failures.labels(_among(self._modes, which, _MODES)).inc(n)
                case "late":
                    self._late.inc(n)
                case "mistyped":
                    self._mistyped.labels(which).inc(n)
                case "requests":
                    self._requests.labels(which).inc(n)
                case "unpaired":
                    self._unpaired.inc(n)
                case "unknown_field":
                    self._unknown.labels(_among(self._fields, printable(which), _FIELDS)).inc(n)

    def know(self, signals: Iterable[str]) -> None:
        """Show that these signals may be named by incidents, and were not yet."""
        for signal, direction in product(signals, get_args(Direction)):
            self._changes.labels(_among(self._signals, signal, _SIGNALS), direction)

    def changed(self, signal: str, direction: Direction) -> None:
        """Count a signal that a new incident names."""
        self._changes.labels(_among(self._signals, signal, _SIGNALS), direction).inc()

    def flushed(self, sizes: Sequence[int], final: bool) -> None:
        """Add flushes, of so many bytes each, that the broker has acknowledged."""
        self._flushes.labels(str(final).lower()).inc(len(sizes))
        self._flush_bytes.inc(sum(sizes))

    def overflowed(self, stage: str, beyond: Mapping[str, int]) -> None:
        """Add what went beyond a cap: which -> how many."""
        for cap, n in beyond.items():
            self.overflow.labels(stage, cap).inc(n)

    def behind(self, topic: str, partition: int, records: int, seconds: float) -> None:
        """Show how far an owned partition is behind its end."""
        self.lag.labels(topic, partition).set(records)
        self.lag_seconds.labels(topic, partition).set(seconds)

    def forget(self, topic: str, partition: int) -> None:
        """Show neither lag nor open requests of a partition that is no longer ours."""
        for gauge in (self.lag, self.lag_seconds, self.open_requests):
            with suppress(KeyError):
                gauge.remove(topic, str(partition))

    def runs(self, worker: str, state_format: str) -> None:
        """Show what runs here."""
        try:
            installed = version("barograph")
        except PackageNotFoundError:  # run from a checkout that was not installed
            installed = "unknown"
        self.info.labels(worker, installed, state_format).set(1)

    def page(self) -> bytes:
        """Write all of it as Prometheus reads it."""
        return generate_latest(self._registry)


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    labels = tuple(metric.labels)
    match metric.kind:
        case "counter":
            return Counter(metric.name.removesuffix("_total"), metric.words, labels, registry=registry)
        case "gauge":
            return Gauge(metric.name, metric.words, labels, registry=registry)
        case "histogram":
            return Histogram(metric.name, metric.words, labels, buckets=SECONDS, registry=registry)


def _of(kind: type[_Kind], metric: Counter | Gauge | Histogram) -> _Kind:
    assert isinstance(metric, kind), "the attribute is used as the table says"
    return metric


def _among(known: set[str], name: str, most: int) -> str:
    """Give a name a label of its own as long as there is room, and remember that."""
    if len(known) < most:
        known.add(name)
    return name if name in known else "__other__"

"""What a worker does -> figures for Prometheus."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from schemas.printable import printable

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_FIELDS: Final = 50
"""Names of unknown fields that get a label of their own: what producers send must not fill Prometheus."""


class Metrics:
    """The metrics of one worker.

    Counts are of what this process has read since it started. After a restart or a rebalance up to a block is read
    again and counted here again; the tallies are what is exact. How often a worker was started again is told by
    ``process_start_time_seconds``.
    """

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._fields: set[str] = set()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._events = Counter("barograph_events", "Events counted, by type.", ["type"], registry=registry)
        self._rejected = Counter("barograph_rejected", "Records set aside, by reason.", ["reason"], registry=registry)
        self._late = Counter(
            "barograph_late_events", "Events that came later than `measure.late_after_s`.", registry=registry
        )
        self._unknown = Counter(
            "barograph_unknown_fields", "Chunks of events that hold a field nobody reads.", ["field"], registry=registry
        )
        self.skipped = Counter(
            "barograph_source_offsets_skipped",
            "Offsets of events that hold no record: aborted, compacted, or lost to retention.",
            ["partition"],
            registry=registry,
        )
        self._flushes = Counter(
            "barograph_flushes", "Flushes acknowledged by the broker.", ["final"], registry=registry
        )
        self._flush_bytes = Counter(
            "barograph_flush_bytes", "Bytes of the flushes acknowledged by the broker.", registry=registry
        )
        self.findings = Counter(
            "barograph_findings",
            "Findings published, by severity; repeats after a restart count again.",
            ["severity"],
            registry=registry,
        )
        self.services = Gauge(
            "barograph_services",
            "Services on the owned partitions of tallies, by whether they are learned from or watched.",
            ["state"],
            registry=registry,
        )
        self.lag = Gauge(
            "barograph_lag_records",
            "Records between what was read and the end of the log.",
            ["topic", "partition"],
            registry=registry,
        )
        self.checkpoint = Histogram(
            "barograph_checkpoint_seconds",
            "Time of a checkpoint of one partition.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.restore = Histogram(
            "barograph_restore_seconds", "Time to read the state of one partition.", buckets=_SECONDS, registry=registry
        )  # fmt: skip

    def counted(self, stats: Mapping[tuple[str, str], int]) -> None:
        """Add what a block has more in its statistics than before: (what, which) -> how many."""
        for (what, which), n in stats.items():
            match what:
                case "events":
                    self._events.labels(which).inc(n)
                case "rejected":
                    self._rejected.labels(which).inc(n)
                case "late":
                    self._late.inc(n)
                case "unknown_field":
                    name = printable(which)
                    if len(self._fields) < _FIELDS:
                        self._fields.add(name)
                    self._unknown.labels(name if name in self._fields else "__other__").inc(n)

    def flushed(self, sizes: Sequence[int], final: bool) -> None:
        """Add flushes, of so many bytes each, that the broker has acknowledged."""
        self._flushes.labels(str(final).lower()).inc(len(sizes))
        self._flush_bytes.inc(sum(sizes))

    def forget(self, topic: str, partition: int) -> None:
        """Show no lag of a partition that is no longer ours."""
        with suppress(KeyError):
            self.lag.remove(topic, str(partition))

    def page(self) -> bytes:
        """Write all of it as Prometheus reads it."""
        return generate_latest(self._registry)

"""The table of metrics and the catalogue of signals -> deploy/dashboard.json: what on-call and operators look at."""

from typing import Final, get_args

from schemas.docs.grafana import Asks, Panel, Query, written
from schemas.signals import CATALOGUE, OF_ALL, Side

_CHANGES: Final = "barograph_changes_total"
_KNOWN: Final = "|".join([*(one.name for one in CATALOGUE), *OF_ALL])
_OVER: Final[dict[Asks, str]] = {"range": "the range", "week": "a week"}


def dashboard() -> str:
    """Write deploy/dashboard.json."""
    return written(
        ROWS, "Made by `python -m schemas.docs` from schemas/; change it there. What to do: docs/operations.md."
    )


def _quantiles(metric: str, asks: Asks, by: str = "") -> tuple[Query, ...]:
    return tuple(Query(metric, asks, by, quantile=q, moved=True) for q in (0.5, 0.9, 0.99))


def _against(promised: str, spent: str) -> tuple[Query, ...]:
    """Ask what was promised and what was spent of these tiers, over the range and over a week."""
    return tuple(
        Query(f"barograph_budget_{what}_total", asks, legend=f"{what}, {over}", only=f'tier=~"{tier}"')
        for asks, over in _OVER.items()
        for what, tier in (("promised", promised), ("spent", spent))
    )


def _moved(name: str, words: str) -> Query:
    """Ask how often a signal was named, by the way it went."""
    return Query(_CHANGES, "range", "direction", words + ": {{direction}}", f'signal="{name}"', moved=True)


_SIDES: Final = tuple(
    Panel(
        f"What changed: {side}",
        tuple(_moved(one.name, one.words) for one in CATALOGUE if one.side == side),
        "figures", 6, "none",
    )
    for side in get_args(Side)
)  # fmt: skip
_BESIDE: Final = Panel(
    "What changed: the service as a whole, and signals of your own",
    (
        *(_moved(one.name, one.words) for one in OF_ALL.values()),
        Query(_CHANGES, "range", "signal, direction", "{{signal}}: {{direction}}", f'signal!~"{_KNOWN}"', moved=True),
    ),
    "figures", 6, "none",
)  # fmt: skip

ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "The promise": (
        Panel("Pages", _against("page", "page"), "figures"),
        Panel("Tickets and records", _against("ticket", "ticket|record"), "figures"),
        Panel("In shadow", tuple(
            Query("barograph_shadow_total", asks, "tier", "{{tier}}, " + over) for asks, over in _OVER.items()
        ), "figures"),
        Panel("Told by a common cause", tuple(
            Query("barograph_held_back_total", asks, legend=over) for asks, over in _OVER.items()
        ), "figures"),
    ),
    "What was found": (
        Panel("Findings", (Query("barograph_findings_total", "step", "severity, step", moved=True),), "bars", 12),
        Panel("Time to a finding", _quantiles("barograph_finding_seconds", "range", "notify"), "figures", 12),
        *_SIDES,
        _BESIDE,
    ),
    "What is watched": (
        Panel("Services", (
            Query("barograph_services", "now", "state"), Query("barograph_quarantined_services", "now"),
        )),
        Panel("Signals that could not be learned", (Query("barograph_unlearned_signals", "now", "why"),)),
        Panel("Weights of the services against plan", (
            Query("barograph_services_weight", "now"), Query("barograph_planned_services", "now", join="max"),
        )),
    ),
    "What comes in": (
        Panel("Events", (Query("barograph_events_total", "second", "type"),)),
        Panel("Rejected", (Query("barograph_rejected_total", "second", "reason"),)),
        Panel("Failures", (Query("barograph_failures_total", "second", "mode"),)),
        Panel("Late", (Query("barograph_late_events_total", "second"),)),
        Panel("Fields that nobody reads", (Query("barograph_unknown_fields_total", "step", "field"),), "bars"),
        Panel("Own signals of another type", (Query("barograph_mistyped_total", "step", "signal"),), "bars"),
        Panel("Beyond a cap", (Query("barograph_overflow_total", "step", "stage, cap"),), "bars"),
        Panel("Split exchanges", (
            Query("barograph_requests_total", "second", "became"),
            Query("barograph_unpaired_responses_total", "second"),
        )),
        Panel("Open requests", (Query("barograph_open_requests", "now", "topic, partition"),)),
        Panel("Offsets without a record, and records lost", (
            Query("barograph_source_offsets_skipped_total", "step", "partition", "skipped, partition {{partition}}"),
            Query("barograph_lost_records_total", "step"),
        ), "bars"),
    ),
    "Health": (
        Panel("Ready", (Query("barograph_ready", "now", "instance", join="min"),), "states"),
        Panel("What runs", (
            Query("barograph_info", "now", "worker, version, format", "{{worker}}: {{version}}, states {{format}}"),
        ), "names"),
        Panel("Starts", (Query("process_start_time_seconds", "starts", "instance"),), "figures"),
        Panel("Lag", (Query("barograph_lag_seconds", "now", "topic, partition", join="max"),)),
        Panel("Lag in records", (Query("barograph_lag_records", "now", "topic, partition", join="max"),)),
        Panel("Not acknowledged for", (Query("barograph_unacknowledged_seconds", "now", "instance", join="max"),)),
        Panel("Held partitions, and records on their way", (
            Query("barograph_held_partitions", "now", "stage", "held: {{stage}}"),
            Query("barograph_unacknowledged_records", "now"),
        )),
        Panel("Flushes", (Query("barograph_flushes_total", "second", "final", "final: {{final}}"),)),
        Panel("Written", (
            Query("barograph_flush_bytes_total", "second"), Query("barograph_checkpoint_bytes_total", "second"),
        )),
        Panel("Time of a checkpoint, and since the last", (
            *_quantiles("barograph_checkpoint_seconds", "second"),
            Query("barograph_checkpoint_age_seconds", "now", join="max"),
        )),
        Panel("State", (
            Query("barograph_state_bytes", "now", legend="all", only='of="all"'),
            Query("barograph_state_bytes", "now", legend="largest", only='of="largest"', join="max"),
        )),
        # Not of the range: a worker may have read its states back before Prometheus saw it first.
        Panel("Time of a restore, since the start", _quantiles("barograph_restore_seconds", "now"), "figures"),
        Panel("Verdicts read, to answer by", (Query("barograph_verdicts_read_total", "step", "became"),), "bars"),
        Panel("Memory", (Query("process_resident_memory_bytes", "now", "instance"),), width=6),
        Panel("CPU, of one core", (Query("process_cpu_seconds_total", "second", "instance"),), width=6),
        Panel("Open files", (Query("process_open_fds", "now", "instance"),), width=6),
        Panel("Lines withheld", (Query("barograph_log_lines_withheld_total", "step", "logger"),), "bars", 6),
    ),
}  # fmt: skip
"""Title of a row -> its panels. What is not here is seen by nobody: every metric of the table is in one of them."""

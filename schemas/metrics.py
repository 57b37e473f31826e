"""The one table of metrics: what a worker says of itself, and what to do about it."""

from typing import Final, Literal

from msgspec import Struct

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper edges of what is measured in seconds."""


class Metric(Struct, frozen=True, kw_only=True):
    """One metric, of one worker; its counts are of what this process did since it started.

    Attributes
    ----------
    name : str
        As Prometheus shows it. A counter's ends with ``_total``; a histogram has ``_bucket``, ``_sum`` and ``_count``.
    labels : dict of str to str
        Label -> what its values are.
    words : str
        What it is, in what unit.
    action : str
        What an operator does about it.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: dict[str, str] = {}
    words: str
    action: str


_TOPIC: Final = {
    "topic": "`ai.events`, `barograph.tallies` or `barograph.incidents`, with the prefix",
    "partition": "of the topic",
}
_STAGE: Final = "`measure`, `watch` or `gather`"
_TIER: Final = {"tier": "`page` or `ticket`"}
_SPENT: Final = {"tier": "`page`, `ticket` or `record`"}

METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        name="barograph_info", kind="gauge",
        labels={"worker": "`worker.name`", "version": "of Barograph", "format": "of the states that it writes"},
        words="Always 1; what runs here.", action="two versions for long: finish the upgrade",
    ),
    Metric(
        name="barograph_ready", kind="gauge",
        words="1 while `/ready` is 200: assigned, restored, lag under `worker.ready_lag_s`, findings deliverable.",
        action="ask `/ready`, which says what is missing",
    ),
    Metric(
        name="barograph_events_total", kind="counter", labels={"type": "of the event"}, words="Events counted.",
        action="none; nothing more of a type that should come: look at its producers",
    ),
    Metric(
        name="barograph_rejected_total", kind="counter", labels={"reason": "as in `ai.events.rejected`"},
        words="Records set aside.", action="read `ai.events.rejected`: it has reason, field and position",
    ),
    Metric(
        name="barograph_late_events_total", kind="counter",
        words="Events later than `measure.late_after_s`; they count, but in one bucket for all of them.",
        action="find out what holds them up, or raise `measure.late_after_s`",
    ),
    Metric(
        name="barograph_failures_total", kind="counter",
        labels={"mode": "the primary failure mode; 128 names, then `__other__`"}, words="Exchanges that failed.",
        action="`UNK.UNCLASSIFIED` is what the taxonomy does not cover: `barograph failures` shows what it looks like",
    ),
    Metric(
        name="barograph_unknown_fields_total", kind="counter", labels={"field": "fifty names, then `__other__`"},
        words="Blocks of events in whose first record stands a field that nobody reads.",
        action="a misspelt field is not observed: compare with schemas/events.json",
    ),
    Metric(
        name="barograph_mistyped_total", kind="counter", labels={"signal": "of the config's `signals`"},
        words="Values of a user's own signals that are of another type than declared; they are not observed.",
        action="compare the declared `kind` with what the services send",
    ),
    Metric(
        name="barograph_requests_total", kind="counter",
        labels={"became": "answered, no_response (given up), repeated, overflow, too_far"},
        words="Requests that came apart from their responses, by what became of them (`measure.pairing`).",
        action="repeated: an id is used twice. overflow: raise `measure.open_requests`. too_far: raise "
        "`measure.pair_lookback`",
    ),
    Metric(
        name="barograph_unpaired_responses_total", kind="counter",
        words="Responses that found no request; they count for what they say (`measure.pairing`).",
        action="many: the halves have other ids or keys, or the request comes second",
    ),
    Metric(
        name="barograph_open_requests", kind="gauge",
        labels={"topic": "`ai.events`, with the prefix", "partition": "of the topic"},
        words="Requests that wait for their response.",
        action="at `measure.open_requests`, the oldest are forgotten",
    ),
    Metric(
        name="barograph_source_offsets_skipped_total", kind="counter", labels={"partition": "of `ai.events`"},
        words="Offsets that hold no record: aborted, compacted, or lost to retention.",
        action="expected with transactional producers; otherwise lengthen the topic's retention",
    ),
    Metric(
        name="barograph_overflow_total", kind="counter",
        labels={
            "stage": _STAGE,
            "cap": "measure: the field whose names are capped by `measure.names_per_block`; else what is over",
        },
        words="What went beyond a cap: exchanges counted under `__other__`, and what WATCH and GATHER forgot or put "
        "together.",
        action="operations.md#barographoverflow: mostly an id where a name should be",
    ),
    Metric(
        name="barograph_flushes_total", kind="counter", labels={"final": "whether the block was finished"},
        words="Flushes that the broker has acknowledged.",
        action="none while events come: operations.md#barographfindingsundeliverable",
    ),
    Metric(
        name="barograph_flush_bytes_total", kind="counter", words="Bytes of these flushes.",
        action="for sizing `barograph.tallies`: this, times its retention",
    ),
    Metric(
        name="barograph_findings_total", kind="counter",
        labels={"severity": "sev-1 to sev-4", "step": "pending, fired, updated, acknowledged or resolved"},
        words="Findings published, but for those in shadow; those told again, after a restart or by "
        "`watch.resend_every_s`, count again.",
        action="none; they are the product",
    ),
    Metric(
        name="barograph_finding_seconds", kind="histogram", labels={"notify": "page, ticket or record"},
        words="From the beginning of the second in which the evidence of a new incident arrived, by the broker's "
        "clock, to the broker's acknowledgement of WATCH's finding, by the worker's; GATHER takes milliseconds "
        "more. A ticket waits five seconds for its like; an incident of silence alone is not in it.",
        action="pages slow while lag is small: more workers, or fewer services a worker",
    ),
    Metric(
        name="barograph_changes_total", kind="counter",
        labels={
            "signal": "of signals.md, and 64 names of your own, then `__other__`",
            "direction": "`up`, `down` or `other`",
        },
        words="Signals that new incidents named, but for those in shadow, once an incident, by the way they went. What "
        "joins an incident later is not counted; what is told again after a restart is counted again.",
        action="signals.md says what to look at first",
    ),
    Metric(
        name="barograph_budget_promised_total", kind="counter", labels=_TIER,
        words="Pages and tickets that may have been in vain so far: the part of each watched service in "
        "`watch.false_pages_per_week`, or `watch.false_tickets_per_week`, times the time it was watched. A service in "
        "shadow is promised nothing.",
        action="compare with what was spent",
    ),
    Metric(
        name="barograph_budget_spent_total", kind="counter", labels=_SPENT,
        words="Incidents that came to page, or to be tickets or records, by evidence; those of silence alone are a "
        "rule's. Tickets and records share what tickets were promised.",
        action="far above what was promised, and not in earnest: operations.md#barographpagesabovepromise",
    ),
    Metric(
        name="barograph_held_back_total", kind="counter",
        words="Incidents that would have paged by themselves, and were told by the cause that they have in common.",
        action="operations.md#many-services-at-once",
    ),
    Metric(
        name="barograph_shadow_total", kind="counter", labels=_SPENT,
        words="Incidents in shadow that would have come to page, or to be tickets or records, silence among them. They "
        "are counted nowhere else, and spend nothing.",
        action="as many as you would like to be told of: take the service or the signal out of shadow",
    ),
    Metric(
        name="barograph_services", kind="gauge", labels={"state": "`learning` or `watched`"},
        words="Services on the owned partitions.", action="learning for long: too few exchanges for `baseline_events`",
    ),
    Metric(
        name="barograph_unlearned_signals", kind="gauge", labels={"why": "`not observed`, `too few` or `constant`"},
        words="Watched signals of all these services of which a baseline says nothing, or too little, added up.",
        action="growing: a producer no longer sends a field; `barograph check --live` names service and signal",
    ),
    Metric(
        name="barograph_services_weight", kind="gauge",
        words="Weights of these services together, against which the page budget was planned.",
        action="their sum over all workers above `barograph_planned_services`: raise `watch.max_services`",
    ),
    Metric(
        name="barograph_planned_services", kind="gauge", words="`watch.max_services`: what the budgets are divided by.",
        action="see barograph_services_weight",
    ),
    Metric(
        name="barograph_quarantined_services", kind="gauge",
        words="Services on the owned partitions that are left out, since they brought three workers to their end.",
        action="there is an incident about each",
    ),
    Metric(
        name="barograph_lost_records_total", kind="counter",
        words="Records that were declared lost: by retention, with a topic that was made again, or in quarantine.",
        action="there is an incident about each loss",
    ),
    Metric(
        name="barograph_lag_records", kind="gauge", labels=_TOPIC,
        words="Records between what was read and the end of the log, as the broker last told it.",
        action="growing: operations.md#barographlaggrowing",
    ),
    Metric(
        name="barograph_lag_seconds", kind="gauge", labels=_TOPIC,
        words="How long ago the log first ended behind what was read by now; at least, if that was before this worker "
        "had the partition.",
        action="growing: operations.md#barographlaggrowing",
    ),
    Metric(
        name="barograph_held_partitions", kind="gauge", labels={"stage": _STAGE},
        words="Partitions that are not read on until the broker acknowledges what was said of them.",
        action="above zero for long: operations.md#barographfindingsundeliverable",
    ),
    Metric(
        name="barograph_unacknowledged_records", kind="gauge", words="Records sent and not yet acknowledged.",
        action="see barograph_unacknowledged_seconds",
    ),
    Metric(
        name="barograph_unacknowledged_seconds", kind="gauge",
        words="Age of the oldest record that is not acknowledged, 0 if all are. At `kafka.delivery_timeout_s` the "
        "worker ends.",
        action="above 10: operations.md#barographfindingsundeliverable",
    ),
    Metric(
        name="barograph_checkpoint_seconds", kind="histogram", words="Time of a checkpoint of one partition.",
        action="seconds: the broker is slow, or states are large",
    ),
    Metric(
        name="barograph_checkpoint_bytes_total", kind="counter", words="Bytes written by checkpoints.",
        action="for sizing `barograph.state` before it is compacted: a day of this",
    ),
    Metric(
        name="barograph_checkpoint_age_seconds", kind="gauge",
        words="Time since the last checkpoint, of the partition where it is longest; 0 without a partition.",
        action="many times `watch.checkpoint_every_s`: operations.md#barographcheckpointold",
    ),
    Metric(
        name="barograph_state_bytes", kind="gauge", labels={"of": "`all` services together, or the `largest`"},
        words="Bytes that a restart will read back, of the states on the owned partitions.",
        action="the largest near 8 MiB: operations.md#capacity",
    ),
    Metric(
        name="barograph_restore_seconds", kind="histogram", words="Time to read the state of one partition back.",
        action="minutes: more partitions would have been better; see operations.md#capacity",
    ),
    Metric(
        name="barograph_verdicts_read_total", kind="counter",
        labels={"became": "kept; older: a later one was known; forgotten: another release made room; or unreadable"},
        words="Verdicts that this worker read from `ai.verdicts` to answer by; none where no KPIs are in its config.",
        action="unreadable: another version writes them, or somebody else; finish the upgrade, look at who may write",
    ),
    Metric(
        name="barograph_log_lines_withheld_total", kind="counter", labels={"logger": "aiokafka, faust or mode"},
        words="Lines of Kafka's clients that were like one just logged, and were summed up instead.",
        action="many: read the lines that were let through",
    ),
)  # fmt: skip

GIVEN: Final[dict[str, str]] = {
    "process_start_time_seconds": "when this worker was started: `changes()` of it counts restarts",
    "process_resident_memory_bytes": "memory; flat after the services are learned",
    "process_cpu_seconds_total": "one core is what a worker can use",
    "process_virtual_memory_bytes": "nothing to do",
    "process_open_fds": "connections to the broker, a dozen or so a broker",
    "process_max_fds": "nothing to do",
    "python_info": "which Python",
}
"""Metrics that prometheus_client brings -> what they are good for."""

BY_NAME: Final[dict[str, Metric]] = {metric.name: metric for metric in METRICS}

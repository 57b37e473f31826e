"""What people read: the incidents of `ai.incidents`, and the change reports of `ai.changes`."""

from typing import Final, Literal

from msgspec import Struct

Severity = Literal["sev-1", "sev-2", "sev-3", "sev-4"]
Status = Literal["pending", "firing", "resolved"]
Step = Literal["pending", "fired", "updated", "acknowledged", "resolved"]
Kind = Literal["change", "failures", "no_data", "traffic", "common", "own"]
Cause = Literal["provider", "infrastructure", "release", "traffic_mix", "telemetry_lag", "unknown"]
Notify = Literal["page", "ticket", "record"]
Direction = Literal["up", "down", "other"]


PLAIN: Final = "1"
"""The unit of a number that has none: UCUM's, and OpenTelemetry's."""


class Interval(Struct, frozen=True):
    """A figure, with what it may be given the events seen (95 %, for reading; no decision rests on it)."""

    value: float
    low: float
    high: float


class Change(Struct, frozen=True, kw_only=True):
    """One signal that moved: from what, to what, since when, how sure.

    Attributes
    ----------
    feature : str
        What about the signal moved: ``yes`` (a rate), ``rank`` or ``above_p99`` (a number), ``name=...`` (a category),
        ``missing`` (it is no longer observed), ``silence`` (no events at all).
    unit : str
        Of `before` and `after`: empty of a share, which lies in 0..1, and ``1`` of a number that has none.
    before, after : Interval or None
        A number's figure is its median, or the quantile that `words` name; of calibration it is what was stated, and
        what was right, both since the onset. None where nothing was observed.
    onset_at, onset_low_at, onset_high_at : int
        Milliseconds since 1970: the best estimate, and the span of estimates that the data hardly tell from it.
    false_per_week : float
        How sure: were nothing different, such an alarm of this monitor would come at most so often.
    psi, jensen_shannon : float or None
        How far the whole distribution of a number or a category has moved: population stability index, and
        Jensen-Shannon divergence. To describe, not to decide: neither has a level that means the same everywhere.
        None of a rate, and where nothing was observed.
    """

    signal: str
    feature: str
    words: str
    direction: Direction
    unit: str
    before: Interval | None
    after: Interval | None
    before_n: int
    after_n: int
    onset_at: int
    onset_low_at: int
    onset_high_at: int
    alarmed_at: int
    notify: Notify
    false_per_week: float
    release: str
    dimension: str = ""
    name: str = ""
    psi: float | None = None
    jensen_shannon: float | None = None


class Slice(Struct, frozen=True):
    """The smallest part of the traffic that explains a change."""

    dimension: str
    name: str
    explains: float
    of: str
    share_before: float
    share_after: float


class ModeCount(Struct, frozen=True):
    """How often a failure mode was seen since the onset, and what was expected by then; ids of exchanges in it."""

    mode: str
    severity: Severity
    n: int
    expected: float
    exemplars: tuple[str, ...] = ()


class Exemplar(Struct, frozen=True):
    """A failing exchange to look at, and where its record lies."""

    mode: str
    id: str
    trace: str
    topic: str
    partition: int
    offset: int


class Fired(Struct, frozen=True):
    """How often a guardrail fired since the onset, and what was expected by then."""

    guardrail: str
    n: int
    expected: float


class Spread(Struct, frozen=True):
    """How diverse failures were before, and are since the onset: the effective number of their modes (Hill, q = 1)."""

    before: Interval | None
    after: Interval | None
    before_n: int
    after_n: int


class Concentrated(Struct, frozen=True):
    """The slice that has most more of the failures than of the traffic, since the onset."""

    dimension: str
    name: str
    failures: Interval
    traffic: float


class Child(Struct, frozen=True):
    """An incident that has its cause in common with others; `paged` if it had paged by itself before that was known."""

    service: str
    fingerprint: str
    episode: int
    severity: Severity
    summary: str
    paged: bool
    resolved: bool = False


class Lineage(Struct, frozen=True):
    """What an incident was decided by: hashes of config and taxonomy, and the versions of baseline and engine."""

    config: str = ""
    taxonomy: str = ""
    baseline: int = 0
    engine: str = ""


class Also(Struct, frozen=True):
    """Something else that changed around the onset."""

    what: str
    before: str
    after: str
    at: int


class Incident(Struct, frozen=True, kw_only=True):
    """One cause, one incident: the whole of what is known of it, at one step of its life.

    `fingerprint` is made of `labels` alone (Alertmanager's function), so release, severity and figures never change
    it. `id` is fingerprint, episode and sequence: the same step told twice is the same message, byte for byte.

    What is `provisional` was seen while a service was still being learned: no budget stands behind that record, and its
    `before_n` and `after_n` are blocks.

    Attributes
    ----------
    how_sure : how often the first alarm of its kind would come for nothing
    kind : what it is about: a signal that changed, failures, that nothing comes, traffic, a cause that many services
        have in common, or Barograph itself
    held : why nobody is paged though the incident is grave enough; empty where nothing is held back
    exemplars : up to three failing exchanges, of the gravest modes
    guardrails : those that fire more often than before
    cause : what is suspected; empty where nothing is
    common : of a common cause, its label
    parent, children : fingerprint of the incident that tells the common cause, and its parts
    flaps : how often in a row it came back soon after its end
    resend_after_s : the last word is sent again after so long, while it is open; 0 for never
    shadow : of a service or signal on trial: nobody was told. All else is as it would have been said, `notify` too;
        only `labels` say it as well, so that no fingerprint is ever that of an incident in earnest, and `id` begins
        with it
    """

    schema: Literal["barograph.incident/v1"] = "barograph.incident/v1"
    id: str
    fingerprint: str
    episode: int
    sequence: int
    status: Status
    step: Step
    severity: Severity
    previous_severity: Severity | None = None
    notify: Notify
    provisional: bool = False
    labels: dict[str, str]
    service: str
    summary: str
    why_severity: str
    action: str
    since: int
    since_low: int
    since_high: int
    started_at: int
    updated_at: int
    ended_at: int | None = None
    releases: tuple[str, ...] = ()
    slice: Slice | None = None
    changes: tuple[Change, ...] = ()
    modes: tuple[ModeCount, ...] = ()
    also: tuple[Also, ...] = ()
    acknowledged_by: str = ""
    acknowledged_at: int | None = None
    note: str = ""
    ended_why: str = ""
    how_sure: str = ""
    owner: str = ""
    runbook: str = ""
    baseline_version: int = 0
    baseline_events: int = 0
    kind: Kind = "change"
    held: str = ""
    exemplars: tuple[Exemplar, ...] = ()
    guardrails: tuple[Fired, ...] = ()
    diversity: Spread | None = None
    concentration: Concentrated | None = None
    cause: str = ""
    common: Cause | None = None
    parent: str = ""
    children: tuple[Child, ...] = ()
    flaps: int = 0
    resend_after_s: int = 0
    lineage: Lineage = Lineage()
    shadow: bool = False
    offset: int = -1
    partition: int = -1


class ChangeReport(Struct, frozen=True, kw_only=True):
    """What a new release does otherwise than the one before it: planned, so nobody is woken for it.

    What of it hurts is an incident besides, and `incidents` names it. The same move within one release would be drift.
    `id` is service, release and sequence: the same report told twice is the same message, byte for byte.

    Attributes
    ----------
    previous : release that it is compared with, by the baseline of its service
    phase, generation : by the last release fact; empty and None where none came
    changes : strongest consequence first
    incidents : fingerprints of open incidents that this release has a part in
    """

    schema: Literal["barograph.change_report/v1"] = "barograph.change_report/v1"
    id: str
    sequence: int
    service: str
    release: str
    previous: str
    phase: str
    generation: int | None
    first_seen_at: int
    updated_at: int
    summary: str
    changes: tuple[Change, ...]
    incidents: tuple[str, ...]
    baseline_version: int
    offset: int = -1
    partition: int = -1

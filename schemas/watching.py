"""Sections of a config -> settings of WATCH and GATHER, and what is known of services, with defaults and bounds."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.bounds import NONE, Bounds, Criticality, Workflow
from schemas.consequence import TABLE, Line
from schemas.incidents import Severity
from schemas.sections import AtLeastOne, Named, Section
from schemas.taxonomy import Mode


class Watch(Section, frozen=True, kw_only=True):
    """What may be paged, and how often in vain.

    Attributes
    ----------
    false_pages_per_week : pages a week over all services together, were nothing to change
    false_tickets_per_week : tickets a week over all services together, were nothing to change
    learning_risk_percent : how likely the baselines of the whole fleet may be learned too narrow
    max_services : how many services the budgets are divided by
    services_per_partition : services that a partition of the tallies knows at a time; the one that was idle longest,
        for an hour at least, makes room for a new one, and where there is no room a new one is not counted
    max_releases : releases of a service that are watched at the same time
    slices_per_dimension : slices watched in each dimension; the rest is one more, `__other__`
    names_per_signal : names of a category that are told apart; the rest is `__other__`
    baseline_events : exchanges of a service that its baseline is learned from; it is not watched before
    dependence : whether exchanges of a service may resemble each other, as those of one session do. `measured`: that is
        measured, for two and a half hours of traffic, and nobody is paged until it is known, but there are tickets.
        `none`: they do not, so that pages come as soon as there is a baseline; if they do, more come than was said
    min_effect_points : a rate's change that nobody wants to hear of, in percentage points
    calibration_points : how far stated confidence may be off on average, in percentage points: at 5, who says 90 %
        may be right in 85 to 95 of 100
    season_percent : how far a share (the rarer of yes and no), or all values of a number, may be off in any hour of the
        week, in percent, from some middle. Until a week was learned only what lies beyond that is found: at 60, changes
        of more than four times; then each hour is known by itself. 0 where there is no season, and hours are not told
        apart. Too little costs false alarms
    window_buckets : buckets of history kept, in which the onset of a change is looked for
    resolve_after_s : how long everything must be back within its limits, at least, before an incident resolves
    false_recovery_percent : how likely an incident may resolve though what alarmed is not back within its limits
    traffic_percent : how far traffic of a service may be off what was learned, in percent: at 50, half as much again is
        no news, and two thirds of it are none
    rebase_after_s : an incident that is open for so long is the new normal: its signals are learned anew from what
        comes then, and it resolves; 0 for never
    silence_after_s : how long a service may send nothing before that is an incident
    update_every_s : an open incident is published again at most so often
    resend_every_s : the last word on an open incident is sent again so often, the same message byte for byte, so that
        one who lost it hears it; 0 for never
    flaps, flap_s : an incident that fires for the so-manieth time, each within so many seconds of its last end, flaps:
        it is told all the same, but pages nobody unless it is graver than before, and must be well for longer each time
    state_every_s : how often a service's state is written; what came since is read again after a crash
    checkpoint_every_s : how often it is noted how far all is applied
    signals : what is watched, by name; where none is named, all of signals.md and all of one's own. Silence always is
    shadow_signals : of these, the ones on trial, of every service: what is found of them is said on
        `ai.incidents.shadow` alone, and takes nothing from the budget of the others
    """

    false_pages_per_week: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    false_tickets_per_week: Annotated[float, Meta(gt=0, le=10000)] = 10.0
    learning_risk_percent: Annotated[float, Meta(gt=0, le=50)] = 5.0
    max_services: Annotated[int, Meta(ge=1, le=100_000)] = 200
    services_per_partition: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    max_releases: Annotated[int, Meta(ge=1, le=32)] = 4
    slices_per_dimension: Annotated[int, Meta(ge=1, le=64)] = 8
    names_per_signal: Annotated[int, Meta(ge=1, le=64)] = 16
    baseline_events: Annotated[int, Meta(ge=200, le=100_000_000)] = 20_000
    dependence: Literal["measured", "none"] = "measured"
    min_effect_points: Annotated[float, Meta(ge=0, le=50)] = 0.0
    calibration_points: Annotated[float, Meta(ge=0, le=50)] = 5.0
    season_percent: Annotated[float, Meta(ge=0, le=95)] = 60.0
    window_buckets: Annotated[int, Meta(ge=6, le=1000)] = 90
    resolve_after_s: AtLeastOne = 300
    false_recovery_percent: Annotated[float, Meta(gt=0, le=50)] = 1.0
    traffic_percent: Annotated[float, Meta(ge=0, le=1000)] = 50.0
    rebase_after_s: Annotated[int, Meta(ge=0)] = 86_400
    silence_after_s: AtLeastOne = 300
    update_every_s: AtLeastOne = 15
    resend_every_s: Annotated[int, Meta(ge=0)] = 14_400
    flaps: Annotated[int, Meta(ge=2, le=100)] = 3
    flap_s: AtLeastOne = 3600
    state_every_s: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    checkpoint_every_s: Annotated[float, Meta(ge=0.1, le=600)] = 10.0
    signals: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    shadow_signals: tuple[str, ...] = ()


class Limits(Section, frozen=True, kw_only=True):
    """How much is kept of each service, so that its state stays small whatever is sent.

    Few need to set any. What is beyond one is counted in the metric `barograph_overflow_total`, by the limit's word.

    Attributes
    ----------
    sources : source partitions of a service. None is ever forgotten, or its log would be counted twice: beyond, flushes
        are not added, and declared lost
    incidents : open at a time; beyond, alarms join the latest
    ended_incidents : that are over, and said again after a takeover lest a frozen worker's word stands last
    episodes : names of incidents of which the last episode is known; beyond, the oldest is forgotten
    exemplars : failure modes with examples; beyond, those of the mode seen longest ago are forgotten
    others : names without a place of their own that are remembered of each place and bucket, the most frequent
    known_names : names of a category that are told from those never seen
    learned_names : different names of a field that are counted while learning; beyond, a name is `__other__`
    agreements : sign-offs, and approvals, that are kept, the latest
    common : open incidents, of all services, that are held against each other for a cause in common; beyond, the one
        heard of longest ago stays by itself
    """

    sources: AtLeastOne = 4096
    incidents: AtLeastOne = 64
    ended_incidents: AtLeastOne = 16
    episodes: AtLeastOne = 256
    exemplars: AtLeastOne = 256
    others: Annotated[int, Meta(ge=1, le=256)] = 8
    known_names: Annotated[int, Meta(ge=64, le=65_536)] = 1024
    learned_names: Annotated[int, Meta(ge=64, le=65_536)] = 4096
    agreements: AtLeastOne = 64
    common: Annotated[int, Meta(ge=2, le=512)] = 256


class Service(Section, frozen=True, kw_only=True):
    """What is known of one service beforehand. A service that is not named here is watched all the same.

    Attributes
    ----------
    name : as its events say it
    owner : who is told; stands in every incident
    runbook : an address; stands in every incident
    env : where it runs; a label of every incident
    weight : how large its part of the page budget is, against 1 for every other service
    baseline_events : in place of `watch.baseline_events`
    per_second : exchanges a second that it usually sends, by which `barograph check` says how soon a change is found;
        decides nothing
    shadow : whether the service is on trial: all that is found of it, silence too, is said on `ai.incidents.shadow`
        alone. It keeps its part of the page budget for the day when it is not
    criticality : of what goes wrong in it; see `failures.severity`
    provider : who serves its models; services of one provider that fail together have a common cause
    allows : what its exchanges may take and use, see below
    workflows : those of which something else holds: `name`, `criticality`, `allows`
    """

    name: Named
    owner: str = ""
    runbook: str = ""
    env: str = ""
    weight: Annotated[float, Meta(gt=0, le=100)] = 1.0
    baseline_events: Annotated[int, Meta(ge=200, le=100_000_000)] | None = None
    per_second: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    shadow: bool = False
    criticality: Criticality = "normal"
    provider: str = ""
    allows: Bounds = NONE
    workflows: tuple[Workflow, ...] = ()

    def criticality_of(self, workflow: str) -> Criticality:
        """Say how critical a workflow is; of one that is not named, as its service."""
        named = next((one.criticality for one in self.workflows if one.name == workflow), None)
        return named or self.criticality


class Failures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How exchanges fail, and how grave that is. docs/taxonomy.md has the modes that are shipped.

    Attributes
    ----------
    severity : the table by which severity is judged, see below; the first line that fits decides
    repeated : how often a mode must be seen to count as repeated, so that a single mislabel is none
    critical_modes : a release with so many different modes of sev-1 and sev-2, each of them repeated, breaks the
        operating rule
    concentration_percent : failures of one slice are concentrated if it has at least so much more of the failures than
        of the traffic, in percentage points
    report_every_s : how often the failures of each release are told on `ai.failures`, where there is something new
    severities : mode -> severity, in place of the shipped one
    modes : modes of your own, as in taxonomy.yaml; their ids begin with `X.`
    aliases : name -> words, for rules of your own
    sql_dialect : how statements in events are read, by sqlglot's name for it (`postgres`, `bigquery`, ...); empty for
        what all have in common
    """

    severity: Annotated[tuple[Line, ...], Meta(min_length=1)] = TABLE
    repeated: Annotated[int, Meta(ge=1, le=1000)] = 2
    critical_modes: Annotated[int, Meta(ge=1, le=100)] = 3
    concentration_percent: Annotated[float, Meta(gt=0, le=100)] = 20.0
    report_every_s: AtLeastOne = 60
    severities: dict[str, Severity] = {}
    modes: tuple[Mode, ...] = ()
    aliases: dict[str, tuple[str, ...]] = {}
    sql_dialect: str = ""

    def __hash__(self) -> int:
        """Hash what it says: rules are mappings, and a config is a key."""
        return hash(msgspec.json.encode(self, order="deterministic"))


class Common(Section, frozen=True, kw_only=True):
    """When incidents of many services are one.

    Attributes
    ----------
    services : so many of them with one onset have a common cause; 0 for never
    within_s : how far apart onsets may lie and be one, beside what is not known of them, of which no more than as much
        again counts to either side
    """

    services: Annotated[int, Meta(ge=0, le=10_000)] = 3
    within_s: Annotated[int, Meta(ge=1, le=3600)] = 60

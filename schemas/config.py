"""A YAML file -> the effective config, or the one sentence that says what is wrong with it."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas import kpi_edges, own, releases, security
from schemas.bounds import NONE, Bounded, Bounds, Criticality, Workflow, bounded
from schemas.consequence import TABLE, Line
from schemas.dimensions import Dimension
from schemas.events import When
from schemas.incidents import Severity
from schemas.kpi_edges import Edge
from schemas.own import MOST_OWN, OwnSignal
from schemas.releases import Releases, filled
from schemas.security import Security, Variable, loopback
from schemas.signals import CATALOGUE, TRAFFIC, Signal
from schemas.statements import dialects
from schemas.strict import ConfigError, read, text_of
from schemas.taxonomy import Mode, Taxonomy
from schemas.windows import BadWindow, window

AtLeastOne = Annotated[int, Meta(ge=1)]
Named = Annotated[str, Meta(min_length=1, max_length=256)]
Letters = "letters, digits, dots, dashes and underscores"
Addresses = Annotated[
    str,
    Meta(
        pattern=r"^[^\s,]+:[0-9]{1,5}(,[^\s,]+:[0-9]{1,5})*$",
        max_length=2048,
        description="`host:port`, several with commas between",
    ),
]
_FEW_NAMES = "fields of few names; of a session or another id, every slice would have a handful of exchanges"


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Kafka(_Section, frozen=True, kw_only=True):
    """Where the broker is, and how patiently the groups wait for a worker.

    Attributes
    ----------
    bootstrap : brokers to ask first, as `host:port`, several with commas between
    group : what the names of both consumer groups begin with
    session_timeout_s : how long a worker may be away before others take over its partitions
    request_timeout_s : how long one request to the broker may take
    delivery_timeout_s : how long the broker may leave a record unacknowledged; then the worker ends, and reads again
    security : TLS and SASL, see below
    """

    bootstrap: Addresses = "localhost:9092"
    group: Named = "barograph"
    session_timeout_s: Annotated[float, Meta(ge=6, le=300)] = 10.0
    request_timeout_s: Annotated[float, Meta(ge=5, le=300)] = 30.0
    delivery_timeout_s: Annotated[float, Meta(ge=10, le=3600)] = 120.0
    security: Security = Security()


class Topics(_Section, frozen=True, kw_only=True):
    """Names and sizes of topics. A topic that exists is never changed.

    Attributes
    ----------
    prefix : stands before every topic's name
    events_partitions : of `ai.events`, where Barograph creates it
    tallies_partitions : of `barograph.tallies` and `barograph.state`; cannot be changed after the first start
    replication : copies of each partition, where Barograph creates the topic
    """

    prefix: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100, description=Letters)] = ""
    events_partitions: AtLeastOne = 4
    tallies_partitions: AtLeastOne = 4
    replication: AtLeastOne = 1


class Worker(_Section, frozen=True, kw_only=True):
    """One process.

    Attributes
    ----------
    name : of this worker, as no other; a restarted worker of the same name takes up its partitions again
    stages : what it runs; both by default, one alone to scale it apart
    http_host : where `/metrics`, `/live` and `/ready` listen; another address than loopback needs a token
    http_port : 0 picks a free one
    ready_lag_s : how far behind the end of a log it may be, in seconds, and still be ready; ready again at half of it
    stall_after_s : a partition that has something to read, and of which nothing is read for so long, ends the worker
    http_token_file : file that holds the bearer token, which is then asked for everywhere but at `/live` and `/ready`
    http_token_env : environment variable that holds it, instead of a file
    """

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]+$", max_length=100, description=Letters)] = "barograph-0"
    stages: Annotated[tuple[Literal["measure", "watch"], ...], Meta(min_length=1)] = ("measure", "watch")
    http_host: Annotated[str, Meta(pattern=r"^[^\s]+$", max_length=253, description="a host name or an address")] = (
        "127.0.0.1"
    )
    http_port: Annotated[int, Meta(ge=0, le=65535)] = 9464
    ready_lag_s: Annotated[float, Meta(ge=2, le=86400)] = 30.0
    stall_after_s: Annotated[float, Meta(ge=10, le=3600)] = 120.0
    http_token_file: str = ""
    http_token_env: Variable = ""


class Measure(_Section, frozen=True, kw_only=True):
    """What is counted, and how finely. All workers must agree on it.

    Attributes
    ----------
    slices : the fields that each service is cut by, three at most
    bucket_s : seconds of the events' own time that are counted together
    late_after_s : an event that arrives later than this still counts, but in one bucket for all late ones
    flush_after_s : counts that have waited so long are handed on, though their block is still open
    names_per_block : different names counted in a second; the rest is `__other__`. Against abuse, not to save space
    exemplars : failed exchanges named as examples, for each failure mode
    max_event_bytes : a larger event is rejected. Texts do not belong into events; a megabyte of tool calls would keep
        everything else waiting for 20 ms
    pairing : whether requests and responses that come as two records are put together. Both halves need the same `id`,
        the same `service` and the same partition, the request first. Leave it off where services send whole exchanges:
        then a worker that takes over a partition begins at once, and need not read back
    pair_timeout_s : how much later than its request a response may come, by the records' timestamps; a request that
        waits longer has failed, `AVL.NO_RESPONSE`. Must lie below `late_after_s`
    pair_lookback : how many offsets may lie between the two; a worker that takes over a partition reads back so far
    open_requests : requests of a partition that may wait at once; beyond, the oldest are forgotten. About 0.6 kB each
    """

    slices: Annotated[tuple[Annotated[Dimension, Meta(description=_FEW_NAMES)], ...], Meta(max_length=3)] = (
        "workflow",
        "intent",
        "model_served",
    )
    bucket_s: Annotated[int, Meta(ge=1, le=3600)] = 10
    late_after_s: Annotated[int, Meta(ge=1, le=86400)] = 120
    flush_after_s: Annotated[float, Meta(ge=0.2, le=60)] = 1.25
    names_per_block: Annotated[int, Meta(ge=16, le=16384)] = 1024
    exemplars: Annotated[int, Meta(ge=0, le=20)] = 3
    max_event_bytes: Annotated[int, Meta(ge=1024, le=8 << 20)] = 256 << 10
    pairing: bool = False
    pair_timeout_s: Annotated[int, Meta(ge=1, le=3600)] = 60
    pair_lookback: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    open_requests: Annotated[int, Meta(ge=1, le=1_000_000)] = 50_000


class Watch(_Section, frozen=True, kw_only=True):
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


class Limits(_Section, frozen=True, kw_only=True):
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


class Service(_Section, frozen=True, kw_only=True):
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


class Failures(_Section, frozen=True, kw_only=True):
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


class Maintenance(_Section, frozen=True, kw_only=True):
    """A time in which nobody is paged: what happens is told, and pages when the time is over if it still lasts.

    Attributes
    ----------
    services : whose; all, if none is named
    begins, ends : RFC 3339 with a zone, or milliseconds since 1970
    weekly : instead of these, a time of every week in UTC: `sun 02:00-04:30`
    reason : stands in the incidents
    """

    services: tuple[Named, ...] = ()
    begins: When | None = None
    ends: When | None = None
    weekly: str = ""
    reason: str = ""


class Common(_Section, frozen=True, kw_only=True):
    """When incidents of many services are one.

    Attributes
    ----------
    services : so many of them with one onset have a common cause; 0 for never
    within_s : how far apart onsets may lie and be one, beside what is not known of them, of which no more than as much
        again counts to either side
    """

    services: Annotated[int, Meta(ge=0, le=10_000)] = 3
    within_s: Annotated[int, Meta(ge=1, le=3600)] = 60


class Config(_Section, frozen=True, kw_only=True):
    """Everything that can be set. Every setting has a default; an empty file is a config.

    Attributes
    ----------
    services : what is known of services beforehand
    signals : a user's own signals
    maintenance : times in which nobody is paged
    """

    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    worker: Worker = Worker()
    measure: Measure = Measure()
    watch: Watch = Watch()
    limits: Limits = Limits()
    failures: Failures = Failures()
    common: Common = Common()
    releases: Releases = Releases()
    maintenance: tuple[Maintenance, ...] = ()
    services: tuple[Service, ...] = ()
    signals: Annotated[tuple[OwnSignal, ...], Meta(max_length=MOST_OWN)] = ()

    def own_signals(self) -> tuple[Signal, ...]:
        """Say the user's own signals in the catalogue's terms, in their order."""
        return tuple(one.signal() for one in self.signals)

    def edges(self) -> tuple[Edge, ...]:
        """Name the targets of KPIs above which MEASURE counts by itself."""
        return kpi_edges.edges(self.releases.kpi_sets, (*CATALOGUE, *self.own_signals()))

    def bounded(self) -> Bounded:
        """Gather what exchanges of services and workflows may take and use."""
        return bounded((one.name, one.allows, one.workflows) for one in self.services)

    def watched(self) -> tuple[Signal, ...]:
        """Choose the signals that are watched: those of the catalogue, then a user's own, each in its order."""
        names = self.watch.signals
        signals = (*CATALOGUE, *self.own_signals())
        return signals if names is None else tuple(signal for signal in signals if signal.name in names)

    def watches(self, name: str) -> bool:
        """Say whether something is watched."""
        return self.watch.signals is None or name in self.watch.signals


def load(path: Path) -> Config:
    """Read a config file, and the files that it names.

    Raises
    ------
    ConfigError
        If a file cannot be read, or with the path of what is wrong in it and the choices there are.
    """
    return parse(text_of(path, "config"), path.parent)


def parse(text: str, folder: Path = Path()) -> Config:
    """Read a config.

    Parameters
    ----------
    text : YAML
    folder : where the files lie that it names

    Raises
    ------
    ConfigError
        With the path of what is wrong and the choices there are.

    Examples
    --------
    >>> parse("watch: {false_pages_per_week: 2}").watch.false_pages_per_week
    2.0
    >>> parse("kafka: {bootstrp: 'localhost:9092'}")
    Traceback (most recent call last):
    schemas.strict.ConfigError: unknown key `bootstrp` at `kafka`; did you mean `bootstrap`? \
Keys there: bootstrap, delivery_timeout_s, group, request_timeout_s, security, session_timeout_s
    """
    return _consistent(filled(read(text, Config), folder))


def _consistent(config: Config) -> Config:
    """Refuse what no single field can see to be wrong."""
    own.check(config.signals)
    known = [*(signal.name for signal in (*CATALOGUE, *config.own_signals())), TRAFFIC.name]
    named = config.watch.signals or ()
    for i, name in enumerate(named):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else "."
            raise ConfigError(f"no signal `{name}` at `watch.signals[{i}]`{hint} Signals: {', '.join(sorted(known))}")
    watched = [name for name in known if config.watches(name)]
    for i, name in enumerate(config.watch.shadow_signals):
        if name not in watched:
            raise ConfigError(
                f"signal `{name}` is not watched, so nothing of it can be told - at `watch.shadow_signals[{i}]`; "
                f"watched are: {', '.join(sorted(watched))}"
            )
    lists = {
        "watch.signals[{}]": named,
        "watch.shadow_signals[{}]": config.watch.shadow_signals,
        "measure.slices[{}]": config.measure.slices,
        "worker.stages[{}]": config.worker.stages,
        "services[{}].name": tuple(service.name for service in config.services),
    }
    for path, names in lists.items():
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ConfigError(f"`{name}` is there twice - at `{path.format(i)}`")
    if (measure := config.measure).pairing and measure.pair_timeout_s >= measure.late_after_s:
        raise ConfigError(
            f"a request is given up after {measure.pair_timeout_s} s, but is late after {measure.late_after_s} s, so "
            "that every one would be late; lower `measure.pair_timeout_s` below `measure.late_after_s`, or raise that"
            " - at `measure.pair_timeout_s`"
        )
    if 0 < config.watch.rebase_after_s <= config.watch.resolve_after_s:
        raise ConfigError(
            f"an incident resolves after {config.watch.resolve_after_s} s within its limits, and would be the new "
            f"normal after {config.watch.rebase_after_s} s: raise `watch.rebase_after_s`, or set it to 0 for never"
            " - at `watch.rebase_after_s`"
        )
    planned = sum(service.weight for service in config.services)
    if planned > config.watch.max_services:
        raise ConfigError(
            f"the services' weights add up to {planned:g}, more than the {config.watch.max_services} that the page "
            "budget is divided by; raise `watch.max_services`, or lower the weights - at `services`"
        )
    if (dialect := config.failures.sql_dialect) and dialect not in dialects():
        raise ConfigError(f"no dialect `{dialect}` - at `failures.sql_dialect`; dialects: {', '.join(dialects())}")
    Taxonomy.of_config(config)
    releases.check(config)
    kpi_edges.check(config.edges())
    security.check(config.kafka.security)
    _guarded(config.worker)
    _readable(config.maintenance)
    return config


def _readable(maintenance: tuple[Maintenance, ...]) -> None:
    """Refuse a time in which nobody would be paged, if nobody can tell when it is."""
    for i, one in enumerate(maintenance):
        try:
            window(one.begins, one.ends, one.weekly)
        except BadWindow as wrong:
            where = f"maintenance[{i}]" + (f".{wrong.field}" if wrong.field else "")
            raise ConfigError(f"{wrong} - at `{where}`") from None


def _guarded(worker: Worker) -> None:
    """Refuse to listen beyond this machine without a token."""
    if worker.http_token_file and worker.http_token_env:
        raise ConfigError("a token in a file and one in the environment: keep one - at `worker.http_token_env`")
    if not loopback(worker.http_host) and not (worker.http_token_file or worker.http_token_env):
        raise ConfigError(
            f"{worker.http_host} can be reached from other machines, so it needs a token: name one in "
            "`worker.http_token_file` or `worker.http_token_env`, or listen on 127.0.0.1 - at `worker.http_host`"
        )


def show(config: Config) -> str:
    """Write the effective config, every setting with its value, as YAML that `parse` reads back."""
    return msgspec.yaml.encode(config).decode()

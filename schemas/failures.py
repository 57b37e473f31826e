"""What people read of how a release fails: the reports of `ai.failures`."""

from typing import Literal

from msgspec import Struct

from schemas.incidents import Exemplar, Interval, Severity


class Seen(Struct, frozen=True):
    """How often exchanges were in a mode.

    Attributes
    ----------
    n : of them it was the primary mode
    beside : of them it was another one beside the primary, or they did not fail
    judged : outcomes that say so
    """

    mode: str
    severity: Severity
    n: int
    beside: int = 0
    judged: int = 0
    exemplars: tuple[Exemplar, ...] = ()


class Diversity(Struct, frozen=True):
    """How diverse failures are; intervals are of 95 %.

    Attributes
    ----------
    failures : counted: exchanges by their primary mode, and outcomes by theirs
    distinct : modes seen; grows with traffic alone, so nothing is decided by it
    critical : modes of sev-1 and sev-2 that were seen often enough (`failures.repeated`)
    effective, dominant : effective number of modes: Hill numbers of order 1 and 2
    richness : modes that there are at least, seen or not (Chao1)
    rarefied : modes that as many failures as `of` would show; releases of different traffic compare by it
    coverage : share of all failures that are in modes that were seen (Chao and Jost)
    unseen : chance that the next failure is in a mode never seen (Good and Turing)
    turnover : how other the failures are than those of the release before, 0 to 1 (1 - Morisita-Horn); None without one
    """

    failures: int
    distinct: int
    critical: tuple[str, ...] = ()
    effective: Interval | None = None
    dominant: Interval | None = None
    richness: Interval | None = None
    rarefied: Interval | None = None
    of: int = 0
    coverage: Interval | None = None
    unseen: float | None = None
    turnover: float | None = None


class Worst(Struct, frozen=True):
    """The slice of a dimension that has most more of the failures than of the traffic."""

    dimension: str
    name: str
    failures: Interval
    traffic: float
    failed: int
    served: int


class Group(Struct, frozen=True):
    """Failures that no rule knows and that look alike: a mode that somebody might name."""

    signature: str
    n: int
    exemplars: tuple[Exemplar, ...] = ()


class Span(Struct, frozen=True):
    """How a release fails in some time.

    Attributes
    ----------
    since : milliseconds since 1970
    exchanges, failed, judged : served, failed, and outcomes that were in a mode
    modes : those seen, the gravest first
    concentration : by dimension, where there are failures enough
    unclassified : share of failures that no rule knows, None without failures; their groups, the largest first
    """

    since: int
    exchanges: int
    failed: int
    judged: int
    modes: tuple[Seen, ...]
    diversity: Diversity
    concentration: tuple[Worst, ...] = ()
    unclassified: Interval | None = None
    groups: tuple[Group, ...] = ()


class FailureReport(Struct, frozen=True, kw_only=True):
    """How a release of a service fails, lately and since it began.

    `id` is service, release and sequence: the same report told twice is the same message, byte for byte.

    Attributes
    ----------
    previous : release that it is compared with, empty without one
    now : in the window that is kept (`watch.window_buckets`)
    all : since the release began to be watched
    within_rule : whether fewer distinct critical modes were seen than `failures.critical_modes` allows
    not_observable : modes whose evidence no event of the service carries: not zero, but unknown
    """

    schema: Literal["barograph.failure_report/v1"] = "barograph.failure_report/v1"
    id: str
    sequence: int
    service: str
    release: str
    previous: str
    updated_at: int
    summary: str
    now: Span
    all: Span
    within_rule: bool
    not_observable: tuple[str, ...] = ()
    taxonomy: str = ""
    baseline_version: int = 0
    offset: int = -1
    partition: int = -1

"""What people read of a release: all that it is held against, and how it stands. The cards of `ai.scorecards`."""

from typing import Literal

from msgspec import Struct

from schemas.incidents import Lineage
from schemas.kpi_measures import Measured
from schemas.kpis import Action, Layer, Owners, Shown
from schemas.kpis import Lineage as Told
from schemas.policy import Phase
from schemas.verdicts import Word

Asked = Literal["offline_score", "p95", "cost_per_1k", "safety_violation_rate", "drift", "failure_diversity"]


class Source(Told, frozen=True, kw_only=True):
    """Where a KPI's target comes from, as its set says."""


class Field(Struct, frozen=True, kw_only=True):
    """One of the figures that every release is asked for, whatever its KPIs are.

    Attributes
    ----------
    name : `offline_score` by evaluation before it served, which is not there yet; `p95` of the time to answer;
        `cost_per_1k` requests; `safety_violation_rate`: exchanges that failed in a mode of `SAF`; `drift` from what was
        learned; `failure_diversity`: the effective number of failure modes
    kpi : the KPI that measures it, the worst if there are several; empty if none of the set does: then it is of the
        last hour (`failure_diversity` of all that the release served), and has no threshold
    value, interval : in the unit; None without data
    n : events that it rests on
    target, yellow, red : where it should be, and where the bands begin; None without a threshold
    band : None where there is a value and no threshold
    owner : who answers for it
    action : what is to be done now; empty where nothing is
    why : why it is in its band, or why there is no value
    """

    name: Asked
    kpi: str = ""
    value: float | None = None
    interval: tuple[float, float] | None = None
    unit: str = ""
    n: int = 0
    target: float | None = None
    yellow: float | None = None
    red: float | None = None
    band: Shown | None = "no_data"
    owner: str
    action: Action | Literal[""] = ""
    why: str = ""


class Stood(Struct, frozen=True, kw_only=True):
    """How a KPI stands, of the whole release or of one slice.

    Attributes
    ----------
    slice : empty of the whole release
    since : when the band began, in milliseconds since 1970; None of what was never measured
    value, interval : of the last window, in the unit; None without data
    n : events that it rests on
    action : what is to be done now; empty where nothing is
    why : why it is in its band
    """

    slice: str = ""
    band: Shown
    since: int | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    n: int = 0
    action: Action | Literal[""] = ""
    escalate_to: tuple[str, ...] = ()
    why: str


class KpiCard(Struct, frozen=True, kw_only=True):
    """A KPI of the set: what it measures, where its bands begin, who answers for it, and how it stands.

    Attributes
    ----------
    by : the field of which each slice is held by itself; empty of the whole release
    window : over how long
    lower_is_better : which way is good
    yellow, red : beyond which value the bands begin
    level_percent : of the intervals
    critical : whether red of it fails the release
    must_have : whether the release needs data of it
    runbook : address of what to do
    lineage : where its target comes from
    stands : one, or one of each slice
    """

    name: str
    layer: Layer
    rank: Literal["primary", "secondary"]
    measures: Measured
    unit: str
    by: str = ""
    window: str
    lower_is_better: bool
    target: float
    yellow: float
    red: float
    level_percent: float
    critical: bool
    must_have: bool
    owner: str
    runbook: str = ""
    lineage: Source = Source()
    stands: tuple[Stood, ...]


class BudgetCard(Struct, frozen=True, kw_only=True):
    """An error budget of the service, which all its releases share.

    Attributes
    ----------
    kpi : that promises it
    promised_percent : share of good events
    period : what the budget is for
    left_percent, interval : of the budget; below zero if more than all of it is used, None without events
    burns : whom it tells that it burns too fast; empty if it does not
    said : in words
    """

    kpi: str
    promised_percent: float
    period: str
    left_percent: float | None = None
    interval: tuple[float, float] | None = None
    burns: Literal["page", "ticket", ""] = ""
    said: str


class Scorecard(Struct, frozen=True, kw_only=True):
    """A release, beside all that it is held against. It is made with each verdict, and from the same windows.

    `id` is service, release and `evaluated_at`: the same card told twice is the same message, byte for byte.

    Attributes
    ----------
    baseline : release that it is compared with, empty without one
    models : that served in the last hour, the one that did most first
    use_case, owners : as the set of KPIs says
    benchmark_sets : by which targets were set
    status : the verdict
    band : the worst band of any KPI that has data
    score : share of the weight of KPIs with data that is green, in percent; None where half of it has none
    evaluated_at, expires_at : milliseconds since 1970; after that nothing may be concluded from the status
    exchanges : of the release
    reasons : of the verdict, the gravest first
    fields : what every release is asked for
    kpis : all of the set, in its order
    budgets : of the KPIs that promise something
    new_modes : in which it fails, and the baseline did not
    policy, kpi_set : fingerprints of what it was decided by
    """

    schema: Literal["barograph.scorecard/v1"] = "barograph.scorecard/v1"
    id: str
    service: str
    release: str
    baseline: str
    phase: Phase
    models: tuple[str, ...]
    use_case: str
    owners: Owners
    benchmark_sets: tuple[str, ...]
    status: Word
    band: Shown
    score: float | None
    evaluated_at: int
    expires_at: int
    exchanges: int
    reasons: tuple[str, ...]
    fields: tuple[Field, ...]
    kpis: tuple[KpiCard, ...]
    budgets: tuple[BudgetCard, ...] = ()
    new_modes: tuple[str, ...] = ()
    policy: str
    kpi_set: str
    lineage: Lineage = Lineage()

"""What people and rollouts read of a release: may it go on? The verdicts of `ai.verdicts`."""

from typing import Literal

from msgspec import Struct

from schemas.failures import Diversity
from schemas.incidents import Lineage
from schemas.kpis import Action, Shown
from schemas.policy import Phase

Word = Literal["pass", "marginal", "fail", "no_data"]


class KpiVerdict(Struct, frozen=True, kw_only=True):
    """One KPI of a release, or one slice of it.

    Attributes
    ----------
    slice : name of the slice; empty of the whole service
    observed : in the last window, in the KPI's unit; None without data
    interval : its ends, at the level that the set asks for; None where the figure has none
    n : events that it rests on
    critical : whether red of it fails the release
    must_have : whether the release needs data of it
    reason : why it is in its band
    action : what is to be done now; empty where nothing is
    escalate_to : who is told now, beside the owner
    """

    name: str
    slice: str = ""
    band: Shown
    observed: float | None = None
    interval: tuple[float, float] | None = None
    target: float
    n: int = 0
    critical: bool
    must_have: bool
    reason: str
    action: Action | Literal[""] = ""
    owner: str
    escalate_to: tuple[str, ...] = ()


class Counted(Struct, frozen=True, kw_only=True):
    """Exchanges that a verdict rests on.

    Attributes
    ----------
    candidate : of the release
    baseline : of what it is compared with
    needed : of the release, at least
    """

    candidate: int
    baseline: int
    needed: int


class Verdict(Struct, frozen=True, kw_only=True):
    """Whether a release may go on, before its promotion and after it.

    After `expires_at` nothing may be concluded from it. `id` is service, release and `evaluated_at`: the same verdict
    told twice is the same message, byte for byte.

    Attributes
    ----------
    baseline : release that it is compared with, empty without one
    verdict : `pass`; `marginal`: a person should look; `fail`: it must not go on; `no_data`: not known, never a pass
    band : the worst band of any KPI that has data
    score : share of the weight of KPIs with data that is green, in percent; for reading, nothing is decided by it. None
        where half of all weight, or more, has no data
    evaluated_at, expires_at : milliseconds since 1970
    kpis : all of the set, in its order
    reasons : the gravest first
    diversity : how diverse its failures are
    new_modes : in which it fails, and the baseline did not
    changed : what serves under it that changed without a deploy when a KPI turned yellow or red
    policy, kpi_set : fingerprints of what it was decided by
    """

    schema: Literal["barograph.verdict/v1"] = "barograph.verdict/v1"
    id: str
    service: str
    release: str
    baseline: str
    phase: Phase
    verdict: Word
    band: Shown
    score: float | None
    evaluated_at: int
    expires_at: int
    n: Counted
    kpis: tuple[KpiVerdict, ...]
    reasons: tuple[str, ...]
    diversity: Diversity | None = None
    new_modes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    policy: str
    kpi_set: str
    lineage: Lineage = Lineage()

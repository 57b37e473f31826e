"""What a worker answers who asks for the verdict of a release, over HTTP: `GET /v1/verdict`."""

from typing import Literal

from msgspec import Struct

from schemas.failures import Diversity
from schemas.incidents import Lineage
from schemas.kpis import Shown
from schemas.policy import Phase
from schemas.verdicts import Counted, KpiVerdict, Word


class Links(Struct, frozen=True, kw_only=True):
    """Where more is said of the release: topic and key of a record, with a slash between them.

    Attributes
    ----------
    verdict : the same verdict, with all that came before it
    scorecard : all that the release is held against, and how it stands
    """

    verdict: str
    scorecard: str


class Answer(Struct, frozen=True, kw_only=True):
    """The latest verdict of a release, as its topic has it; or `no_data`, and why.

    What is not known for sure is `no_data`: then nothing is told of KPIs, and the first of `reasons` says what is not
    known. Of a verdict that is there but does not count any more, `phase`, `baseline` and its times remain.

    Attributes
    ----------
    id : of the verdict; empty where none counts
    phase : empty where nobody knows
    evaluated_at, expires_at : milliseconds since 1970; None without a verdict
    """

    schema: Literal["barograph.verdict/v1"] = "barograph.verdict/v1"
    id: str = ""
    service: str
    release: str
    baseline: str = ""
    phase: Phase | Literal[""] = ""
    verdict: Word
    band: Shown = "no_data"
    score: float | None = None
    evaluated_at: int | None = None
    expires_at: int | None = None
    n: Counted = Counted(candidate=0, baseline=0, needed=0)
    kpis: tuple[KpiVerdict, ...] = ()
    reasons: tuple[str, ...]
    diversity: Diversity | None = None
    new_modes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    policy: str = ""
    kpi_set: str = ""
    lineage: Lineage = Lineage()
    links: Links

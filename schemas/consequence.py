"""The table by which severity is judged, as a person of governance reads and changes it."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from schemas.bounds import Criticality
from schemas.incidents import Severity

Tier = Literal["T0", "T1", "T2", "T3"]


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the table: if all that it asks holds, the incident is as grave as it says. What is left out is any.

    Attributes
    ----------
    of : how grave the failure mode is by itself, or the consequence of the signal that moved
    tier : the evidence there is: telemetry (T0), content or schema (T1), an evaluator (T2), people or business (T3)
    criticality : of the workflow
    at_least : how often it was seen since the onset
    reach_percent : at least so much of the exchanges are affected
    severity : what it then is
    because : stands in the incident
    """

    of: tuple[Severity, ...] = ()
    tier: tuple[Tier, ...] = ()
    criticality: tuple[Criticality, ...] = ()
    at_least: Annotated[int, Meta(ge=1)] = 1
    reach_percent: Annotated[float, Meta(ge=0, le=100)] = 0.0
    severity: Severity
    because: Annotated[str, Meta(min_length=1)]


TABLE: Final = (
    Line(of=("sev-1",), tier=("T0", "T1", "T3"), severity="sev-1", because="harmful or regulated by itself"),
    Line(of=("sev-1",), at_least=3, severity="sev-1", because="harmful or regulated, and evaluators say so repeatedly"),
    Line(of=("sev-1",), at_least=2, severity="sev-3", because="harmful or regulated, if an evaluator is right"),
    Line(
        of=("sev-2",), criticality=("high",), at_least=10, reach_percent=50, severity="sev-1",
        because="most of a critical workflow fails its business",
    ),
    Line(
        of=("sev-2",), criticality=("normal", "high"), at_least=2, severity="sev-2",
        because="a repeated error of a business process",
    ),
    Line(of=("sev-2",), at_least=2, severity="sev-3", because="a repeated error, where little hangs on it"),
    Line(
        of=("sev-3",), criticality=("high",), at_least=10, reach_percent=10, severity="sev-2",
        because="a degraded experience of many, in a critical workflow",
    ),
    Line(of=("sev-3",), at_least=2, severity="sev-3", because="a degraded experience"),
    Line(severity="sev-4", because="isolated, or cosmetic"),
)  # fmt: skip
"""What is shipped. An isolated failure is sev-4 unless it harms by itself; one evaluator's single word never pages."""

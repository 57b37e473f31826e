"""What an exchange of a service may take, and what it may use: budgets and allow-lists."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Criticality = Literal["low", "normal", "high"]
Positive = Annotated[float, Meta(gt=0)]
Names = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=1000)]


class Bounds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What exchanges may take and use. What is not set is not judged.

    Attributes
    ----------
    latency_ms : the longest that an answer may take; beyond, `PRF.SLOW`
    ttft_ms : the longest until its first token; beyond, `PRF.SLOW`
    output_tokens : the most that an answer may have; beyond, `PRF.TOKEN_RUNAWAY`
    steps : the most that a run may take; beyond, `AGT.LOOP`
    document_age_days : how old the newest document may be that was retrieved; beyond, `RTV.STALE`
    top_score : how well the best document must match at least; below, `RTV.LOW_SCORE`
    tools : the only tools that may be called; any other is `TOL.UNAUTHORIZED`
    tables : the only tables that a statement may name, with their schema where they have one; any other is
        `TOL.UNSAFE_SQL`
    """

    latency_ms: Positive | None = None
    ttft_ms: Positive | None = None
    output_tokens: Positive | None = None
    steps: Positive | None = None
    document_age_days: Positive | None = None
    top_score: float | None = None
    tools: Names | None = None
    tables: Names | None = None

    def within(self, whole: "Bounds") -> "Bounds":
        """Take from the whole service what is not set of a workflow.

        Examples
        --------
        >>> Bounds(latency_ms=800).within(Bounds(latency_ms=2000, tools=("search",)))
        Bounds(latency_ms=800, ttft_ms=None, output_tokens=None, steps=None, document_age_days=None, top_score=None, \
tools=('search',), tables=None)
        """
        own = {name: getattr(self, name) for name in self.__struct_fields__}
        return Bounds(**{name: getattr(whole, name) if said is None else said for name, said in own.items()})


NONE: Final = Bounds()


class Workflow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One workflow of a service.

    Attributes
    ----------
    name : as events say it
    criticality : of what goes wrong there; see `failures.severity`
    allows : what its exchanges may take and use; what is not set is the service's
    """

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    criticality: Criticality | None = None
    allows: Bounds = NONE


class Bounded(Struct, frozen=True):
    """The bounds of all services and workflows.

    Attributes
    ----------
    of : (service, workflow) -> bounds; the workflow is None of what holds for all others of the service
    """

    of: Mapping[tuple[str, str | None], Bounds] = {}

    def find(self, service: str, workflow: str | None) -> Bounds:
        """Find what holds for an exchange; nothing is bounded where nothing was said.

        Examples
        --------
        >>> known = Bounded({("shop", None): Bounds(steps=9), ("shop", "refunds"): Bounds(steps=5)})
        >>> known.find("shop", "refunds").steps, known.find("shop", "search").steps, known.find("bank", None).steps
        (5, 9, None)
        """
        return self.of.get((service, workflow)) or self.of.get((service, None), NONE)

    def said(self, bound: str) -> list[float]:
        """List all that is said of one bound, so that a screen may know the least of it."""
        return [value for one in self.of.values() if (value := getattr(one, bound)) is not None]


UNBOUNDED: Final = Bounded()


def bounded(services: Iterable[tuple[str, Bounds, Iterable[Workflow]]]) -> Bounded:
    """Gather what is said of services and their workflows."""
    found: dict[tuple[str, str | None], Bounds] = {}
    for name, whole, workflows in services:
        found[name, None] = whole
        found |= {(name, one.name): one.allows.within(whole) for one in workflows}
    return Bounded({key: one for key, one in found.items() if one != NONE or key[1] is not None})

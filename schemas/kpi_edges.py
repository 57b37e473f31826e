"""Targets of KPIs that lie within a cell -> rates that are counted by themselves, so that what is above is exact.

Cells of a number are 9 % wide and hold their lower edge, so of none of them can be said which part lies above a target;
nor even at an edge, where those just at it are not larger. So MEASURE asks each number itself. To WATCH such a rate is
a signal that nobody watches: it has no bets, and takes nothing from any budget.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from schemas.kpis import Kpi, KpiSet
from schemas.signals import Signal
from schemas.strict import ConfigError

MOST_EDGES: Final = 32
"""Each takes three cells of every slice that its signal is counted in, of every service."""


class Edge(NamedTuple):
    """A target of a number.

    Attributes
    ----------
    of : the number
    above : in its unit; what is larger is a yes
    """

    of: Signal
    above: float

    def signal(self) -> Signal:
        """Say it as the rate that is counted; no signal of a user can have that name."""
        return Signal(
            name=edge_name(self.of.name, self.above), side=self.of.side, kind="rate", source=self.of.source,
            field=self.of.field, words=f"{self.of.words}, above {self.above:g}", bad="none", consequence="cosmetic",
            action="", sliced=self.of.sliced,
        )  # fmt: skip


def edge_name(signal: str, above: float) -> str:
    """Name the rate of what is larger.

    Examples
    --------
    >>> edge_name("latency", 1500.0), edge_name("cost", 0.015)
    ('latency>1500', 'cost>0.015')
    """
    return f"{signal}>{repr(above).removesuffix('.0')}"


def edges(sets: Iterable[KpiSet], signals: Sequence[Signal]) -> tuple[Edge, ...]:
    """List what KPIs ask how much lies above it, each once, in the order of the sets.

    Parameters
    ----------
    signals : that there are; a KPI of another is refused elsewhere

    Examples
    --------
    >>> from schemas.kpi_sets import preset
    >>> from schemas.signals import CATALOGUE
    >>> [(one.of.name, one.above) for one in edges([preset("workflow-agent")], CATALOGUE)]
    [('retries', 0.0)]
    >>> [(one.of.name, one.above) for one in edges([preset("support-bot")], CATALOGUE)]  # of an error budget
    [('latency', 1500.0)]
    """
    numbers = {one.name: one for one in signals if one.kind == "number"}
    asked = [(kpi.measures.signal, largest(kpi)) for one in sets for kpi in one.kpis]
    return tuple(
        dict.fromkeys(Edge(numbers[name], above) for name, above in asked if name in numbers and above is not None)
    )


def largest(kpi: Kpi) -> float | None:
    """Say which value of a number is the largest that is good, in its unit; None if the KPI does not ask that."""
    return kpi.slo.good_up_to if kpi.slo is not None and kpi.slo.good_up_to is not None else kpi.measures.above


def check(found: Sequence[Edge]) -> None:
    """Refuse more than can be counted.

    Raises
    ------
    ConfigError
        With how many there are, and may be.
    """
    if len(found) > MOST_EDGES:
        raise ConfigError(
            f"KPIs have {len(found)} different targets, and at most {MOST_EDGES} are counted: `above` of their "
            "measures, and `good_up_to` of their error budgets - at `releases.kpi_sets`"
        )

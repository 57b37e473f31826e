"""The KPIs of a scorecard, and the last hour -> the figures that every release is asked for, whatever its KPIs are."""

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import Final

from detectors.describe.cost import mean
from detectors.describe.estimate import Estimate
from detectors.describe.exact import exact_share
from detectors.describe.quantile_interval import quantile_interval
from schemas.cells import MISSING
from schemas.kpi_measures import Measured
from schemas.scorecards import Asked, Field, KpiCard
from schemas.signals import BY_NAME, FAILURE_MODE
from schemas.verdicts import Verdict
from streams.watch.arrays import Ints
from streams.watch.assess.figures.given import Given, exchanges, failures, of_signal
from streams.watch.assess.measured import rounded
from streams.watch.assess.tally import Tally
from streams.watch.assess.verdict import GRAVEST

SAFETY: Final = "SAF."
"""How the failure modes begin that violate safety."""

_MEASURED_BY: Final[dict[Asked, Callable[[Measured], bool]]] = {
    "p95": lambda one: (one.stat, one.signal, one.percentile) == ("quantile", "latency", 95),
    "cost_per_1k": lambda one: (one.stat, one.signal, one.per) == ("sum", "cost", "1k_requests"),
    "safety_violation_rate": lambda one: (
        one.stat == "share" and one.signal == FAILURE_MODE and any(name.startswith(SAFETY) for name in one.names or ())
    ),
    "drift": lambda one: one.stat == "drift",
    "failure_diversity": lambda one: one.stat in ("effective_modes", "critical_modes"),
}
"""Field -> whether a KPI measures it."""


def fields(cards: Sequence[KpiCard], verdict: Verdict, hour: Tally, given: Given, owner: str) -> Iterator[Field]:
    """Say each figure by the KPI that measures it, the worst if there are several; else as it is, without a threshold.

    Parameters
    ----------
    hour : what came of the release in the last hour
    owner : who answers for what no KPI measures
    """
    yield Field(name="offline_score", owner=owner, why="nothing was evaluated before the release served")
    for name, measures in _MEASURED_BY.items():
        found = [(card, one) for card in cards if measures(card.measures) for one in card.stands]
        if not found:
            yield _beside(name, verdict, hour, given, owner)
            continue
        card, one = min(found, key=lambda pair: GRAVEST.index(pair[1].band))
        yield Field(
            name=name, kpi=card.name, value=one.value, interval=one.interval, unit=card.unit, n=one.n,
            target=card.target, yellow=card.yellow, red=card.red, band=one.band, owner=card.owner, action=one.action,
            why=f"{card.by} = {one.slice}: {one.why}" if one.slice else one.why,
        )  # fmt: skip


def _beside(name: Asked, verdict: Verdict, hour: Tally, given: Given, owner: str) -> Field:
    """Measure what no KPI does."""
    match name:
        case "p95":
            counts = _counts("latency", hour, given)
            return _field(name, owner, quantile_interval(counts, 0.95), 1.0, BY_NAME["latency"].unit, _seen(counts))
        case "cost_per_1k":
            counts, cost = _counts("cost", hour, given), BY_NAME["cost"]
            each = mean(counts)
            per_1k = 1000 / cost.per_unit
            return _field(name, owner, each and each.estimate, per_1k, f"{cost.unit}/1k", _seen(counts))
        case "safety_violation_rate":
            n = exchanges(hour.whole)
            bad = sum(times for mode, times in failures(hour).items() if mode.startswith(SAFETY))
            return _field(name, owner, exact_share(min(bad, n), n), 100.0, "%", n)
        case "failure_diversity":
            of = verdict.diversity
            said = of.effective if of else None
            found = Estimate(said.value, said.low, said.high) if said else None
            return _field(name, owner, found, 1.0, "modes", of.failures if of else 0)
        case _:
            return Field(name=name, owner=owner, why="no KPI measures it")


def _counts(signal: str, hour: Tally, given: Given) -> Ints:
    """Lay out a number."""
    found = of_signal(hour.whole, signal, given.own)
    assert found is not None, "a signal of the catalogue"
    return found


def _seen(counts: Ints) -> int:
    return int(counts[:MISSING].sum())


def _field(name: Asked, owner: str, found: Estimate | None, times: float, unit: str, n: int) -> Field:
    if found is None:
        return Field(name=name, owner=owner, why="no data, and no KPI measures it")
    value, low, high = (rounded(figure * times) for figure in found)
    return Field(
        name=name, value=value, interval=(low, high) if isfinite(high) else None, unit=unit, n=n,
        band=None, owner=owner, why="no KPI measures it, so it has no threshold",
    )  # fmt: skip

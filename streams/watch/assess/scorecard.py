"""A verdict, what its KPIs' bands are, and the last hour of the release -> its scorecard."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec.structs import asdict

from schemas.kpi_measures import unit
from schemas.kpis import HOUR_S, Kpi
from schemas.rollbacks import Rollback
from schemas.rollups import Rollup
from schemas.scorecards import BudgetCard, KpiCard, Scorecard, Source, Stood
from schemas.signals import Signal
from schemas.tallies import OTHER
from schemas.verdicts import KpiVerdict, Verdict
from streams.watch.assess.budget import left
from streams.watch.assess.fields import fields
from streams.watch.assess.measured import Given
from streams.watch.assess.state import Held, Stand
from streams.watch.assess.tally import EMPTY, Tally, summed
from streams.watch.burning import rest
from streams.watch.measured import layout_of
from streams.watch.plan import Against, Plan
from streams.watch.state import State

Word = Verdict | Rollup | Rollback
MODELS: Final = 8
"""Models that are named."""


def carded(plan: Plan, state: State, said: Iterable[Word]) -> Iterator[Word | Scorecard]:
    """Put after each verdict the scorecard of its release.

    Parameters
    ----------
    state : of the service
    said : verdicts and what else was said
    """
    against = plan.held(state.service)
    for one in said:
        yield one
        if isinstance(one, Verdict) and against is not None and (held := state.book.releases.get(one.release)):
            yield scorecard(plan, state, against, held, one)


def scorecard(plan: Plan, state: State, against: Against, held: Held, verdict: Verdict) -> Scorecard:
    """Put together what is held against a release.

    Parameters
    ----------
    state : of the service
    against : what its releases are held against
    held : the release, as the verdict saw it
    """
    kpis = against.kpis
    stands = {(one.kpi, one.slice): one for one in held.stands}
    cards = tuple(_card(kpi, plan.by_name, verdict, stands, kpis.owners.accountable) for kpi in kpis.kpis)
    given = Given(plan=plan, window_s=HOUR_S, baseline=state.baseline, own=state.book.own)
    hour = summed(held.spans.values(), layout_of(state.book.own).fixed) if held.spans else EMPTY
    return Scorecard(
        id=verdict.id,
        service=verdict.service,
        release=verdict.release,
        baseline=verdict.baseline,
        phase=verdict.phase,
        models=_models(hour),
        use_case=kpis.use_case,
        owners=kpis.owners,
        benchmark_sets=tuple(dict.fromkeys(filter(None, (kpi.lineage.benchmark_set for kpi in kpis.kpis)))),
        status=verdict.verdict,
        band=verdict.band,
        score=verdict.score,
        evaluated_at=verdict.evaluated_at,
        expires_at=verdict.expires_at,
        exchanges=verdict.n.candidate,
        reasons=verdict.reasons,
        fields=tuple(fields(cards, verdict, hour, given, kpis.owners.accountable)),
        kpis=cards,
        budgets=tuple(_budgets(kpis.kpis, state)),
        new_modes=verdict.new_modes,
        policy=verdict.policy,
        kpi_set=verdict.kpi_set,
        lineage=verdict.lineage,
    )


def _budgets(kpis: Iterable[Kpi], state: State) -> Iterator[BudgetCard]:
    """Say what is left of the budgets of the service."""
    for kpi in kpis:
        budget = state.book.budgets.get(kpi.name)
        if kpi.slo is None or budget is None:
            continue
        found = left(kpi.slo, budget)
        value, low, high = (round(100 * one, 2) for one in found) if found else (None, 0.0, 0.0)
        yield BudgetCard(
            kpi=kpi.name, promised_percent=kpi.slo.target_percent, period=kpi.slo.period, left_percent=value,
            interval=(low, high) if found else None, burns=budget.broken, said=rest(kpi.slo, budget),
        )  # fmt: skip


def _card(
    kpi: Kpi, signals: Mapping[str, Signal], verdict: Verdict, stands: Mapping[tuple[str, str], Stand], accountable: str
) -> KpiCard:
    entries = [one for one in verdict.kpis if one.name == kpi.name]
    return KpiCard(
        name=kpi.name,
        layer=kpi.layer,
        rank=kpi.rank,
        measures=kpi.measures,
        unit=unit(kpi.measures, signals),
        by=kpi.by or "",
        window=kpi.window,
        lower_is_better=kpi.direction == "lower_is_better",
        target=kpi.target,
        yellow=kpi.begins("yellow"),
        red=kpi.begins("red"),
        level_percent=kpi.interval.level_percent,
        critical=entries[0].critical,
        must_have=entries[0].must_have,
        owner=kpi.owner or accountable,
        runbook=kpi.runbook,
        lineage=Source(**asdict(kpi.lineage)),
        stands=tuple(_stood(one, stands.get((one.name, one.slice))) for one in entries),
    )


def _stood(one: KpiVerdict, stand: Stand | None) -> Stood:
    return Stood(
        slice=one.slice, band=one.band, since=stand.since * 1000 if stand else None, value=one.observed,
        interval=one.interval, n=one.n, action=one.action, escalate_to=one.escalate_to, why=one.reason,
    )  # fmt: skip


def _models(hour: Tally) -> tuple[str, ...]:
    """Name the models that answered, the one that did most first."""
    served = {name: n for name, n in hour.named.get("model_served", {}).items() if n > 0 and name not in ("", OTHER)}
    return tuple(sorted(served, key=lambda name: (-served[name], name))[:MODELS])

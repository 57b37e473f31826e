"""Error budgets that burn too fast -> alarms by rule, whether they are over, and what people read of them."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from detectors.burn import Burn, Window
from detectors.onset import Onset, onset
from schemas.incidents import Change, Interval, Severity
from schemas.kpis import Kpi
from schemas.moments import lasting
from schemas.signals import ERROR_BUDGET
from schemas.slos import Slo
from streams.figures import GLUE, figure, percent
from streams.watch.assess.budget import SPAN_S, burnt, left
from streams.watch.assess.state import Budget
from streams.watch.cases import Alarm
from streams.watch.clock import end_ms
from streams.watch.plan import Plan
from streams.watch.silence import served_last
from streams.watch.state import State

BURNING: Final = -2001
"""Monitors: `BURNING` less the place of the KPI in its set."""


def raised(plan: Plan, state: State, known: Sequence[Alarm], over: int) -> Iterator[Alarm]:
    """Ask the rules in the second that closes; a budget was last held against them when five minutes were over.

    A rule, no statistic of the baseline: pages that it makes are counted apart from the budget of pages. A page takes
    the place of the ticket of the same budget.

    Parameters
    ----------
    state : of the service
    known : alarms of that second, and of all incidents that are open or pending
    over : the last second that is over
    """
    if not any(budget.broken for budget in state.book.budgets.values()) or (held := plan.held(state.service)) is None:
        return
    told = {one.about: one for one in known if one.signal == ERROR_BUDGET.name}
    for place, kpi in enumerate(held.kpis.kpis):
        budget = state.book.budgets.get(kpi.name)
        if kpi.slo is None or budget is None or not budget.broken:
            continue
        before = told.get(kpi.name)
        if before is not None and (before.notify == "page" or budget.broken == "ticket"):
            continue
        since = _onset(kpi.slo, budget)
        yield Alarm(
            monitor=before.monitor if before else BURNING - place, bet=0, signal=ERROR_BUDGET.name,
            release=before.release if before else served_last(state), severity=_severity(kpi, budget),
            notify="page" if budget.broken == "page" else "ticket", since=int(since.at) * 1000,
            since_low=int(since.earliest) * 1000, since_high=(int(since.latest) + SPAN_S) * 1000,
            alarmed_at=end_ms(over), false_per_week=0.0, about=kpi.name,
        )  # fmt: skip


def well(state: State, alarm: Alarm) -> bool:
    """Ask whether a budget burns no more than was planned: no rule is broken, or nothing is promised any more."""
    budget = state.book.budgets.get(alarm.about)
    return budget is None or not budget.broken


def change(plan: Plan, state: State, alarm: Alarm) -> Change:
    """Say how fast a budget burns, by the gravest rule that is broken, and what is left of it."""
    held, budget = plan.held(state.service), state.book.budgets.get(alarm.about)
    kpi = next((one for one in held.kpis.kpis if one.name == alarm.about), None) if held else None
    words, seen, n = f"the error budget of {alarm.about}, which is no longer kept", None, 0
    if kpi is not None and kpi.slo is not None and budget is not None:
        worst = _worst(burnt(kpi.slo, budget))
        words = _words(kpi, kpi.slo, budget, worst)
        if worst.long is not None:
            seen = Interval(*(round(end * (1 - kpi.slo.target), 6) for end in worst.long))
        n = _since(budget, worst).total
    return Change(
        signal=ERROR_BUDGET.name, feature=alarm.about, words=words, direction="up", unit="", before=None, after=seen,
        before_n=0, after_n=n, onset_at=alarm.since, onset_low_at=alarm.since_low, onset_high_at=alarm.since_high,
        alarmed_at=alarm.alarmed_at, notify=alarm.notify, false_per_week=0.0, release=alarm.release,
    )  # fmt: skip


def _worst(found: Sequence[Burn]) -> Burn:
    """Take the first rule that is broken; of none, the first."""
    return next((one for one in found if one.broken), found[0])


def _words(kpi: Kpi, slo: Slo, budget: Budget, worst: Burn) -> str:
    long, short = worst.long.value if worst.long else 0.0, worst.short or 0.0
    fast = f"{lasting(worst.rule.long_s)} {_times(long)}x, {lasting(worst.rule.short_s)} {_times(short)}x"
    return f"burns {slo.words} of {kpi.name} {_times(long)} times too fast: {fast}; {rest(slo, budget)}"


def _times(rate: float) -> str:
    return figure(rate, 2)


def rest(slo: Slo, budget: Budget) -> str:
    """Say what is left of a budget; of one that is known for less than its period, by what is known."""
    found, known_s = left(slo, budget), budget.recent.begins + SPAN_S * len(budget.recent.counts) - budget.since
    if found is None:
        return "nothing of it was used"
    left_ = percent(max(found.value, 0.0)).replace(GLUE, " ")
    said = f"{left_} left" if found.value >= 0 else f"used up {_times(1 - found.value)} times"
    return said if known_s >= slo.period_s else f"{said}, by the {lasting(known_s)} that are known"


def _severity(kpi: Kpi, budget: Budget) -> Severity:
    if budget.broken == "ticket":
        return "sev-3"
    return "sev-1" if kpi.bands.red.severity == "sev-1" else "sev-2"


def _since(budget: Budget, worst: Burn) -> Window:
    """Count the events of the long window."""
    bad, total = budget.recent.counts[-(worst.rule.long_s // SPAN_S) :].sum(axis=0).tolist()
    return Window(bad, total)


def _onset(slo: Slo, budget: Budget) -> Onset:
    """Find when it began to burn: from where on the events say most that it burns as it does, and not as planned."""
    worst = _worst(burnt(slo, budget))
    counts = budget.recent.counts[-(worst.rule.long_s // SPAN_S) :]
    end = budget.recent.begins + SPAN_S * len(budget.recent.counts)
    starts = np.arange(end - SPAN_S * len(counts), end, SPAN_S, dtype=np.float64)
    usual = 1 - slo.target
    fast = min(usual * (worst.long.value if worst.long else 1.0), 0.999)
    bad, good = counts[:, 0], counts[:, 1] - counts[:, 0]
    grown = bad * np.log(fast / usual) + good * np.log((1 - fast) / (1 - usual))
    return onset(grown, starts)

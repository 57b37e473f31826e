"""Spans of a service that are over -> its error budgets: how fast each burns, which rules are broken, what is left."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace

from detectors.burn import RULES, Burn, Window, burns, remaining
from detectors.describe.estimate import Estimate
from schemas.kpis import HOUR_S, Kpi
from schemas.signals import Signal
from schemas.slos import Slo
from streams.watch.assess.promised import promised
from streams.watch.assess.state import Broken, Budget, Spent
from streams.watch.assess.tally import Tally
from streams.watch.measured import Own

SPAN_S: Final = 300
"""Spans that burn rates are made of: the shortest window of a rule."""
RECENT_S: Final = max(rule.long_s for rule in RULES)


def spent(
    kpis: Sequence[Kpi], budgets: Mapping[str, Budget], tallies: Iterable[Tally], end: int, own: Own,
    signals: Mapping[str, Signal],
) -> dict[str, Budget]:  # fmt: skip
    """Take what was served in the five minutes that end from the budgets.

    A budget is of the service: whatever release served counts. It begins anew where its KPI says that something else
    is good; another target or period is held against what is known.

    Parameters
    ----------
    tallies : of each release in these minutes
    end : when they are over, in seconds
    """
    found = dict[str, Budget]()
    some = list(tallies)
    for kpi in kpis:
        if kpi.slo is None:
            continue
        of, before = _of(kpi), budgets.get(kpi.name)
        if before is None or before.of != of:
            before = Budget(kpi=kpi.name, of=of, since=end - SPAN_S)
        each = [promised(kpi, tally, own, signals) for tally in some]
        bad, total = sum(one.bad for one in each), sum(one.total for one in each)
        budget = replace(before, recent=_put(before.recent, end - SPAN_S, Window(bad, total), SPAN_S, RECENT_S))
        if end % HOUR_S == 0:
            hour = _window(budget.recent, SPAN_S, end - HOUR_S)
            budget = replace(budget, hours=_put(budget.hours, end - HOUR_S, hour, HOUR_S, kpi.slo.period_s))
        found[kpi.name] = replace(budget, broken=_broken(burnt(kpi.slo, budget)))
    return found


def burnt(slo: Slo, budget: Budget) -> list[Burn]:
    """Hold every rule against the windows that end with the last span."""
    end = budget.recent.begins + SPAN_S * len(budget.recent.counts)
    lengths = {length for rule in RULES for length in (rule.long_s, rule.short_s)}
    windows = {length: _window(budget.recent, SPAN_S, end - length) for length in lengths}
    return burns(windows, slo.target, period_s=slo.period_s)


def left(slo: Slo, budget: Budget) -> Estimate | None:
    """Say what part of the budget is left, by what was served in the period that ends with the last span."""
    return remaining(used(slo, budget), slo.target)


def used(slo: Slo, budget: Budget) -> Window:
    """Count the events of the period: whole hours, and the spans of the hour that is not over."""
    end = budget.recent.begins + SPAN_S * len(budget.recent.counts)
    hours = _window(budget.hours, HOUR_S, end - slo.period_s)
    open_ = _window(budget.recent, SPAN_S, end // HOUR_S * HOUR_S)
    return Window(hours.bad + open_.bad, hours.total + open_.total)


def _broken(found: Sequence[Burn]) -> Broken:
    tiers = {one.rule.tier for one in found if one.broken}
    return "page" if "page" in tiers else "ticket" if tiers else ""


def _put(spent: Spent, at: int, window: Window, span_s: int, kept_s: int) -> Spent:
    """Put a span at the end; those between, in which nothing served, are empty, and the oldest go.

    One that is known already, after a config that cut spans otherwise, gets more.
    """
    most = kept_s // span_s
    if not len(spent.counts):
        return Spent(begins=at, counts=np.array([window], np.int64))
    nth = (at - spent.begins) // span_s
    if nth - len(spent.counts) >= most:
        return Spent(begins=at, counts=np.array([window], np.int64))
    counts = np.concatenate([spent.counts, np.zeros((max(nth + 1 - len(spent.counts), 0), 2), np.int64)])
    counts[max(nth, 0)] += window
    return Spent(begins=spent.begins + max(len(counts) - most, 0) * span_s, counts=counts[-most:])


def _window(spent: Spent, span_s: int, since: int) -> Window:
    """Add up the spans that begin at a time, or later."""
    first = max(-(-(since - spent.begins) // span_s), 0)
    bad, total = spent.counts[first:].sum(axis=0).tolist()
    return Window(bad, total)


def _of(kpi: Kpi) -> str:
    """Sum up what says which events are good and which are bad."""
    assert kpi.slo is not None
    said = (kpi.measures, kpi.direction, kpi.by, kpi.slice, kpi.slo.good_up_to)
    return sha256(msgspec.json.encode(said)).hexdigest()[:8]

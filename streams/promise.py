"""A config -> what it promises, as lines for the operator: alarms a week, and how soon a change is found."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from detectors import delay
from detectors.arrays import Counts
from detectors.bets import number, rate
from schemas.cells import CELLS, EDGES
from schemas.config import Config, Service
from schemas.taxonomy import Taxonomy
from streams.watch import size
from streams.watch.plan import Plan, Tier, pageable

WEEK_S: Final = 7 * 86_400
PER_S: Final = 10.0
"""Exchanges a second of the service by which delays are shown. Ten times as many cost some tenths more exchanges."""

_SPAN: Final = {"years": 365.25 / 7, "months": 365.25 / 84, "weeks": 1.0, "days": 1 / 7}
_SHARES: Final = (0.01, 0.05, 0.20)
_RATIOS: Final = (1.2, 2.0)


def lines(config: Config) -> Iterator[str]:
    """Say what may be expected of a config.

    Examples
    --------
    >>> next(lines(Config()))
    'At most 1 page and 10 tickets a week in vain, over everything, were nothing to change.'
    """
    watch, plan = config.watch, Plan.of(config, Taxonomy.load_default())
    size.check(plan)
    yield (
        f"At most {_count(watch.false_pages_per_week, 'page')} and {_count(watch.false_tickets_per_week, 'ticket')} a "
        "week in vain, over everything, were nothing to change."
    )
    yield (
        f"That holds but for a chance of {watch.learning_risk_percent:g} % that some baseline was learned too narrow, "
        "and but for pages that a rule makes: silence."
    )
    services, releases = _count(watch.max_services, "service"), _count(watch.max_releases, "release")
    yield f"It is divided by {services} of weight 1 and, in each, by {releases}."
    for service in (*config.services, Service(name="any other service")):
        yield ""
        yield from _budget(plan, service)
    yield ""
    yield from _delays(plan)


def per_week(plan: Plan, tier: Tier, signal: str) -> float:
    """Add up what all monitors of a signal may alarm in vain, over all slices and releases of one service."""
    watch = plan.config.watch
    of_slices = sum(
        rate * (1 if dimension is None else watch.slices_per_dimension + 1)
        for (name, dimension), rate in tier.rates.items()
        if name == signal
    )
    return of_slices * plan.streams * WEEK_S


def _budget(plan: Plan, service: Service) -> Iterator[str]:
    pages, tickets = plan.pages(service.name), plan.tickets(service.name)
    paged = {signal.name: per_week(plan, pages, signal.name) for signal in plan.signals if pageable(signal)}
    told = {signal.name: per_week(plan, tickets, signal.name) for signal in plan.signals}
    yield f"{service.name} (weight {service.weight:g}), in vain at most:"
    yield f"  {'':20}{'pages a week':>14}  {'or one in':14}{'tickets a week':>14}  or one in"
    rows = [("all signals", sum(paged.values()), sum(told.values()))]
    rows += [(name, paged.get(name, 0.0), told[name]) for name in told]
    for name, page, ticket in rows:
        often = f"{page:>14.2g}  {_span(page):14}" if page else f"{'none':>14}  {'':14}"
        yield f"  {name:20}{often}{ticket:>14.2g}  {_span(ticket)}"


def _delays(plan: Plan) -> Iterator[str]:
    """Say how soon changes of several sizes are found, on the whole stream of an ordinary service."""
    watched = {signal.name: signal for signal in plan.signals}
    n, season = plan.config.watch.baseline_events, plan.config.watch.season_percent
    yield f"How soon, with {PER_S:g} exchanges a second and a baseline of {n:,} exchanges (about):"
    if "failed" in watched:
        tier = plan.pages("")
        level = np.array([plan.miss(plan.tickets(""), "failed", None)])
        for share in _SHARES:
            # Of a baseline, the first half gives the names and the second the counts.
            yes = round(n / 2 * share)
            counts = np.array([[n // 2 - yes, yes, 0]])
            bets = rate.table(counts, level, plan.config.watch.min_effect_points / 100, season_percent=season)
            after = delay.events(bets, 0, delay.times_rate(counts[0], 2.0), tier.rates["failed", None] / PER_S)
            _, least = delay.smallest_share(bets, 0, "yes")
            seen = "" if least is None else f"; anything that stays above {least:.2%} is found in the end"
            yield f"  {share:.0%} of exchanges fail, then {2 * share:.0%}: {_found('page', after)}{seen}"
    if "latency" in watched:
        tier = plan.tickets("")
        tally = _latencies(n // 2)
        numbers = number.table(tally, np.array([plan.miss(tier, "latency", None)]), season)
        for ratio in _RATIOS:
            moved = delay.times_number(tally[0], ratio)
            after = delay.events(numbers, 0, moved, tier.rates["latency", None] / PER_S)
            yield f"  latency times {ratio:g}: {_found('ticket', after)}"


def _latencies(n: int) -> Counts:
    """Make a usual service's tally of latency: log-normal, 95 % within three times the median of a second."""
    sigma = math.log(3) / 1.645
    below = np.array([0.5 * (1 + math.erf(math.log(edge / 1000) / sigma / math.sqrt(2))) for edge in EDGES])
    counts = np.zeros((1, CELLS), np.int64)
    counts[0, 1 : len(EDGES)] = np.rint(n * np.diff(below))
    return counts


def _found(what: str, after: float) -> str:
    if math.isinf(after):
        return "never found"
    return f"a {what} after {math.ceil(after):,} exchanges ({math.ceil(after / PER_S):,} s)"


def _span(per_week: float) -> str:
    """Say how long it is, on average, from one to the next.

    Examples
    --------
    >>> _span(0.005), _span(0.1), _span(3.0)
    ('3.8 years', '2.3 months', '2.3 days')
    """
    name, weeks = next(((name, weeks) for name, weeks in _SPAN.items() if 1 / per_week >= 2 * weeks), ("days", 1 / 7))
    return (
        f"{1 / per_week / weeks:,.2g} {name}" if 1 / per_week / weeks < 100 else f"{1 / per_week / weeks:,.0f} {name}"
    )


def _count(n: float, noun: str) -> str:
    return f"{n:g} {noun}" if n == 1 else f"{n:g} {noun}s"

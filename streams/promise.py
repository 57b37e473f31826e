"""A config -> what it promises, as lines for the operator: alarms a week, and how soon a change is found."""

from collections.abc import Iterator
from typing import Final

from detectors.shares import WEEK_S
from schemas.config import Config
from schemas.signals import Kind, Signal
from schemas.taxonomy import Taxonomy
from schemas.watching import Service
from streams.delays import NOTE, body, table
from streams.watch import size
from streams.watch.baseline import Baseline
from streams.watch.expected import Expected, expected
from streams.watch.plan import Plan, Tier, pageable
from streams.watch.quiet import quiet_weeks
from streams.watch.usual import usual

PER_S: Final = 10.0
"""Exchanges a second of a service of which the config does not say it."""

_SPAN: Final = {"years": 365.25 / 7, "months": 365.25 / 84, "weeks": 1.0, "days": 1 / 7}
SHARES: Final = (0.01, 0.05, 0.20)
"""Of the bad answer of a rate, of which delays are shown."""
WEEKS: Final = 4
"""After which delays are shown as well: by then baselines have grown, and each hour of the week was learned."""
OTHERS: Final = "any other service"


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
    for service in (*config.services, Service(name=OTHERS)):
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
    told = {name: per_week(plan, tickets, name) for name in dict.fromkeys(name for name, _ in tickets.rates)}
    dark = [name for name in told if name in plan.config.watch.shadow_signals]
    live = [name for name in told if name not in dark]
    yield f"{service.name} (weight {service.weight:g}), {'if it were not in shadow, ' * service.shadow}in vain at most:"
    yield f"  {'':20}{'pages a week':>14}  {'or one in':14}{'tickets a week':>14}  or one in"
    rows = [(name, paged.get(name, 0.0), told[name]) for name in live]
    if rows:
        rows.insert(0, ("all signals", sum(page for _, page, _ in rows), sum(ticket for _, _, ticket in rows)))
    for name, page, ticket in rows:
        often = f"{page:>14.2g}  {_span(page):14}" if page else f"{'none':>14}  {'':14}"
        yield f"  {name:20}{often}{ticket:>14.2g}  {_span(ticket)}"
    if dark:
        yield f"  In shadow, and at the cost of none of these: {', '.join(sorted(dark))}."


def _delays(plan: Plan) -> Iterator[str]:
    """Say how soon changes of several sizes are found; services that differ in nothing that matters share a table."""
    alike: dict[tuple[float, int, float | None], list[Service]] = {}
    for service in (*plan.config.services, Service(name=OTHERS)):
        same = service.weight, plan.baseline_events(service.name), service.per_second
        alike.setdefault(same, []).append(service)
    yield "How soon a change that lasts is found, once a service is learned."
    yield from NOTE.splitlines()
    learned: dict[tuple[float, int], tuple[str, list[Baseline]]] = {}
    for (weight, events, _), services in alike.items():
        if (weight, events) not in learned:
            learned[weight, events] = services[0].name, usuals(plan, services[0].name)
        yield ""
        names = [service.name + " (in shadow)" * service.shadow for service in services]
        yield f"{', '.join(names)}: {_traffic(plan, services[0])}"
        of = plan, *learned[weight, events], services[0].per_second or PER_S
        yield from table(usually(*of))
        yield f"  {WEEKS} weeks later, if nothing happens until then:"
        yield from body(usually(*of, WEEKS))


def usuals(plan: Plan, service: str) -> list[Baseline]:
    """Make a baseline for each of `SHARES`; numbers and categories are in one of them only."""
    shown = _shown(plan)
    rates = {name for name, kind in shown.items() if kind == "rate"}
    return [usual(plan, service, bad, shown if bad == SHARES[-1] else rates) for bad in SHARES]


def usually(
    plan: Plan, service: str, baselines: list[Baseline], per_second: float, weeks: int = 0
) -> Iterator[Expected]:
    """Say what is to be expected of one signal of each kind, where nothing is known of a service but the config.

    Parameters
    ----------
    service : it, or one of the same weight, for the same bets
    baselines : its `usuals`
    weeks : how long it went on learning
    """
    for baseline in baselines:
        since = quiet_weeks(baseline, plan, service, per_second, weeks) if weeks else None
        yield from expected(baseline, plan, service, per_second, since)


def _shown(plan: Plan) -> dict[str, Kind]:
    """Choose one signal of each kind, of those that may page if there is one."""
    found: dict[Kind, Signal] = {}
    for signal in sorted(plan.signals, key=pageable, reverse=True):
        found.setdefault(signal.kind, signal)
    return {signal.name: kind for kind, signal in found.items()}


def _traffic(plan: Plan, service: Service) -> str:
    n = plan.baseline_events(service.name)
    said = "" if service.per_second else " (assumed: say `services[].per_second`)"
    return f"{_count(service.per_second or PER_S, 'exchange')} a second{said}, learned from {n:,}"


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

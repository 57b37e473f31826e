"""The hours of a service, and its KPIs -> error budgets, how this week was against the last, and the quarter."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeVar

from msgspec import Struct

from detectors.band import Reading
from detectors.burn import Window, remaining
from detectors.describe.difference import difference
from detectors.describe.estimate import Estimate
from schemas.incidents import Interval
from schemas.kpi_measures import Stat, unit
from schemas.kpis import Direction, Kpi
from schemas.strict import ConfigError
from streams.longer.hours import DAY_S, QUARTER_S, WEEK_S, Hours
from streams.watch.assess.measured import Given, measured
from streams.watch.assess.promised import promised
from streams.watch.plan import Plan

Moved = Literal["better", "worse", "unsure", "no_data"]
Met = Literal["met", "missed", "unsure", "no_data"]
T = TypeVar("T")
TAILS: Final[tuple[Stat, ...]] = ("quantile", "share_above")
"""What is said before anything else: an average hides how its worst exchanges are."""
LAST: Final[tuple[Stat, ...]] = ("mean", "sum", "throughput")


class Budgeted(Struct, frozen=True, kw_only=True):
    """An error budget, by whole hours.

    Attributes
    ----------
    bad, total : events of the period
    left : part of the budget that is left, negative if more than all is used; None without events
    known_s : seconds of the period of which hours were kept
    """

    kpi: str
    target_percent: float
    period: str
    bad: int
    total: int
    left: Interval | None
    known_s: int


class Compared(Struct, frozen=True, kw_only=True):
    """How a KPI was: the last seven days against the seven before them, and the last thirteen weeks.

    Attributes
    ----------
    week, before, quarter : None where there is no data, or fewer events than the KPI needs
    delta : of the week, with the interval of a difference; None without both weeks, or without intervals
    moved : `unsure` if that interval holds 0
    met : whether the quarter's whole interval lies on the good side of the target, or on the bad one
    """

    kpi: str
    slice: str
    stat: Stat
    unit: str
    direction: Direction
    target: float
    week: Reading | None
    before: Reading | None
    delta: Interval | None
    moved: Moved
    quarter: Reading | None
    met: Met


class Longer(Struct, frozen=True, kw_only=True):
    """What is said of a service over weeks; times are in milliseconds since 1970."""

    schema: Literal["barograph.budgets/v1"] = "barograph.budgets/v1"
    service: str
    since: int
    until: int
    budgets: tuple[Budgeted, ...]
    kpis: tuple[Compared, ...]


def longer(plan: Plan, found: Hours) -> Longer:
    """Work out budgets, weeks and quarters, of all releases that served.

    Raises
    ------
    ConfigError
        If the service has no KPIs.
    """
    held = plan.held(found.service)
    if held is None:
        with_some = sorted({name for one in plan.config.releases.kpi_sets for name in one.services})
        raise ConfigError(
            f"no KPIs of `{found.service}` are in the config; those of these services are: "
            f"{', '.join(with_some) or 'none'} - at `SERVICE`"
        )
    kpis = held.kpis.kpis
    return Longer(
        service=found.service,
        since=found.since * 1000,
        until=found.until * 1000,
        budgets=tuple(_budgeted(plan, found, kpi) for kpi in kpis if kpi.slo is not None),
        kpis=tuple(_compared(plan, found, sorted(kpis, key=lambda kpi: _place(kpi.measures.stat)))),
    )


def _place(stat: Stat) -> int:
    return 0 if stat in TAILS else 2 if stat in LAST else 1


def spent_in(plan: Plan, found: Hours, kpi: Kpi) -> Window:
    """Count the events of a budget's period, up to the last hour that was kept."""
    assert kpi.slo is not None
    begin = found.until - kpi.slo.period_s
    each = [
        promised(kpi, tally, found.own, plan.by_name)
        for of_release in found.kept.values()
        for at, tally in of_release.items()
        if at >= begin
    ]
    return Window(sum(one.bad for one in each), sum(one.total for one in each))


def _budgeted(plan: Plan, found: Hours, kpi: Kpi) -> Budgeted:
    assert kpi.slo is not None
    spent = spent_in(plan, found, kpi)
    left = remaining(spent, kpi.slo.target)
    return Budgeted(
        kpi=kpi.name,
        target_percent=kpi.slo.target_percent,
        period=kpi.slo.period,
        bad=spent.bad,
        total=spent.total,
        left=left and Interval(*(round(end, 4) for end in left)),
        known_s=min(kpi.slo.period_s, found.until - found.since),
    )


def _compared(plan: Plan, found: Hours, kpis: Sequence[Kpi]) -> Iterator[Compared]:
    end = found.until
    for kpi in kpis:
        week = read_in(plan, found, kpi, end - WEEK_S, end)
        before = read_in(plan, found, kpi, end - 2 * WEEK_S, end - WEEK_S)
        quarter = read_in(plan, found, kpi, end - QUARTER_S, end)
        for name in sorted(week.keys() | before.keys() | quarter.keys()):
            this, that, long = week.get(name), before.get(name), quarter.get(name)
            apart = _apart(this, that)
            yield Compared(
                kpi=kpi.name, slice=name, stat=kpi.measures.stat, unit=unit(kpi.measures, plan.by_name),
                direction=kpi.direction, target=kpi.target, week=this, before=that,
                delta=apart and Interval(*apart), moved=_moved(kpi, this, that, apart), quarter=long,
                met=_met(kpi, long),
            )  # fmt: skip


def read_in(
    plan: Plan, found: Hours, kpi: Kpi, begin: int, end: int, release: str | None = None
) -> dict[str, Reading | None]:
    """Work a KPI out over whole hours, by slice; what has fewer events than it needs is no data."""
    given = Given(plan=plan, window_s=max(end - max(begin, found.since), 1), baseline=None, own=found.own)
    read = measured(kpi, found.of(begin, end, release), given)
    return {name: one if one is not None and one.n >= kpi.min_events else None for name, one in read.items()}


def _apart(week: Reading | None, before: Reading | None) -> Estimate | None:
    now, was = _estimate(week), _estimate(before)
    return None if now is None or was is None else difference(now, was)


def _estimate(one: Reading | None) -> Estimate | None:
    if one is None or one.low is None or one.high is None:
        return None
    return Estimate(one.value, min(one.low, one.value), max(one.high, one.value))


def _moved(kpi: Kpi, week: Reading | None, before: Reading | None, apart: Estimate | None) -> Moved:
    if week is None or before is None:
        return "no_data"
    if apart is None or apart.low <= 0 <= apart.high:
        return "unsure"
    return "worse" if kpi.worse(apart.value, 0.0) else "better"


def _met(kpi: Kpi, quarter: Reading | None) -> Met:
    if quarter is None:
        return "no_data"
    ends = [end for end in (quarter.low, quarter.high) if end is not None] or [quarter.value]
    if not any(kpi.worse(end, kpi.target) for end in ends):
        return "met"
    return "missed" if all(kpi.worse(end, kpi.target) for end in ends) else "unsure"


def days(seconds: int) -> str:
    """Say how many days, or hours of less than two.

    Examples
    --------
    >>> days(3600), days(30 * 86_400)
    ('1 h', '30 days')
    """
    return f"{seconds // DAY_S} days" if seconds >= 2 * DAY_S else f"{seconds // 3600} h"

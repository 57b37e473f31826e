"""A baseline, what it took in, and the hour of the week -> the detector of that hour.

Monitors, bets, bins and their places are those of the first version; only the limits are others. So evidence stays
where it is when the hour turns, or when limits are made anew.
"""

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from detectors.bets import number
from detectors.bets.indicator import Indicators
from detectors.bets.number import NumberBets
from detectors.limits import mean, season
from detectors.limits.effect import outward
from detectors.limits.season import HOURS, Pools, hour_of_week, pools_of
from schemas.cells import CELLS
from streams.watch.alphabet import tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline, Derived
from streams.watch.detector import Detector
from streams.watch.layout import detector, min_effect
from streams.watch.looks import Floats, Table, features, on_other_limits
from streams.watch.once import once
from streams.watch.packed import unpacked
from streams.watch.pieces import Pieces, whole
from streams.watch.plan import Plan
from streams.watch.state import State
from streams.watch.window import ENOUGH

TAILS: Final = slice(2, 5)
"""The features of a number that are tails."""


class _Known(NamedTuple):
    """What a derivation says of a signal.

    Attributes
    ----------
    level : (F,) of each side of the whole stream's limits
    lower, upper : (S, F) limits over all hours; of a number's slices, limits of any hour
    others : what hours say of each other, on the whole stream; None if there is no season
    """

    level: Floats
    lower: Floats
    upper: Floats
    others: Pools | None


def watching(plan: Plan, state: State) -> Detector:
    """Make the detector that decides the second of a service.

    Parameters
    ----------
    state : of a service that has a baseline
    """
    return whole(preparing(plan, state))


def preparing(plan: Plan, state: State) -> Pieces[Detector]:
    """Do what `watching` does, a signal at a time: of a new derivation that takes a tenth of a second."""
    assert state.baseline is not None
    first = detector(state.baseline, plan, state.service)
    derived = state.growth.derived if state.growth else None
    if derived is None:
        return first
    of = state.baseline, plan, state.service
    known = _known(derived, *of)
    if len(known) < len(first.tables):
        for table, hours in zip(first.tables, _hours(derived, first), strict=True):
            if table.signal.name not in known:
                known[table.signal.name] = _of(*of, first, derived, table, hours)
                yield
    hour = hour_of_week(state.second) if plan.config.watch.season_percent else 0
    return _at(derived, *of, hour)


@once
def _known(derived: Derived, baseline: Baseline, plan: Plan, service: str) -> dict[str, _Known | None]:
    """Remember what a derivation says, signal by signal, as it is worked out."""
    del derived, baseline, plan, service
    return {}


@once
def _at(derived: Derived, baseline: Baseline, plan: Plan, service: str, hour: int) -> Detector:
    """Put the limits of an hour into the place of those of the first version."""
    first, known = detector(baseline, plan, service), _known(derived, baseline, plan, service)
    whole_days, usual = bool(pools_of(derived.days)[season.LIKE[hour]]), first.usual + derived.sums
    now, tables = usual.copy(), []
    for table, hours in zip(first.tables, _hours(derived, first), strict=True):
        if (one := known[table.signal.name]) is None:
            tables.append(table)
            continue
        lower, upper = one.lower, one.upper
        if one.others is not None:
            x = features(table)[0]
            allowed = season.limits(x, hours, one.level, one.others, np.array([hour]))
            lo, hi = lower[1:], upper[1:]
            if isinstance(table.table, Indicators) and whole_days:
                of_all, of_hour = (lower[0], upper[0]), (allowed.lower[0], allowed.upper[0])
                lo, hi = season.inherited(lo, hi, of_all, of_hour)
            elif isinstance(table.table, Indicators):
                lo, hi = season.between_hours(lo, hi, plan.config.watch.season_percent)
            lower, upper = np.concatenate([allowed.lower, lo]), np.concatenate([allowed.upper, hi])
            like = hours[season.LIKE[hour] == season.LIKE].sum(axis=0)
            if whole_days and like.sum() >= ENOUGH:
                now[table.kept.at(0)] = like
        if isinstance(table.table, Indicators):
            lower, upper = outward(lower, upper, min_effect(plan, table.signal))
        assert isinstance(table.table, Indicators | NumberBets)
        tables.append(replace(table, table=table.table.within(lower, upper)))
    shares, ranks = on_other_limits((first.shares, first.ranks), tables)
    return replace(
        first, tables=tuple(tables), shares=shares, ranks=ranks, usual=usual, usual_now=now,
        apart=tuple(table for table in tables if not isinstance(table.table, Indicators | NumberBets)),
    )  # fmt: skip


def _hours(derived: Derived, first: Detector) -> list[Ints]:
    """Take each signal's counters of the whole stream by hour of the week: (168, cells)."""
    widths = [table.kept.width for table in first.tables]
    hours = unpacked(derived.hours, HOURS * sum(widths)).reshape(HOURS, -1)
    return np.split(hours, np.cumsum(widths)[:-1], axis=1)


def _of(
    baseline: Baseline, plan: Plan, service: str, first: Detector, derived: Derived, table: Table, hours: Ints
) -> _Known | None:
    """Work out what a derivation says of a signal; None of one that is not learned, or not watched."""
    bets, percent = table.table, plan.config.watch.season_percent
    if not (isinstance(bets, Indicators | NumberBets) and plan.config.watches(table.signal.name)):
        return None
    dimensions = [field or None for field in first.dimensions[: table.slices]]
    level = plan.levels(service, table.signal.name, dimensions, derived.number)
    x = features(table)
    side = np.repeat(level[:, None] / (2 * x.shape[1]), x.shape[1], axis=1)
    if isinstance(bets, NumberBets):
        side[:, TAILS] /= CELLS  # their cuts were chosen by a part of what is counted
    tally = table.kept.of(first.usual) + table.kept.of(derived.sums)
    if not percent:
        return _Known(side[0], *mean.limits(x, tally, side), None)
    beside, whole_pools = first.usual[table.kept.at(0)], pools_of(derived.days)
    if isinstance(bets, Indicators):
        others = season.shares(x[0], hours, beside, side[0], percent, whole_pools)
        return _Known(side[0], *mean.limits(x, tally, side), others)
    cells = next(one for one in tally_row(baseline.alphabet).segments if one.signal.name == table.signal.name)
    lowest, highest = number.multiplied(bets, cells.of(baseline.tally), percent)
    lower, upper = mean.limits(lowest, tally, side)[0], mean.limits(highest, tally, side)[1]
    lower[:, -1:], upper[:, -1:] = season.between_hours(lower[:, -1:], upper[:, -1:], percent)
    of_values = season.numbers(lowest[0, :-1], highest[0, :-1], hours, beside, side[0, :-1])
    of_missing = season.shares(x[0, -1:], hours, beside, side[0, -1:], percent, whole_pools)
    others = Pools(*(np.concatenate(both, axis=1) for both in zip(of_values, of_missing, strict=True)))
    return _Known(side[0], lower, upper, others)

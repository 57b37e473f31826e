"""A baseline -> its detector: where every counter and every bet of every monitor stands."""

import numpy as np
from msgspec.structs import replace

from detectors.bets import calibration, category, number, rate
from detectors.bets.indicator import Indicators
from detectors.bets.number import BINS, NumberBets
from detectors.bets.table import Bets
from schemas.cells import CELLS
from schemas.signals import Signal
from streams.watch.accumulators import accumulators
from streams.watch.alphabet import counts_as, dimension_of, signals_of, slice_count, tally_row
from streams.watch.arrays import Counts, Ints
from streams.watch.baseline import Alphabet, Baseline
from streams.watch.detector import Detector
from streams.watch.looks import Table, ranks, shares
from streams.watch.once import once
from streams.watch.plan import Plan
from streams.watch.segments import Row, Segment, lay, summed


@once
def detector(baseline: Baseline, plan: Plan, service: str) -> Detector:
    """Make the bets on a baseline.

    Parameters
    ----------
    baseline : frozen
    plan : shares and levels of the service's monitors
    service : whose

    Notes
    -----
    Pages are a matter of bets on the bad direction of signals that hurt (sev-1, sev-2), tickets of all that hurt
    anybody, records of the rest. Each tier has its own evidence and its own part of the budget, so that what made a
    ticket, or moved the other way, takes nothing from what may page.
    """
    dimensions, tally = dimension_of(baseline.alphabet), tally_row(baseline.alphabet)
    signals, of_kept = _signals(baseline, plan, service), kept_row(baseline.alphabet)
    fold = np.zeros(tally.size, np.int32)
    tables: list[Table] = []
    at_bet = at_monitor = 0
    for signal, cells, kept in zip(signals, tally.segments, of_kept.segments, strict=True):
        counts = cells.of(baseline.tally)
        bets = _bets(plan, service, signal, counts, dimensions[: kept.slices], signal.name in baseline.anew)
        bins = bets.bins if isinstance(bets, NumberBets) else np.arange(kept.width)
        cells.put(fold, kept.begin + np.arange(kept.slices)[:, None] * kept.step + bins)
        tables.append(Table(signal, bets, kept, at_bet, at_monitor))
        at_monitor += kept.slices
        at_bet += kept.slices * len(bets.weights)
    usual = summed(fold, baseline.tally, of_kept.size)
    return Detector(
        step=tally.step,
        fold=fold,
        raw=_raw(tally.segments, tally.size),
        numbers=sum(signal.kind == "number" for signal in signals),
        kept_size=of_kept.size,
        signals={signal.name: signal for signal in signals},
        tables=tuple(tables),
        accumulators=accumulators(plan, service, tables, dimensions),
        shares=shares(tables),
        ranks=ranks(tables),
        apart=tuple(table for table in tables if not isinstance(table.table, Indicators | NumberBets)),
        bets=at_bet,
        usual=usual,
        usual_now=usual,
        dimensions=tuple(field or "" for field in dimensions),
    )


@once
def kept_row(alphabet: Alphabet) -> Row:
    """Lay out kept counters: those of the alphabet's row, a number's cells folded into bins."""
    widths = [(one.signal, BINS if one.signal.kind == "number" else one.width) for one in tally_row(alphabet).segments]
    return lay(widths, slice_count(alphabet))


def _signals(baseline: Baseline, plan: Plan, service: str) -> list[Signal]:
    """List the signals of a baseline; what is thought of a user's own is what the config says now.

    Calibration that was off when it was learned is worth a ticket: that is no news of tonight.
    """
    now = {one.name: one for one in plan.own}
    signals = [
        now[one.name] if one.name in now and counts_as(now[one.name]) == counts_as(one) else one
        for one in signals_of(baseline.alphabet)
    ]
    return [
        replace(one, consequence="experience")
        if one.kind == "calibration" and one.name not in baseline.anew and _off(baseline, plan, service, one)
        else one
        for one in signals
    ]


def _off(baseline: Baseline, plan: Plan, service: str, signal: Signal) -> bool:
    """Whether the baseline itself shows beyond doubt that answers were right less often than was stated."""
    cells = next(one for one in tally_row(baseline.alphabet).segments if one.signal.name == signal.name)
    level = plan.levels(service, signal.name, [None])
    tolerance = plan.config.watch.calibration_points / 100
    return bool(calibration.overconfident(baseline.tally[cells.at(0)][None], level, tolerance)[0])


def _raw(segments: tuple[Segment, ...], size: int) -> Counts:
    """Say where the numbers of the whole stream lie for figures that people read."""
    raw = np.full(size, -1, np.int32)
    for i, cells in enumerate([one for one in segments if one.signal.kind == "number"]):
        raw[cells.at(0)] = i * CELLS + np.arange(CELLS)
    return raw


def min_effect(plan: Plan, signal: Signal) -> float:
    """Say which change of a signal is too small to matter, in points of share."""
    return max(plan.config.watch.min_effect_points, signal.min_effect_points) / 100


def _bets(plan: Plan, service: str, signal: Signal, tally: Ints, dimensions: list[str | None], anew: bool) -> Bets:
    """Make the bets on one signal; `anew` if it was learned again, so that what it was is known."""
    level = plan.levels(service, signal.name, dimensions)
    season = plan.config.watch.season_percent
    effect = min_effect(plan, signal)
    match signal.kind:
        case "rate":
            return rate.table(tally, level, effect, season_percent=season)
        case "number":
            return number.table(tally, level, season)
        case "category":
            return category.table(tally, level, effect, season_percent=season)
        case "calibration":
            tolerance = plan.config.watch.calibration_points / 100
            return calibration.either(tally, level, tolerance) if anew else calibration.table(len(tally), tolerance)

"""A baseline -> its detector: where every cell and every bet of every monitor stands."""

from typing import NamedTuple

import numpy as np

from detectors.bets import category, number, rate
from detectors.bets.indicator import Indicators
from detectors.bets.number import BINS, NumberBets
from detectors.bets.table import Bets
from schemas.incidents import Notify
from schemas.signals import Signal
from streams.watch.alphabet import dimension_of, segments
from streams.watch.detector import NOTICES, Accumulators, Detector, Floats, Ranks, Shares, Table
from streams.watch.once import once
from streams.watch.plan import PAGED, Plan
from streams.watch.severity import severity
from streams.watch.state import Baseline, Ints


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
    dimensions = dimension_of(baseline.alphabet)
    slices, cells = baseline.tally.shape
    fold = np.zeros((slices, cells), np.int64)
    tables: list[Table] = []
    at_kept = at_bet = at_monitor = 0
    for signal, where in segments(baseline.alphabet):
        watched = dimensions[:1] if signal.kind == "category" else dimensions
        bets = _bets(plan, service, signal, baseline.tally[: len(watched), where], watched)
        kept = BINS if isinstance(bets, NumberBets) else where.stop - where.start
        bins = bets.bins if isinstance(bets, NumberBets) else np.arange(kept)
        fold[:, where] = at_kept + bins
        tables.append(Table(signal, bets, len(watched), slice(at_kept, at_kept + kept), at_bet, at_monitor))
        at_kept, at_monitor = at_kept + kept, at_monitor + len(watched)
        at_bet += len(watched) * len(bets.weights)
    return Detector(
        slices=slices,
        cells=cells,
        fold=fold.ravel(),
        kept_cells=at_kept,
        tables=tuple(tables),
        accumulators=_accumulators(plan, service, tables, dimensions),
        shares=_shares(tables, at_kept),
        ranks=_ranks(tables),
        bets=at_bet,
        dimensions=tuple(field or "" for field in dimensions),
    )


def _bets(plan: Plan, service: str, signal: Signal, tally: Ints, dimensions: list[str | None]) -> Bets:
    tally = np.ascontiguousarray(tally)
    # The limits serve pages and tickets alike. All signals share the tickets, so these levels sum to the whole risk.
    tickets = plan.tickets(service)
    level = np.array([plan.miss(tickets, signal.name, dimension) for dimension in dimensions])
    match signal.kind:
        case "rate":
            return rate.table(tally, level, plan.config.watch.min_effect_points / 100)
        case "number":
            return number.table(tally, level)
        case "category":
            return category.table(tally, level, plan.config.watch.min_effect_points / 100)


def _accumulators(plan: Plan, service: str, tables: list[Table], dimensions: list[str | None]) -> Accumulators:
    """Divide the budget over the bets.

    Tickets and records share one budget: a record is a ticket that nobody need look at.
    """
    bets, rates, slices = [], [], []
    whose: list[tuple[int, Notify]] = []
    noticed = [[_notices(table, bet) for bet in range(len(table.table.weights))] for table in tables]
    for notify in NOTICES:
        share = (plan.pages if notify == "page" else plan.tickets)(service)
        for table, notices in zip(tables, noticed, strict=True):
            each = len(notices)
            here = np.flatnonzero([notify in one for one in notices])
            weights = table.table.weights[here]
            if notify == "page" and len(here):
                weights = weights / weights.sum()
            for s, dimension in enumerate(dimensions[: table.slices] if len(here) else []):
                bets.append(table.first_bet + s * each + here)
                rates.append(weights * share.rates.get((table.signal.name, dimension), 0.0))
                slices.append(np.full(len(here), s))
                whose.append((table.first + s, notify))
    place = {one: i for i, one in enumerate(whose)}
    sizes = np.array([len(some) for some in bets])
    return Accumulators(
        bets=np.concatenate(bets),
        rate=np.concatenate(rates),
        of=np.repeat(np.arange(len(bets)), sizes),
        slice=np.concatenate(slices),
        begins=np.cumsum(sizes) - sizes,
        monitor=tuple(monitor for monitor, _ in whose),
        notify=tuple(notify for _, notify in whose),
        silences=tuple(
            place[monitor, "ticket"] if notify == "page" else i for i, (monitor, notify) in enumerate(whose)
        ),
    )


def _notices(table: Table, bet: int) -> tuple[Notify, ...]:
    """Say what a bet may be noticed by when it wins."""
    grave = severity(table.signal, int(table.table.direction[bet]), table.table.feature[bet])
    return ("page", "ticket") if grave in PAGED else ("record",) if grave == "sev-4" else ("ticket",)


def _shares(tables: list[Table], kept_cells: int) -> Shares:
    """Lay the bets on shares side by side: all of rates and categories, and of numbers those on tails and missing."""
    looking, sums = [], list[Floats]()
    for table in tables:
        looks = _looks(table, kept_cells, kept_cells + len(sums))
        looking.append((table, table.table, looks))
        sums += looks.sums
    width = kept_cells + len(sums)
    bets, inside, seen, gain, lose = [], [], [], [], []
    for table, one, looks in looking:
        assert isinstance(one, Indicators | NumberBets)
        s, each = np.arange(table.slices)[:, None], len(one.weights)
        bets.append((table.first_bet + s * each + np.arange(each - one.win.shape[1], each)).ravel())
        inside.append((s * width + looks.inside).ravel())
        seen.append((s * width + looks.seen).ravel())
        gain.append(one.win.astype(np.float64).ravel() - one.lose.ravel())
        lose.append(one.lose.astype(np.float64).ravel())
    return Shares(
        sums=np.stack(sums, axis=1), bets=np.concatenate(bets), inside=np.concatenate(inside),
        seen=np.concatenate(seen), gain=np.concatenate(gain), lose=np.concatenate(lose),
    )  # fmt: skip


class _Looks(NamedTuple):
    """Sums over kept cells, (F,) each, and the place of what each bet looks at, and among what, in cells and sums."""

    sums: list[Floats]
    inside: Ints
    seen: Ints


def _looks(table: Table, kept_cells: int, begin: int) -> _Looks:
    """Say what the bets on shares of one signal look at; its sums begin at `begin`."""
    kept, one = table.kept, table.table
    sums = np.zeros((2 + len(number.TAILS), kept_cells))
    everything, observed, missing = begin, begin + 1, kept.stop - 1
    sums[:2, kept] = 1
    sums[1, missing] = 0
    if isinstance(one, Indicators):
        return _Looks(list(sums[:2]), kept.start + one.cell, np.where(one.of_all, everything, observed))
    assert isinstance(one, NumberBets)
    sums[2:, kept.start : missing] = number.TAILS
    tails = range(begin + 2, begin + len(sums))
    each = one.win.shape[1] // (len(tails) + 1)
    return _Looks(
        list(sums), np.repeat([*tails, missing], each), np.repeat([*(observed for _ in tails), everything], each)
    )


def _ranks(tables: list[Table]) -> Ranks:
    """Lay the bets on ranks side by side."""
    looking = [(table, table.table) for table in tables if isinstance(table.table, NumberBets)]
    bets = [
        table.first_bet + np.arange(table.slices)[:, None] * len(one.weights) + np.arange(one.ranked.shape[1])
        for table, one in looking
    ]
    return Ranks(
        kept=np.concatenate([np.arange(table.kept.start, table.kept.stop) for table, _ in looking]),
        bets=np.stack(bets, axis=1).ravel(),
        log_wealth=np.stack([one.ranked for _, one in looking], axis=1).astype(np.float64),
    )

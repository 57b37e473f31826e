"""A baseline -> the bets of all its monitors, in one flat row of evidence."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bets import category, number, rate
from detectors.bets.number import BINS, NumberBets
from detectors.bets.table import Bets
from schemas.cells import CELLS
from schemas.incidents import Severity
from schemas.signals import CATEGORIES, NUMBERS, RATE_CELLS, RATES, SEVERITY_OF, Signal
from schemas.tallies import FIRST_NUMBER, FIXED
from streams.watch.alphabet import category_segments, slice_count
from streams.watch.plan import PAGED, Plan, pageable
from streams.watch.state import Baseline, Ints

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """The bets on one signal, and where they stand.

    Attributes
    ----------
    slices : how many slices are watched: all of them, or the whole stream alone
    kept : which of the kept cells are this signal's
    bets : which entries of the flat row are its, ``slices * J`` of them
    first : its first monitor; there is one a slice
    """

    signal: Signal
    table: Bets
    slices: int
    kept: slice
    bets: slice
    first: int


@dataclass(frozen=True, slots=True)
class Detector:
    """All monitors of one service.

    A monitor is one signal of one slice. Their bets lie side by side in one row, so that a second costs two calls,
    whatever the number of monitors. A number's 235 cells are folded into its 20 bins as they arrive: *kept* cells.

    Attributes
    ----------
    slices : S
    fold : (S, C) kept cell of every cell
    kept_cells : F
    tables : one a signal
    page_rate, ticket_rate : (T,) alarms a second that each bet takes in
    begins : (M,) first bet of each monitor, and T at the end
    slice_of : (T,) slice of each bet
    """

    slices: int
    fold: Ints
    kept_cells: int
    tables: tuple[Table, ...]
    page_rate: Floats
    ticket_rate: Floats
    begins: Ints
    slice_of: Ints

    def growth(self, kept: Ints) -> Floats:
        """Say what every bet wins on (S, F) counts: (T,), in nats."""
        return np.concatenate([self._growth(table, kept).ravel() for table in self.tables])

    def growth_of(self, monitor: int, bet: int, kept: Ints) -> float:
        """Say what one bet of a monitor wins on (S, F) counts, in nats."""
        table, s = self.find(monitor)
        return float(self._growth(table, kept)[s, bet])

    def find(self, monitor: int) -> tuple[Table, int]:
        """Find a monitor's table and slice."""
        table = next(table for table in reversed(self.tables) if table.first <= monitor)
        return table, monitor - table.first

    def mean(self, monitor: int, bet: int, kept: Ints) -> tuple[float, float, float]:
        """Average a bet's feature over (S, F) counts; with the baseline's limits of that mean."""
        table, s = self.find(monitor)
        counts = kept[s, table.kept]
        x = values(table, bet, s)
        n = np.where(np.isnan(x), 0, counts)
        mean = float(np.nansum(x * n) / n.sum()) if n.any() else float("nan")
        return mean, float(table.table.lo[s, bet]), float(table.table.hi[s, bet])

    def _growth(self, table: Table, kept: Ints) -> Floats:
        counts = kept[: table.slices, table.kept]
        if isinstance(table.table, NumberBets):
            exact = table.table.log_wealth.astype(np.float64)
            return np.asarray((exact @ counts.astype(np.float64)[:, :, None])[:, :, 0], np.float64)
        return table.table.growth(counts)


def values(table: Table, bet: int, s: int) -> Floats:
    """Say what each kept cell counts for in the feature of a bet; NaN where it does not look."""
    x: Floats = table.table.values(s)[bet]
    if not isinstance(table.table, NumberBets):
        return x
    of_bins = np.full(BINS, np.nan)
    of_bins[table.table.bins[s]] = x  # a feature is the same for all cells of a bin
    return of_bins


def severity(signal: Signal, direction: int, feature: str) -> Severity:
    """Say how grave a move is: by what the signal's bad direction does to users, never by the size of a statistic.

    A move the other way is worth knowing and hurts nobody; that a signal is no longer observed is a degraded service
    to those who rely on seeing it.
    """
    if feature == "missing":
        return "sev-3"
    bad = {"up": direction >= 0, "down": direction <= 0, "both": True, "none": False}[signal.bad]
    return SEVERITY_OF[signal.consequence] if bad else "sev-4"


def detector(plan: Plan, service: str, baseline: Baseline) -> Detector:
    """Make the bets on a baseline.

    Parameters
    ----------
    plan : shares and levels of the service's monitors
    service : whose
    baseline : frozen

    Notes
    -----
    Pages are a matter of bets on the bad direction of signals that hurt (sev-1, sev-2); everything may become a
    ticket. Each tier has its own evidence: a ticket that was cut does not stand half way to a page.
    """
    alphabet, tally = baseline.alphabet, baseline.tally
    slices = slice_count(alphabet)
    pages, tickets = plan.pages(service), plan.tickets(service)
    dimension_of: list[str | None] = [None]
    for field, names in zip(alphabet.dimensions, alphabet.slices, strict=True):
        dimension_of += [field] * (len(names) + 1)
    cells = tally.shape[1]
    fold = np.zeros((slices, cells), np.int64)
    tables: list[Table] = []
    page, ticket, begins, slice_of = [], [], [], []
    at_kept = at_bet = at_monitor = 0
    for signal, where in _segments(baseline):
        watched = signal in plan.signals
        n = 1 if signal.kind == "category" else slices
        paged = pageable(signal)
        tier = pages if paged else tickets
        level = np.array([plan.miss(tier, signal.name, dimension_of[s]) for s in range(n)]) if watched else np.ones(0)
        kept = where.stop - where.start if signal.kind != "number" else BINS
        fold[:, where] = at_kept + np.arange(kept) if signal.kind != "number" else 0
        bets = _bets(plan, signal, tally[:, where], level, n) if watched else None
        if signal.kind == "number":
            bins = (
                bets.bins if isinstance(bets, NumberBets) else number.table(tally[:, where], np.full(slices, 0.5)).bins
            )
            fold[:, where] = at_kept + bins
        if bets is not None:
            j = len(bets.weights)
            grave = np.array(
                [severity(signal, int(d), f) in PAGED for d, f in zip(bets.direction, bets.feature, strict=True)]
            )
            for_page = np.where(grave, bets.weights, 0.0)
            for_page = for_page / for_page.sum() if for_page.any() else for_page
            for s in range(n):
                page.append(for_page * (pages.rates[signal.name, dimension_of[s]] if paged else 0.0))
                ticket.append(bets.weights * tickets.rates[signal.name, dimension_of[s]])
                begins.append(at_bet + s * j)
                slice_of.append(np.full(j, s))
            tables.append(
                Table(signal, bets, n, slice(at_kept, at_kept + kept), slice(at_bet, at_bet + n * j), at_monitor)
            )
            at_bet, at_monitor = at_bet + n * j, at_monitor + n
        at_kept += kept
    return Detector(
        slices=slices,
        fold=fold,
        kept_cells=at_kept,
        tables=tuple(tables),
        page_rate=np.concatenate(page),
        ticket_rate=np.concatenate(ticket),
        begins=np.array([*begins, at_bet]),
        slice_of=np.concatenate(slice_of),
    )


def _segments(baseline: Baseline) -> list[tuple[Signal, slice]]:
    """Say which cells of a slice belong to each signal."""
    rates = [(signal, slice(i * RATE_CELLS, (i + 1) * RATE_CELLS)) for i, signal in enumerate(RATES)]
    starts = [FIRST_NUMBER + i * CELLS for i in range(len(NUMBERS))]
    numbers = [(signal, slice(at, at + CELLS)) for signal, at in zip(NUMBERS, starts, strict=True)]
    assert numbers[-1][1].stop == FIXED
    categories = list(zip(CATEGORIES, category_segments(baseline.alphabet), strict=True))
    return [*rates, *numbers, *categories]


def _bets(plan: Plan, signal: Signal, tally: Ints, level: Floats, slices: int) -> Bets:
    tally = np.ascontiguousarray(tally[:slices])
    match signal.kind:
        case "rate":
            return rate.table(tally, level, plan.config.watch.min_effect_points / 100)
        case "number":
            return number.table(tally, level)
        case "category":
            return category.table(tally, level, plan.config.watch.min_effect_points / 100)


Known = Mapping[str, Detector]

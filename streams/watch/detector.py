"""Counts of a second -> what every bet of a service's monitors wins on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.bets.number import BINS, NumberBets
from detectors.bets.table import MOST_EVENTS, Bets
from schemas.incidents import Notify
from schemas.signals import Signal
from streams.watch.state import Counts, Ints
from streams.watch.window import events

Floats = NDArray[np.float64]
NOTICES: Final[tuple[Notify, ...]] = ("page", "ticket", "record")


@dataclass(frozen=True, slots=True)
class Table:
    """The bets on one signal, and where they stand.

    Attributes
    ----------
    slices : how many slices are watched: all of them, or the whole stream alone
    kept : which of the kept cells are this signal's
    first_bet : of its ``slices * J`` in the row
    first : its first monitor; there is one a slice
    """

    signal: Signal
    table: Bets
    slices: int
    kept: slice
    first_bet: int
    first: int


@dataclass(frozen=True, slots=True)
class Accumulators:
    """Where evidence is gathered: of every monitor, that which may page, make a ticket, or make a record.

    Each is a sum of its own over bets of its own: what made a ticket stands no nearer to a page, and what moved the
    harmless way takes nothing from what hurts. A bet that may page stands in two.

    Attributes
    ----------
    bets : (n,) which of the row's
    rate : (n,) alarms a second that each takes in
    of, slice : (n,) accumulator and slice of each
    begins : (a,) first bet of each accumulator
    monitor, notify : (a,) whose it is, and what it may do
    silences : (a,) the one that has nothing to say once this one has: of a page the monitor's ticket, else itself
    """

    bets: Ints
    rate: Floats
    of: Ints
    slice: Ints
    begins: Ints
    monitor: tuple[int, ...]
    notify: tuple[Notify, ...]
    silences: tuple[int, ...]

    def find(self, monitor: int, notify: Notify) -> tuple[int, int]:
        """Find an accumulator, and the one that it silences."""
        at = next(i for i, one in enumerate(zip(self.monitor, self.notify, strict=True)) if one == (monitor, notify))
        return at, self.silences[at]


@dataclass(frozen=True, slots=True)
class Shares:
    """The bets that look at one share, side by side: the events in some cells, among some others.

    What `detectors.bets.indicator` does for one signal, for all of them in one go: a worker asks it of every release
    every second.

    Attributes
    ----------
    sums : (F, k) which kept cells make up each of k sums: all events of a signal, the observed ones, those of a tail
    bets : (n,) which of the row's
    inside, seen : (n,) what the bet looks at and among what, each a place in (S, F + k) cells and sums
    gain, lose : (n,) nats that an event beside it loses, and that one inside gains over that
    """

    sums: Floats
    bets: Ints
    inside: Ints
    seen: Ints
    gain: Floats
    lose: Floats

    def growth(self, counts: Floats) -> Floats:
        """Say what each wins on (S, F) counts: (n,), in nats."""
        looked = np.concatenate([counts, counts @ self.sums], axis=1).ravel()
        grown: Floats = self.gain * looked[self.inside] + self.lose * looked[self.seen]
        return grown


@dataclass(frozen=True, slots=True)
class Ranks:
    """The bets on the ranks of numbers, side by side.

    Attributes
    ----------
    kept : (n * 20,) the kept cells of n numbers
    bets : (S * n * 12,) which of the row's
    log_wealth : (S, n, 12, 20) nats that an event in each bin wins
    """

    kept: Ints
    bets: Ints
    log_wealth: Floats

    def growth(self, counts: Floats) -> Floats:
        """Say what each wins on (S, F) counts: (S * n * 12,), in nats."""
        bins = counts[:, self.kept].reshape(*self.log_wealth.shape[:2], BINS, 1)
        grown: Floats = (self.log_wealth @ bins).ravel()
        return grown


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """All monitors of one service.

    A monitor is one signal of one slice. Their bets lie side by side in one row, and a number's 235 cells are folded
    into its 20 bins as they arrive: *kept* cells. The row is that of the whole catalogue, so that a change of
    `watch.signals` moves nothing in a stored state: a signal that is not watched has no budget.

    Attributes
    ----------
    slices, cells : S, C
    fold : (S * C,) kept cell of every cell
    kept_cells : F
    tables : one a signal
    shares, ranks : all bets of the row, by how they look
    bets : in the row
    dimensions : (S,) dimension of each slice, "" of the whole
    """

    slices: int
    cells: int
    fold: Ints
    kept_cells: int
    tables: tuple[Table, ...]
    accumulators: Accumulators
    shares: Shares
    ranks: Ranks
    bets: int
    dimensions: tuple[str, ...]

    def growth(self, kept: Counts) -> Floats:
        """Say what every bet wins on (S, F) counts: the whole row, in nats.

        Raises
        ------
        ValueError
            If these are 2^30 exchanges or more, which cannot be summed exactly.
        """
        if events(kept) >= MOST_EVENTS:
            raise ValueError(f"{events(kept)} exchanges in a second cannot be summed exactly")
        counts = kept.astype(np.float64)
        grown = np.empty(self.bets)
        grown[self.shares.bets] = self.shares.growth(counts)
        grown[self.ranks.bets] = self.ranks.growth(counts)
        return grown

    def growth_of(self, monitor: int, bet: int, kept: Sequence[Counts]) -> Floats:
        """Say what one bet of a monitor wins on each of some (S, F) counts, in nats."""
        table, s = self.find(monitor)
        wealth = table.table.of_bins() if isinstance(table.table, NumberBets) else table.table.matrix()
        won: Floats = np.stack([counts[s, table.kept] for counts in kept]).astype(np.float64) @ wealth[s, bet]
        return won

    def touched(self, fields: Collection[str]) -> NDArray[np.bool_]:
        """Mark the bets of the row that look at names of some fields: their slices, and the fields themselves."""
        mask = []
        for table in self.tables:
            cut = np.isin(self.dimensions[: table.slices], list(fields))
            mask.append(np.repeat(cut | (table.signal.field in fields), len(table.table.weights)))
        return np.concatenate(mask)

    def kept_of(self, tally: Ints) -> Ints:
        """Fold a baseline's (S, C) tally into (S, F) kept cells."""
        flat = np.repeat(np.arange(self.slices) * self.kept_cells, self.cells) + self.fold
        counts = np.bincount(flat, tally.ravel(), minlength=self.slices * self.kept_cells)
        return counts.astype(np.int64).reshape(self.slices, self.kept_cells)

    def find(self, monitor: int) -> tuple[Table, int]:
        """Find a monitor's table and slice."""
        table = next(table for table in reversed(self.tables) if table.first <= monitor)
        return table, monitor - table.first

    def mean(self, monitor: int, bet: int, kept: Counts) -> tuple[float, float, float]:
        """Average a bet's feature over (S, F) counts; with the baseline's limits of that mean."""
        table, s = self.find(monitor)
        counts = kept[s, table.kept]
        x = values(table, bet, s)
        n = np.where(np.isnan(x), 0, counts)
        mean = float(np.nansum(x * n) / n.sum()) if n.any() else float("nan")
        return mean, float(table.table.lo[s, bet]), float(table.table.hi[s, bet])


def values(table: Table, bet: int, s: int) -> Floats:
    """Say what each kept cell counts for in the feature of a bet; NaN where it does not look."""
    x: Floats = table.table.values(s)[bet]
    if not isinstance(table.table, NumberBets):
        return x
    of_bins = np.full(BINS, np.nan)
    of_bins[table.table.bins[s]] = x  # a feature is the same for all cells of a bin
    return of_bins

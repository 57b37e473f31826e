"""Counts of a second -> what every bet of a service's monitors wins on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bets.number import NumberBets
from detectors.bets.table import MOST_EVENTS
from schemas.signals import Signal
from streams.watch.accumulators import Accumulators
from streams.watch.arrays import Counts, Ints
from streams.watch.looks import Floats, Ranks, Shares, Table
from streams.watch.measured import names_key
from streams.watch.segments import whole_of
from streams.watch.window import events


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Detector:
    """All monitors of one service.

    A monitor is one signal of one slice. Their bets lie side by side in one row, and a number's 235 cells are folded
    into its 20 bins as they arrive: *kept* counters. The row is that of all signals of the alphabet, so that a change
    of `watch.signals` moves nothing in a stored state: a signal that is not watched has no budget.

    Attributes
    ----------
    step : counters of a slice in the alphabet's row
    fold : (counters of the alphabet's row,) kept counter of each
    raw : (counters of the alphabet's row,) place among the numbers of the whole stream, (numbers, 235); -1 for none
    numbers : of which figures for people are kept
    kept_size : kept counters
    signals : by name, in the order in which people are told of them
    tables : one a signal that is watched, in that order
    shares, ranks : the bets of the row that look at shares, and at ranks
    apart : tables whose bets look in a way of their own, and are asked one by one
    bets : in the row
    usual : (kept counters,) of what was learned
    usual_now : the same, of the whole stream at this hour of the week, where hours are known
    dimensions : (S,) dimension of each slice, "" of the whole
    """

    step: int
    fold: Counts
    raw: Counts
    numbers: int
    kept_size: int
    signals: dict[str, Signal]
    tables: tuple[Table, ...]
    accumulators: Accumulators
    shares: Shares
    ranks: Ranks
    apart: tuple[Table, ...]
    bets: int
    usual: Ints
    usual_now: Ints
    dimensions: tuple[str, ...]

    def growth(self, kept: Counts) -> Floats:
        """Say what every bet wins on kept counts: the whole row, in nats.

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
        for table in self.apart:
            won = table.table.growth(table.kept.of(kept).astype(np.int64))
            grown[table.first_bet : table.first_bet + won.size] = won.ravel()
        return grown

    def growth_of(self, monitor: int, bet: int, kept: Sequence[Counts]) -> Floats:
        """Say what one bet of a monitor wins on each of some kept counts, in nats."""
        table, s = self.find(monitor)
        wealth = table.table.of_bins() if isinstance(table.table, NumberBets) else table.table.matrix()
        won: Floats = np.stack([counts[table.kept.at(s)] for counts in kept]).astype(np.float64) @ wealth[s, bet]
        return won

    def touched(self, fields: Collection[str]) -> NDArray[np.bool_]:
        """Mark the bets of the row that look at names of some fields: their slices, and the fields themselves."""
        mask = []
        for table in self.tables:
            cut = np.isin(self.dimensions[: table.slices], list(fields))
            own = table.signal.kind == "category" and names_key(table.signal) in fields
            mask.append(np.repeat(cut | own, len(table.table.weights)))
        return np.concatenate(mask)

    @property
    def whole(self) -> Ints:
        """Say where the kept counters of the whole stream lie, table by table."""
        return whole_of([table.kept for table in self.tables])

    def find(self, monitor: int) -> tuple[Table, int]:
        """Find a monitor's table and slice."""
        table = next(table for table in reversed(self.tables) if table.first <= monitor)
        return table, monitor - table.first

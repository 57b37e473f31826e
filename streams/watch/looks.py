"""The bets on signals -> the same bets by how they look, so that all of a kind are asked in one go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.bets import number
from detectors.bets.indicator import Indicators
from detectors.bets.number import BINS, NumberBets
from detectors.bets.table import Bets
from schemas.signals import Signal
from streams.watch.arrays import Ints
from streams.watch.segments import Segment

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """The bets on one signal, and where they stand.

    Attributes
    ----------
    kept : where the kept counters of this signal are
    first_bet : of its ``slices * J`` in the row
    first : its first monitor; there is one a slice
    """

    signal: Signal
    table: Bets
    kept: Segment
    first_bet: int
    first: int

    @property
    def slices(self) -> int:
        """Say how many slices are watched: all of them, or 1, the whole stream."""
        return self.kept.slices


@dataclass(frozen=True, slots=True)
class Shares:
    """The bets that look at one share, side by side: the events in some counters, among some others.

    What `detectors.bets.indicator` does for one signal, for all of them: a worker asks it of every release every
    second. The counters of a share lie side by side, so that its events are a difference of two running sums.

    Attributes
    ----------
    inside, seen : (2, m) of m shares, where its counters begin and end, and where those begin and end that it is a
        share of
    bets, of : (n,) which of the row's, and which share it looks at
    gain, lose : (n,) nats that an event beside it loses, and that one inside gains over that
    """

    inside: Ints
    seen: Ints
    bets: Ints
    of: Ints
    gain: Floats
    lose: Floats

    def growth(self, counts: Floats) -> Floats:
        """Say what each wins on kept counts: (n,), in nats."""
        before = np.concatenate([[0.0], np.cumsum(counts)])
        inside, seen = before[self.inside], before[self.seen]
        grown: Floats = self.gain * (inside[1] - inside[0])[self.of] + self.lose * (seen[1] - seen[0])[self.of]
        return grown


@dataclass(frozen=True, slots=True)
class Ranks:
    """The bets on the ranks of numbers, side by side.

    Attributes
    ----------
    kept : (m, 20) the kept counters of each number in each of its slices
    bets : (m * 12,) which of the row's
    log_wealth : (m, 12, 20) nats that an event in each bin wins
    """

    kept: Ints
    bets: Ints
    log_wealth: Floats

    def growth(self, counts: Floats) -> Floats:
        """Say what each wins on kept counts: (m * 12,), in nats."""
        grown: Floats = (self.log_wealth @ counts[self.kept][:, :, None]).ravel()
        return grown


def shares(tables: Sequence[Table]) -> Shares:
    """Lay the bets on shares side by side: all of rates and categories, and of numbers those on tails and missing."""
    inside, seen, bets, of = [], [], [], []
    at = 0
    for table in tables:
        one = table.table
        if not isinstance(one, Indicators | NumberBets):
            continue
        looks, among = _looks(one)
        begins = table.kept.begin + np.arange(table.slices)[:, None, None] * table.kept.step
        inside.append((begins + looks).reshape(-1, 2))
        seen.append((begins + among).reshape(-1, 2))
        s, each = np.arange(table.slices)[:, None], len(one.weights)
        mine = np.arange(each - one.win.shape[1], each)
        bets.append((table.first_bet + s * each + mine).ravel())
        of.append((at + s * len(looks) + one.of[mine] - one.of[mine[0]]).ravel())
        at += table.slices * len(looks)
    return Shares(
        np.concatenate(inside).T, np.concatenate(seen).T, np.concatenate(bets), np.concatenate(of), *_won(tables)
    )  # fmt: skip


def _won(tables: Sequence[Table]) -> tuple[Floats, Floats]:
    """Say what each bet on a share gains with an event inside, over one beside it, and loses with one beside it."""
    of = [table.table for table in tables if isinstance(table.table, Indicators | NumberBets)]
    win, lose = (np.concatenate([getattr(one, side).ravel() for one in of]) for side in ("win", "lose"))
    return win.astype(np.float64) - lose, lose.astype(np.float64)


def _looks(one: Indicators | NumberBets) -> tuple[Ints, Ints]:
    """Say which cells of a slice each share is made of, and of which it is a share: (m, 2) begins and ends."""
    if isinstance(one, Indicators):
        first = np.unique(one.of, return_index=True)[1]
        cell, of_all = one.cell[first], one.of_all[first]
        observed = np.where(of_all, one.cells, one.cells - 1)
        return np.stack([cell, cell + 1], axis=1), np.stack([np.zeros_like(observed), observed], axis=1)
    begins = number.TAILS.argmax(axis=1)
    tails = np.stack([begins, begins + number.TAILS.sum(axis=1)], axis=1)
    observed = np.array([[0, BINS - 1]] * len(tails))
    return np.concatenate([tails, [[BINS - 1, BINS]]]), np.concatenate([observed, [[0, BINS]]])


def ranks(tables: Sequence[Table]) -> Ranks:
    """Lay the bets on ranks side by side."""
    kept, bets, log_wealth = [], [], []
    for table in tables:
        if isinstance(one := table.table, NumberBets):
            s = np.arange(table.slices)[:, None]
            kept.append(table.kept.begin + s * table.kept.step + np.arange(BINS))
            bets.append((table.first_bet + s * len(one.weights) + np.arange(one.ranked.shape[1])).ravel())
            log_wealth.append(one.ranked.astype(np.float64))
    return Ranks(np.concatenate(kept), np.concatenate(bets), np.concatenate(log_wealth))


def on_other_limits(looks: tuple[Shares, Ranks], tables: Sequence[Table]) -> tuple[Shares, Ranks]:
    """Make the same looks at the same bets, on other limits."""
    gain, lose = _won(tables)
    log_wealth = [one.ranked.astype(np.float64) for table in tables if isinstance(one := table.table, NumberBets)]
    return replace(looks[0], gain=gain, lose=lose), replace(looks[1], log_wealth=np.concatenate(log_wealth))


def values(table: Table, bet: int, s: int) -> Floats:
    """Say what each kept cell counts for in the feature of a bet; NaN where it does not look."""
    x: Floats = table.table.values(s)[bet]
    if not isinstance(table.table, NumberBets):
        return x
    of_bins = np.full(BINS, np.nan)
    of_bins[table.table.bins[s]] = x  # a feature is the same for all cells of a bin
    return of_bins


def features(table: Table) -> Floats:
    """Say what each kept cell counts for in each feature: (S, F, cells), NaN where it does not look."""
    if isinstance(table.table, NumberBets):
        return table.table.features()
    of_all: Floats = table.table.values(0)[table.table.leading]
    return np.broadcast_to(of_all, (table.slices, *of_all.shape))

"""Limits of a share -> bets on it: likelihood ratios against other odds, which are all there is for yes and no."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.arrays import Bools, Counts, Floats, Indices, Wealth
from detectors.bets.table import Bets, checked, whole

ODDS: Final = (1.4, 2.2, 5.0, 25.0)
"""How far off the alternatives lie. The last one finds a collapse (98 % to 23 %) in 18 events in place of 30, and costs
a change that it is too far off for 1 %."""


def log_wealth(lo: Floats, hi: Floats, odds: Sequence[float] = ODDS) -> tuple[Wealth, Wealth]:
    """Bet that a share left its limits.

    Above ``m = hi`` the alternative ``q`` has odds that are `odds` times those of `m`, below ``m = lo`` they are that
    many times smaller. Yes multiplies the wealth by ``q / m``, no by ``(1 - q) / (1 - m)``, which in odds ``o`` is
    ``o / (1 + m (o - 1))`` and ``1 / (1 + m (o - 1))``: nothing is divided by zero. On the one side of `m` where the
    limit lies the mean of that is at most one.

    Parameters
    ----------
    lo, hi : float64 (...)
        Limits of the share.
    odds : floats above 1

    Returns
    -------
    win, lose : float32 (..., 2 len(odds)), in nats
        For an event that is the thing, and for one that is not; bets upward first. Where the limit is 1 (nothing can
        lie above) or 0 (below), both are zero: such a bet does nothing.

    Raises
    ------
    ValueError
        If limits are not ``0 <= lo <= hi <= 1``, or odds are not above 1.

    Notes
    -----
    With ``lam = (q - m) / (m (1 - m))`` this is the bet ``1 + lam (x - m)``.

    Examples
    --------
    >>> win, lose = log_wealth(np.array(0.0), np.array(0.2), odds=[5.0])
    >>> [[round(float(np.exp(nats)), 3) for nats in side] for side in (win, lose)]
    [[2.778, 1.0], [0.556, 1.0]]
    """
    if not ((lo >= 0) & (lo <= hi) & (hi <= 1)).all():
        raise ValueError("limits must be 0 <= lo <= hi <= 1")
    upward = np.asarray(odds, np.float64)
    if not ((upward > 1) & np.isfinite(upward)).all():
        raise ValueError(f"odds must be above 1: {odds}")
    o = np.concatenate([upward, 1 / upward])
    m = np.concatenate([np.repeat(hi[..., None], len(upward), -1), np.repeat(lo[..., None], len(upward), -1)], -1)
    lose = -np.log1p(m * (o - 1))
    win = np.log(o) + lose
    hopeless = np.where(o > 1, m == 1, m == 0)
    return whole(np.where(hopeless, 0.0, win)), whole(np.where(hopeless, 0.0, lose))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Indicators(Bets):
    """Bets that each look at one cell: "is it this one?", asked of all events or of the observed ones.

    A row of such a table holds two numbers only, so two are kept: a category of 35 cells takes 86 kB for 28 slices in
    place of 2.2 MB. The last cell is *missing*.

    Attributes
    ----------
    win, lose : float32 (S, J)
        Log-wealth of an event in the cell, and of one beside it.
    cell : intp (J,)
    of_all : bool (J,)
        Whether the bet looks at all events, or at the observed ones only.
    cells : int
        C, with the missing one.
    """

    win: Wealth
    lose: Wealth
    cell: Indices
    of_all: Bools
    cells: int

    def growth(self, counts: Counts) -> Floats:
        """Say what each bet wins in a block; see `Bets.growth`."""
        n = checked(counts, (len(self.win), self.cells))
        total = n.sum(axis=1, keepdims=True)
        seen = np.where(self.of_all, total, total - n[:, -1:])
        inside = n[:, self.cell]
        grown: Floats = self.win * inside + self.lose * (seen - inside)
        return grown

    def matrix(self) -> Floats:
        """Write the table out; see `Bets.matrix`."""
        x = self.values(0)
        rows = np.where(x == 1, self.win[..., None], self.lose[..., None])
        return np.where(np.isnan(x), 0.0, rows).astype(np.float64)

    def values(self, s: int) -> Floats:  # noqa: ARG002 - all slices have the same cells
        """Say what each cell counts for; see `Bets.values`."""
        x: Floats = (np.arange(self.cells) == self.cell[:, None]).astype(np.float64)
        x[~self.of_all, -1] = np.nan
        return x

    def within(self, lo: Floats, hi: Floats, odds: Sequence[float] = ODDS) -> "Indicators":
        """Make the same bets on other limits.

        Parameters
        ----------
        lo, hi : float64 (S, F)
            Columns as in `lower`.
        odds : floats above 1
            Those of the table.
        """
        win, lose = log_wealth(lo, hi, odds)
        return replace(self, lower=lo, upper=hi, win=win.reshape(len(lo), -1), lose=lose.reshape(len(lo), -1))


def indicators(
    feature: Sequence[str], cell: Sequence[int], of_all: Sequence[bool], weight: Sequence[float],
    lo: Floats, hi: Floats, cells: int, odds: Sequence[float] = ODDS,
) -> Indicators:  # fmt: skip
    """Make the table of bets on some cells' shares.

    Parameters
    ----------
    feature, cell, of_all, weight : of F indicators
        Name, cell, whether it is asked of all events, and its part of the budget.
    lo, hi : float64 (S, F)
        Limits of each share.
    cells : int
        C, with the missing one.
    odds : floats above 1
        Each makes one bet upward and one downward: ``J = 2 F len(odds)``.

    Returns
    -------
    Indicators
        The bets of the first indicator, upward then downward, then those of the next. More of the thing is a move up;
        more missing is neither up nor down.
    """
    win, lose = log_wealth(lo, hi, odds)
    slices, features = lo.shape
    each = 2 * len(odds)
    side = np.tile(np.repeat(np.array([1, -1], np.int8), len(odds)), features)
    where = np.repeat(np.asarray(cell, np.intp), each)
    return Indicators(
        weights=np.repeat(np.asarray(weight, np.float64) / each, each),
        side=side,
        direction=np.where(where == cells - 1, 0, side).astype(np.int8),
        feature=tuple(name for name in feature for _ in range(each)),
        of=np.repeat(np.arange(features), each),
        lower=lo,
        upper=hi,
        win=win.reshape(slices, -1),
        lose=lose.reshape(slices, -1),
        cell=where,
        of_all=np.repeat(np.asarray(of_all, np.bool_), each),
        cells=cells,
    )

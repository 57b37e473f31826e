"""Baseline of a number -> bets on ranks: where in the baseline's distribution the values of a block lie."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Bins, Bools, Counts, Floats, Wealth
from detectors.bets import bounded, indicator
from detectors.bets.table import Bets, check_baseline, checked
from detectors.limits import betting, clopper_pearson
from schemas.cells import CELLS, MISSING

FEATURES: Final = ("rank", "spread", "below_p10", "above_p90", "above_p99", "missing")
WEIGHTS: Final = (0.315, 0.225, 0.12, 0.12, 0.12, 0.1)
BINS: Final = 20
"""Nineteen of values, between eighteen cuts, and one of missing values."""
ODDS: Final = (1.4, 2.2, 5.0)
"""Of the tails. Farther off, ranks see the change as soon."""
_LOW: Final[Floats] = np.concatenate([[0.10], np.arange(1, 9) / 16])
_HIGH: Final[Floats] = np.concatenate([[0.90, 0.99], np.arange(9, 16) / 16])
_MOVES: Final = (1, 0, -1, 1, 1, 0)
"""Which way the number has moved when the mean of the feature goes up."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NumberBets(Bets):
    """Bets on bins of ranks.

    Attributes
    ----------
    bins : uint8 (S, 235)
        The bin of each cell.
    log_wealth : float32 (S, J, 20)
        Of each bin, in nats.
    rank : float64 (S, 19)
        Of each bin of values.
    tails : bool (S, 3, 20)
        The bins of each tail.
    """

    bins: Bins
    log_wealth: Wealth
    rank: Floats
    tails: Bools

    def fold(self, counts: Counts) -> Floats:
        """Add up the cells of each bin.

        Parameters
        ----------
        counts : int64 (S, 235)

        Returns
        -------
        float64 (S, 20)
        """
        return _fold(checked(counts, self.bins.shape), self.bins)

    def growth(self, counts: Counts) -> Floats:
        """Say what each bet wins in a block; see `Bets.growth`."""
        grown: Floats = (self.log_wealth.astype(np.float64) @ self.fold(counts)[:, :, None])[:, :, 0]
        return grown

    def matrix(self) -> Floats:
        """Write the table out; see `Bets.matrix`."""
        of_cells = np.take_along_axis(self.log_wealth, self.bins[:, None, :].astype(np.intp), axis=2)
        return of_cells.astype(np.float64)

    def values(self, s: int) -> Floats:
        """Say what each cell counts for; see `Bets.values`."""
        of_bins: Floats = _features(self.rank[s : s + 1], self.tails[s : s + 1])[0][self.of]
        return of_bins[:, self.bins[s]]


def table(counts: Counts, level: Floats) -> NumberBets:
    """Make the bets on a number's baseline.

    Latencies, tokens and costs have heavy tails, and a mean of such values says nothing after a few events. So each
    value is replaced by its *rank*, the share of the baseline below it (half of those equal to it, too), which lies in
    [0, 1] and is one half on average. *Spread* is the squared distance of the rank from the middle. Three tails are
    looked at by themselves. All of it is worked out on some twenty bins, cut where the baseline's own sixteenths and
    tails lie, so that a cell that holds a large part of the baseline is a bin of its own.

    Parameters
    ----------
    counts : int64 (S, 235)
        Cells of the baseline.
    level : float64 (S,)
        Chance that any of a slice's limits is wrong. It is divided evenly over the six features and their two sides.

    Returns
    -------
    NumberBets
        ``J = 36``, six bets a feature, those upward first.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, or `level` is not in (0, 1).

    Notes
    -----
    Ranks and their limits come from one sample. For the means of rank and spread that is right to first order: the
    sample's own mean of ranks is one half by construction, and misses the true one by a sum of as many independent
    terms of the same variance as if the ranks had been known (Hoeffding's projection). For the tails the limits are
    made to hold for every place where the cut could have fallen, at ``level / 235`` each, so that they are exact.

    Examples
    --------
    >>> counts = np.zeros((1, 235), np.int64)
    >>> counts[0, 100:110] = 100
    >>> bets = table(counts, np.array([0.01]))
    >>> slower = np.zeros((1, 235), np.int64)
    >>> slower[0, 109] = 50
    >>> best = int(bets.growth(slower)[0].argmax())
    >>> bets.feature[best], int(bets.direction[best]), bets.mean(best, 0, slower[0])
    ('above_p90', 1, 1.0)
    """
    check_baseline(counts, level, CELLS)
    bins, tails = _cut(counts)
    binned = _fold(counts.astype(np.float64), bins)
    rank = _rank(binned[:, :-1])
    x = _features(rank, tails)
    lo, hi = _limits(x, binned, level)
    ranks = bounded.log_wealth(np.nan_to_num(x[:, :2]), lo[:, :2], hi[:, :2])
    win, lose = indicator.log_wealth(lo[:, 2:], hi[:, 2:], ODDS)
    shares = np.where(x[:, 2:, None] == 1, win[..., None], lose[..., None])
    log_wealth = np.concatenate([ranks, shares], axis=1)
    log_wealth[np.broadcast_to(np.isnan(x)[:, :, None], log_wealth.shape)] = 0.0
    each = log_wealth.shape[2]
    side = np.tile(np.repeat(np.array([1, -1], np.int8), each // 2), len(FEATURES))
    return NumberBets(
        weights=np.repeat(np.array(WEIGHTS) / each, each),
        side=side,
        direction=side * np.repeat(np.array(_MOVES, np.int8), each),
        feature=tuple(name for name in FEATURES for _ in range(each)),
        of=np.repeat(np.arange(len(FEATURES)), each),
        lower=lo,
        upper=hi,
        bins=bins,
        log_wealth=log_wealth.reshape(len(counts), -1, BINS),
        rank=rank,
        tails=tails,
    )


def _cut(counts: Counts) -> tuple[Bins, Bools]:
    """Cut the cells into bins at quantiles, those below the middle at the cell's lower edge, those above at its upper.

    Returns the bin of each cell, (S, 235), and which bins each tail holds, (S, 3, 20).
    """
    values = counts[:, :MISSING]
    below = np.concatenate([np.zeros((len(counts), 1), np.int64), np.cumsum(values, axis=1)], axis=1)[:, None, :]
    n = below[:, :, -1:]
    low = (below <= _LOW[:, None] * n).sum(axis=-1) - 1  # the last edge that has no more than this below
    high = (below < _HIGH[:, None] * n).sum(axis=-1)  # the first that has no less
    cuts = np.concatenate([low, high], axis=1)
    bins = np.full(counts.shape, BINS - 1, np.uint8)
    bins[:, :MISSING] = (cuts[:, :, None] <= np.arange(MISSING)).sum(axis=1)

    tail_cuts = np.stack([low[:, 0], high[:, 0], high[:, 1]], axis=1)
    above = np.arange(BINS) >= (cuts[:, None, :] <= tail_cuts[:, :, None]).sum(axis=-1)[:, :, None]
    above[:, 0] = ~above[:, 0]
    return bins, above


def _fold(counts: Floats, bins: Bins) -> Floats:
    slot = np.arange(len(bins))[:, None] * BINS + bins
    folded = np.bincount(slot.ravel(), counts.ravel(), minlength=len(bins) * BINS)
    return folded.astype(np.float64).reshape(-1, BINS)


def _rank(values: Floats) -> Floats:
    n = values.sum(axis=1, keepdims=True)
    return np.where(n > 0, (np.cumsum(values, axis=1) - values / 2) / np.maximum(n, 1), 0.5)


def _features(rank: Floats, tails: Bools) -> Floats:
    """Value of each feature in each bin, (S, 6, 20); NaN where it does not look."""
    x = np.full((len(rank), len(FEATURES), BINS), np.nan)
    x[:, 0, :-1] = rank
    x[:, 1, :-1] = (2 * rank - 1) ** 2
    x[:, 2:5, :-1] = tails[:, :, :-1]
    x[:, 5] = np.arange(BINS) == BINS - 1
    return x


def _limits(x: Floats, binned: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Limits of each feature's mean, (S, 6) each, from the tally that the ranks were made of."""
    side = level / (2 * len(FEATURES))
    values, total = binned[:, None, :-1], binned.sum(axis=1)
    means = betting.limits(x[:, :2, :-1], values, side[:, None])
    tails = clopper_pearson.limits((x[:, 2:5, :-1] * values).sum(-1), values.sum(-1), side[:, None] / CELLS)
    missing = clopper_pearson.limits(binned[:, -1], total, side)
    lo, hi = (np.concatenate([means[i], tails[i], missing[i][:, None]], axis=1) for i in (0, 1))
    return lo, hi

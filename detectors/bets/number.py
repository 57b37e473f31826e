"""Baseline of a number -> bets on ranks: where in the baseline's distribution the values of a block lie."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.arrays import Bins, Bools, Counts, Floats, Wealth
from detectors.bets import bounded, indicator
from detectors.bets.table import Bets, check_baseline, checked
from detectors.limits import betting, clopper_pearson, mean, season
from detectors.limits.moved import moved, of_bins
from schemas.cells import CELLS, MISSING

FEATURES: Final = ("rank", "spread", "below_p10", "above_p90", "above_p99", "missing")
WEIGHTS: Final = (0.315, 0.225, 0.12, 0.12, 0.12, 0.1)
BINS: Final = 20
"""Nineteen of values, between eighteen cuts, and one of missing values."""
ODDS: Final = (1.4, 2.2, 5.0)
"""Of the tails. Farther off, ranks see the change as soon."""
_BELOW: Final = (1 / 16, 0.10, *(np.arange(2, 9) / 16))
_ABOVE: Final = (*(np.arange(9, 15) / 16), 0.90, 15 / 16, 0.99)
_CUTS: Final = (*_BELOW, *_ABOVE)
_LOW: Final[Floats] = np.array(_BELOW)
_HIGH: Final[Floats] = np.array(_ABOVE)
"""Where bins are cut: below the middle at the lower edge of the cell that holds the quantile, else at its upper one."""
TAILS: Final[Bools] = np.array(
    [
        np.arange(BINS - 1) <= _CUTS.index(0.10),
        np.arange(BINS - 1) > _CUTS.index(0.90),
        np.arange(BINS - 1) > _CUTS.index(0.99),
    ]
)
"""(3, 19) the bins of values that each tail holds. Cuts in one place leave the bins between them empty, so that the
others stay where they are."""
_MOVES: Final = (1, 0, -1, 1, 1, 0)
"""Which way the number has moved when the mean of the feature goes up."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NumberBets(Bets):
    """Bets on bins of ranks: twelve that win or lose with each bin, and 24 that look at a tail, or at missing.

    Attributes
    ----------
    bins : uint8 (S, 235)
        The bin of each cell.
    rank : float64 (S, 19)
        Of each bin of values.
    ranked : float32 (S, 12, 20)
        Log-wealth of each bin, in nats, for the bets on rank and spread.
    win, lose : float32 (S, 24)
        Log-wealth of an event in the tail, and of one beside it, for the others.
    """

    bins: Bins
    rank: Floats
    ranked: Wealth
    win: Wealth
    lose: Wealth

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
        grown: Floats = (self.of_bins() @ self.fold(counts)[:, :, None])[:, :, 0]
        return grown

    def of_bins(self) -> Floats:
        """Write out the log-wealth of every bet and bin, float64 (S, 36, 20), in nats."""
        inside = np.zeros((len(FEATURES) - 2, BINS), np.bool_)
        inside[:-1, :-1], inside[-1, -1] = TAILS, True
        looks = np.ones_like(inside)
        looks[:-1, -1] = False
        each = 2 * len(ODDS)
        shares = np.where(np.repeat(inside, each, axis=0), self.win[..., None], self.lose[..., None])
        shares = np.where(np.repeat(looks, each, axis=0), shares, 0.0)
        return np.concatenate([self.ranked, shares], axis=1).astype(np.float64)

    def matrix(self) -> Floats:
        """Write the table out; see `Bets.matrix`."""
        return np.take_along_axis(self.of_bins(), self.bins[:, None, :].astype(np.intp), axis=2)

    def values(self, s: int) -> Floats:
        """Say what each cell counts for; see `Bets.values`."""
        of_bins: Floats = self.features()[s][self.of]
        return of_bins[:, self.bins[s]]

    def features(self) -> Floats:
        """Say what each bin counts for in each feature, float64 (S, 6, 20); NaN where it does not look."""
        return _features(self.rank)

    def within(self, lo: Floats, hi: Floats) -> "NumberBets":
        """Make the same bets on other limits; see `Indicators.within`."""
        ranked, win, lose = _wealth(self.features(), lo, hi)
        return replace(self, lower=lo, upper=hi, ranked=ranked, win=win, lose=lose)


def table(counts: Counts, level: Floats, season_percent: float = 0.0) -> NumberBets:
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
    season_percent : float
        How far all values may be off in any hour of the week, from some middle, and the rarer one of missing and not:
        the limits are moved by as far as two hours may lie apart. How much values spread in another hour nothing is
        known of then. 0 where there is no season.

    Returns
    -------
    NumberBets
        ``J = 36``, six bets a feature, those upward first.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, `level` is not in (0, 1), or `season_percent` not in
        [0, 95].

    Notes
    -----
    Ranks and their limits come from one sample. For the means of rank and spread that is right to first order: the
    sample's own mean of ranks is one half by construction, and misses the true one by a sum of as many independent
    terms of the same variance as if the ranks had been known (Hoeffding's projection). The limits of the tails are
    exact, wherever the cut fell: see `_tail_limits`.

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
    bins = cut(counts)
    binned = _fold(counts.astype(np.float64), bins)
    rank = _rank(binned[:, :-1])
    x = _features(rank)
    lo, hi = _limits(x, binned, level)
    if season_percent:
        lo, hi = _between_hours(lo, hi, x, bins, counts, level, season_percent)
    ranked, win, lose = _wealth(x, lo, hi)
    each = 2 * len(ODDS)
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
        rank=rank,
        ranked=ranked,
        win=win,
        lose=lose,
    )


def multiplied(bets: NumberBets, counts: Counts, percent: float) -> tuple[Floats, Floats]:
    """Say what each bin counts for if values are multiplied as far as another hour may lie apart: at least, at most.

    Parameters
    ----------
    bets : NumberBets
    counts : int64 (S, 235)
        Of the baseline that they were made of: how events lie within a bin.
    percent : float
        As in `table`.

    Returns
    -------
    lowest, highest : float64 (S, 6, 20)
        0 and 1 for spread, of which other hours say nothing. What is missing stays missing.
    """
    ways = [_folded(way, counts, bets.bins) for way in _of_other_hours(bets.features(), bets.bins, percent)]
    lowest, highest = np.fmin(*ways), np.fmax(*ways)
    lowest[:, 1, :-1], highest[:, 1, :-1] = 0.0, 1.0
    return lowest, highest


def _wealth(x: Floats, lo: Floats, hi: Floats) -> tuple[Wealth, Wealth, Wealth]:
    """Make the bets on six features between limits: log-wealth as in `ranked`, `win` and `lose`."""
    ranked = bounded.log_wealth(np.nan_to_num(x[:, :2]), lo[:, :2], hi[:, :2])
    ranked[..., -1] = 0.0  # missing values have no rank
    win, lose = indicator.log_wealth(lo[:, 2:], hi[:, 2:], ODDS)
    assert ranked.shape[2] == 2 * len(ODDS)
    n = len(x)
    return ranked.reshape(n, -1, BINS), win.reshape(n, -1), lose.reshape(n, -1)


def cut(counts: Counts) -> Bins:
    """Cut the cells into bins: the bin of each cell, (S, 235)."""
    values = counts[:, :MISSING]
    below = np.concatenate([np.zeros((len(counts), 1), np.int64), np.cumsum(values, axis=1)], axis=1)[:, None, :]
    n = below[:, :, -1:]
    low = (below <= _LOW[:, None] * n).sum(axis=-1) - 1  # the last edge that has no more than this below
    high = (below < _HIGH[:, None] * n).sum(axis=-1)  # the first that has no less
    cuts = np.concatenate([low, high], axis=1)
    bins = np.full(counts.shape, BINS - 1, np.uint8)
    bins[:, :MISSING] = (cuts[:, :, None] <= np.arange(MISSING)).sum(axis=1)
    return bins


def _fold(counts: Floats, bins: Bins) -> Floats:
    slot = np.arange(len(bins))[:, None] * BINS + bins
    folded = np.bincount(slot.ravel(), counts.ravel(), minlength=len(bins) * BINS)
    return folded.astype(np.float64).reshape(-1, BINS)


def _rank(values: Floats) -> Floats:
    n = values.sum(axis=1, keepdims=True)
    return np.where(n > 0, (np.cumsum(values, axis=1) - values / 2) / np.maximum(n, 1), 0.5)


def _features(rank: Floats) -> Floats:
    """Value of each feature in each bin, (S, 6, 20); NaN where it does not look."""
    x = np.full((len(rank), len(FEATURES), BINS), np.nan)
    x[:, 0, :-1] = rank
    x[:, 1, :-1] = (2 * rank - 1) ** 2
    x[:, 2:5, :-1] = TAILS
    x[:, 5] = np.arange(BINS) == BINS - 1
    return x


def _limits(x: Floats, binned: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Limits of each feature's mean, (S, 6) each, from the tally that the ranks were made of."""
    side = level / (2 * len(FEATURES))
    values, total = binned[:, None, :-1], binned.sum(axis=1)
    means = betting.limits(x[:, :2, :-1], values, side[:, None])
    tails = _tail_limits((x[:, 2:5, :-1] * values).sum(-1), values.sum(-1), side[:, None])
    missing = clopper_pearson.limits(binned[:, -1], total, side)
    lo, hi = (np.concatenate([means[i], tails[i], missing[i][:, None]], axis=1) for i in (0, 1))
    return lo, hi


def _tail_limits(inside: Floats, n: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Bound the share of each tail, (S, 3), with so many of (S, 1) values inside, each side at `level`.

    The cut was chosen by the same values. For an upper tail let p(t) be the true share above the edge t of a cell, and
    A(t) how many values were found there: both fall with t, and the cut c is the first edge with ``A(c) <= k``. A lower
    tail is the same, seen from the other end.

    *From above.* Let u be the upper limit that k values would have. If ``p(c) > u``, c is no higher than the last edge
    t with ``p(t) > u``, so ``A(t) <= A(c) <= k``. No sample has chosen t: so few lie above it with a chance of the
    limit's level. The same is true of each s below k in the place of k, where ``A(c) = s``. There are k of these, so
    the limit of ``A(c)`` itself holds at a k-th of the level; or at a 235th, a part for each edge. The lower one of the
    two limits is taken, each at half of the level: the first for values that vary, the second for those that repeat.

    *From below* the limit of ``A(c)`` itself holds at all of the level. Let l(s) be the lower limit that s values would
    have, and t the first edge with ``p(t) < l(k)``. If ``p(c) < l(A(c))``, which is at most l(k), c is t or lies above.
    In either case ``p(t) < l(A(t))``: at t itself this was assumed, and below c there are more than k. So the limit of
    an edge that no sample has chosen would be wrong, too.
    """
    most = np.floor(np.concatenate([0.10 * n, n - 0.90 * n, n - 0.99 * n], axis=1))  # k, as `cut` has it
    lo, _ = clopper_pearson.limits(inside, n, level)
    _, hi_of_most = clopper_pearson.limits(most, n, level / 2)
    _, hi_of_inside = clopper_pearson.limits(inside, n, level / 2 / np.clip(most, 1, CELLS))
    return lo, np.minimum(hi_of_most, hi_of_inside)


def _between_hours(
    lo: Floats, hi: Floats, x: Floats, bins: Bins, counts: Counts, level: Floats, percent: float
) -> tuple[Floats, Floats]:
    """Move limits as far as another hour may lie from those of the tally: its values multiplied, up and down."""
    lo, hi = lo.copy(), hi.copy()
    lo[:, 1], hi[:, 1] = 0.0, 1.0
    lo[:, 5], hi[:, 5] = season.between_hours(lo[:, 5], hi[:, 5], percent)
    side = level / (2 * len(FEATURES))
    down, up = _of_other_hours(x, bins, percent)
    # A cell that lies partly in a tail is taken for one that does not, or does: shares have exact limits, quickly.
    least, most = np.floor(np.minimum(down, up)[:, 2:5]), np.ceil(np.maximum(down, up)[:, 2:5])
    each = np.broadcast_to(side[:, None] / CELLS, least.shape[:2])
    lo[:, 2:5], hi[:, 2:5] = mean.limits(least, counts, each)[0], mean.limits(most, counts, each)[1]
    binned = _fold(counts.astype(np.float64), bins).astype(np.int64)
    ranks = [_folded(way[:, :1], counts, bins) for way in (down, up)]
    lo[:, :1], hi[:, :1] = (
        mean.limits(ranks[0], binned, side[:, None])[0],
        mean.limits(ranks[1], binned, side[:, None])[1],
    )
    return lo, hi


def _of_other_hours(x: Floats, bins: Bins, percent: float) -> tuple[Floats, Floats]:
    """Say what each cell counts for, (S, F, 235), if values are multiplied as far down, and up, as hours lie apart."""
    of_cells = np.take_along_axis(x, bins[:, None, :].astype(np.intp), axis=2)
    down, up = (np.stack([moved(values, factor) for values in of_cells]) for factor in season.apart(percent))
    return down, up


def _folded(of_cells: Floats, counts: Counts, bins: Bins) -> Floats:
    """Say what each bin counts for: the average of its cells, (S, F, 20)."""
    return np.stack([of_bins(values, *of) for values, *of in zip(of_cells, counts, bins, strict=True)])

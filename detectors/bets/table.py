"""What every table of bets promises: tallies of a block -> growth of each bet's log-wealth."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Counts, Floats, Indices, Signs, Wealth, check_counts

GRID: Final = 2.0**-20
"""Nats. All log-wealth is a multiple of it, so that sums are integer arithmetic in float64: exact in any order."""
MOST_WEALTH: Final = 8.0
"""Nats an event can win or lose; below it a multiple of `GRID` fits a float32 exactly."""
MOST_EVENTS: Final = 2**30
"""Events in a block; up to here their sums, in multiples of `GRID`, stay below 2^53."""


def whole(log_wealth: Floats) -> Wealth:
    """Round log-wealth down to the grid: sums become exact, and wealth only shrinks, so ``E[L] <= 1`` stays true.

    Parameters
    ----------
    log_wealth : float64, any shape, in nats

    Returns
    -------
    float32, the same shape
        Multiples of 2^-20, exact; less than 8 nats, which a bet on what was all but never seen would exceed.

    Raises
    ------
    ValueError
        If a bet would lose 8 nats with one event: no bet here stakes that much.

    Examples
    --------
    >>> float(whole(np.log(np.array(2.0))) * 2**20)
    726817.0
    """
    if not (log_wealth > -MOST_WEALTH).all():
        raise ValueError(f"log-wealth holds a loss of {MOST_WEALTH} nats, or NaN")
    return (np.floor(np.minimum(log_wealth, MOST_WEALTH - GRID) / GRID) * GRID).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bets(ABC):
    """J bets on each of S slices of one signal, over its C cells.

    A bet multiplies its wealth by ``exp(log_wealth[cell])`` for each event in that cell, where log-wealth is such
    that ``E[L] <= 1`` for *every* distribution whose mean of the bet's feature keeps within its limit. Cells that a
    feature does not look at (a missing observation, mostly) neither win nor lose.

    Attributes
    ----------
    weights : float64 (J,)
        How the monitor's budget is split; sum to one.
    side : int8 (J,)
        +1 bets that the feature's mean is above ``hi``, -1 that it is below ``lo``.
    direction : int8 (J,)
        Which way the *signal* has moved if the bet wins: +1 up, -1 down, 0 neither. More mass in the lower tail is a
        move down; a wider spread, or more missing, is neither.
    feature : tuple of str, (J,)
        What of the signal the bet looks at.
    of : intp (J,)
        The column of that feature in `lower` and `upper`.
    lower, upper : float64 (S, F)
        What the baseline allows as the mean of each feature.
    """

    weights: Floats
    side: Signs
    direction: Signs
    feature: tuple[str, ...]
    of: Indices
    lower: Floats
    upper: Floats

    @property
    def lo(self) -> Floats:
        """Lower limit of the mean that each bet is on, float64 (S, J)."""
        return self.lower[:, self.of]

    @property
    def hi(self) -> Floats:
        """Upper limit of the mean that each bet is on, float64 (S, J)."""
        return self.upper[:, self.of]

    @abstractmethod
    def growth(self, counts: Counts) -> Floats:
        """Say what each bet wins in a block.

        Parameters
        ----------
        counts : int64 (S, C)
            Events of the block, by slice and cell.

        Returns
        -------
        float64 (S, J), in nats
            Multiples of 2^-20, exact, so that a block split anywhere and added up gives the same bits.

        Raises
        ------
        ValueError
            If the shape differs, a count is negative or no integer, or the block is larger than 2^30 events.
        """

    @abstractmethod
    def matrix(self) -> Floats:
        """Write the table out: log-wealth by slice, bet and cell.

        Returns
        -------
        float64 (S, J, C), in nats
        """

    @abstractmethod
    def values(self, s: int) -> Floats:
        """Say what each cell counts for, in slice `s`.

        Returns
        -------
        float64 (J, C)
            The feature's value, in [0, 1]; NaN where the feature does not look.
        """

    @property
    def leading(self) -> Indices:
        """The first bet of each feature, intp (F,): what its cells count for is the same for all of them."""
        return np.unique(self.of, return_index=True)[1]

    def mean(self, j: int, s: int, counts: Counts) -> float:
        """Average the feature of bet `j` over the events that it looks at.

        Parameters
        ----------
        j, s : int
            The bet, and the slice.
        counts : int64 (C,)
            Events of that slice.

        Returns
        -------
        float
            In [0, 1]; NaN if the feature looks at none of them, which lies neither in the limits nor out of them.
        """
        return average(self.values(s)[j], counts)


def average(x: Floats, counts: Counts) -> float:
    """Average what cells count for over the events in those that are looked at; see `Bets.mean`.

    Examples
    --------
    >>> average(np.array([0.0, 1.0, np.nan]), np.array([3, 1, 100]))
    0.25
    """
    n = np.where(np.isnan(x), 0, counts)
    return float(np.nansum(x * n) / n.sum()) if n.any() else float("nan")


def check_baseline(counts: Counts, level: Floats, cells: int) -> None:
    """Refuse what no table can be made of.

    Parameters
    ----------
    counts : int64 (S, cells)
    level : float64 (S,)

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, or `level` is not in (0, 1).
    """
    if counts.ndim != 2 or counts.shape[1] != cells or level.shape != counts.shape[:1]:
        raise ValueError(f"counts are {counts.shape} and level is {level.shape}, not (slices, {cells}) and (slices,)")
    check_counts(counts)
    if not ((level > 0) & (level < 1)).all():
        raise ValueError("level must lie between 0 and 1")


def checked(counts: Counts, shape: tuple[int, int]) -> Floats:
    """Refuse what is no block of events.

    Parameters
    ----------
    counts : int64, shape `shape`

    Returns
    -------
    float64, the same numbers

    Raises
    ------
    ValueError
        If the shape differs, a count is negative or no integer, or the block is larger than 2^30 events.
    """
    if counts.dtype.kind not in "iu":
        raise ValueError(f"counts must be integers, not {counts.dtype}")
    if counts.shape != shape:
        raise ValueError(f"counts are {counts.shape}, the table is for {shape}")
    if counts.size and counts.min() < 0:
        raise ValueError("counts holds a negative number")
    if counts.size and counts.sum(axis=1).max() >= MOST_EVENTS:
        raise ValueError(f"a block of {MOST_EVENTS} events or more cannot be summed exactly")
    return counts.astype(np.float64)

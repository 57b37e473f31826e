"""Tallies after an alarm -> evidence that it is over: the bet that alarmed, mirrored, against "it is still bad"."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Bools, Counts, Floats
from detectors.esr import MOST_GROWTH

FRACTIONS: Final[Floats] = np.exp2(-0.5 * np.arange(1, 25))
"""Parts of the wealth that are tried on the baseline, from 0.7 down to 1/4096."""
TIMES: Final = (0.5, 1.0, 2.0)
"""Stakes, as multiples of the one that wins most where all is as it was: also for a mean that is nearly back, and for
one that is better than ever."""
MOST_STAKE: Final = 0.9
UNLEARNED: Final = 0.125
"""The stake where no baseline was learned that could choose one."""
GRID: Final = 2.0**-32
"""Nats. Sums of it are exact up to half a million events in a block. Coarser, as the bets that alarm have it, a
baseline of millions, whose limits lie close, would leave nothing to win."""
SPARE: Final = 20.0
"""How many times more than enough evidence may become, so that a relapse soon takes it away. By chance, evidence that a
thing is well falls back by so much at most once in twenty."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Mirror:
    """Bets that the mean of a feature is back on the good side of the limit that it had passed.

    While it is still bad, no bet is expected to gain anything.

    Attributes
    ----------
    values : float64 (C,)
        What each cell counts for in the feature, in [0, 1]; NaN where the feature does not look.
    limit : float
    side : int
        +1 if the mean had been above the limit, -1 if below.
    log_wealth : float64 (3, C), in nats
        Of an event in each cell.
    """

    values: Floats
    limit: float
    side: int
    log_wealth: Floats

    def growth(self, counts: Counts) -> Floats:
        """Say what each bet wins in a block: int64 (..., C) -> float64 (..., 3), in nats.

        Raises
        ------
        ValueError
            If the shape differs, or a count is negative.
        """
        grown: Floats = self._checked(counts) @ self.log_wealth.T
        return grown

    def well(self, counts: Counts) -> Bools:
        """Say whether the mean of a block lies on the good side: (..., C) -> (...); not where nothing was observed."""
        seen = np.where(np.isnan(self.values), 0, self._checked(counts))
        excess = self.side * (seen @ (np.nan_to_num(self.values) - self.limit))
        good: Bools = (seen.sum(axis=-1) > 0) & (excess <= 0)
        return good

    def observed(self, counts: Counts) -> int:
        """Count the events that the feature looks at."""
        return int(counts[~np.isnan(self.values)].sum())

    def _checked(self, counts: Counts) -> Counts:
        if counts.shape[-1:] != self.values.shape:
            raise ValueError(f"counts are {counts.shape}, the feature is for {len(self.values)} cells")
        if counts.size and counts.min() < 0:
            raise ValueError("counts holds a negative number")
        return counts


def mirror(values: Floats, usual: Counts, limit: float, side: int) -> Mirror:
    """Make the bets that an alarm is over.

    The mean had been above its upper limit ``m`` (`side` +1), which is still so as long as the mean of
    ``(1 - x) / (1 - m)`` is at most one. The part ``c`` of the wealth is staked on that: it is multiplied by
    ``1 - c + c (1 - x) / (1 - m)``, which is expected to be at most one while the mean is `m` or more, whatever else is
    true of it. Below a lower limit the same is done with ``x / m``.

    Parameters
    ----------
    values : float64 (C,), in [0, 1]
        What each cell counts for; NaN where the feature does not look.
    usual : int64 (C,)
        The baseline. It chooses the stakes: the best one, had these been the events. The promise does not rest on it,
        and there need be none.
    limit : float, in (0, 1)
    side : int
        +1 if the mean had been above the limit, -1 if below.

    Returns
    -------
    Mirror

    Raises
    ------
    ValueError
        If a value lies outside [0, 1], the limit is not between them, `side` is neither, or a count is negative.

    Notes
    -----
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86, 2024, section 4.

    Examples
    --------
    2 % refused, the limit is 3 %; a refusal costs, and each of the others wins a little:

    >>> back = mirror(np.array([0.0, 1.0, np.nan]), np.array([980, 20, 0]), limit=0.03, side=+1)
    >>> back.growth(np.array([[98, 2, 5], [60, 40, 0]])).round(1).tolist()
    [[0.1, 0.2, -0.3], [-7.5, -16.8, -47.8]]
    >>> back.well(np.array([[98, 2, 5], [60, 40, 0], [0, 0, 9]])).tolist()
    [True, False, False]
    """
    looks = ~np.isnan(values)
    x = np.where(looks, values, 0.0)
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError("values must lie in [0, 1]")
    if not 0 < limit < 1 or side not in (-1, 1):
        raise ValueError(f"a limit lies between 0 and 1 and has one side of two: {limit}, {side}")
    if usual.shape != values.shape or usual.min(initial=0) < 0:
        raise ValueError("usual counts every cell, and none of them negative")
    fair = (1 - x) / (1 - limit) if side > 0 else x / limit
    n = np.where(looks, usual, 0)
    best = FRACTIONS[(np.log1p(FRACTIONS[:, None] * (fair - 1)) @ n).argmax()] if n.any() else UNLEARNED
    stakes = np.minimum(best * np.array(TIMES), MOST_STAKE)
    log_wealth = np.log1p(stakes[:, None] * (fair - 1))
    return Mirror(
        values=values,
        limit=limit,
        side=side,
        log_wealth=np.where(looks, np.floor(log_wealth / GRID) * GRID, 0.0),
    )


def advance(evidence: Floats, begun: Ints, growth: Floats, well: Bools, enough: float) -> tuple[Floats, Ints]:
    """Let the mirrored bets see one block.

    Nobody knows when a recovery begins, and what was lost on the bad time before it is never won back. So the bets
    begin anew after every block that looks well, each time with a part of what is left of one unit of wealth: the i-th
    time with ``1 / log2(i + 1) - 1 / log2(i + 2)``, which sums to one over all of them. While it is still bad, wealth
    is never expected to be more than what was put in, one in all, however long that lasts.

    So the chance that evidence ever reaches `enough`, though the mean stayed on the bad side of its limit all the time,
    is at most ``1 / enough``.

    Parameters
    ----------
    evidence : float64 (..., 3)
        Zero at the alarm.
    begun : int64 (...)
        How often the bets have begun, zero at the alarm.
    growth : float64 (..., 3), in nats
    well : bool (...)
        Whether the block itself looks well.
    enough : float
        Evidence at which it is over. Beyond `SPARE` times as much none is gathered.

    Returns
    -------
    evidence, begun

    Raises
    ------
    ValueError
        If a number is not finite, or evidence is negative.

    Notes
    -----
    Ville's inequality for a mixture over starts, each a stopping time; Shin, Ramdas, Rinaldo, "E-detectors", 2022.

    Examples
    --------
    A nat a block: a hundred to one after six blocks, of which the first only begins.

    >>> evidence, begun, blocks = np.zeros(3), np.int64(0), 0
    >>> while evidence.sum() < 100:
    ...     evidence, begun = advance(evidence, begun, np.ones(3), np.bool_(True), enough=100)
    ...     blocks += 1
    >>> blocks
    7
    """
    if not (np.isfinite(evidence) & (evidence >= 0)).all() or not np.isfinite(growth).all():
        raise ValueError("evidence and growth must be finite, and evidence not negative")
    grown = np.minimum(evidence * np.exp(np.minimum(growth, MOST_GROWTH)), SPARE * enough / len(TIMES))
    begun = begun + well
    nth = np.maximum(begun, 1)
    part = np.where(well, 1 / np.log2(nth + 1) - 1 / np.log2(nth + 2), 0.0)
    return grown + part[..., None] / len(TIMES), begun

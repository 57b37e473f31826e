"""Counts of modes -> the process they may come from, more even or less: what an interval is read off.

Wilson's interval of a share holds every share that the sample does not contradict, judged by how much samples *of that
share* scatter. Here likewise: the process is estimated from the sample, with modes that were not seen, and then made
more or less even, by raising all its shares to one power; the interval of a figure holds the figure of every such
process that the sample does not contradict. Powers of the shares are the shortest way from one entropy to another
(they are an exponential family), so no other direction would make the interval much longer.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats
from detectors.describe.coverage import later
from detectors.describe.richness import richness_limits

POWERS: Final = np.concatenate([np.arange(0, 1, 0.025), np.arange(1, 3, 0.05), np.arange(3, 12.1, 0.25)])
"""From all modes alike, over the estimate itself at 1, to little but the largest."""
_ESTIMATE: Final = int(np.flatnonzero(POWERS >= 1)[0])
SEEN_OFTEN: Final = 10
"""Where every mode was seen more often than that, one half as frequent was hardly missed: once in 150 (``exp(-5)``)."""
ENOUGH: Final = 20
"""Failures below which there is no interval: they cannot tell how much they leave out, nor what came by chance."""

Moments: TypeAlias = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""Shares (T, M), how many modes have each (M,) -> mean and standard deviation of a statistic, (T,) both."""


class Whole(NamedTuple):
    """An estimated process.

    Attributes
    ----------
    shares : (M,) of one mode
    modes : (M,) how many have that share
    more : whether there may be more modes than were seen
    """

    shares: Floats
    modes: Floats
    more: bool

    def powers(self) -> Floats:
        """Make it more even and less, (T, M)."""
        logs = np.log(self.shares)
        raised: Floats = np.exp(POWERS[:, None] * (logs - logs.max()))
        return raised / (raised @ self.modes)[:, None]


def whole(x: Counts, z: float, always_open: bool = False) -> Whole:
    """Estimate a process from what was seen of it.

    Shares of modes that were seen are lowered, rare ones the most, by what coverage leaves for those unseen: half a
    failure at least. Unseen are as many modes as Chao's interval allows, and no fewer than one for each failure that a
    sample may expect of them and have none (3.7 at 95 %).

    Parameters
    ----------
    x : int64 (S,), from `seen`
    z : standard deviations within which there may be more modes than are estimated
    always_open : whether it has unseen modes even if all were seen often

    Notes
    -----
    Chao and others, Ecological Monographs 84, 2014, appendix G, who draw their bootstrap samples from it.

    Examples
    --------
    >>> whole(np.array([60, 40]), 1.96).shares.tolist()
    [0.6, 0.4]
    >>> shares, modes, _ = whole(np.array([26, 1, 1, 1, 1]), 1.96)
    >>> shares.round(3).tolist(), modes.round(1).tolist()
    ([0.792, 0.019, 0.019, 0.019, 0.019, 0.004], [1.0, 1.0, 1.0, 1.0, 1.0, 35.8])
    """
    n, q = int(x.sum()), x / x.sum()
    if x[-1] > SEEN_OFTEN and len(x) > 1 and not always_open:
        return Whole(q, np.ones(len(x)), more=False)
    once, twice = int((x == 1).sum()), int((x == 2).sum())
    missed = min(max(once / n * later(n, once, twice), 0.5 / n), 0.5)  # where all were seen once it would be everything
    left_out: Floats = (1 - q) ** n
    total = float((q * left_out).sum())
    lowered: Floats = q * (1 - min(missed / total, 1.0) * left_out) if total else q
    lowered = np.maximum(lowered, q * 1e-3)  # of nothing no power makes more
    none_seen = -float(special.log_ndtr(-z))  # failures that are expected of what a sample has none of, at the most
    hidden = max(richness_limits(x, z)[1] - len(x), none_seen)
    shares = np.append(lowered / lowered.sum() * (1 - missed), missed / hidden)
    return Whole(shares, np.append(np.ones(len(x)), hidden), more=True)


def limits(
    of: Whole, moments: Moments, found: float, z: float, spread: float = 0.0, slack: float = 0.0
) -> tuple[float, float]:
    """Find between which values a statistic that rises with diversity lies.

    Parameters
    ----------
    moments : of the statistic
    found : what the sample gave
    z : standard deviations that a sample may be away
    spread : the standard deviation as the sample has it, if that is more than the estimated process has
    slack : further away that it may be on the side of more diversity

    Returns
    -------
    low, high : float
        Means of the most and the least even process that is not contradicted.
    """
    mean, sd = moments(of.powers(), of.modes)
    sd = sd * max(1.0, spread / max(float(sd[_ESTIMATE]), 1e-300))
    high = _farthest(mean, mean - found - slack - z * sd)
    low = _farthest(mean[::-1], (found - mean - z * sd)[::-1])
    return min(low, found), max(high, found)


def _farthest(mean: Floats, beyond: Floats) -> float:
    """Go from the far end until no longer `beyond` zero; between two processes, in proportion."""
    within = np.flatnonzero(beyond <= 0)
    if not len(within):
        return float(mean[-1])
    first = int(within[0])
    if not first:
        return float(mean[0])
    part = float(beyond[first - 1] / (beyond[first - 1] - beyond[first]))
    return float(mean[first - 1] + part * (mean[first] - mean[first - 1]))

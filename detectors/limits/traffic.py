"""Events of each time bucket -> what the baseline allows: limits of their mean, and how much they scatter at most."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from detectors.arrays import Counts, Floats


class Traffic(NamedTuple):
    """What a bucket of one season (an hour of the week, say) may hold.

    Attributes
    ----------
    lo, hi : float
        Limits of the mean of a bucket. 0 and infinity where nothing is known.
    size : float
        Lower limit of the negative binomial's size r, whose variance is ``mean + mean**2 / r``: the smaller, the more
        buckets scatter.
    """

    lo: float
    hi: float
    size: float


class Moments(NamedTuple):
    """All that a fit needs to know of some buckets, so that none of them has to be kept.

    Attributes
    ----------
    buckets, events, squares : int
        How many there were, the sum of their events, and that of the squares.
    """

    buckets: int = 0
    events: int = 0
    squares: int = 0

    def add(self, count: int) -> "Moments":
        """Add a bucket."""
        return Moments(self.buckets + 1, self.events + count, self.squares + count * count)


NOTHING: Final = Traffic(0.0, np.inf, 1.0)
LEAST_SIZE: Final = 1e-3
"""Below it hardly a bucket holds anything and one holds all: too little was seen to bet on."""


def fit(counts: Counts, level: float, least_ratio: float = 1.0) -> Traffic:
    """Bound mean and scatter of the events in a bucket.

    Half of the level is for the size, a quarter for each limit of the mean. The size comes from moments: the sample's
    variance is raised to its upper limit, and what of it a Poisson variable would not have is put down to the size.
    Given the size, all buckets together are negative binomial as well, so limits of the mean are exact, as Clopper
    and Pearson's are: the mean under which so few events (or so many) still have that chance.

    Parameters
    ----------
    counts : int64 (n,)
        Events of closed buckets, all of one season, quiet hours and empty buckets among them.
    level : float
        Chance that any of the three is wrong, in (0, 1).
    least_ratio : float
        Change of the mean that is no news, as a ratio: 1.2 where a fifth more, or less, does not matter.

    Returns
    -------
    Traffic
        `NOTHING` of fewer than two buckets, or no events, or a size below `LEAST_SIZE`: everything is possible.

    Raises
    ------
    ValueError
        If `counts` has not one dimension, holds a negative number or no integers, `level` is not in (0, 1), or
        `least_ratio` is below 1 or not finite.

    Notes
    -----
    *Exact*: the limits of the mean, for independent negative binomial buckets of that size; a larger one misses more
    rarely (asked by the tests, over a grid). *Approximate*: the size. The sample's variance is taken for a gamma
    variable of ``2 (n - 1) / (2 + 6 / r + 1 / variance)`` degrees of freedom (Satterthwaite, Biometrics 2, 1946), with
    the negative binomial's kurtosis; simulated, it misses less often than it says. *Neither*: buckets that depend on
    each other. What moves a whole hour makes the size smaller, but the mean less certain than is said here;
    `least_ratio` leaves room for that.

    Examples
    --------
    >>> quiet = np.tile(np.arange(15, 26), 40)
    >>> lo, hi, size = fit(quiet, level=1e-6)
    >>> round(lo, 1), round(hi, 1), size > 20
    (18.8, 21.3, True)
    """
    if counts.ndim != 1 or counts.dtype.kind not in "iu" or counts.min(initial=0) < 0:
        raise ValueError("counts must be integers, one a bucket, none of them negative")
    each = counts.tolist()  # Python's integers: squares may be beyond 64 bits
    return fit_moments(Moments(len(each), sum(each), sum(n * n for n in each)), level, least_ratio)


def fit_moments(seen: Moments, level: float, least_ratio: float = 1.0) -> Traffic:
    """Do what `fit` does, of buckets of which only the moments were kept.

    Raises
    ------
    ValueError
        As `fit` does, and if no buckets have such moments.

    Examples
    --------
    >>> quiet = np.tile(np.arange(15, 26), 40)
    >>> fit_moments(Moments(440, 8800, 180_400), level=1e-6) == fit(quiet, level=1e-6)
    True
    """
    if min(seen) < 0 or seen.events > seen.squares or seen.events**2 > seen.buckets * seen.squares:
        raise ValueError(f"counts must be integers, one a bucket, none of them negative: none have {seen}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1: {level}")
    if not (least_ratio >= 1 and np.isfinite(least_ratio)):
        raise ValueError(f"least_ratio must be a number of at least 1: {least_ratio}")
    if seen.buckets < 2 or not seen.events:
        return NOTHING
    size = _size(seen, level / 2)
    if size < LEAST_SIZE:
        return NOTHING
    lo, hi = limits(seen.events, seen.buckets, size, level / 4)
    return Traffic(float(lo) / least_ratio, float(hi) * least_ratio, size)


def limits(events: ArrayLike, buckets: ArrayLike, size: ArrayLike, level: ArrayLike) -> tuple[Floats, Floats]:
    """Bound the mean of buckets of a known size from both sides, *each side* at `level`.

    Parameters
    ----------
    events : int
        Of all buckets together.
    buckets : int, at least 1
    size : float, positive
    level : float, in (0, 0.5)
        Chance that one side's limit is wrong.

    Returns
    -------
    lo, hi : float64
        Of one bucket. Where a double cannot hold the upper one it is infinite.

    Raises
    ------
    ValueError
        If one of them is not in its range, or not finite.
    """
    s, n, size, a = (np.asarray(v, np.float64) for v in (events, buckets, size, level))
    if not ((s >= 0) & np.isfinite(s) & (n >= 1) & np.isfinite(n)).all():
        raise ValueError("events must not be negative, and of one bucket at least")
    if not ((size > 0) & np.isfinite(size) & (a > 0) & (a < 0.5)).all():
        raise ValueError("size must be a positive number, and level lie between 0 and 0.5")
    # The chance of so many events or fewer is I(p; n size, events + 1), where p = size / (size + mean).
    fewest = special.betaincinv(n * size, s + 1, a)
    most = special.betainccinv(n * size, np.where(s > 0, s, 1), a)
    with np.errstate(divide="ignore"):
        hi: Floats = size * (1 - fewest) / fewest
    return np.where(s > 0, size * (1 - most) / most, 0.0), hi


def _size(seen: Moments, level: float) -> float:
    """Bound the size from below. Who scatters less than a Poisson variable is taken for one."""
    n, events, squares = seen
    mean = events / n
    variance = max((n * squares - events * events) / (n * (n - 1)), mean)
    kurtosis = 6 * (variance - mean) / mean**2 + 1 / variance
    half = (n - 1) / (2 + kurtosis)
    least = float(special.gammaincinv(half, level)) / half
    return mean**2 * least / (variance - mean * least)

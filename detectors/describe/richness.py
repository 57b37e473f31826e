"""Counts of modes -> how many there are, those included that were never seen."""

import numpy as np

from detectors.arrays import Counts, Floats
from detectors.describe.estimate import Estimate, normal, seen


def chao1(counts: Counts, level: float = 0.95) -> Estimate:
    """Estimate from below how many modes there are.

    It is a *lower* bound on average: of modes that are rare enough, any number may hide. Beyond what was seen, the
    interval is log-normal, so it never falls below that.

    Parameters
    ----------
    counts : int64 (C,)
    level : float
        Of the interval, both sides together.

    Returns
    -------
    Estimate
        Never fewer than were seen.

    Raises
    ------
    ValueError
        If a count is negative or no integer, nothing was counted, or `level` is not between 0 and 1.

    Notes
    -----
    Chao, Scandinavian Journal of Statistics 11, 1984; the interval: Chao, Biometrics 43, 1987. Where the sample gives
    no reason to expect more, the interval says what a sample of its kind may leave out: Chao and others, SpadeR.

    Examples
    --------
    >>> value, low, high = chao1(np.array([26, 1, 1, 1, 1]))
    >>> round(value, 1), round(low, 1), round(high, 1)
    (10.8, 5.9, 40.8)
    """
    x, z = seen(counts), normal(level)
    return Estimate(len(x) + hidden_modes(x), *richness_limits(x, z))


def richness_limits(x: Counts, z: float) -> tuple[float, float]:
    """Put the interval around it: `z` standard deviations to either side, of the logarithm of what is hidden."""
    n, modes, hidden = int(x.sum()), len(x), hidden_modes(x)
    if not hidden:
        return _nothing_hidden(x, z)
    once, twice, k = int((x == 1).sum()), int((x == 2).sum()), (n - 1) / n
    if twice:
        r = once / twice
        variance = twice * (k * r**2 / 2 + k**2 * (r**3 + r**4 / 4))
    else:
        variance = (
            k * once * (once - 1) / 2 + k**2 * once * (2 * once - 1) ** 2 / 4 - k**2 * once**4 / (4 * (modes + hidden))
        )
    wide = float(np.exp(z * np.sqrt(np.log1p(max(variance, 0.0) / hidden**2))))
    return modes + hidden / wide, modes + hidden * wide


def hidden_modes(x: Counts) -> float:
    """Estimate from below how many modes were not seen, after Chao 1984; `x` holds those that were."""
    n, once, twice = int(x.sum()), int((x == 1).sum()), int((x == 2).sum())
    return (n - 1) / n * (once**2 / (2 * twice) if twice else once * (once - 1) / 2)


def _nothing_hidden(x: Counts, z: float) -> tuple[float, float]:
    """Take the modes for as many as a sample like this one sees of more, if each is seen about as often as here."""
    missed: Floats = np.exp(-x.astype(np.float64))
    share = float(missed.sum()) / len(x)
    variance = float(missed.sum() - (x * missed).sum() ** 2 / x.sum())
    middle, half = len(x) / (1 - share), z * max(variance, 0.0) ** 0.5 / (1 - share)
    return max(len(x), middle - half), middle + half

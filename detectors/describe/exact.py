"""Successes of trials, or events of an exposure -> the exact interval of their share, or of their rate."""

import math

from scipy import special

from detectors.describe.estimate import Estimate, normal
from detectors.limits import clopper_pearson


def exact_share(successes: int, trials: int, level: float = 0.95) -> Estimate | None:
    """Put Clopper and Pearson's interval around a share: to decide by, where Wilson's is to read.

    Of a release: its successful outcomes among all that were judged. Of abstentions: those that were right, which is
    the precision of abstaining; of escalations likewise.

    Parameters
    ----------
    successes, trials : int
    level : float
        Of both sides together. The chance that the interval misses is never larger than what is left; with few
        successes, or few failures, it is smaller, since no interval of whole counts can hold just 95 %.

    Returns
    -------
    Estimate or None
        None without trials.

    Raises
    ------
    ValueError
        If successes do not lie between 0 and trials, or `level` not between 0 and 1.

    Notes
    -----
    Clopper and Pearson, Biometrika 26, 1934.

    Examples
    --------
    >>> [round(number, 3) for number in exact_share(23, 100)]
    [0.23, 0.152, 0.325]
    """
    normal(level)
    low, high = clopper_pearson.limits(successes, trials, (1 - level) / 2)
    return Estimate(successes / trials, float(low), float(high)) if trials else None


def exact_rate(events: int, exposure: float, level: float = 0.95) -> Estimate | None:
    """Put Garwood's interval around a rate: events that come singly, over hours, or over deployed versions.

    Parameters
    ----------
    events : int
        Taken for Poisson: outcomes of one version cluster, and then the interval is too short.
    exposure : float
        Hours, or versions, or whatever the rate is by.
    level : float
        Of both sides together; never held less often, and more often where events are few.

    Returns
    -------
    Estimate or None
        Events for each unit of exposure. None without exposure.

    Raises
    ------
    ValueError
        If events or exposure are negative, or not finite, or `level` does not lie between 0 and 1.

    Notes
    -----
    Garwood, Biometrika 28, 1936: the limits of a Poisson mean are quantiles of gamma distributions.

    Examples
    --------
    >>> [round(number, 2) for number in exact_rate(10, 4)]
    [2.5, 1.2, 4.6]
    """
    normal(level)
    if not (events >= 0 and math.isfinite(events) and exposure >= 0 and math.isfinite(exposure)):
        raise ValueError(f"events and exposure must be finite, and not negative: {events} of {exposure}")
    if not exposure:
        return None
    tail = (1 - level) / 2
    low = float(special.gammaincinv(events, tail)) if events else 0.0
    return Estimate(events / exposure, low / exposure, float(special.gammainccinv(events + 1, tail)) / exposure)

"""Successes of trials -> a share with an interval, for people to read."""

from typing import NamedTuple

from scipy import special


class Share(NamedTuple):
    """A share and its interval, in [0, 1]."""

    value: float
    lo: float
    hi: float


def share(successes: int, trials: int, confidence: float = 0.95) -> Share | None:
    """Put Wilson's interval around a share.

    Its coverage is `confidence` on average over rates, not for each: good to read, not to decide by.

    Parameters
    ----------
    successes, trials : int
    confidence : float
        Of both sides together.

    Returns
    -------
    Share or None
        None without trials.

    Raises
    ------
    ValueError
        If successes do not lie between 0 and trials, or `confidence` not between 0 and 1.

    Notes
    -----
    Wilson, JASA 22, 1927; Brown, Cai, DasGupta, Statistical Science 16, 2001.

    Examples
    --------
    >>> value, lo, hi = share(23, 100)
    >>> value, round(lo, 3), round(hi, 3)
    (0.23, 0.158, 0.322)
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie between 0 and trials: {successes} of {trials}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1: {confidence}")
    if not trials:
        return None
    p, z2 = successes / trials, float(special.ndtri((1 + confidence) / 2)) ** 2
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = (z2 * (p * (1 - p) / trials + z2 / (4 * trials**2))) ** 0.5 / (1 + z2 / trials)
    return Share(p, min(max(middle - half, 0.0), p), max(min(middle + half, 1.0), p))  # rounding must not part them

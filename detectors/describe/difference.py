"""Two independent figures with intervals -> how far they lie apart, with an interval."""

import math

from detectors.describe.estimate import Estimate


def difference(now: Estimate, before: Estimate) -> Estimate:
    """Put an interval around a difference, of whatever figures: shares, quantiles, means.

    Each end is as far from the difference as the two ends that make it are from their figures, taken as a hypotenuse:
    so intervals that are longer on one side, as those of small shares are, stay so.

    Parameters
    ----------
    now, before : with intervals of the same level

    Returns
    -------
    Estimate
        Of `now` less `before`.

    Raises
    ------
    ValueError
        If a figure does not lie within its interval.

    Notes
    -----
    MOVER: Zou and Donner, Statistics in Medicine 27, 2008; of shares it is Newcombe's tenth method, ibid. 17, 1998.

    Examples
    --------
    >>> [round(end, 3) for end in difference(Estimate(0.02, 0.014, 0.028), Estimate(0.01, 0.006, 0.016))]
    [0.01, 0.002, 0.019]
    """
    for one in (now, before):
        if not one.low <= one.value <= one.high:
            raise ValueError(f"a figure must lie within its interval: {one}")
    apart = now.value - before.value
    return Estimate(
        apart,
        apart - math.hypot(now.value - now.low, before.high - before.value),
        apart + math.hypot(now.high - now.value, before.value - before.low),
    )

"""What each cell counts for, and a tally -> limits of the mean: exact for shares, by betting for everything else."""

import numpy as np

from detectors.arrays import Counts, Floats, check_counts
from detectors.limits import betting, clopper_pearson


def limits(values: Floats, counts: Counts, level: Floats) -> tuple[Floats, Floats]:
    """Bound the mean of each feature in each pool of events, *each side* at its level.

    Parameters
    ----------
    values : float64 (F, C) or (P, F, C), in [0, 1]
        What each cell counts for in each feature, in all pools or in each; NaN where the feature does not look.
    counts : int64 (P, C)
        Of each pool.
    level : float64 (F,) or (P, F), in (0, 0.5)
        Chance that one side's limit of a feature is wrong in one pool.

    Returns
    -------
    lo, hi : float64 (P, F)
        0 and 1 where a pool holds nothing that the feature looks at.

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or no integer, a value lies outside [0, 1], or a level outside
        (0, 0.5).

    Notes
    -----
    Events of a pool may have different means; the limits are then those of their average. For shares that is
    Hoeffding's theorem: no trials spread as widely as equal ones do (Annals of Mathematical Statistics 27, 1956;
    limits at levels of interest lie farther out than the one event that it asks for). For betting it is the concavity
    of the logarithm.

    Examples
    --------
    >>> yes, rank = [0.0, 0.0, 1.0], [0.0, 0.5, 1.0]
    >>> lo, hi = limits(np.array([yes, rank]), np.array([[250, 500, 250]]), np.full(2, 0.025))
    >>> lo.round(2).tolist(), hi.round(2).tolist()
    ([[0.22, 0.47]], [[0.28, 0.53]])
    """
    expected = (len(counts), values.shape[-2], counts.shape[-1])
    if values.shape not in (expected, expected[1:]) or level.shape not in (expected[:2], expected[1:2]):
        raise ValueError(f"values are {values.shape} and level {level.shape}: they do not fit counts {counts.shape}")
    check_counts(counts)
    x = np.where(np.isnan(values), 0.0, values)
    seen = np.where(np.isnan(values), 0, counts[:, None, :])
    share = np.isin(x, (0.0, 1.0)).reshape(-1, *x.shape[-2:]).all(axis=(0, 2))
    lo, hi, a = np.empty(expected[:2]), np.empty(expected[:2]), np.broadcast_to(level, expected[:2])
    successes, trials = (seen * x).sum(axis=2), seen.sum(axis=2)
    lo[:, share], hi[:, share] = clopper_pearson.limits(successes[:, share], trials[:, share], a[:, share])
    lo[:, ~share], hi[:, ~share] = betting.limits(x[..., ~share, :], seen[:, ~share], a[:, ~share])
    return lo, hi

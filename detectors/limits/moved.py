"""Features of a number, and a factor -> the same features, when every value is multiplied by it."""

import numpy as np

from detectors.arrays import Bins, Counts, Floats
from schemas.cells import MISSING, OVER, PER_OCTAVE


def moved(values: Floats, factor: float) -> Floats:
    """Say what each cell counts for after its events' values were multiplied.

    The mean of what this returns, over a tally, is the mean of `values` over that tally moved along its logarithmic
    scale (`detectors.delay.times_number`). So its limits bound what a feature's mean is, were all values multiplied,
    as exactly as the limits of the feature bound what it is.

    Parameters
    ----------
    values : float64 (F, 235)
        Of each cell of the scale; NaN where the feature does not look.
    factor : float
        Above 0.

    Returns
    -------
    float64 (F, 235)
        A move by a part of a cell mixes the two cells; what leaves the scale is under or over. Zero stays zero, and
        what is missing stays missing.

    Raises
    ------
    ValueError
        If `factor` is not positive, or not finite.

    Examples
    --------
    >>> high = np.where(np.arange(235) >= 49, 1.0, 0.0)[None]  # 2 and above
    >>> moved(high, 2.0)[0, [40, 41]].tolist()
    [0.0, 1.0]
    """
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"factor must be a positive number: {factor}")
    move = PER_OCTAVE * float(np.log2(factor))
    whole = int(np.floor(move))
    cells = np.arange(1, MISSING)
    at, after = np.clip(cells + whole, 0, OVER), np.clip(cells + whole + 1, 0, OVER)
    part = move - whole
    result = values.copy()
    result[:, 1:MISSING] = (1 - part) * values[:, at] + part * values[:, after]
    return result


def of_bins(values: Floats, counts: Counts, bins: Bins) -> Floats:
    """Say what each bin counts for: the average of its cells.

    Tallies by hour are kept in bins, not in cells; how events lie within a bin is taken from the tally of all hours.

    Parameters
    ----------
    values : float64 (F, 235)
    counts : int64 (235,)
        Of all hours.
    bins : uint8 (235,)
        The bin of each cell, as in `detectors.bets.number`. One without cells counts for nothing.

    Returns
    -------
    float64 (F, B)
        NaN in a bin that the feature does not look at.

    Examples
    --------
    >>> high = np.where(np.arange(235) >= 49, 1.0, 0.0)[None]
    >>> bins = (np.arange(235) >= 49).astype(np.uint8)
    >>> counts = np.bincount([40, 41, 41, 60], minlength=235)
    >>> of_bins(moved(high, 2.0), counts, bins).round(2).tolist()
    [[0.67, 1.0]]
    """
    weight = np.where(np.bincount(bins, counts)[bins] > 0, counts, 1)
    total = np.maximum(np.bincount(bins, weight), 1)
    return np.stack([np.bincount(bins, weight * row) / total for row in values])

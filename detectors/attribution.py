"""Counts and sums of a signal by slice, before and after -> which slice the change of its mean comes from."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from detectors.arrays import Floats


class Split(NamedTuple):
    """The change of a mean, split over the slices of one dimension.

    Attributes
    ----------
    mix : float64 (S,)
        From the slice's share of the traffic.
    rate : float64 (S,)
        From the slice's own mean.
    rest : float64 (S,)
        Change of the mean over everything *but* the slice; of all, if there is nothing else.
    support : float64 (S,)
        The slice's share of the traffic, the larger one of before and after.
    total : float
        Change of the mean over everything. All of `mix` and `rate` add up to it.
    """

    mix: Floats
    rate: Floats
    rest: Floats
    support: Floats
    total: float


class Culprit(NamedTuple):
    """The smallest slice that explains a change.

    Attributes
    ----------
    dimension : str
    slice : int
        Its index in that dimension's split.
    explains : float
        The part of the change that is gone without it; above one, if the rest moved the other way.
    """

    dimension: str
    slice: int
    explains: float


def explain(before_n: Floats, before_x: Floats, after_n: Floats, after_x: Floats) -> Split:
    """Split the change of a mean exactly into what each slice's mix and each slice's rate made of it.

    With shares of traffic w and means p, before and after, and bars for the averages of the two, a slice's rate part
    is ``w_ (p' - p)`` and its mix part ``(p_ - P_) (w' - w)``, where P is the mean over everything. Taking P off
    changes no sum, since shares sum to one, but it changes who is blamed: without it a new slice whose answers are all
    wrong would have no part in the fall that it caused, and the others, which lost share to it, all of it.

    Parameters
    ----------
    before_n, after_n : float64 (S,)
        Events that the signal was observed on.
    before_x, after_x : float64 (S,)
        Sum of the signal over them: the number of yes, for a rate.

    Returns
    -------
    Split
        A slice that was empty on one side has no rate of its own there, so all of its part is mix.

    Raises
    ------
    ValueError
        If shapes differ, a count is negative, a number is not finite, an empty slice has a sum, or one side has no
        events.

    Notes
    -----
    Kitagawa, "Components of a difference between two rates", JASA 50, 1955.

    Examples
    --------
    Half of the traffic went from 90 % to 10 %, the other half stayed:

    >>> split = explain(np.array([50, 50]), np.array([45, 45]), np.array([50, 50]), np.array([45, 5]))
    >>> split.rate.round(3).tolist(), bool(split.mix.any()), round(split.total, 3)
    ([0.0, -0.4], False, -0.4)
    """
    arrays = [np.asarray(v, np.float64) for v in (before_n, before_x, after_n, after_x)]
    if len({v.shape for v in arrays}) != 1:
        raise ValueError("counts and sums must have one shape")
    if not all(np.isfinite(v).all() for v in arrays):
        raise ValueError("counts and sums must be finite")
    n, x, n_after, x_after = arrays
    for count, sum_ in ((n, x), (n_after, x_after)):
        if (count < 0).any() or count.sum() == 0 or sum_[count == 0].any():
            raise ValueError("counts must not be negative, not all of them zero, and where they are, so are the sums")
    w, w_after = n / n.sum(), n_after / n_after.sum()
    p, p_after = x / np.maximum(n, 1), x_after / np.maximum(n_after, 1)
    p, p_after = np.where(n == 0, p_after, p), np.where(n_after == 0, p, p_after)
    was, is_ = x.sum() / n.sum(), x_after.sum() / n_after.sum()
    others, others_after = n.sum() - n, n_after.sum() - n_after
    rest = (x_after.sum() - x_after) / np.maximum(others_after, 1) - (x.sum() - x) / np.maximum(others, 1)
    return Split(
        mix=((p + p_after) / 2 - (was + is_) / 2) * (w_after - w),
        rate=(w + w_after) / 2 * (p_after - p),
        rest=np.where((others > 0) & (others_after > 0), rest, is_ - was),
        support=np.maximum(w, w_after),
        total=float(is_ - was),
    )


def smallest(dimensions: Mapping[str, Split], at_least: float = 0.8, support: float = 0.01) -> Culprit | None:
    """Choose the smallest slice that explains a change, if one does.

    A slice explains what is gone without it: the change of everything, less the change of the rest. Its own mix and
    rate would not do: of a change that is the same everywhere, nine tenths are in the slice that is nine tenths of the
    traffic, and naming that one would mislead.

    Parameters
    ----------
    dimensions : mapping of str to Split
        Splits of one change by several dimensions.
    at_least : float
        Part of the change that must be gone without the slice.
    support : float
        Least share of the traffic.

    Returns
    -------
    Culprit or None
        Among equals the first of the first dimension.

    Examples
    --------
    >>> half = explain(np.array([50, 50]), np.array([45, 45]), np.array([50, 50]), np.array([45, 5]))
    >>> smallest({"language": half})
    Culprit(dimension='language', slice=1, explains=1.0)
    >>> everywhere = explain(np.array([90, 10]), np.array([81, 9]), np.array([90, 10]), np.array([9, 1]))
    >>> smallest({"language": everywhere}) is None
    True
    """
    found: list[tuple[float, Culprit]] = []
    for dimension, split in dimensions.items():
        if split.total == 0:
            continue
        gone = 1 - split.rest / split.total
        named = np.flatnonzero((gone >= at_least) & (split.support >= support)).tolist()
        found += [(float(split.support[s]), Culprit(dimension, s, float(gone[s]))) for s in named]
    return min(found, key=lambda candidate: candidate[0])[1] if found else None

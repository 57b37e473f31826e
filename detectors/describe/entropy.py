"""Counts of modes -> the entropy of the process, in nats, with hardly any bias, and how far it scatters."""

from typing import Final

import numpy as np
from scipy import special

from detectors.arrays import Counts, Floats

_NODES, _WEIGHTS = np.polynomial.laguerre.laggauss(24)
_POLE: Final = 200.0
"""Beyond it the pole is too far away to matter, and its part no number of a float."""


def entropy(x: Counts) -> float:
    """Estimate the entropy: what is unbiased from what was seen, and what the modes seen once tell of the rest.

    Parameters
    ----------
    x : int64 (S,), positive

    Notes
    -----
    Chao, Wang and Jost, Methods in Ecology and Evolution 4, 2013, equation 7: the first sum estimates
    ``sum p (1-p)^k / k`` for k < n without bias, the second the terms from n on.

    Examples
    --------
    >>> round(entropy(np.array([6, 6, 6, 6, 6])), 3), round(float(np.log(5)), 3)
    (1.678, 1.609)
    """
    n, once, twice = int(x.sum()), int((x == 1).sum()), int((x == 2).sum())
    found = float((x / n * (special.digamma(n) - special.digamma(x))).sum())
    if not once or (once == 1 and not twice):
        return found
    a = 2 * twice / ((n - 1) * once + 2 * twice) if twice else 2 / ((n - 1) * (once - 1) + 2)
    return found + once / n * _rest(n, a) if a < 1 else found


def jackknifed(x: Counts) -> float:
    """Estimate the variance of the entropy by leaving out one failure after the other.

    It counts twice what the modes' number adds, as if each mode's count scattered by itself: ``(S - 1) / 2 n^2`` too
    much (Efron and Stein, Annals of Statistics 9, 1981).

    Parameters
    ----------
    x : int64 (S,), positive, two failures at least

    Examples
    --------
    >>> jackknifed(np.array([6, 6, 6, 6, 6]))
    0.0
    """
    n = int(x.sum())
    sizes, modes = np.unique(x, return_counts=True)
    without: Floats = np.array([entropy(_one_less(x, size)) for size in sizes.tolist()])
    failures = sizes * modes
    middle = float(failures @ without) / n
    return (n - 1) / n * float(failures @ (without - middle) ** 2)


def _one_less(x: Counts, size: int) -> Counts:
    less = x.copy()
    less[np.flatnonzero(x == size)[0]] -= 1
    return less[less > 0]


def _rest(n: int, a: float) -> float:
    """Sum up ``(1 - a)^(j + 1) / (n + j)`` from j = 0.

    With ``m = n - 1`` and ``b = -log(1 - a)`` that is the integral of ``exp(-m u) / (exp(u + b) - 1)``, by quadrature
    but for the pole, ``1 / (u + b)``, which may be near and is an exponential integral.
    """
    m, b = n - 1, -float(np.log1p(-a))
    v = _NODES / m + b
    if m * b > _POLE:
        return float(_WEIGHTS @ (1 / np.expm1(v))) / m
    smooth = 1 / np.expm1(v) - 1 / v
    return float(np.exp(m * b) * special.exp1(m * b)) + float(_WEIGHTS @ smooth) / m

"""Growth of bets -> evidence: a mixture Shiryaev-Roberts e-detector over any number of monitors."""

from typing import Final

import numpy as np

from detectors.arrays import Bools, Evidence, Floats

MOST_GROWTH: Final = 300.0
"""Nats that one block can add; `exp` of it still fits a float64 beside any float32."""
LONGEST_ACCRUAL_S: Final = 5.0
_LARGEST: Final = float(np.finfo(np.float32).max)


def advance(evidence: Evidence, growth: Floats, weights: Floats, budget: Floats) -> Evidence:
    """Let every bet see one block.

    Each bet first takes its part of the false alarms that accrued since the last block, then wins or loses with the
    block. While nothing changed, wealth does not grow on average, so that the evidence of a monitor, alarms taken
    out, is at most the budget it has taken in: over any horizon the expected number of false alarms is at most the
    sum of `budget`. That adds up over monitors, however they depend on each other.

    A bet that neither wins nor loses takes nothing in: all that it looks at was missing, or it has no limits yet. Else
    its budget would pile up until a signal that nobody sends alarms.

    Parameters
    ----------
    evidence : float32 (S, J)
        Of each slice's bets, in alarms.
    growth : float64 (S, J)
        Log-wealth that each bet won in this block, in nats. Cut off at 300, which only takes evidence away.
    weights : float64 (J,)
        How the budget is split over the bets of a monitor; they sum to one.
    budget : float64 (S,)
        False alarms allowed to each slice since the last block, in alarms; fixed before the block was seen.

    Returns
    -------
    float32 (S, J)
        Rounded down, and to the largest float32 at most. Less evidence keeps the promise, and a state that went
        through bytes is the very same state.

    Raises
    ------
    ValueError
        If an input is not finite, or evidence, weights or budget are negative: one NaN would silence a monitor for
        good.

    Notes
    -----
    R <- (R + w) L with w = weights * budget and L = exp(growth). Shin, Ramdas, Rinaldo, "E-detectors: a nonparametric
    framework for sequential change detection", 2022, section 3; the budget that varies in time is this project's.

    Examples
    --------
    A bet that wins one nat a block, on a budget of one alarm in 10,000 blocks, needs log(6,321) of them:

    >>> R, blocks = np.zeros((1, 1), np.float32), 0
    >>> while not fired(R)[0]:
    ...     R, blocks = advance(R, np.ones((1, 1)), np.ones(1), np.full(1, 1e-4)), blocks + 1
    >>> blocks
    9
    """
    if not np.isfinite(growth).all():
        raise ValueError("growth holds a number that is not finite")
    for name, value in (("evidence", evidence), ("weights", weights), ("budget", budget)):
        if not (np.isfinite(value) & (value >= 0)).all():
            raise ValueError(f"{name} holds a number that is negative or not finite")
    if evidence.shape != growth.shape:
        raise ValueError(f"evidence is {evidence.shape}, growth is {growth.shape}")
    taken = np.where(growth == 0, 0.0, weights * budget[:, None])
    exact = (evidence + taken) * np.exp(np.minimum(growth, MOST_GROWTH))
    np.minimum(exact, _LARGEST, out=exact)
    nearest = exact.astype(np.float32)
    # The bits of a float that is not negative are in the order of its values: one less is the next one below.
    nearest.view(np.int32)[...] -= nearest > exact
    return nearest


def fired(evidence: Evidence) -> Bools:
    """Say which monitors' evidence has reached one alarm.

    Parameters
    ----------
    evidence : float32 (S, J)

    Returns
    -------
    bool (S,)

    Examples
    --------
    >>> fired(np.array([[0.5, 0.5], [0.9, 0.0]], np.float32)).tolist()
    [True, False]
    """
    reached: Bools = evidence.sum(axis=1, dtype=np.float64) >= 1.0
    return reached


def damp(growth: Floats) -> Floats:
    """Take the winnings out of a block whose counts are not to be trusted (its names overflowed their cap).

    `min(L, 1)` is no larger than `L`, so that the promise holds whatever the block would have said.

    Parameters
    ----------
    growth : float64, any shape, in nats

    Returns
    -------
    float64, the same shape

    Examples
    --------
    >>> damp(np.array([-0.5, 2.0])).tolist()
    [-0.5, 0.0]
    """
    return np.minimum(growth, 0.0)


def accrued(rate_per_s: Floats, previous_interval_s: float, has_events: Bools) -> Floats:
    """Say how many false alarms each slice may take in with this block.

    What accrues must not depend on the block that it is bet on, so it is the length of the *previous* interval that
    counts; it must not pile up while nothing comes, so it is at most 5 s, and only slices with events take it.

    Parameters
    ----------
    rate_per_s : float64 (S,)
        False alarms a second that each slice is allowed.
    previous_interval_s : float
        Length of the interval before this block's, in seconds. Clamped to 0..5.
    has_events : bool (S,)
        Which slices have events in this block.

    Returns
    -------
    float64 (S,), in alarms

    Raises
    ------
    ValueError
        If a rate is negative or not finite, or the interval is not finite.

    Examples
    --------
    >>> accrued(np.array([0.001, 0.001]), 3600.0, np.array([True, False])).tolist()
    [0.005, 0.0]
    """
    if not (np.isfinite(rate_per_s) & (rate_per_s >= 0)).all():
        raise ValueError("rate_per_s holds a number that is negative or not finite")
    if not np.isfinite(previous_interval_s):
        raise ValueError(f"previous_interval_s is {previous_interval_s}")
    return np.where(has_events, rate_per_s * min(max(previous_interval_s, 0.0), LONGEST_ACCRUAL_S), 0.0)

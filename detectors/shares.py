"""False pages a week -> false alarms a second of each monitor: static shares that never sum to more."""

import math
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Final

WEEK_S: Final = 7 * 24 * 3600


def shares(
    false_alarms_per_week: float, max_services: int, service_weight: float, max_streams: int,
    signal_weights: Mapping[str, float], slice_caps: Mapping[str, int], unsliced: Collection[str] = (),
) -> dict[tuple[str, str | None], float]:  # fmt: skip
    """Divide the promise over one service's monitors.

    It is divided by the number of services it is planned for, by the releases that may be live at once, and by
    signals. Half of a signal's share goes to the whole stream, the rest evenly to the dimensions, and within each
    evenly to its slices and `__other__`. A share is never handed on: delay grows with the logarithm of what is divided
    by, so a hundred monitors that sleep cost a clear change a few events.

    Parameters
    ----------
    false_alarms_per_week : float
        What the operator stated, over everything.
    max_services : int
        Services the promise is planned for.
    service_weight : float
        This service's part, where 1 is an ordinary one. The caller sees to it that all weights sum to `max_services`
        at most.
    max_streams : int
        Releases of the service that may be live at once.
    signal_weights : mapping of str to float
        How a stream's share is divided over signals.
    slice_caps : mapping of str to int
        Slices of each dimension, without `__other__`.
    unsliced : collection of str
        Signals that are watched on the whole stream only, and get all their share there.

    Returns
    -------
    dict of (signal, dimension or None) to float
        False alarms a second of *one* monitor: of the whole stream under None, of each single slice under its
        dimension. Rounded down, so that the exact sum over all monitors is at most the promise.

    Raises
    ------
    ValueError
        If a number is negative, zero where it divides, not finite, or `service_weight` exceeds `max_services`.

    Examples
    --------
    >>> rates = shares(1.0, 200, 1.0, 2, {"refused": 1.0, "latency": 1.0}, {"language": 9})
    >>> round(1 / rates["refused", None] / 86400 / 365), round(1 / rates["refused", "language"] / 86400 / 365)
    (31, 307)
    """
    weights = {signal: Fraction(weight) for signal, weight in signal_weights.items() if _positive(signal, weight)}
    for name, number in (("false_alarms_per_week", false_alarms_per_week), ("max_services", max_services),
                         ("service_weight", service_weight), ("max_streams", max_streams)):  # fmt: skip
        _positive(name, number)
    if service_weight > max_services:
        raise ValueError(f"service_weight {service_weight} exceeds max_services {max_services}")
    if any(cap < 0 for cap in slice_caps.values()):
        raise ValueError(f"slice_caps must not be negative: {dict(slice_caps)}")
    stream = Fraction(false_alarms_per_week) / WEEK_S * Fraction(service_weight) / max_services / max_streams
    rates: dict[tuple[str, str | None], float] = {}
    for signal, weight in weights.items():
        share = stream * weight / sum(weights.values())
        if not slice_caps or signal in unsliced:
            rates[signal, None] = _down(share)
            continue
        rates[signal, None] = _down(share / 2)
        for dimension, cap in slice_caps.items():
            rates[signal, dimension] = _down(share / 2 / len(slice_caps) / (cap + 1))
    return rates


def level(rate_per_s: float, false_alarms_per_week: float, derivation: int = 1, miss: float = 0.05) -> float:
    """Say how likely the limits of one monitor may be wrong.

    The promise holds with probability ``1 - miss`` over the learning of all baselines. A monitor that has the part u
    of all false alarms may miss with ``miss u``, and as a growing baseline is derived again and again, the i-th time
    with ``6 / (pi i)^2`` of that, which sums to one.

    Parameters
    ----------
    rate_per_s : float
        The monitor's, from `shares`.
    false_alarms_per_week : float
        The whole promise.
    derivation : int
        From 1: how often these limits were derived, this time included.
    miss : float
        For everything.

    Returns
    -------
    float
        Level of the monitor, to be divided over its features and sides.

    Raises
    ------
    ValueError
        If a number is not positive, or the monitor has more than everything.

    Examples
    --------
    >>> rate = shares(1.0, 200, 1.0, 2, {"refused": 1.0}, {})["refused", None]
    >>> f"{level(rate, 1.0):.1e}, doubled once: {level(rate, 1.0, derivation=2):.1e}"
    '7.6e-05, doubled once: 1.9e-05'
    """
    for name, number in (("rate_per_s", rate_per_s), ("false_alarms_per_week", false_alarms_per_week),
                         ("derivation", derivation), ("miss", miss)):  # fmt: skip
        _positive(name, number)
    part = rate_per_s * WEEK_S / false_alarms_per_week
    if part > 1 or miss >= 1:
        raise ValueError(f"a monitor cannot have {part} of all false alarms, nor miss with {miss}")
    return miss * part * 6 / (math.pi * derivation) ** 2


def _positive(name: str, number: float) -> bool:
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a positive number: {number}")
    return True


def _down(exact: Fraction) -> float:
    nearest = float(exact)
    return nearest if Fraction(nearest) <= exact else math.nextafter(nearest, 0.0)

"""A baseline -> what it will have taken in after quiet weeks; and what it took in, without slices."""

import numpy as np

from detectors.limits.season import HOURS
from streams.watch.baseline import Baseline, Derived
from streams.watch.grow import HOUR_S
from streams.watch.layout import detector, kept_row
from streams.watch.packed import packed
from streams.watch.plan import Plan


def quiet_weeks(baseline: Baseline, plan: Plan, service: str, per_second: float, weeks: int) -> Derived:
    """Say what is learned of a service without days and nights within some weeks, if all of them are quiet.

    Parameters
    ----------
    baseline : of the service, or of one like it
    per_second : exchanges
    """
    first = detector(baseline, plan, service)
    an_hour = np.round(first.usual * (HOUR_S * per_second / baseline.events)).astype(np.int64)
    hours = np.tile(an_hour[first.whole] * weeks, HOURS)
    number = 2 + int(np.log2(7 * weeks))  # limits are made after a day, and at each doubling since
    return Derived(number, packed(hours), 0b1111111, an_hour * HOURS * weeks)


def of_the_whole(derived: Derived, baseline: Baseline, bare: Baseline) -> Derived:
    """Leave out what a derivation says of slices.

    Parameters
    ----------
    baseline : whose it is
    bare : the same baseline without slices
    """
    old, new = kept_row(baseline.alphabet), kept_row(bare.alphabet)
    sums = np.zeros(new.size, np.int64)
    sums[new.whole] = derived.sums[old.whole]
    return Derived(derived.number, derived.hours, derived.days, sums)

"""The tally of a window -> in how many ways a release fails, and where."""

from functools import lru_cache

import numpy as np

from detectors.band import Reading
from detectors.describe.concentration import FEWEST, concentration
from detectors.describe.estimate import Estimate
from detectors.describe.hill import hill
from schemas.kpis import Kpi
from streams.watch.assess.figures.given import Given, exchanges, failures, level, rate_of, reading
from streams.watch.assess.tally import Tally
from streams.watch.plan import PAGED, Plan


@lru_cache(maxsize=64)
def _critical(plan: Plan) -> frozenset[str]:
    return frozenset(mode.id for mode in plan.taxonomy.modes if mode.severity in PAGED)


def critical_modes(_kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Count the modes of sev-1 and sev-2 that were seen often enough to be none by accident.

    It has no interval: what was seen was there, and what was not nobody can count.
    """
    n, least = exchanges(tally.whole), given.plan.config.failures.repeated
    if not n:
        return None
    found, critical = failures(tally), _critical(given.plan)
    return Reading(value=float(sum(times >= least for mode, times in found.items() if mode in critical)), n=n)


def effective_modes(kpi: Kpi, tally: Tally, _given: Given) -> Reading | None:
    """Work out how many modes, were all as frequent, would be as diverse; it rests on the failures."""
    found = np.array([*failures(tally).values()], np.int64)
    return reading(kpi, hill(found, 1, level(kpi)), int(found.sum())) if len(found) else None


def concentrated(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out the share of failures in the worst slice: that with most more of them than of the traffic.

    Most traffic brings most failures, and that is no concentration: where the slice does not surely have more of them
    than of the traffic, the interval begins at 0. One slice alone, or fewer than five failures, say nothing.
    """
    assert kpi.by, "a KPI that was checked"
    slices = [one for _, one in sorted(tally.slices.get(kpi.by, {}).items()) if exchanges(one)]
    failed = np.array([rate_of(one, "failed", given)[0] for one in slices], np.int64)
    served = np.array([exchanges(one) for one in slices], np.int64)
    if len(slices) < 2 or (n := int(failed.sum())) < FEWEST:
        return None
    if (worst := concentration(failed, served, level(kpi))) is None:  # spread just as the traffic is
        return reading(kpi, Estimate(float(failed.max() / n), 0.0, 1.0), n, 100.0)
    value, low, high = worst.failures
    return reading(kpi, Estimate(value, low if worst.sure else 0.0, high), n, 100.0)

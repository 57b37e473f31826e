"""The tally of a window -> what became of requests: successes, accuracy, and whether confidence can be believed."""

from typing import Final

import numpy as np

from detectors.band import Reading
from detectors.describe.calibration_error import calibration_error
from detectors.describe.exact import exact_rate, exact_share
from detectors.describe.overconfidence import stated_less_right
from detectors.describe.weighted import weighted
from schemas.incidents import Severity
from schemas.kpis import Kpi
from schemas.signals import BANDS, JUDGED
from streams.watch.assess.figures.given import Given, level, names_of, of_signal, rate_of, reading
from streams.watch.assess.tally import Tally
from streams.watch.plan import Plan

WEIGHTS: Final[dict[Severity, float]] = {"sev-1": 10.0, "sev-2": 3.0, "sev-3": 1.0, "sev-4": 1.0}
"""As how many a wrong outcome counts: harm as ten that annoy, what breaks a process as three, each about three times
the one below. None counts less than one, so that weighing never makes accuracy better than it is."""
_LAYERS: Final = {"task": "correct", "critical_field": "critical_fields_ok", "business_rule": "rule_ok"}


def succeeded(tally: Tally, given: Given) -> tuple[int, int]:
    """Count successful tasks, and those that were judged: by `resolved`, where any outcome says it, else `correct`."""
    found = rate_of(tally.whole, "resolved", given)
    return found if found[1] else rate_of(tally.whole, "correct", given)


def successes(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Count successful outcomes; the interval takes them to come singly."""
    good, judged = succeeded(tally, given)
    return reading(kpi, exact_rate(good, 1.0, level(kpi)), judged) if judged else None


def accuracy(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out which share of outcomes is right."""
    if kpi.measures.of == "weighted":
        return _weighted(kpi, tally, given)
    right, judged = rate_of(tally.whole, _LAYERS[kpi.measures.of or "task"], given)
    return reading(kpi, exact_share(right, judged, level(kpi)), judged, 100.0)


def _weighted(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Weigh what is not `correct` by the severity of the modes that outcomes are in.

    No tally tells which outcome a mode is of. If more have a mode than are wrong (some break a rule and are correct),
    the gravest are taken, so that it is never too kind; a wrong one without a mode weighs the least.
    """
    right, judged = rate_of(tally.whole, "correct", given)
    grave = _by_severity(given.plan, names_of(tally, JUDGED))
    left, wrong = judged - right, list[int]()
    for severity in WEIGHTS:
        wrong.append(min(grave.get(severity, 0), left))
        left -= wrong[-1]
    wrong[-1] += left
    found = weighted(right, np.array(wrong), np.array([*WEIGHTS.values()]), level(kpi))
    return reading(kpi, found, judged, 100.0)


def _by_severity(plan: Plan, modes: dict[str, int]) -> dict[Severity, int]:
    found: dict[Severity, int] = {}
    for mode in plan.taxonomy.modes:
        if mode.id in modes:
            found[mode.severity] = found.get(mode.severity, 0) + modes[mode.id]
    return found


def ece(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out the expected calibration error, less what chance adds to it."""
    cells = of_signal(tally.whole, "calibration", given.own)
    found = None if cells is None else calibration_error(cells, level(kpi))
    return found and reading(kpi, found.estimate, found.answers, 100.0)


def overconfidence(kpi: Kpi, tally: Tally, given: Given) -> Reading | None:
    """Work out how much more was stated than was right, on average."""
    cells = of_signal(tally.whole, "calibration", given.own)
    if cells is None:
        return None
    wrong, right = cells[:-1].reshape(BANDS, 2).T
    return reading(kpi, stated_less_right(wrong, right, level(kpi)), int(cells[:-1].sum()), 100.0)

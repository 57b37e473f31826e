"""A week that a baseline took in, and its first version -> what is another thing by now, though nothing alarmed."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from detectors.bets.table import average
from detectors.growth import drifted
from schemas.tallies import OTHER, UNSEEN
from streams.watch.alphabet import categories_of, own_names
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.describe import TAIL
from streams.watch.layout import detector
from streams.watch.looks import Table, features
from streams.watch.plan import Plan

MOST: Final = 8
"""Changes that are told."""


def drifts(plan: Plan, baseline: Baseline, service: str, week: Ints, n: int) -> tuple[str, ...]:
    """Compare a week with the first version: the whole stream, feature by feature.

    Parameters
    ----------
    week : (kept counters,) of the days of it that were taken in
    n : how often that is done, this time included: it says at which level (`detectors.growth.drifted`)

    Returns
    -------
    tuple of str
        What has left the limits of the first version for sure, in words.
    """
    return tuple(_drifts(plan, baseline, service, week, n))[:MOST]


def _drifts(plan: Plan, baseline: Baseline, service: str, week: Ints, n: int) -> Iterator[str]:
    found = detector(baseline, plan, service)
    for table in found.tables:
        if table.signal.kind == "calibration":
            continue  # its limits come from what is stated, not from what was learned
        x, kept = features(table)[:1], table.kept.at(0)
        level = plan.levels(service, table.signal.name, [None], n)
        drift = drifted(table.table.lower[:1], table.table.upper[:1], x, week[None, kept], level)
        for feature in np.flatnonzero((drift.up | drift.down)[0]).tolist():
            was, now = (average(x[0, feature], counts[kept]) for counts in (found.usual, week))
            yield f"{_words(baseline, table, feature)} {100 * was:.1f} % -> {100 * now:.1f} %"


def _words(baseline: Baseline, table: Table, feature: int) -> str:
    """Say what a feature is."""
    what = table.table.feature[table.table.leading[feature]]
    if what == "missing":
        return f"{table.signal.words}: not observed"
    if what.startswith("cell:"):
        at = [one.name for one in categories_of(baseline.alphabet)].index(table.signal.name)
        return f"{table.signal.words}: {(*own_names(baseline.alphabet, at), OTHER, UNSEEN)[feature]}"
    if what in ("rank", "spread"):
        return f"{table.signal.words}: mean {what}"
    return f"{table.signal.words}: share {TAIL[what]}" if what in TAIL else table.signal.words

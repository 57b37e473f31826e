"""What was learned in one night keeps the budget by day, where the operator said how far hours lie apart.

Days of services whose refusals and latencies go up and down by 60 %, learned at the lowest point: a tally every two
minutes, each of which closes a second. What may come in vain is what the accumulators took in; what does is allowed the
0.1 % point of a Poisson variable of that mean.
"""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from schemas.cells import CELLS, cells
from schemas.config import parse
from schemas.taxonomy import Taxonomy
from streams.watch.alphabet import choose, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.detect import decide
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.segments import Row
from streams.watch.state import Bucket, Stream
from tests.watch.story import USUAL, incident, story
from tests.watch.tallies import kept_of
from tests.watch.traffic import rate

SERVICES, EACH_S, EVENTS, LEARNED = 3, 120, 240, 20_000
DAY_S, SWING = 86_400, 0.6
BUDGET = """
measure: {slices: []}
watch: {signals: [refused, latency], false_pages_per_week: 1000, false_tickets_per_week: 1000, max_services: 1,
        max_releases: 1, dependence: none, season_percent: %s}
"""


def draw(rng: np.random.Generator, row: Row, events: int, season: float) -> Ints:
    """So many exchanges, at an hour that has so much more refusals and longer latencies than the middle."""
    at = {segment.signal.name: segment.at(0) for segment in row.segments}
    counts, yes = np.zeros(row.size, np.int64), int(rng.binomial(events, 0.05 * season))
    counts[at["failed"]], counts[at["refused"]] = [events, 0, 0], [events - yes, yes, 0]
    counts[at["latency"]] = np.bincount(cells(800 * season * np.exp(rng.normal(0, 0.7, events))), minlength=CELLS)
    return counts


def a_day(percent: int) -> tuple[int, float]:
    """Count what alarms in a day of each service, and what may."""
    plan = Plan.of(parse(BUDGET % percent), Taxonomy.load_default())
    came, allowed, alphabet = 0, 0.0, choose({}, (), slices=8, told=16)
    row = tally_row(alphabet)
    for seed in range(SERVICES):
        rng = np.random.default_rng([3, seed])
        baseline = Baseline(1, alphabet, LEARNED, draw(rng, row, LEARNED, 1 - SWING), {}, ("1",), 0, 3600)
        found = detector(baseline, plan, "s")
        gathered = found.accumulators
        stream = Stream("1", 0, 0, np.zeros(len(gathered.bets), np.float32))
        for second in range(0, DAY_S, EACH_S):
            kept = kept_of(found, draw(rng, row, EVENTS, 1 - SWING * np.cos(2 * np.pi * second / DAY_S)))
            now = replace(stream, pending=kept, buckets={second: Bucket(kept, kept)}, fired=())
            stream, alarms = decide(found, now, second * 1000, EACH_S)
            came += len(alarms)
        allowed += float(gathered.rate.sum()) * DAY_S / EACH_S
    return came, allowed


def test_a_day_that_was_foretold_keeps_the_budget() -> None:
    came, allowed = a_day(60)
    assert 3 < allowed < 4
    assert came <= stats.poisson.isf(1e-3, allowed)


def test_a_day_that_was_not_foretold_breaks_it() -> None:
    came, allowed = a_day(0)
    assert came > 10 * stats.poisson.isf(1e-3, allowed)


@pytest.mark.parametrize(("now", "told"), [(20, []), (90, [incident("fired", signal="refused", notify="page")])])
def test_where_hours_lie_far_apart_only_a_large_change_is_told(now: int, told: list[Any]) -> None:
    words = USUAL.replace("season_percent: 0", "season_percent: 60")
    usual = story(words).at("14:00").every("5s", until="14:02").flush(refused=rate(10)).expects()
    usual.every("5s", until="14:06").flush(refused=rate(now)).expects(*told)

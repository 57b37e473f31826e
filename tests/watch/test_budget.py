"""Services that do not change alarm no more often than the operator allowed; with the usual mistake they would.

Twelve hours of twenty services, a tally a minute: each closes a second that holds a minute's traffic. What may
come in vain is the sum of what the accumulators took in, which is what the promise bounds. The number that does come is
allowed the 0.1 % point of a Poisson variable of that mean.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy import stats

from detectors.bets import category, rate
from detectors.limits import betting, clopper_pearson
from schemas.cells import CELLS, cells
from schemas.config import parse
from schemas.signals import CATEGORIES, NUMBERS, RATES
from schemas.taxonomy import Taxonomy
from streams.watch.alphabet import categories_of, choose, own_names, slice_count, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.detect import decide
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.state import Bucket, Stream
from tests.watch.tallies import kept_of

SERVICES, HOURS, LEARNED, A_MINUTE = 20, 12, 4000, 120
PLAN = Plan.of(
    parse("""
    measure: {slices: [workflow]}
    watch: {false_pages_per_week: 1000, false_tickets_per_week: 1000, max_services: 2, max_releases: 1,
            season_percent: 0}
    """),
    Taxonomy.load_default(),
)
"""Twenty services where two were planned, and a minute told as a second: five pages and five tickets are allowed."""

PAID_BY = {"page": "pages", "ticket": "tickets", "record": "tickets"}


class Truth(NamedTuple):
    """What a service is like: its workflows' part of the traffic, and the chance of each cell of each signal."""

    workflows: NDArray[np.float64]
    signals: list[NDArray[np.float64]]
    names: list[str]

    def tally(self, rng: np.random.Generator, minutes: int, events: int) -> Ints:
        """(minutes, slices, cells) of so many events a minute; every event has a cell of every signal."""
        parts = rng.multinomial(events, self.workflows, minutes)
        tally = np.empty((minutes, 1 + len(self.workflows), sum(map(len, self.signals))), np.int64)
        begin = 0
        for chance in self.signals:
            for s, n in enumerate(parts.T, 1):
                tally[:, s, begin : begin + len(chance)] = rng.multinomial(n, chance)
            begin += len(chance)
        tally[:, 0] = tally[:, 1:].sum(axis=1)
        return tally


def service(rng: np.random.Generator) -> Truth:
    """Rates between rare and usual, heavy-tailed numbers, and long-tailed names, of which some are never seen."""
    some = [np.array([0.97 * (1 - p), 0.97 * p, 0.03]) for p in rng.beta(0.6, 8, len(RATES))]
    for _ in NUMBERS:
        x = np.exp(rng.normal(rng.uniform(3, 9), rng.uniform(0.2, 1.2), 4000))
        x = np.where(rng.random(len(x)) < 0.02, x * (1 + rng.pareto(1.1, len(x))), x)
        counts = np.bincount(cells(x), minlength=CELLS).astype(np.float64)
        some.append(counts / counts.sum())
    chance = 1 / np.arange(1, 61) ** 1.3
    some += [chance / chance.sum()] * len(CATEGORIES)
    return Truth(np.array([0.7, 0.25, 0.05]), some, [f"n{i:02}" for i in range(60)])


def learned(truth: Truth, rng: np.random.Generator) -> tuple[Baseline, Callable[[Ints], Ints]]:
    """A baseline as WATCH learns it, names from one sample and counts from another; and where cells go in it."""
    [first] = truth.tally(rng, 1, LEARNED)
    names: dict[str, dict[str, int]] = {"workflow": {"a": 3, "b": 2}}  # the third is `__other__`
    named = first.shape[1] - 60 * len(CATEGORIES)
    for c, signal in enumerate(CATEGORIES):
        seen = first[0, named + 60 * c : named + 60 * (c + 1)]
        names[signal.field] = {name: int(n) for name, n in zip(truth.names, seen, strict=True) if n}
    alphabet = choose(names, ("workflow",), slices=8, told=16)
    assert slice_count(alphabet) == 4
    row = tally_row(alphabet)
    at = {segment.signal.name: segment for segment in row.segments}
    cell_of = [np.arange(at[signal.name].width) for signal in (*RATES, *NUMBERS)]
    for c in range(len(categories_of(alphabet))):
        own, known = own_names(alphabet, c), alphabet.categories[c]
        cell_of.append(np.array([
            own.index(name) if name in own else len(own) if name in known else len(own) + 1 for name in truth.names
        ]))  # fmt: skip
    order = [at[signal.name] for signal in (*RATES, *NUMBERS, *CATEGORIES)]

    drawn, place, begin = [], [], 0
    for segment, cells_ in zip(order, cell_of, strict=True):
        for s in range(segment.slices):
            drawn.append(s * first.shape[1] + begin + np.arange(len(cells_)))
            place.append(np.arange(row.size)[segment.at(s)][cells_])
        begin += len(cells_)
    taken, to = np.concatenate(drawn), np.concatenate(place)

    def lay(tally: Ints) -> Ints:
        return np.bincount(to, tally.ravel()[taken], minlength=row.size).astype(np.int64)

    [counts] = truth.tally(rng, 1, LEARNED)
    return Baseline(1, alphabet, LEARNED, lay(counts), {}, ("1",), 0, 3600), lay


def run(seed: int, services: int = SERVICES) -> tuple[Counter[str], Counter[str]]:
    """Run services that do not change; what alarmed, and what was allowed to, by whether it pages."""
    came, allowed = Counter[str](), Counter[str]()
    for i in range(services):
        rng = np.random.default_rng([seed, i])
        truth = service(rng)
        baseline, lay = learned(truth, rng)
        found = detector(baseline, PLAN, f"service-{i}")
        gathered = found.accumulators
        stream = Stream("1", 0, 0, np.zeros(len(gathered.bets), np.float32))
        for tally in truth.tally(rng, HOURS * 60, A_MINUTE):
            kept = kept_of(found, lay(tally))
            now = {0: Bucket(kept, np.zeros((len(NUMBERS), CELLS), np.int64))}
            stream, alarms = decide(found, replace(stream, pending=kept, buckets=now, fired=()), 0, 10)
            came.update(PAID_BY[alarm.notify] for alarm in alarms)
        for notify, rate_ in zip(np.array(gathered.notify)[gathered.of], gathered.rate, strict=True):
            allowed[PAID_BY[notify]] += rate_ * HOURS * 60
    return came, allowed


def most(allowed: float) -> float:
    return float(stats.poisson.isf(1e-3, allowed))


def test_two_hundred_and_forty_hours_of_services_that_do_not_change_keep_the_budget() -> None:
    came, allowed = run(seed=1)
    assert 5 < allowed["pages"] < 6
    assert 5 < allowed["tickets"] < 6
    assert came["pages"] <= most(allowed["pages"])
    assert came["tickets"] <= most(allowed["tickets"])


def test_with_estimates_in_place_of_limits_they_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above would miss if it had no power. A quarter of the services is enough."""

    def share(successes: Any, trials: Any, level: Any) -> tuple[Any, Any]:
        s, n, _ = np.broadcast_arrays(np.asarray(successes, np.float64), trials, level)
        return s / np.maximum(n, 1), s / np.maximum(n, 1)

    def mean(values: Any, counts: Any, level: Any) -> tuple[Any, Any]:
        x, n = np.broadcast_arrays(np.asarray(values, np.float64), counts)
        found = (x * n).sum(-1) / np.maximum(n.sum(-1), 1)
        return found, found

    monkeypatch.setattr(rate, "limits", share)
    monkeypatch.setattr(category, "limits", share)
    monkeypatch.setattr(clopper_pearson, "limits", share)
    monkeypatch.setattr(betting, "limits", mean)
    came, allowed = run(seed=1, services=SERVICES // 4)
    for kind in ("pages", "tickets"):
        assert came[kind] > 2 * most(allowed[kind])

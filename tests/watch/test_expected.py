"""The delays that are told are those that the bets have, by tier, way of moving and traffic."""

from collections.abc import Mapping

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from detectors import delay
from schemas.config import parse
from schemas.incidents import Notify
from schemas.signals import BY_NAME, NO, YES
from schemas.taxonomy import Taxonomy
from streams.watch.alphabet import choose, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.expected import SHIFTS, Expected, expected
from streams.watch.layout import detector
from streams.watch.plan import Plan, pageable
from streams.watch.usual import usual
from tests.watch import logs

PLAN = Plan.of(parse("watch: {season_percent: 0}"), Taxonomy.load_default())
EVERY = tuple(signal.name for signal in PLAN.signals)
N = 10_000

Floats = NDArray[np.float64]


def told(baseline: Baseline, per_second: float = 10.0, plan: Plan = PLAN) -> dict[str, Expected]:
    return {one.signal: one for one in expected(baseline, plan, "s", per_second)}


def learned(counts: Mapping[str, Mapping[int, int]], names: Mapping[str, Mapping[str, int]] | None = None) -> Baseline:
    """A baseline with so many events in some cells of some signals; all others were not observed."""
    alphabet = choose(names or {}, (), slices=1, told=4)
    row = tally_row(alphabet)
    tally: Ints = np.zeros(row.size, np.int64)
    for segment in row.segments:
        cells = counts.get(segment.signal.name, {-1: N})
        for cell, n in cells.items():
            tally[segment.at(0)][cell] = n
    return Baseline(1, alphabet, N, tally, {}, (), 0, 1000)


@pytest.mark.parametrize("bad", [0.01, 0.05, 0.2])
def test_a_shift_of_a_rate_is_found_exactly_if_it_lies_beyond_the_smallest_that_is(bad: float) -> None:
    rates = {name for name in EVERY if BY_NAME[name].kind == "rate"}
    found = told(usual(PLAN, "s", bad, rates))
    assert found.keys() == rates
    for one in found.values():
        assert one.toward == 1
        assert one.before == pytest.approx(bad, rel=1e-3)
        assert one.up is not None
        for after in (one.page, one.ticket)[not pageable(BY_NAME[one.signal]) :]:
            assert [seconds is not None for seconds in after] == [bad * shift > one.up for shift in SHIFTS]


def test_only_what_may_page_has_a_delay_to_a_page_and_everything_else_has_one_to_a_ticket() -> None:
    found = told(usual(PLAN, "s", 0.05, EVERY))
    assert tuple(found) == tuple(name for name in EVERY if name != "calibration")  # no multiple of it means anything
    for name, one in found.items():
        assert bool(one.page) is pageable(BY_NAME[name])
        assert len(one.ticket) == len(SHIFTS)


def simulated(wealth: Floats, rate: Floats, shares: Floats, per_second: int, runs: int) -> Floats:
    """Seconds until the evidence of each run comes to one, looked at once a second."""
    chance, evidence, took = np.random.default_rng(5), np.zeros((len(rate), runs)), np.zeros(runs)
    for second in range(1, 5000):
        counts = chance.multinomial(per_second, shares, runs)
        evidence = (evidence + rate[:, None]) * np.exp(wealth @ counts.T)
        took[(took == 0) & (evidence.sum(axis=0) >= 1)] = second
        if took.all():
            break
    return took


@pytest.mark.parametrize("tier", ["page", "ticket"])
def test_the_delay_that_is_told_is_the_one_that_is_simulated(tier: Notify) -> None:
    """Refusals double. The mean of 300 delays is known to a few in a hundred; what is told leaves fluctuation out."""
    baseline, per_second = usual(PLAN, "s", 0.05, ["refused"]), 10
    found, one = detector(baseline, PLAN, "s"), told(baseline, per_second)["refused"]
    [table] = [table for table in found.tables if table.signal.name == "refused"]
    own = found.accumulators.of == found.accumulators.find(table.first, tier)[0]
    wealth = table.table.matrix()[0][found.accumulators.bets[own] - table.first_bet]
    took = simulated(wealth, found.accumulators.rate[own], np.array([0.9, 0.1, 0.0]), per_second, runs=300)
    after = (one.page if tier == "page" else one.ticket)[SHIFTS.index(2.0)]
    assert took.all()
    assert after == pytest.approx(took.mean(), rel=0.2)


def test_ten_times_the_traffic_finds_some_ten_times_as_soon() -> None:
    """The budget of a second is divided over ten times the exchanges, which costs some tenths more of them."""
    baseline = usual(PLAN, "s", 0.05, ["refused"])
    slow, fast = (told(baseline, per_second)["refused"].page[-1] for per_second in (10, 100))
    assert slow is not None
    assert fast is not None
    assert 10 / 1.4 < slow / fast < 10


def test_below_an_exchange_a_second_each_brings_the_budget_of_a_second_and_no_more() -> None:
    baseline = usual(PLAN, "s", 0.05, ["refused"])
    each, rare = (told(baseline, per_second)["refused"].page[-1] for per_second in (1.0, 1 / 60))
    assert each is not None
    assert rare == pytest.approx(60 * each)


def test_outcomes_come_as_often_as_they_did_for_each_exchange() -> None:
    often, rare = (learned({"accepted": {NO: 100, YES: 900, 2: n}}) for n in (N - 1000, 0))
    slow, fast = (replace(one, events=events) for one, events in ((rare, N), (rare, 1000)))
    assert fast.events * 10 == slow.events
    after = [told(one)["accepted"].page[-1] for one in (slow, fast)]
    assert after[0] is not None
    assert after[1] is not None
    assert 10 / 1.4 < after[0] / after[1] < 10
    assert told(often)["accepted"].before == told(rare)["accepted"].before == 0.1


def test_a_change_goes_the_bad_way_with_the_rarer_answer() -> None:
    """Resolved is bad downward: of 30 % that were, less; of 2 % that were not, more. Failing is bad upward."""
    seen = {
        "resolved": {NO: 7000, YES: 3000}, "accepted": {NO: 200, YES: 9800}, "failed": {NO: 1000, YES: 9000},
        "retrieval_coverage": {50: N // 2, 51: N // 2}, "latency": {50: N // 2, 51: N // 2},
    }  # fmt: skip
    found = told(learned(seen))
    assert {name: (one.moves, one.toward, one.before) for name, one in found.items()} == {
        "failed": ("no", -1, 0.1),
        "accepted": ("no", 1, 0.02),
        "resolved": ("yes", -1, 0.3),
        "latency": ("", 1, None),
        "retrieval_coverage": ("", -1, None),
    }
    assert all(any(one.page or one.ticket) for one in found.values())


def test_what_was_never_seen_has_no_multiple_but_a_smallest_share() -> None:
    found = told(learned({"refused": {NO: N}, "route": {0: N}, "retries": {0: N}}, {"route": {"eu": 1}}))
    assert (found["retries"].ticket, found["retries"].up) == ((), None)
    for one, least in ((found["refused"], found["refused"].up), (found["route"], found["route"].unseen)):
        assert (one.page, one.ticket) == ((), ())
        assert least is not None
        assert 0 < least < 0.01


def test_of_names_the_most_frequent_that_leaves_room_moves() -> None:
    names = {"route": {"eu": 9, "us": 5, "asia": 2}}
    found = told(learned({"route": {0: 6000, 1: 2400, 2: 1600}}, names))["route"]
    assert (found.moves, found.before, found.page) == ("us", 0.24, ())
    assert all(found.ticket)
    both = told(learned({"route": {0: 6000, 1: 4000}}, names))["route"]
    assert (both.moves, both.before) == ("us", 0.4)


def test_that_a_service_is_cut_into_slices_changes_nothing_of_its_whole() -> None:
    """The limits are those of the bets that really watch, with slices and all."""
    plan = logs.PLAN
    baseline = logs.truth(logs.plain())[0]["beta"].baseline
    assert baseline is not None
    assert len(baseline.alphabet.slices[0]) == 3
    tables = {table.signal.name: table.table for table in detector(baseline, plan, "beta").tables}
    found = told(baseline, plan=plan)
    for name in ("failed", "refused"):
        assert (found[name].down, found[name].up) == delay.smallest_share(tables[name], 0, "yes")


def test_what_is_not_watched_or_was_not_observed_is_not_told() -> None:
    plan = Plan.of(parse("watch: {signals: [failed, refused]}"), Taxonomy.load_default())
    assert list(told(learned({"failed": {NO: N}, "latency": {50: N}}), plan=plan)) == ["failed"]

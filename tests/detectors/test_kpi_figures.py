"""Figures of a release: right by hand and by enumeration, and their intervals hold what they should."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.kpi_figures import CALIBRATED, CLASSES, MOVED, SAID, Draw, cases, held, tally
from detectors.describe.above import above
from detectors.describe.calibration_error import _deviation, calibration_error
from detectors.describe.cost import Mean, mean, per_success
from detectors.describe.divergence import stability_index
from detectors.describe.estimate import Estimate
from detectors.describe.exact import exact_rate, exact_share
from detectors.describe.overconfidence import stated_less_right
from detectors.describe.quantile_interval import quantile_interval
from detectors.describe.quantiles import quantile
from detectors.describe.stability import stability
from detectors.describe.weighted import weighted
from schemas.cells import CELLS, EDGES, MISSING
from schemas.signals import CALIBRATION_CELLS

numbers = st.lists(st.floats(2**-5, 2**24, exclude_max=True), min_size=1, max_size=60).map(np.array)


def confidences(*bands: tuple[int, int, int]) -> Any:
    """Band, wrong, right."""
    counts = np.zeros(CALIBRATION_CELLS, np.int64)
    for band, wrong, right in bands:
        counts[2 * band : 2 * band + 2] = wrong, right
    return counts


# Quantiles.


@pytest.mark.parametrize(("q", "n"), [(0.5, 10), (0.5, 101), (0.95, 100), (0.95, 1000), (0.99, 500), (0.9, 40)])
def test_ends_on_whole_cells_hold_the_ranks_that_the_binomial_says(q: float, n: int) -> None:
    """One event in each of n places: ranks are found by adding up chances, without the code's own arithmetic."""
    places = np.sort(np.random.default_rng(n).lognormal(5, 1, n))
    found = quantile_interval(tally(places), q, whole_cells=True)
    assert found is not None
    chances = np.cumsum(stats.binom.pmf(np.arange(n + 1), n, q))
    first = int((chances <= 0.025).sum())  # so many may lie below at 2.5 %: the event of that rank is the lower end
    last = int((1 - chances <= 0.025).argmax()) + 1
    low = EDGES[places[first - 1] >= EDGES][-1] if first else 0.0
    high = EDGES[places[last - 1] < EDGES][0] if last <= n else math.inf
    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 7, 50, 72, 400, 3000])
def test_whole_cells_hold_the_quantile_of_any_process_by_enumeration(q: float, n: int) -> None:
    """k of n events lie below the quantile, which begins a cell: summed up over k, 95 % hold and more."""
    chance = 0.0
    for k, weight in enumerate(stats.binom.pmf(np.arange(n + 1), n, q)):
        if weight < 1e-9:
            continue
        counts = np.zeros(CELLS, np.int64)
        counts[60], counts[61] = k, n - k
        found = quantile_interval(counts, q, whole_cells=True)
        assert found is not None
        chance += weight if found.low <= EDGES[60] <= found.high else 0.0
    assert chance >= 0.95 - 1e-6


@given(values=numbers, q=st.sampled_from([0.01, 0.5, 0.95, 0.99]))
def test_the_value_lies_in_the_cell_of_the_plain_one_and_between_its_ends(values: Any, q: float) -> None:
    counts = tally(values)
    found, plain = quantile_interval(counts, q), quantile(counts, q)
    assert found is not None
    assert plain is not None
    assert abs(math.log2(found.value / plain.value)) <= 1 / 8 + 1e-9
    assert found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)
    whole = quantile_interval(counts, q, whole_cells=True)
    assert whole is not None
    assert whole.low <= found.low * (1 + 1e-9)
    assert found.high <= whole.high * (1 + 1e-9)


@pytest.mark.parametrize(("q", "fewest"), [(0.95, 72), (0.99, 368)])
def test_few_events_know_nothing_from_above(q: float, fewest: int) -> None:
    """Below so many, all lie below the quantile with more than 2.5 %: 0.95^71 and 0.99^367."""
    assert q ** (fewest - 1) > 0.025 > q**fewest
    for n, known in ((fewest - 1, False), (fewest, True)):
        found = quantile_interval(np.bincount([60], minlength=CELLS) * n, q, whole_cells=True)
        assert found is not None
        assert math.isfinite(found.high) == known


def test_what_lies_beyond_the_scale_says_so() -> None:
    zeros = quantile_interval(tally(np.zeros(100)), 0.5)
    assert zeros == Estimate(float(EDGES[0]), 0.0, 0.0)
    beyond = quantile_interval(tally(np.full(100, 1e9)), 0.5)
    assert beyond == Estimate(float(EDGES[-1]), math.inf, math.inf)


# Above a target.


def test_at_an_edge_the_share_above_is_exact() -> None:
    """Whatever the numbers: 37 of 100 lie at or above, and the interval is that of 37 of 100."""
    values = np.concatenate([np.linspace(1, 99.9, 63), np.linspace(128, 5000, 37)])
    found = above(tally(values), 128.0)
    assert found == exact_share(37, 100)


def test_within_a_cell_the_ends_hold_wherever_its_events_lie() -> None:
    cell = 60
    target = float(EDGES[cell - 1] * 1.03)
    counts = np.zeros(CELLS, np.int64)
    counts[[cell - 1, cell, cell + 1]] = 50, 20, 30
    found, least, most = above(counts, target), exact_share(30, 100), exact_share(50, 100)
    assert found is not None
    assert least is not None
    assert most is not None
    assert (found.low, found.high) == (least.low, most.high)
    assert found.value == pytest.approx((30 + 20 * (1 - math.log2(1.03) * 8)) / 100)


@given(values=numbers, target=st.floats(2**-5, 2**24))
def test_the_samples_own_share_above_lies_between_the_ends(values: Any, target: float) -> None:
    found = above(tally(values), target)
    assert found is not None
    assert found.low <= float((values >= target).mean()) <= found.high
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("target", [0.0, 0.03, 2.0**24 + 1, math.nan, math.inf, -1.0])
def test_a_target_beyond_the_scale_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="target must lie on the scale"):
        above(np.ones(CELLS, np.int64), target)


# Calibration.


def test_the_plain_error_is_as_worked_by_hand() -> None:
    """A hundred said 92.5 % and 80 were right, three hundred said 52.5 % and 165 were: (12.5 + 3 * 2.5) / 4 points."""
    found = calibration_error(confidences((18, 20, 80), (10, 135, 165)))
    assert found is not None
    assert found.plain == pytest.approx(0.05)
    assert found.answers == 400


@pytest.mark.parametrize(("n", "said", "right"), [(1, 0.525, 0.5), (7, 0.975, 0.9), (40, 0.025, 0.3), (9, 0.5, 1.0)])
def test_the_mean_of_an_absolute_gap_is_that_of_all_its_outcomes(n: int, said: float, right: float) -> None:
    gaps = np.abs(np.arange(n + 1) / n - said)
    chance = stats.binom.pmf(np.arange(n + 1), n, right)
    mean_, variance = _deviation(np.array([float(n)]), np.array([said]), np.array([right]))
    assert float(mean_[0]) == pytest.approx(float(gaps @ chance))
    assert float(variance[0]) == pytest.approx(float(gaps**2 @ chance - (gaps @ chance) ** 2), abs=1e-12)


def test_who_is_calibrated_has_a_plain_error_and_an_interval_from_nothing() -> None:
    """Ten of each band, as near to what was said as ten can be."""
    found = calibration_error(confidences(*((b, 10 - round(10 * SAID[b]), round(10 * SAID[b])) for b in range(20))))
    assert found is not None
    assert found.plain > 0.02
    assert found.estimate[:2] == (0.0, 0.0)
    assert found.estimate.high > 0.02


def test_the_bias_of_the_plain_error_is_what_chance_adds_and_most_of_it_is_taken_off() -> None:
    """Of 20 bands of ten the mean absolute binomial deviation, by enumeration; 300 samples, four standard errors."""
    k = np.arange(11)
    truth = float(np.mean([np.abs(k / 10 - p) @ stats.binom.pmf(k, 10, p) for p in SAID]))
    chance = np.random.default_rng(4)
    plain, debiased = [], []
    for _ in range(300):
        right = chance.binomial(10, SAID)
        found = calibration_error(confidences(*((b, 10 - x, x) for b, x in enumerate(right.tolist()))))
        assert found is not None
        plain.append(found.plain)
        debiased.append(found.estimate.value)
    assert abs(np.mean(plain) - truth) <= 4 * np.std(plain) / math.sqrt(300)
    assert 0 < np.mean(debiased) < 0.4 * truth


@given(
    bands=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=20),
    level=st.sampled_from([0.5, 0.95, 0.999]),
)
def test_a_calibration_error_lies_between_its_ends_and_not_above_the_plain_one(
    bands: list[tuple[int, int, int]], level: float
) -> None:
    found = calibration_error(confidences(*bands), level)
    if found is not None:
        value, low, high = found.estimate
        assert 0 <= low <= value <= high <= 1
        assert value <= found.plain + 1e-9
        if found.answers < 20:
            assert (low, high) == (0, 1)


# Weighted accuracy.


def test_weighted_accuracy_is_as_worked_by_hand() -> None:
    """Two wrong that count ten each and eight that count one: 90 of 90 + 20 + 8."""
    found = weighted(90, np.array([2, 8]), np.array([10.0, 1.0]))
    assert found is not None
    assert found.value == pytest.approx(90 / 118)


def test_weights_of_one_make_it_the_plain_share_with_about_its_interval() -> None:
    found, plain = weighted(900, np.array([60, 40]), np.array([1.0, 1.0])), exact_share(900, 1000)
    assert found is not None
    assert plain is not None
    assert found.value == plain.value
    assert found[1:] == pytest.approx(plain[1:], abs=0.003)


def test_without_an_error_there_is_still_a_width_and_without_a_right_answer_nothing_is_right() -> None:
    found = weighted(70, np.array([0, 0]), np.array([10.0, 1.0]))
    assert found is not None
    assert (found.value, found.high) == (1, 1)
    assert found.low < 0.95
    none = weighted(0, np.array([3]), np.array([10.0]))
    assert none is not None
    assert none.value == none.low == 0


# Overconfidence.


def test_overconfidence_is_as_worked_by_hand() -> None:
    """A hundred at 92.5 % of which 80 were right, three hundred at 52.5 % of which 165: (12.5 - 7.5) / 4 points."""
    wrong, right = confidences((18, 20, 80), (10, 135, 165))[:-1].reshape(20, 2).T
    found = stated_less_right(wrong, right)
    assert found is not None
    assert found.value == pytest.approx((0.125 - 3 * 0.025) / 4)
    assert stated_less_right(wrong * 0, right * 0) is None


# PSI.


def test_what_chance_adds_to_the_index_is_taken_off() -> None:
    """Of a hundred events in twenty cells that is 19 hundredths and a bit; 300 samples, four standard errors."""
    chance = np.random.default_rng(5)
    before = np.full(20, 1000)
    plain, estimates = [], []
    for _ in range(300):
        after = chance.multinomial(400, np.full(20, 0.05))
        found, index = stability(before, after), stability_index(before, after)
        assert found is not None
        assert index is not None
        plain.append(index)
        estimates.append(found)
    added = 19 * (1 / 400 + 1 / 20_000)
    assert abs(np.mean(plain) - added) <= 0.1 * added + 4 * np.std(plain) / math.sqrt(300)
    assert np.mean([one.value for one in estimates]) < added / 3
    assert sum(one.low > 0 for one in estimates) <= stats.binom.ppf(0.999, 300, 0.05)


def test_an_index_of_tallies_alike_is_nothing_and_without_events_there_is_none() -> None:
    found = stability(np.array([50, 50]), np.array([500, 500]))
    assert found is not None
    assert found[:2] == (0, 0)
    assert stability(np.array([50, 50]), np.array([0, 0])) is None
    assert stability(np.array([50]), np.array([3])) == Estimate(0, 0, 0)


# Exact intervals, by enumeration.


@pytest.mark.parametrize("n", [10, 50, 300, 2000])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.98])
def test_success_of_a_version_is_held_in_95_percent_and_in_97_at_most_where_a_dozen_fail(n: int, share: float) -> None:
    """Never less. More than 97 % only where fewer than a dozen succeed, or fail: there whole counts leave no choice."""
    chance = 0.0
    for k, weight in enumerate(stats.binom.pmf(np.arange(n + 1), n, share)):
        if weight > 1e-12:
            found = exact_share(k, n)
            assert found is not None
            chance += weight * (found.low <= share <= found.high)
    assert chance >= 0.95 - 1e-9
    if n * share * (1 - share) >= 12:
        assert chance <= 0.97


@pytest.mark.parametrize("rate", [0.1, 1.0, 5.0, 30.0, 200.0])
def test_a_rate_is_held_in_95_percent_and_in_97_at_most_from_thirty_on(rate: float) -> None:
    most = int(stats.poisson.ppf(1 - 1e-9, rate)) + 2
    chance = 0.0
    for k, weight in enumerate(stats.poisson.pmf(np.arange(most), rate)):
        found = exact_rate(k, 2.0)
        assert found is not None
        chance += weight * (found.low <= rate / 2 <= found.high)
    assert chance >= 0.95 - 1e-8
    if rate >= 30:
        assert chance <= 0.97


def test_without_trials_or_exposure_there_is_no_figure() -> None:
    assert exact_share(0, 0) is None
    assert exact_rate(0, 0) is None


# Cost.


@given(values=numbers)
def test_the_samples_own_mean_lies_where_cells_let_it(values: Any) -> None:
    """And what cells add is less than 4.5 %."""
    found = mean(tally(values))
    assert found is not None
    own = float(values.mean())
    assert found.least * (1 - 1e-9) <= own <= found.most * (1 + 1e-9)
    assert found.most / found.estimate.value - 1 < 0.045
    assert 1 - found.least / found.estimate.value < 0.045


def test_a_mean_beyond_the_scale_or_of_one_event_or_of_nothing_says_so() -> None:
    over = mean(tally(np.array([5.0, 1e9])))
    assert over is not None
    assert over.most == math.inf
    for values in (np.array([5.0]), np.zeros(9)):
        found = mean(tally(values))
        assert found is not None
        assert found.estimate[1:] == (0, math.inf)
    assert mean(np.bincount([MISSING], minlength=CELLS)) is None


def test_cost_per_success_is_the_quotient_of_mean_and_share() -> None:
    """4 a request and 80 of 100 succeed: 5 a success. Without one nobody knows, and it is never cheap."""
    each = Mean(Estimate(4.0, 3.0, 5.0), 3.9, 4.1)
    found = per_success(each, 80, 100)
    assert found is not None
    assert found.estimate.value == pytest.approx(5)
    assert found.least == pytest.approx(3.9 / 0.8)
    assert found.most == pytest.approx(4.1 / 0.8)
    none = per_success(each, 0, 100)
    assert none is not None
    assert (none.estimate.value, none.estimate.high) == (math.inf, math.inf)
    assert none.estimate.low > 50
    assert per_success(each, 0, 0) is None


# Intervals hold what they should.

REPEATED = 200
ASKED = [(figure, process, draw) for figure, process, draw in cases() if not figure.startswith("cost")]


@pytest.mark.parametrize(("figure", "process", "draw"), ASKED, ids=[f"{one[0]}, {one[1]}" for one in ASKED])
@pytest.mark.parametrize("n", [50, 1_000, 10_000])
def test_intervals_of_95_percent_hold_in_93(figure: str, process: str, draw: Draw, n: int) -> None:
    """Of 200 samples each; fewer than the 0.1 % point of a binomial of 93 % is more than chance."""
    assert held(figure, process, draw, n, REPEATED).held * REPEATED >= stats.binom.ppf(0.001, REPEATED, 0.93)


@pytest.mark.parametrize(
    ("figure", "process", "n"),
    [
        ("p95", "long tail", 1_000),
        ("p95", "narrow", 10_000),
        ("weighted accuracy", "one in eight wrong", 1_000),
        ("success of a version", "90%", 1_000),
        ("ECE", "high, calibrated", 1_000),
        ("ECE", "high, 5 points too sure", 10_000),
    ],
)
def test_intervals_of_95_percent_are_not_those_of_97(figure: str, process: str, n: int) -> None:
    """Of 600 samples; more than the 99.9 % point of 97 % is more than chance."""
    draw = next(draw for name, of, draw in cases() if (name, of) == (figure, process))
    assert held(figure, process, draw, n, 600).held * 600 <= stats.binom.ppf(0.999, 600, 0.97)


def test_the_processes_that_are_drawn_from_are_processes() -> None:
    for said, right in CALIBRATED.values():
        assert said.sum() == pytest.approx(1)
        assert ((right >= 0) & (right <= 1)).all()
    for wrong in CLASSES.values():
        assert (wrong >= 0).all()
        assert wrong.sum() < 1
    for before, after in MOVED.values():
        assert (before.sum(), after.sum()) == pytest.approx((1, 1))


# What is no count, and no level, is refused.

TALLY = np.bincount([60], minlength=CELLS) * 9
FIGURES_OF_A_TALLY: dict[str, Callable[[Any], Any]] = {
    "quantile": lambda x: quantile_interval(x, 0.95),
    "above": lambda x: above(x, 128.0),
    "mean": mean,
}


@pytest.mark.parametrize("figure", FIGURES_OF_A_TALLY.values(), ids=FIGURES_OF_A_TALLY)
def test_what_is_no_tally_is_refused_and_an_empty_one_has_no_figure(figure: Callable[[Any], Any]) -> None:
    assert figure(np.zeros(CELLS, np.int64)) is None
    for bad in (-TALLY, np.full(CELLS, np.nan), TALLY[:-1], np.array([], np.int64)):
        with pytest.raises(ValueError, match=r"cells|integers"):
            figure(bad)


def test_what_is_no_calibration_is_refused_and_an_empty_one_has_no_figure() -> None:
    assert calibration_error(confidences()) is None
    for bad in (-confidences((3, 1, 1)), np.full(CALIBRATION_CELLS, np.nan), np.ones(40, np.int64)):
        with pytest.raises(ValueError, match=r"cells|integers"):
            calibration_error(bad)


@pytest.mark.parametrize("weight", [0.0, 0.9, -1.0, math.nan, math.inf])
def test_what_weighs_less_than_one_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weights must be"):
        weighted(1, np.array([1]), np.array([weight]))


def test_classes_that_do_not_match_or_count_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="not alike"):
        weighted(1, np.array([1, 2]), np.array([1.0]))
    for right, wrong in ((-1, 1), (1, -1)):
        with pytest.raises(ValueError, match="negative"):
            weighted(right, np.array([wrong]), np.array([1.0]))
    assert weighted(0, np.array([0]), np.array([1.0])) is None


@pytest.mark.parametrize(("events", "exposure"), [(-1, 1.0), (1, -1.0), (1, math.nan), (1, math.inf)])
def test_rates_of_nothing_are_refused(events: int, exposure: float) -> None:
    with pytest.raises(ValueError, match="not negative"):
        exact_rate(events, exposure)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5), (0, -1)])
def test_shares_of_nothing_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes must lie"):
        exact_share(successes, trials)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan, math.inf])
def test_what_is_no_level_is_refused(level: float) -> None:
    one = np.array([5])
    for figure in (lambda: quantile_interval(TALLY, 0.5, level), lambda: above(TALLY, 128.0, level),
                   lambda: mean(TALLY, level), lambda: calibration_error(confidences((3, 1, 1)), level),
                   lambda: weighted(5, one, np.array([1.0]), level), lambda: exact_share(1, 2, level),
                   lambda: exact_rate(1, 2.0, level)):  # fmt: skip
        with pytest.raises(ValueError, match="level must lie"):
            figure()


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, math.nan])
def test_what_is_no_quantile_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="q must lie"):
        quantile_interval(TALLY, q)

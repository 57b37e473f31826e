"""Diversity and concentration: right by hand and by enumeration, and their intervals hold what they should."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.modes import FIGURES, PROCESSES, Figure, doubled, held, opened
from detectors.arrays import Counts
from detectors.describe.concentration import concentration
from detectors.describe.coverage import coverage, unseen
from detectors.describe.diversified import diversified
from detectors.describe.entropy import entropy, jackknifed
from detectors.describe.estimate import Estimate
from detectors.describe.hill import hill
from detectors.describe.rarefaction import rarefied
from detectors.describe.richness import chao1
from detectors.describe.share import share
from detectors.describe.turnover import turnover
from detectors.describe.whole import ENOUGH

DOMINATED = np.array([26, 1, 1, 1, 1])
tallies = st.lists(st.integers(0, 60), min_size=1, max_size=12).map(lambda x: np.array(x, np.int64))
some = tallies.filter(lambda x: bool(x.any()))
FIGURES_OF_A_TALLY: dict[str, Callable[[Counts], Any]] = {
    "hill 1": lambda x: hill(x, 1),
    "hill 2": lambda x: hill(x, 2),
    "chao1": chao1,
    "coverage": coverage,
    "unseen": unseen,
    "rarefied": lambda x: rarefied(x, 1 + int(np.nan_to_num(x).sum()) // 2),
}
every_figure = pytest.mark.parametrize("figure", FIGURES_OF_A_TALLY.values(), ids=FIGURES_OF_A_TALLY)


# Worked by hand.


@pytest.mark.parametrize(
    ("counts", "one", "two"), [((26, 1, 1, 1, 1), 1.78, 1.32), ((6, 6, 6, 6, 6), 5.0, 5.0), ((97, 1, 1, 1), 1.18, 1.06)]
)
def test_effective_numbers_are_those_worked_by_hand(counts: tuple[int, ...], one: float, two: float) -> None:
    x = np.array(counts)
    assert (round(hill(x, 1).value, 2), round(hill(x, 2).value, 2)) == (one, two)


def test_what_was_not_seen_is_estimated_as_worked_by_hand() -> None:
    assert round(chao1(DOMINATED).value, 1) == 10.8  # 5 + 29/30 * 4 * 3 / 2
    assert round(coverage(DOMINATED).value, 3) == 0.870
    assert round(unseen(DOMINATED), 3) == 0.133
    assert chao1(np.array([6] * 5)).value == 5
    assert coverage(np.array([6] * 5)).value == 1
    assert unseen(np.array([6] * 5)) == 0


def test_chao1_uses_modes_seen_twice_where_there_are_some() -> None:
    assert chao1(np.array([5, 2, 2, 1, 1, 1])).value == pytest.approx(6 + 11 / 12 * 9 / 4)


@pytest.mark.parametrize(
    ("n", "richness", "one", "two", "chao"),
    [
        (10, 3.75, 3.12, 2.74, 4.8),
        (30, 5.22, 3.55, 2.87, 6.3),
        (100, 7.09, 3.87, 2.99, 8.2),
        (300, 8.49, 3.94, 3.00, 9.5),
        (1000, 10.04, 3.97, 3.00, 10.9),
    ],
)
def test_richness_grows_with_traffic_and_effective_numbers_hardly(
    n: int, richness: float, one: float, two: float, chao: float
) -> None:
    """12 modes, each half as frequent as the one before: the table of the failures' page, from 400 samples.

    Both tables are means of 400: they may differ by four standard errors of a difference of two such means, and by how
    they were rounded.
    """
    samples = np.random.default_rng(n).multinomial(n, PROCESSES["12 geometric"], 400)
    figures = np.array([[(x > 0).sum(), hill(x, 1).value, hill(x, 2).value, chao1(x).value] for x in samples])
    tolerance = 4 * np.sqrt(2 / 400) * figures.std(axis=0) + np.array([0.005, 0.005, 0.005, 0.05])
    assert (np.abs(figures.mean(axis=0) - [richness, one, two, chao]) <= tolerance).all()


# Independent and exact: every sample there is, with its chance.


def samples(shares: tuple[Fraction, ...], n: int) -> Iterator[tuple[Counts, Fraction]]:
    """Enumerate all tallies of n failures."""
    for counts in itertools.product(range(n + 1), repeat=len(shares)):
        if sum(counts) == n:
            chance = Fraction(math.factorial(n))
            for x, p in zip(counts, shares, strict=True):
                chance *= p**x / Fraction(math.factorial(x))
            yield np.array(counts), chance


SHARES = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 6), Fraction(1, 12))


def test_the_samples_that_are_enumerated_are_all_there_are() -> None:
    assert sum(chance for _, chance in samples(SHARES, 6)) == 1


@pytest.mark.parametrize("counts", [(4, 2, 1, 1), (3, 3), (1, 1, 1, 1, 1), (7,)])
def test_rarefied_richness_is_the_mean_over_all_subsamples(counts: tuple[int, ...]) -> None:
    failures = [mode for mode, x in enumerate(counts) for _ in range(x)]
    for size in range(1, len(failures) + 1):
        subsets = [len(set(subset)) for subset in itertools.combinations(failures, size)]
        assert rarefied(np.array(counts), size).value == pytest.approx(float(np.mean(subsets)), rel=1e-12)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_rarefied_richness_estimates_that_of_the_process_without_bias(size: int) -> None:
    truth = sum(1 - (1 - p) ** size for p in SHARES)
    mean = sum(float(chance) * rarefied(x, size).value for x, chance in samples(SHARES, 7))
    assert mean == pytest.approx(float(truth), rel=1e-12)


def test_goods_figure_of_one_failure_more_is_what_is_unseen() -> None:
    """Averaged over all samples, what is unseen after n failures is the share of those seen once after n + 1."""
    n = 6
    missed = sum(chance * sum(p for p, k in zip(SHARES, x, strict=True) if not k) for x, chance in samples(SHARES, n))
    mean = sum(float(chance) * unseen(x) for x, chance in samples(SHARES, n + 1))
    assert mean == pytest.approx(float(missed), rel=1e-12)


@pytest.mark.parametrize(("shares", "n"), [(SHARES, 6), ((Fraction(1, 5),) * 5, 5), ((Fraction(1, 5),) * 5, 7)])
def test_coverage_is_nearer_to_the_truth_than_goods_figure(shares: tuple[Fraction, ...], n: int) -> None:
    """That is what it was made for: it is of the sample itself, where Good's is of one that is a failure shorter."""
    pairs = list(samples(shares, n))
    true = sum(float(chance) * float(sum(p for p, k in zip(shares, x, strict=True) if k)) for x, chance in pairs)
    chao = sum(float(chance) * coverage(x).value for x, chance in pairs)
    good = sum(float(chance) * (1 - unseen(x)) for x, chance in pairs)
    assert abs(chao - true) < abs(good - true)


def test_the_entropy_estimator_has_the_bias_that_only_unseen_modes_leave() -> None:
    """Without modes seen once it is unbiased but for the terms from n on, which are at most (1 - p)^n of each mode."""
    truth = -sum(float(p) * math.log(p) for p in SHARES)
    for n in (6, 9):
        pairs = list(samples(SHARES, n))
        first = sum(
            float(chance) * sum(k / n * sum(1 / j for j in range(k, n)) for k in x.tolist() if k) for x, chance in pairs
        )
        left = sum(float(p) * sum((1 - float(p)) ** k / k for k in range(n, 2000)) for p in SHARES)
        assert first == pytest.approx(truth - left, rel=1e-9)
        whole = sum(float(chance) * entropy(x[x > 0]) for x, chance in pairs)
        plain = sum(float(chance) * math.log(hill(x, 1).value) for x, chance in pairs)
        assert abs(whole - truth) < abs(first - truth) < abs(plain - truth)


@pytest.mark.parametrize("counts", [(1, 1, 1), (26, 1, 1, 1, 1), (9, 4, 2, 2, 1, 1, 1), (1000, 40, 2, 1, 1), (50, 2)])
def test_what_modes_seen_once_add_is_the_series_of_the_paper(counts: tuple[int, ...]) -> None:
    x = np.array(counts)
    n, once, twice = int(x.sum()), counts.count(1), counts.count(2)
    seen = sum(k / n * math.fsum(1 / j for j in range(k, n)) for k in counts)
    a = 2 * twice / ((n - 1) * once + 2 * twice) if twice else 2 / ((n - 1) * max(once - 1, 0) + 2)
    rest = math.fsum((1 - a) ** (j + 1) / (n + j) for j in range(math.ceil(40 / a))) if once else 0.0
    assert entropy(x) == pytest.approx(seen + once / n * rest, rel=1e-9)


def test_the_jackknife_leaves_out_every_failure_once() -> None:
    failures = [mode for mode, k in enumerate(DOMINATED) for _ in range(k)]
    without = [
        entropy(np.array(list(Counter(failures[:i] + failures[i + 1 :]).values()))) for i in range(len(failures))
    ]
    expected = (len(failures) - 1) * np.var(without)
    assert jackknifed(DOMINATED) == pytest.approx(float(expected), rel=1e-9)


def test_turnover_is_morisita_horn_as_written() -> None:
    a, b = np.array([5, 3, 0, 2]), np.array([1, 1, 8, 0])
    na, nb = int(a.sum()), int(b.sum())
    index = 2 * (a * b).sum() / (((a**2).sum() / na**2 + (b**2).sum() / nb**2) * na * nb)
    assert turnover(a, b) == pytest.approx(float(1 - index))


# What holds of any tally.


@every_figure
@given(x=some, empty=st.integers(1, 3), seed=st.integers(0, 99))
def test_order_and_empty_modes_change_nothing(
    figure: Callable[[Counts], Any], x: Counts, empty: int, seed: int
) -> None:
    other = np.random.default_rng(seed).permutation(np.append(x, np.zeros(empty, np.int64)))
    assert figure(other) == figure(x)


@every_figure
@given(parts=st.lists(some, min_size=2, max_size=4))
def test_tallies_merge_by_addition(figure: Callable[[Counts], Any], parts: list[Counts]) -> None:
    width = max(map(len, parts))
    padded = [np.pad(x, (0, width - len(x))) for x in parts]
    assert figure(np.add.reduce(padded)) == figure(np.add.reduce(padded[::-1]))


@given(x=some)
def test_effective_numbers_lie_between_one_and_the_modes_seen_and_the_second_is_the_smaller(x: Counts) -> None:
    one, two, seen = hill(x, 1).value, hill(x, 2).value, int((x > 0).sum())
    assert 1 - 1e-12 <= two <= one * (1 + 1e-12)
    assert one <= seen * (1 + 1e-12) <= chao1(x).value * (1 + 1e-12)


@given(x=some, level=st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_intervals_have_two_ends_in_order_and_within_what_is_possible(x: Counts, level: float) -> None:
    size = 1 + int(x.sum()) // 2
    for found, most in ((hill(x, 1, level), math.inf), (hill(x, 2, level), math.inf), (chao1(x, level), math.inf),
                        (rarefied(x, size, level), size)):  # fmt: skip
        assert 1 <= found.low <= found.high <= most
    of = coverage(x, level)
    assert 0 <= of.low <= of.value <= of.high <= 1


@given(x=some)
def test_a_higher_level_makes_no_interval_shorter(x: Counts) -> None:
    size = 1 + int(x.sum()) // 2
    figures: list[Callable[[float], Estimate]] = [
        lambda lv: hill(x, 1, lv), lambda lv: hill(x, 2, lv), lambda lv: chao1(x, lv), lambda lv: coverage(x, lv),
        lambda lv: rarefied(x, size, lv),
    ]  # fmt: skip
    for figure in figures:
        narrow, wide = figure(0.9), figure(0.99)
        assert wide.low <= narrow.low * (1 + 1e-9)
        assert narrow.high <= wide.high * (1 + 1e-9)


@given(x=some)
def test_more_failures_hold_more_modes(x: Counts) -> None:
    grows = [rarefied(x, size).value for size in np.unique(np.linspace(1, x.sum(), 9).astype(int)).tolist()]
    assert grows[0] == pytest.approx(1)
    assert grows[-1] == pytest.approx(int((x > 0).sum()))
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(grows))


@given(x=st.lists(st.integers(0, 60), min_size=4, max_size=4), y=st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_turnover_is_of_both_and_of_shares_alone(x: list[int], y: list[int]) -> None:
    a, b = np.array(x), np.array(y)
    assume(a.any() and b.any())
    assert 0 <= turnover(a, b) <= 1
    assert turnover(a, b) == turnover(b, a)
    assert turnover(a, 7 * a) == pytest.approx(0)
    assert turnover(3 * a, b) == pytest.approx(turnover(a, b))


def test_few_failures_have_no_interval() -> None:
    x = np.array([ENOUGH - 3, 1, 1])
    assert hill(x, 1)[1:] == hill(x, 2)[1:] == (1, math.inf)
    assert rarefied(x, 5)[1:] == (1, 5)
    assert math.isfinite(hill(np.array([ENOUGH - 2, 1, 1]), 1).high)


def test_a_single_mode_may_have_others_beside_it() -> None:
    """Of thirty failures all are of one mode: three in a hundred of others would be missed in four of ten samples."""
    found = hill(np.array([30]), 1)
    assert (found.value, found.low) == (1, 1)
    assert found.high > math.exp(-0.97 * math.log(0.97) - 0.03 * math.log(0.03))


# What is no tally is refused.

bad = pytest.mark.parametrize(
    ("counts", "words"),
    [
        (np.array([3, -1]), "negative"),
        (np.array([3.0, np.nan]), "integers"),
        (np.array([1.5, 2.0]), "integers"),
        (np.array([], np.int64), "no failure"),
        (np.zeros(4, np.int64), "no failure"),
        (np.ones((2, 2), np.int64), "not one tally"),
    ],
    ids=["negative", "nan", "parts", "empty", "zero", "two tallies"],
)


@every_figure
@bad
def test_what_is_no_tally_is_refused(figure: Callable[[Counts], Any], counts: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        figure(counts)


@bad
def test_comparisons_refuse_what_is_no_tally(counts: Any, words: str) -> None:
    good = np.ones(counts.shape, np.int64) if counts.size else np.ones(3, np.int64)
    with pytest.raises(ValueError, match=words):
        diversified(np.array([30, 2]), counts)
    with pytest.raises(ValueError, match=words):
        diversified(counts, np.array([30, 2]))
    with pytest.raises(ValueError, match=f"{words}|same cells"):
        turnover(good, counts)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan, math.inf])
def test_what_is_no_level_is_refused(level: float) -> None:
    x = DOMINATED
    for figure in (lambda: hill(x, 1, level), lambda: chao1(x, level), lambda: coverage(x, level),
                   lambda: rarefied(x, 5, level), lambda: diversified(x, x, level),
                   lambda: concentration(x, x, level)):  # fmt: skip
        with pytest.raises(ValueError, match="level must lie"):
            figure()


@pytest.mark.parametrize("size", [0, -1, 31])
def test_nothing_is_extrapolated(size: int) -> None:
    with pytest.raises(ValueError, match="size must lie between 1 and the number of failures, 30"):
        rarefied(DOMINATED, size)


def test_another_order_is_refused() -> None:
    order: Any = 0
    with pytest.raises(ValueError, match="q must be 1 or 2"):
        hill(DOMINATED, order)


# Intervals hold what they should.


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
@pytest.mark.parametrize("n", [20, 100, 1000])
@pytest.mark.parametrize("process", PROCESSES)
def test_intervals_of_95_percent_hold_in_93(process: str, n: int, figure: Figure) -> None:
    """Of 150 samples each; fewer than the 0.1 % point of a binomial of 93 % is more than chance."""
    chance = np.random.default_rng([n, len(process)])
    assert held(figure, PROCESSES[process], n, 150, chance) >= stats.binom.ppf(0.001, 150, 0.93)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
@pytest.mark.parametrize("process", ["12 geometric", "20 geometric, slower", "one of 87 %, 4 others", "40 Zipf"])
def test_intervals_of_95_percent_are_not_those_of_97(process: str, figure: Figure) -> None:
    """Of 400 samples of 300 failures, where modes differ; more than the 99.9 % point of 97 % is more than chance."""
    assert held(figure, PROCESSES[process], 300, 400, np.random.default_rng(3)) <= stats.binom.ppf(0.999, 400, 0.97)


def test_intervals_of_coverage_hold_the_part_that_was_truly_seen() -> None:
    """Of each sample its own; 300 of each size."""
    chance, shares = np.random.default_rng(8), PROCESSES["40 Zipf"]
    for n in (20, 100, 1000):
        found = 0
        for x in chance.multinomial(n, shares, 300):
            _, low, high = coverage(x)
            found += low <= shares[x > 0].sum() <= high
        assert found >= stats.binom.ppf(0.001, 300, 0.93)


# More traffic is no more diversity.

REPEATED = 60
UNLUCKY = stats.binom.ppf(0.999, REPEATED, 0.01) / REPEATED * 100
"""A sample whose limit is wrong opens the gate in all its pairs; if one of a hundred is, so many percent are chance."""


@pytest.mark.parametrize("process", ["12 geometric", "one of 87 %, 4 others", "40 Zipf"])
@pytest.mark.parametrize(("before", "after"), [(30, 10), (30, 10_000), (300, 30), (300, 10_000), (3_000, 100)])
def test_traffic_alone_opens_no_gate(process: str, before: int, after: int) -> None:
    chance, shares = np.random.default_rng([before, after]), PROCESSES[process]
    a, b = (chance.multinomial(n, shares, REPEATED) for n in (before, after))
    assert max(opened(a, b, 0.999)) <= UNLUCKY


def test_raw_richness_would_open_it_every_time() -> None:
    """What the test above would see if figures grew with traffic."""
    chance, shares = np.random.default_rng(9), PROCESSES["12 geometric"]
    before, after = ((chance.multinomial(n, shares, REPEATED) > 0).sum(axis=1) for n in (30, 10_000))
    assert 100 * (after > before[:, None]).mean() > 99


@pytest.mark.parametrize("process", ["12 geometric", "5 alike", "one of 87 %, 4 others", "40 Zipf"])
def test_a_doubled_effective_number_is_found(process: str) -> None:
    """With 300 failures before and 1,000 after, in 95 of 100 pairs at least."""
    chance, shares = np.random.default_rng(10), PROCESSES[process]
    before, after = chance.multinomial(300, shares, 30), chance.multinomial(1_000, doubled(shares), 30)
    assert opened(before, after, 0.999).effective >= 95


def test_the_gate_of_one_pair_is_what_was_simulated() -> None:
    chance, shares = np.random.default_rng(11), PROCESSES["12 geometric"]
    for after in (shares, doubled(shares)):
        a, b = chance.multinomial(300, shares, 1), chance.multinomial(1_000, after, 1)
        which = diversified(a[0], np.pad(b[0], (0, 3))).which
        assert which == tuple(name for name, open_ in opened(a, b, 0.999)._asdict().items() if open_)


def test_fewer_than_enough_failures_open_no_gate() -> None:
    assert diversified(np.array([1000]), np.ones(ENOUGH - 1, np.int64)).which == ()
    assert diversified(np.array([ENOUGH - 1]), np.full(50, 100)).which == ()


# Concentration.


def test_the_worst_slice_is_the_one_with_the_most_surplus() -> None:
    """40 of 50 in a tenth of the traffic, not the 10 of 50 where nearly nothing is served."""
    worst = concentration(np.array([40, 10, 0]), np.array([1_000, 10, 8_990]))
    assert worst is not None
    assert (worst.slice, worst.failures.value, worst.traffic, worst.failed, worst.served) == (0, 0.8, 0.1, 40, 1_000)
    assert worst.sure


def test_failures_that_come_as_the_traffic_does_are_nowhere_concentrated() -> None:
    assert concentration(np.array([30, 60]), np.array([1_000, 2_000])) is None


@pytest.mark.parametrize(
    ("failed", "served"), [([4, 0], [10, 90]), ([40], [100]), ([40, 0], [100, 0]), ([0, 0], [0, 0]), ([], [])]
)
def test_where_nothing_can_be_said_nothing_is(failed: list[int], served: list[int]) -> None:
    assert concentration(np.array(failed, np.int64), np.array(served, np.int64)) is None


@pytest.mark.parametrize("slices", [2, 5, 30])
@pytest.mark.parametrize("failures", [10, 100, 1_000])
def test_the_worst_of_many_alike_is_seldom_sure(slices: int, failures: int) -> None:
    """Intervals that are exact err in 2.5 % at the most on this side, for all slices at once; 400 times."""
    chance = np.random.default_rng([slices, failures])
    traffic = np.full(slices, 1_000)
    found = [concentration(x, traffic) for x in chance.multinomial(failures, np.full(slices, 1 / slices), 400)]
    assert sum(worst is not None and worst.sure for worst in found) <= stats.binom.ppf(0.999, 400, 0.025)


def test_failures_that_all_move_into_one_slice_are_found_at_once() -> None:
    worst = concentration(np.array([0, 0, 12, 0]), np.array([500, 500, 500, 500]))
    assert worst is not None
    assert (worst.slice, worst.sure) == (2, True)


def test_the_more_slices_there_are_the_wider_is_the_interval_of_the_worst() -> None:
    few, many = (concentration(np.array([40, *[1] * k]), np.full(k + 1, 100)) for k in (10, 20))
    assert few is not None
    assert many is not None
    alone = share(40, 50)
    assert alone is not None
    assert few.failures.low < alone.lo
    assert many.failures.high - many.failures.low > few.failures.high - few.failures.low


@pytest.mark.parametrize(
    ("failed", "served", "words"),
    [([1, 2], [1, 2, 3], "same slices"), ([-1, 2], [1, 2], "negative"), ([1, 2], [1.5, 2], "integers"),
     ([math.nan, 2.0], [1, 2], "integers"), ([[1, 2]], [[1, 2]], "same slices")],
)  # fmt: skip
def test_what_are_no_slices_is_refused(failed: Any, served: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        concentration(np.array(failed), np.array(served))

"""Surges, slumps and silence are found; a bucket within its limits costs no more than the budget."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from detectors import delay, esr
from detectors.arrays import Counts, Floats
from detectors.bets import traffic
from detectors.limits.traffic import NOTHING, Traffic, fit, limits

LO, HI, SIZE = 18.0, 22.0, 5.0
COUNTS = np.arange(40_000)
"""Beyond them nothing that is expected here lies: the tests that ask for one half of it make sure of that."""


def chance(mean: float, size: float) -> Floats:
    """Negative binomial; Poisson for an infinite size."""
    law = stats.poisson(mean) if np.isinf(size) else stats.nbinom(size, size / (size + mean))
    return np.asarray(law.pmf(COUNTS), np.float64)


def expected(law: Floats, lo: float = LO, hi: float = HI, size: float = SIZE) -> Floats:
    """E[L] of each bet, summed up over all counts."""
    with np.errstate(under="ignore"):
        won = np.exp(
            np.minimum(traffic.log_wealth(COUNTS, lo, hi, size), 700) + np.log(np.maximum(law, 1e-300))[:, None]
        )
    return np.asarray(np.where(law[:, None] > 0, won, 0).sum(0), np.float64)


@pytest.mark.parametrize("mean", [LO, 19.0, 20.0, HI])
@pytest.mark.parametrize("size", [SIZE, 6.0, 50.0, 1e4, np.inf])
def test_no_bucket_within_the_limits_makes_wealth_grow(mean: float, size: float) -> None:
    """Exactly: whatever the mean within its limits, and however much less it scatters than was allowed for."""
    assert (expected(chance(mean, size)) <= 1).all()


@pytest.mark.parametrize("scale", [0.01, 0.1, 100.0])
def test_nor_one_of_little_or_much_traffic(scale: float) -> None:
    for mean in (LO * scale, HI * scale):
        for size in (0.5, 5.0, np.inf):
            assert (expected(chance(mean, size), LO * scale, HI * scale, 0.5) <= 1 + 1e-9).all()


def test_a_mixture_that_scatters_less_than_was_allowed_for_makes_no_wealth_either() -> None:
    """Rates that take two values: variance 20^2 / 16, where a gamma one of size 5 has 20^2 / 5."""
    law = (chance(15.0, np.inf) + chance(25.0, np.inf)) / 2
    assert (expected(law) <= 1).all()


def test_at_the_limits_all_the_wealth_that_is_allowed_is_expected() -> None:
    """The bets are likelihood ratios, so nothing is wasted but by rounding down; and COUNTS are enough of them."""
    up = traffic.RATIOS > 1
    assert expected(chance(HI, SIZE))[up] == pytest.approx(1, abs=2.0**-19)
    assert expected(chance(LO, SIZE))[~up] == pytest.approx(1, abs=2.0**-19)


def test_buckets_that_scatter_more_than_was_allowed_for_make_wealth_grow() -> None:
    """Which is why the size is a lower limit and no estimate: at half of it, bets far off are expected to win."""
    assert expected(chance(HI, SIZE / 2))[traffic.RATIOS == 3.0] > 1.2
    assert (expected(chance(LO, SIZE / 2))[traffic.RATIOS < 0.5] > 1.2).all()


def test_silence_is_over_with_the_first_event() -> None:
    won = traffic.log_wealth([0, 1], LO, HI, SIZE)[:, traffic.FEATURES.index("silence")]
    assert won[0] == pytest.approx(SIZE * np.log1p(LO / SIZE), abs=2.0**-20)
    evidence = np.array([[np.finfo(np.float32).max]], np.float32)
    assert esr.advance(evidence, won[1:, None], np.ones(1), np.zeros(1))[0, 0] == 0


def test_where_nothing_is_known_nothing_is_bet() -> None:
    assert not traffic.log_wealth(COUNTS, *NOTHING).any()
    one_side = traffic.log_wealth([0, 10**6], [0.0, LO], [HI, np.inf], SIZE)
    assert not one_side[0, traffic.DIRECTION < 0].any()
    assert not one_side[1, traffic.DIRECTION > 0].any()


def test_buckets_add_up_to_the_bit_and_limits_go_in_with_each() -> None:
    rng = np.random.default_rng(61)
    counts, hi = rng.poisson(20, 500), rng.uniform(20, 30, 500)
    won = traffic.log_wealth(counts, 18.0, hi, SIZE)
    assert (won * 2**20 == np.round(won * 2**20)).all()
    order = rng.permutation(500)
    assert (won.sum(0) == won[order].sum(0)).all()
    assert (won[7] == traffic.log_wealth(counts[7], 18.0, hi[7], SIZE)).all()


def test_the_budget_is_halved_between_up_and_down() -> None:
    assert traffic.WEIGHTS[traffic.DIRECTION > 0].sum() == pytest.approx(0.5)
    assert traffic.WEIGHTS.sum() == pytest.approx(1)
    assert len(traffic.RATIOS) == len(traffic.FEATURES) == len(traffic.WEIGHTS)
    assert (np.sign(traffic.RATIOS - 1) == traffic.DIRECTION).all()


def test_what_is_no_bucket_is_refused() -> None:
    bad: Any
    for bad, words in ((1.5, "integers"), (np.nan, "integers"), (-1, "negative"), (2**30, "exactly")):
        with pytest.raises(ValueError, match=words):
            traffic.log_wealth(bad, LO, HI, SIZE)
    for lo, hi in ((-1.0, 1.0), (2.0, 1.0), (0.0, 0.0), (np.nan, 1.0), (1.0, np.nan)):
        with pytest.raises(ValueError, match="limits must be"):
            traffic.log_wealth(1, lo, hi, SIZE)
    for size in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="size must be"):
            traffic.log_wealth(1, LO, HI, size)


@pytest.mark.parametrize("buckets", [2, 30, 300])
@pytest.mark.parametrize("size", [0.2, 5.0, 500.0])
@pytest.mark.parametrize("level", [0.05, 1e-6])
def test_limits_of_the_mean_miss_each_side_at_most_at_their_level(buckets: int, size: float, level: float) -> None:
    """Exactly, over all sums that buckets can have; where they scatter as much as was said, and where less."""
    for mean in (0.1, 1.0, 20.0):
        for scatters in (size, 2 * size, 20 * size):
            law = stats.nbinom(buckets * scatters, scatters / (scatters + mean))
            sums = np.arange(int(law.isf(1e-15)) + 1)
            lo, hi = limits(sums, buckets, size, level)
            pmf = law.pmf(sums)
            assert pmf[lo > mean].sum() <= level
            assert pmf[hi < mean].sum() <= level


def test_limits_of_no_events_and_of_what_makes_no_sense() -> None:
    lo, hi = limits(0, 100, 5.0, 1e-6)
    assert lo == 0
    assert (5 / (5 + hi)) ** 500 == pytest.approx(1e-6)
    for wrong in ((-1, 1, 1.0, 0.1), (1, 0, 1.0, 0.1), (1, 1, 0.0, 0.1), (1, 1, np.nan, 0.1), (1, 1, 1.0, 0.5)):
        with pytest.raises(ValueError, match="must"):
            limits(*wrong)


def test_limits_of_the_mean_are_no_wider_than_they_must() -> None:
    """At the limit, sums as far off still have the chance `level`."""
    lo, hi = limits(2000, 100, 5.0, 1e-6)
    assert stats.nbinom(500, 5 / (5 + hi)).cdf(2000) == pytest.approx(1e-6, rel=1e-6)
    assert stats.nbinom(500, 5 / (5 + lo)).sf(1999) == pytest.approx(1e-6, rel=1e-6)


@pytest.mark.parametrize("mean", [0.3, 5.0, 100.0])
@pytest.mark.parametrize("size", [0.3, 1.0, 5.0, 50.0, 1e6])
def test_the_size_is_taken_for_larger_than_it_is_at_most_as_often_as_it_says(mean: float, size: float) -> None:
    """Half of the level of 10 % is the size's; 1,000 samples of 60 buckets, three standard errors."""
    rng, samples, level = np.random.default_rng(62), 1000, 0.1
    found = [fit(row, level) for row in rng.negative_binomial(size, size / (size + mean), (samples, 60))]
    wrong = np.mean([one.size > size for one in found if one != NOTHING])
    assert wrong <= level / 2 + 3 * np.sqrt(level / 2 / samples)


def test_the_level_is_spent_once_half_on_the_size_and_a_quarter_on_each_limit() -> None:
    counts, level = np.random.default_rng(69).poisson(20, 200), 1e-6
    lo, hi, size = fit(counts, level)
    assert [lo, hi] == pytest.approx(np.stack(limits(counts.sum(), 200, size, level / 4)))
    # Had the buckets the largest variance allowed, a sample's would be as small as this one's with half of the level.
    variance = max(counts.var(ddof=1), counts.mean())
    freedom = 2 * 199 / (2 + 6 * (variance / counts.mean() - 1) / counts.mean() + 1 / variance)
    most = counts.mean() + counts.mean() ** 2 / size
    assert stats.chi2(freedom).cdf(freedom * variance / most) == pytest.approx(level / 2)


def test_the_more_is_known_the_closer_are_mean_and_size() -> None:
    rng = np.random.default_rng(63)
    off = []
    for buckets in (100, 1000, 10_000):
        lo, hi, size = fit(rng.negative_binomial(5, 0.2, buckets), 1e-6)
        assert lo < 20 < hi
        assert size < 5
        off.append((hi / lo, 5 / size))
    assert off == sorted(off, reverse=True)
    assert off[-1][0] < 1.1
    assert off[-1][1] < 1.3


@pytest.mark.parametrize("counts", [[], [5], [0, 0, 0, 0], [0, 0, 1]])
def test_of_too_little_nothing_is_concluded(counts: list[int]) -> None:
    assert fit(np.array(counts, np.int64), 1e-6) == NOTHING


def test_a_change_that_is_no_news_moves_limits_outward() -> None:
    counts = np.random.default_rng(64).poisson(20, 500)
    lo, hi, size = fit(counts, 1e-4)
    assert fit(counts, 1e-4, least_ratio=1.5) == pytest.approx((lo / 1.5, hi * 1.5, size))


def test_what_is_no_baseline_of_traffic_is_refused() -> None:
    good = np.array([1, 2, 3])
    bad: Any
    for bad in (good - 5, good[None], good * 1.0, good * np.nan):
        with pytest.raises(ValueError, match="counts must be"):
            fit(bad, 0.1)
    for level in (0.0, 1.0, np.nan):
        with pytest.raises(ValueError, match="level must"):
            fit(good, level)
    for ratio in (0.9, np.nan, np.inf):
        with pytest.raises(ValueError, match="least_ratio must"):
            fit(good, 0.1, ratio)


@pytest.mark.parametrize("mean", [50.0, 30.0, 8.0, 0.0])
def test_the_delay_foretold_is_the_delay_seen(mean: float) -> None:
    """From 20 a bucket; 300 times, within 15 %, a bucket, and three standard errors."""
    rng, services, w = np.random.default_rng(65), 300, 1e-8
    known = Traffic(LO, HI, SIZE * 4)
    foretold = delay.buckets(known, mean, w)
    law = stats.nbinom(SIZE * 4, SIZE * 4 / (SIZE * 4 + mean))
    evidence, seen = np.zeros((services, len(traffic.WEIGHTS)), np.float32), np.full(services, np.inf)
    for bucket in range(1, int(6 * foretold) + 2):
        won = traffic.log_wealth(law.rvs(services, random_state=rng), *known)
        evidence = esr.advance(evidence, won, traffic.WEIGHTS, np.full(services, w))
        seen[esr.fired(evidence) & np.isinf(seen)] = bucket
    assert np.isfinite(seen).all()
    assert abs(seen.mean() - foretold) <= 0.15 * foretold + 1 + 3 * seen.std() / np.sqrt(services)


def test_delays_of_what_makes_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="mean must"):
        delay.buckets(Traffic(LO, HI, SIZE), -1.0, 1e-9)
    with pytest.raises(ValueError, match="budget_per_bucket"):
        delay.buckets(Traffic(LO, HI, SIZE), 1.0, 0.0)
    assert delay.buckets(NOTHING, 1000.0, 1e-3) == np.inf


# -- the budget -----------------------------------------------------------------------------------------------------

BUDGET, SERVICES = 4.0, 100


def learned(counts: Counts, least_ratio: float = 1.0) -> tuple[Floats, Floats, Floats]:
    found = [fit(counts[:, s], 0.05 / SERVICES, least_ratio) for s in range(counts.shape[1])]
    lo, hi, size = (np.array(each) for each in zip(*found, strict=True))
    return lo, hi, size


def false_alarms(counts: Counts, lo: Floats, hi: Floats, size: Floats) -> int:
    """Run (buckets, services), with `BUDGET` alarms allowed over all; limits are those of every bucket, or of each."""
    buckets, services = counts.shape
    evidence, alarms = np.zeros((services, len(traffic.WEIGHTS)), np.float32), 0
    for won in traffic.log_wealth(counts, lo, hi, size):
        evidence = esr.advance(evidence, won, traffic.WEIGHTS, np.full(services, BUDGET / buckets / services))
        fired = esr.fired(evidence)
        evidence[fired] = 0
        alarms += int(fired.sum())
    return alarms


ALLOWED = float(stats.poisson.isf(1e-3, BUDGET))


def test_buckets_that_do_not_depend_on_each_other_keep_the_budget_and_estimates_would_break_it() -> None:
    """Of 30 buckets, which is five minutes."""
    rng = np.random.default_rng(66)
    before, after = (rng.negative_binomial(3, 3 / 23, (buckets, SERVICES)) for buckets in (30, 2000))
    assert false_alarms(after, *learned(before)) <= ALLOWED
    mean, variance = before.mean(0), before.var(0, ddof=1)
    assert false_alarms(after, mean, mean, mean**2 / (variance - mean)) > 3 * ALLOWED


def test_a_season_keeps_the_budget_with_limits_of_its_own_for_each_hour() -> None:
    """A day that swings by 60 %, 24 hours of 20 buckets, learned from ten days; and from one mean it would not."""
    rng, hours, days = np.random.default_rng(67), 24, 10
    mean = np.repeat(20 * (1 + 0.6 * np.sin(2 * np.pi * np.arange(hours) / hours)), 20)

    def week(length: int) -> Counts:
        return rng.negative_binomial(20, 20 / (20 + np.tile(mean, length)[:, None]), (480 * length, SERVICES))

    before, after = week(days), week(4)
    of_hours = [
        learned(before.reshape(days, hours, 20, SERVICES)[:, hour].reshape(-1, SERVICES)) for hour in range(hours)
    ]
    lo, hi, size = (np.tile(np.repeat(np.stack(each), 20, axis=0), (4, 1)) for each in zip(*of_hours, strict=True))
    assert false_alarms(after, lo, hi, size) <= ALLOWED
    assert false_alarms(after, *learned(before)) > 3 * ALLOWED


def test_traffic_that_wanders_breaks_the_budget_unless_its_wandering_is_no_news() -> None:
    """Measured, not proved: a rate that wanders by 10 % (one standard deviation) over 30 buckets. Given the past, its
    mean is not within limits that were learned for all times. Two and a half deviations either way are."""
    rng, buckets, keeps = np.random.default_rng(68), 4000, float(np.exp(-1 / 30))
    off, rate = rng.normal(size=SERVICES), np.empty((buckets, SERVICES))
    for bucket in rate:
        off = keeps * off + np.sqrt(1 - keeps**2) * rng.normal(size=SERVICES)
        bucket[:] = 20 * np.exp(0.1 * off)
    before, after = np.split(rng.poisson(rate), 2)
    assert false_alarms(after, *learned(before)) > 2 * ALLOWED
    assert false_alarms(after, *learned(before, least_ratio=1.25)) <= ALLOWED

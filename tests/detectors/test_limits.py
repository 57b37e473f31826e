"""Limits miss as rarely as they say: exactly, by going through all samples, where that can be done."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from detectors.bets import category, number, rate
from detectors.limits import betting, clopper_pearson
from detectors.limits.effect import outward
from tests.detectors.tables import BASELINES

RATES = np.concatenate([[1e-4, 1e-3, 0.01], np.linspace(0.02, 0.98, 97), [0.99, 0.999, 0.9999]])


def misses(lo: np.ndarray, hi: np.ndarray, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum up, for each of `RATES`, the chance of a sample whose limit is above it, and of one whose limit is below."""
    chance = stats.binom.pmf(np.arange(trials + 1)[:, None], trials, RATES)
    return (chance * (lo[:, None] > RATES)).sum(0), (chance * (hi[:, None] < RATES)).sum(0)


@pytest.mark.parametrize("trials", [1, 2, 7, 60, 500])
@pytest.mark.parametrize("level", [0.05, 1e-3, 1e-9])
def test_clopper_pearson_misses_each_side_at_most_at_its_level(trials: int, level: float) -> None:
    lo, hi = clopper_pearson.limits(np.arange(trials + 1), trials, level)
    for missed in misses(lo, hi, trials):
        assert missed.max() <= level * (1 + 1e-9)


@pytest.mark.parametrize("trials", [60, 500])
def test_clopper_pearson_is_no_wider_than_it_must(trials: int) -> None:
    """At its limits, so few (or many) successes have the probability `level`: a narrower one would miss."""
    s = np.arange(trials + 1)
    lo, hi = clopper_pearson.limits(s, trials, 1e-6)
    assert stats.binom.cdf(s[:-1], trials, hi[:-1]) == pytest.approx(1e-6, rel=1e-6)
    assert stats.binom.sf(s[1:] - 1, trials, lo[1:]) == pytest.approx(1e-6, rel=1e-6)


def test_clopper_pearson_at_its_ends() -> None:
    lo, hi = clopper_pearson.limits([0, 9, 0], [9, 9, 0], 1e-12)
    assert lo.tolist() == [0.0, pytest.approx(1e-12 ** (1 / 9)), 0.0]
    assert hi.tolist() == [pytest.approx(1 - 1e-12 ** (1 / 9)), 1.0, 1.0]


@pytest.mark.parametrize(
    ("successes", "trials", "level"),
    [(2, 1, 0.1), (-1, 1, 0.1), (0, 1, 0.0), (0, 1, 0.5), (np.nan, 1, 0.1), (0, 1, np.nan)],
)
def test_clopper_pearson_refuses(successes: float, trials: float, level: float) -> None:
    with pytest.raises(ValueError, match="must lie"):
        clopper_pearson.limits(successes, trials, level)


@pytest.mark.parametrize("trials", [1, 7, 60, 500, 3000])
@pytest.mark.parametrize("level", [0.05, 1e-3, 1e-9])
def test_betting_limits_of_a_rate_miss_each_side_at_most_at_their_level(trials: int, level: float) -> None:
    s = np.arange(trials + 1)
    lo, hi = betting.limits([0.0, 1.0], np.stack([trials - s, s], axis=1), level)
    for missed in misses(lo, hi, trials):
        assert missed.max() <= level


def test_betting_limits_of_any_variable_miss_at_most_at_their_level() -> None:
    """2,000 samples of skewed, atomic and even variables; the bound is three standard errors above the level."""
    rng, level, samples = np.random.default_rng(5), 0.05, 2000
    for values, chance in (([0.0, 0.02, 1.0], [0.9, 0.08, 0.02]), (np.linspace(0, 1, 19), np.full(19, 1 / 19)),
                           ([0.4, 0.5, 0.55], [0.1, 0.5, 0.4])):  # fmt: skip
        x = np.asarray(values)
        lo, hi = betting.limits(x, rng.multinomial(150, chance, samples), level)
        mean = float(x @ np.asarray(chance))
        allowed = level + 3 * np.sqrt(level / samples)
        assert (lo > mean).mean() <= allowed
        assert (hi < mean).mean() <= allowed


@pytest.mark.parametrize("level", [1e-5, 1e-9])
@pytest.mark.parametrize("trials", [2000, 20_000, 10**6])
def test_betting_limits_are_no_wider_than_their_stakes_explain(trials: int, level: float) -> None:
    """Who knew the best stake, ``(p - m) / (1 - m)`` for a lower limit of a rate, would rule out a rate at ``n KL =
    log(1 / level)``. Stakes lie an octave apart, so one is between 2/3 and 4/3 of the best, and a stake that is r times
    the best wins 2 r - r^2 of what that does: 8/9. It began with half of the wealth, or a third less for each octave
    from the middle."""
    s = np.array([trials // 20, trials // 2, trials - trials // 20])
    lo, hi = betting.limits([0.0, 1.0], np.stack([trials - s, s], axis=1), level)
    middle = 2 * np.sqrt(2 * np.log(1 / level) / trials)
    for p, limit in ((s / trials, lo), (1 - s / trials, 1 - hi)):
        evidence = trials * (special.rel_entr(p, limit) + special.rel_entr(1 - p, 1 - limit))
        octaves = np.ceil(np.abs(np.log2((p - limit) / (1 - limit) / middle)))
        assert (octaves <= 4).all()
        assert (evidence >= np.log(1 / level)).all()
        assert (evidence <= (np.log(1 / level) + np.log(2 * 3**octaves)) / (8 / 9)).all()


@given(counts=st.lists(st.integers(0, 1000), min_size=4, max_size=4), level=st.floats(1e-12, 0.49))
def test_betting_limits_hold_the_mean_and_mirror(counts: list[int], level: float) -> None:
    x = np.array([0.0, 0.25, 0.6, 1.0])
    lo, hi = betting.limits(x, counts, level)
    mirrored_lo, mirrored_hi = betting.limits(1 - x, counts, level)
    assert 0 <= lo <= hi <= 1
    assert lo == pytest.approx(1 - mirrored_hi, abs=1e-9)
    assert hi == pytest.approx(1 - mirrored_lo, abs=1e-9)
    if n := sum(counts):
        assert lo <= float(x @ counts) / n + 1e-12
        assert hi >= float(x @ counts) / n - 1e-12
    else:
        assert lo == 0
        assert hi == 1


def test_betting_limits_refuse() -> None:
    for values, counts, level in (([1.1], [1], 0.1), ([np.nan], [1], 0.1), ([0.5], [-1], 0.1), ([0.5], [1], 0.5),
                                  ([0.5], [np.inf], 0.1)):  # fmt: skip
        with pytest.raises(ValueError, match="must"):
            betting.limits(values, counts, level)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_smallest_effect_only_widens(a: float, b: float, effect: float) -> None:
    lo, hi = outward(np.array([min(a, b)]), np.array([max(a, b)]), effect)
    assert 0 <= lo[0] <= min(a, b)
    assert max(a, b) <= hi[0] <= 1
    assert hi[0] == min(1, max(a, b) + effect)
    assert lo[0] == max(0, min(a, b) - effect)


@pytest.mark.parametrize("effect", [-0.01, 1.01, np.nan])
def test_an_effect_is_in_points_of_share(effect: float) -> None:
    with pytest.raises(ValueError, match="points of share"):
        outward(np.zeros(1), np.ones(1), effect)


# The level of a monitor is that of *all* its limits together. Limits made for one side and used for two would miss
# twice as often; so would limits that are not divided over the features.


def test_all_limits_of_a_rate_together_miss_at_most_at_the_level() -> None:
    """Exactly: both sides of yes, over all samples of 400 observed, and both of missing, over all of 400 events."""
    n, level = 400, 0.02
    s = np.arange(n + 1)
    levels = np.full(n + 1, level)
    of_yes = rate.table(np.stack([n - s, s, 0 * s], axis=1), levels)
    of_missing = rate.table(np.stack([n - s, 0 * s, s], axis=1), levels)
    total = 0.0
    for bets, feature in ((of_yes, "yes"), (of_missing, "missing")):
        j = bets.feature.index(feature)
        total += max(low + high for low, high in zip(*misses(bets.lo[:, j], bets.hi[:, j], n), strict=True))
    assert total <= level
    assert total >= 0.5 * level  # and the level is spent, not thrown away


def test_all_limits_of_a_category_together_miss_at_most_at_the_level() -> None:
    """Exactly, for each of its K + 3 shares by itself; their sum bounds that of any of them."""
    n, level, names = 200, 0.05, 3
    cells = names + category.BEYOND_NAMES
    s = np.arange(n + 1)
    total = 0.0
    for cell in range(cells):
        counts = np.zeros((n + 1, cells), np.int64)
        counts[:, cell] += s
        counts[:, 0 if cell else 1] += n - s
        bets = category.table(counts, np.full(n + 1, level))
        j = bets.feature.index("missing" if cell == cells - 1 else f"cell:{cell}")
        total += max(low + high for low, high in zip(*misses(bets.lo[:, j], bets.hi[:, j], n), strict=True))
    assert total <= level
    assert total >= 0.3 * level


def test_all_limits_of_a_number_take_an_even_part_of_the_level() -> None:
    """Where nothing was missing, a share of missing at its limit leaves no trace in n events at 1/12 of the level; a
    tail in which none lies, of at most 20, at half of that for each of the 20."""
    counts, level = BASELINES["number"][1:2], 1e-6  # 2,000 times one value
    bets = number.table(counts, np.array([level]))
    of = bets.feature.index
    assert (1 - bets.hi[0, of("missing")]) ** 2000 == pytest.approx(level / 12)
    assert (1 - bets.hi[0, of("above_p99")]) ** 2000 == pytest.approx(level / 12 / 2 / 20)


def three_values(n: int) -> tuple[np.ndarray, np.ndarray]:
    """All samples of n on three values, and true shares of these that put a cut anywhere."""
    low, top = (grid.ravel() for grid in np.mgrid[: n + 1, : n + 1])
    kept = low + top <= n
    samples = np.stack([low, n - low - top, top], axis=1)[kept]
    end, middle = (grid.ravel() for grid in np.meshgrid([0.003, 0.02, 0.05, 0.08, 0.12], np.linspace(0.01, 0.3, 15)))
    upward = np.stack([1 - end - middle, middle, end], axis=1)
    return samples, np.concatenate([upward, upward[:, ::-1]])


def test_limits_of_tails_hold_though_the_sample_chose_their_cut() -> None:
    """Exactly, each side at 5 %: over all samples of 100 on three values. And the cut has its price: Clopper and
    Pearson's upper limit, as if nobody had chosen, misses more often than it says."""
    side = 0.05
    samples, shares = three_values(100)
    chance = stats.multinomial.pmf(samples[:, None], 100, shares[None])
    counts = np.zeros((len(samples), 235), np.int64)
    counts[:, [50, 100, 150]] = samples
    bets = number.table(counts, np.full(len(samples), 12 * side))
    values = np.stack([bets.values(s)[:, [50, 100, 150]] for s in range(len(samples))])
    naive = 0.0
    for feature in ("below_p10", "above_p90", "above_p99"):
        j = bets.feature.index(feature)
        tail = values[:, j] == 1
        true = tail.astype(np.float64) @ shares.T  # of the cut that each sample chose
        _, free = clopper_pearson.limits((tail * samples).sum(axis=1), 100, side)
        above, below, cheap = (
            (chance * wrong).sum(axis=0).max()
            for wrong in (true > bets.hi[:, j, None], true < bets.lo[:, j, None] - 1e-12, true > free[:, None])
        )
        assert above <= side
        assert below <= side
        naive = max(naive, float(cheap))
    assert naive > 1.1 * side


@pytest.mark.parametrize("kind", ["continuous", "few values", "skewed"])
def test_limits_of_ranks_hold_though_ranks_come_from_the_same_sample(kind: str) -> None:
    """All the five features that ranks are made of, for 400 learned samples at a level of 5 %.

    The true mean of a feature is exact: its value in each cell, by the cell's true probability.
    """
    cell = np.arange(235)
    chance = {
        "continuous": stats.norm.pdf(cell, 120, 11),
        "few values": np.isin(cell, (60, 64, 72, 100)) * (cell / 40.0) ** 2,
        "skewed": np.exp(-cell / 9.0) * (cell < 234),
    }[kind]
    chance = chance * (cell < 234) / (chance * (cell < 234)).sum()
    samples, level = 400, 0.05
    bets = number.table(np.random.default_rng(6).multinomial(300, chance, samples), np.full(samples, level))
    wrong = np.zeros(samples, np.bool_)
    for s in range(samples):
        mean = np.nansum(bets.values(s) * chance, axis=1)
        wrong[s] = ((mean < bets.lo[s] - 1e-12) | (mean > bets.hi[s] + 1e-12)).any()
    assert wrong.mean() <= level + 3 * np.sqrt(level / samples)

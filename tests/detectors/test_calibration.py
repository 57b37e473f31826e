"""Confidence that means what it says is left alone wherever in its band it lay; what does not is found."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy import special, stats

from detectors import delay, esr
from detectors.arrays import Bools, Counts, Floats
from detectors.bets import calibration
from detectors.bets.calibration import CalibrationBets
from detectors.limits import betting
from schemas.signals import BANDS, CALIBRATION_CELLS
from tests.detectors.exact import most_expected
from tests.detectors.tables import calibrated

EDGES = np.arange(BANDS + 1) / BANDS
Rng = np.random.Generator


def cell(said: Floats, right: np.ndarray) -> Counts:
    """The cell of each answer; a confidence on an edge, as one in words is, belongs to the band above."""
    band = np.minimum(np.floor(said * BANDS + 1e-9).astype(np.int64), BANDS - 1)
    return np.asarray(2 * band + right, np.int64)


def tally(cells: Counts) -> Counts:
    slot = np.arange(cells.shape[1]) * CALIBRATION_CELLS + cells
    return np.bincount(slot.ravel(), minlength=cells.shape[1] * CALIBRATION_CELLS).reshape(-1, CALIBRATION_CELLS)


def shares(said: Floats, right: Floats) -> Floats:
    """Each of `said` as often, and right with these chances."""
    share = np.zeros(CALIBRATION_CELLS)
    for wrong_or_right, chance in ((False, 1 - right), (True, right)):
        np.add.at(share, cell(said, np.full(len(said), wrong_or_right)), chance / len(said))
    return share


def run(bets: CalibrationBets, draw: Callable[[], Counts], blocks: int, each: float) -> tuple[Bools, int]:
    """Run monitors over blocks; which of them alarmed, and how many alarms there were."""
    evidence, alarms = np.zeros(bets.lo.shape, np.float32), 0
    ever = np.zeros(len(evidence), np.bool_)
    for _ in range(blocks):
        evidence = esr.advance(evidence, bets.growth(draw()), bets.weights, np.full(len(evidence), each))
        fired = esr.fired(evidence)
        evidence[fired] = 0
        alarms += int(fired.sum())
        ever |= fired
    return ever, alarms


def delays(bets: CalibrationBets, draw: Callable[[], Counts], services: int, each: float, most: int) -> Floats:
    """Run many services under the bets of one, answer by answer: how many it took; none may take longer than `most`."""
    matrix, evidence = bets.matrix()[0], np.zeros((services, len(bets.weights)), np.float32)
    seen = np.full(services, np.inf)
    for answer in range(1, most + 1):
        evidence = esr.advance(evidence, matrix[:, draw()].T, bets.weights, np.full(services, each))
        seen[esr.fired(evidence) & np.isinf(seen)] = answer
        if np.isfinite(seen).all():
            return seen
    raise AssertionError(f"{np.isinf(seen).sum()} of {services} were not found in {most} answers")


@pytest.mark.parametrize("tolerance", [0.0, 0.02, 0.1, 0.6])
def test_no_mean_gap_within_the_tolerance_makes_wealth_grow_wherever_confidences_lie(tolerance: float) -> None:
    """Exactly. The tally knows the band of a confidence, so each cell is taken twice: at both ends of its band. What
    lies between is a mixture of these, and `most_expected` goes through all mixtures whose mean gap is allowed."""
    bets = calibration.table(1, tolerance)
    matrix = np.exp(bets.matrix()[0, :, :-1])
    for j, side in enumerate(bets.side):
        looks = ~np.isnan(bets.values(0)[j, :-1])
        ends = np.stack([np.repeat(EDGES[:-1], 2), np.repeat(EDGES[1:], 2)])[:, looks]
        gap = np.tile([0.0, 1.0], BANDS)[looks] - ends
        wealth = np.broadcast_to(matrix[j, looks], gap.shape)
        assert most_expected(wealth.ravel(), side * gap.ravel(), tolerance) <= 1 + 1e-12, bets.feature[j]


def test_confidence_said_in_words_pays_nothing_for_bands_when_it_says_too_much() -> None:
    """0.8, 0.85, 0.9, 0.95 are the lower ends of their bands. Right by the tolerance less often than that, all the
    wealth that is allowed is expected, but for what rounding down to the grid takes."""
    said = np.array([0.8, 0.85, 0.9, 0.95])
    bets = calibration.table(1, 0.02)
    expected = np.exp(bets.matrix()[0]) @ shares(said, said - 0.02)
    over = (bets.side < 0) & (np.array(bets.feature) == "all")
    assert expected[over] == pytest.approx(1.0, abs=2.0**-19)
    assert (expected <= 1).all()


def test_a_calibrated_service_keeps_the_budget_and_one_at_the_edge_of_the_tolerance_spends_it() -> None:
    """300 services, 4,000 answers each in blocks of 20, 40 alarms allowed over all.

    Half of the budget is on services that say too little, and a quarter of the rest each on low and middle
    confidences, which these hardly state: three sixteenths, and a bit, is all that they can spend.
    """
    rng, services, blocks, budget, tolerance = np.random.default_rng(51), 300, 200, 40.0, 0.02
    bets = calibration.table(services, tolerance)

    def alarms(less: float) -> int:
        def draw() -> Counts:
            said = rng.choice([0.9, 0.95], (20, services))
            return tally(cell(said, rng.random(said.shape) < said - less))

        return run(bets, draw, blocks, budget / blocks / services)[1]

    assert alarms(0.0) <= stats.poisson.isf(1e-3, budget / 4)
    at_the_edge = alarms(tolerance)
    assert at_the_edge <= stats.poisson.isf(1e-3, budget)
    assert at_the_edge >= stats.poisson.ppf(1e-3, budget * 3 / 16 / 2)


@pytest.mark.parametrize(("points", "figure"), [(0.05, 802), (0.1, 211), (0.2, 71)])
def test_over_confidence_in_words_is_found_as_soon_as_the_prototype_found_it(points: float, figure: int) -> None:
    """Right 5, 10, 20 points less often than the 0.9 or 0.95 that is said; one false alarm in 10^5 answers allowed, no
    tolerance; answer by answer, 200 services, so that the mean is known to within three standard errors."""
    rng, services = np.random.default_rng(52), 200

    def draw() -> Counts:
        said = rng.choice([0.9, 0.95], services)
        return cell(said, rng.random(services) < said - points)

    seen = delays(calibration.table(1, 0.0), draw, services, 1e-5, 10 * figure)
    assert seen.mean() <= figure + 3 * seen.std() / np.sqrt(services)


@pytest.mark.parametrize("points", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("least", [0.5, 0.7, 0.8, 0.9])
def test_what_a_few_bets_lose_against_an_oracle_is_bounded(points: float, least: float) -> None:
    """The oracle knows how right the service is at each confidence, and puts the whole budget on that.

    Each of our bets has 1/24 of the budget, log(24) nats. Of two stakes next to each other (a factor of 7/3 apart)
    the better one has at least r = 0.6 of the best, which wins 2 r - r^2 = 84 % of it. The rest is that one stake
    serves all confidences, where the best grows with 1 / c (1 - c), more so the larger the gap. A third is allowed for
    that, up to 20 points.
    """
    w, said = 1e-10, np.arange(round(least * BANDS), BANDS) / BANDS
    right = said - points
    kl = float((special.rel_entr(right, said) + special.rel_entr(1 - right, 1 - said)).mean())
    oracle = np.log1p((1 - np.exp(-kl)) / w) / kl
    ours = delay.events(calibration.table(1, 0.0), 0, shares(said, right), w)
    assert oracle <= ours <= oracle * (1 + np.log(24) / (oracle * kl)) / 0.84 * 4 / 3


@pytest.mark.parametrize("points", [0.15, 0.3])
def test_the_delay_foretold_is_the_delay_seen(points: float) -> None:
    """Answer by answer, 200 services; within 15 % and three standard errors."""
    rng, services, w = np.random.default_rng(53), 200, 1e-8
    bets, after = calibration.table(1, 0.02), delay.less_right(calibrated(20_000), points)
    expected = delay.events(bets, 0, after, w)
    seen = delays(bets, lambda: rng.choice(CALIBRATION_CELLS, services, p=after), services, w, int(6 * expected))
    assert abs(seen.mean() - expected) <= 0.15 * expected + 3 * seen.std() / np.sqrt(services)


@pytest.mark.parametrize(("points", "direction"), [(0.3, -1), (-0.3, 1)])
def test_too_sure_is_down_and_not_sure_enough_is_up(points: float, direction: int) -> None:
    bets = calibration.table(1, 0.02)
    counts = np.round(4000 * delay.less_right(calibrated(4000), points)).astype(np.int64)
    growth = bets.growth(counts[None])[0]
    assert set(bets.direction[growth > 5].tolist()) == {direction}
    best = int(growth.argmax())
    assert bets.feature[best] == "all"
    assert bets.gap(best, bets.mean(best, 0, counts)) == pytest.approx(-points, abs=0.05)  # some bands end at 0 or 1


def test_too_sure_here_and_not_sure_enough_there_is_found_though_it_evens_out() -> None:
    """Right 40 % of the time, be it that 0.2 is said or 0.6: the mean gap is none."""
    bets = calibration.table(1, 0.02)
    growth = bets.growth(np.round(1000 * shares(np.array([0.2, 0.6]), np.array([0.4, 0.4]))).astype(np.int64)[None])[0]
    won = {(bets.feature[j], int(bets.direction[j])) for j in np.flatnonzero(growth > 5)}
    assert won == {("low", 1), ("middle", -1)}


def test_what_is_missing_is_no_evidence() -> None:
    counts = np.zeros((1, CALIBRATION_CELLS), np.int64)
    counts[0, -1] = 1000
    assert not calibration.table(1, 0.0).growth(counts).any()


def too_sure(rng: Rng, events: int, services: int, by: float) -> Counts:
    said = rng.choice([0.6, 0.8, 0.9, 0.95], (events, services))
    return tally(cell(said, rng.random(said.shape) < said - by))


def test_a_service_that_is_as_wrong_as_it_was_keeps_the_budget_and_both_ways_out_are_found() -> None:
    """Always 20 points too sure, learned from 2,000 answers: what alarms at once against the truth is no news."""
    rng, services, blocks, budget = np.random.default_rng(54), 200, 100, 4.0
    bets = calibration.learned(too_sure(rng, 2000, services, 0.2), np.full(services, 0.05 / services))
    each = budget / blocks / services
    assert run(bets, partial(too_sure, rng, 20, services, 0.2), blocks, each)[1] <= stats.poisson.isf(1e-3, budget)
    for by in (0.0, 0.4):
        assert run(bets, partial(too_sure, rng, 20, services, by), blocks, each)[0].all()
    against_the_truth = calibration.table(services, 0.02)
    assert run(against_the_truth, partial(too_sure, rng, 20, services, 0.2), blocks, each)[0].all()


def test_limits_that_were_learned_miss_at_most_at_the_level() -> None:
    """All eight limits of 500 samples of 300 answers, at a level of 5 %; three standard errors."""
    rng, samples, level = np.random.default_rng(55), 500, 0.05
    bets = calibration.learned(too_sure(rng, 300, samples, 0.15), np.full(samples, level))
    said = np.array([0.6, 0.8, 0.9, 0.95])
    share = shares(said, said - 0.15)
    x = bets.values(0)
    looks = ~np.isnan(x)
    mean = np.where(looks, np.nan_to_num(x) * share, 0).sum(1) / np.maximum((looks * share).sum(1), 1e-300)
    seen = (looks * share).sum(1) > 0
    wrong = (((bets.lo > mean) | (bets.hi < mean)) & seen).any(1).mean()
    assert wrong <= level + 3 * np.sqrt(level / samples)


def test_each_of_the_eight_limits_takes_an_even_part_of_the_level() -> None:
    counts, level = calibrated(4000), 1e-6
    bets = calibration.learned(counts[None], np.array([level]))
    for j in range(0, len(bets.weights), 6):
        x = bets.values(0)[j]
        looks = ~np.isnan(x)
        lo, hi = betting.limits(x[looks], counts[looks], level / 8)
        assert bets.lo[0, j] == pytest.approx(lo)
        assert bets.hi[0, j] == pytest.approx(hi)


def test_a_tolerance_only_takes_evidence_away() -> None:
    baseline, level = calibrated(4000)[None], np.array([1e-4])
    counts = np.round(400 * delay.less_right(baseline[0], 0.3)).astype(np.int64)[None]
    for strict, lenient in (
        (calibration.table(1, 0.0), calibration.table(1, 0.05)),
        (calibration.learned(baseline, level), calibration.learned(baseline, level, 0.05)),
    ):
        assert (lenient.lo <= strict.lo).all()
        assert (lenient.hi >= strict.hi).all()
        assert lenient.growth(counts).max() < strict.growth(counts).max()


@pytest.mark.parametrize("tolerance", [-0.01, 1.0, float("nan")])
def test_what_is_no_tolerance_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance must lie"):
        calibration.table(1, tolerance)
    with pytest.raises(ValueError, match="tolerance must lie"):
        calibration.learned(calibrated(400)[None], np.array([0.1]), tolerance)
    with pytest.raises(ValueError, match="slices"):
        calibration.table(-1, 0.1)


def test_between_the_truth_and_what_was_nothing_makes_wealth_grow_and_beyond_it_does() -> None:
    """It was right in 75 where 90 was said; anything from there to 95 is no news, at a tolerance of five points."""
    counts = np.zeros((1, CALIBRATION_CELLS), np.int64)
    counts[0, 36:38] = 5000, 15_000
    bets = calibration.either(counts, np.array([1e-4]), tolerance=0.05)
    for right in (0.70, 0.75, 0.85, 0.95):
        assert (np.exp(bets.matrix()[0]) @ shares(np.array([0.9]), np.array([right])) <= 1 + 1e-12).all()
    assert (np.exp(bets.matrix()[0]) @ shares(np.array([0.9]), np.array([0.55])) > 1).any()


def test_a_calibrated_service_is_hardly_ever_said_to_be_too_sure() -> None:
    """At the edge of the tolerance, with a level of 5 %: of 2,000, the 0.1 % point of a binomial variable at most."""
    rng, services = np.random.default_rng(77), 2000
    right = rng.binomial(400, 0.85, services)
    counts = np.zeros((services, CALIBRATION_CELLS), np.int64)
    counts[:, 36], counts[:, 37] = 400 - right, right
    found = calibration.overconfident(counts, np.full(services, 0.05), tolerance=0.05)
    assert found.sum() <= stats.binom.isf(1e-3, services, 0.05)
    counts[:, 36], counts[:, 37] = 400 - right // 2, right // 2
    assert calibration.overconfident(counts, np.full(services, 0.05), tolerance=0.05).all()

"""What every detector promises, whatever it looks at: asked of each, an observation at a time.

What a table of bets promises beyond that stands in `test_bets_contract`.
"""

import pkgutil
from typing import Any

import numpy as np
import pytest
from scipy import stats

import detectors.bets
from detectors import esr
from detectors.arrays import Counts, Evidence
from tests.detectors.cases import DETECTORS, Detector, Monitors
from tests.detectors.tables import TABLES

BUDGET = 1e-6
"""Alarms that each observation may cost."""
CHANGE = 100
"""Observations before it."""

every_detector = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
every_learner = pytest.mark.parametrize(
    "detector", [detector for detector in DETECTORS if detector.learns], ids=lambda detector: detector.name
)


def armed(detector: Detector, rng: np.random.Generator, monitors: int, level: float = 1e-4) -> Monitors:
    return detector.watch(detector.before(rng, (detector.learns, monitors)), level)


def changing(detector: Detector, rng: np.random.Generator, monitors: int, after: int) -> Counts:
    return np.concatenate([detector.before(rng, (CHANGE, monitors)), detector.after(rng, (after, monitors))])


def first_alarms(monitors: Monitors, observations: Counts, ends: Counts) -> Counts:
    """Run over blocks that end where they are told to; the end of the block of each first alarm, or 0."""
    slices = observations.shape[1]
    evidence, found, start = np.zeros((slices, len(monitors.weights)), np.float32), np.zeros(slices, np.int64), 0
    for end in ends.tolist():
        growth = monitors.growth(monitors.block(observations[start:end]))
        evidence = esr.advance(evidence, growth, monitors.weights, np.full(slices, BUDGET * (end - start)))
        found[(found == 0) & esr.fired(evidence)] = end
        start = end
    return found


def test_every_file_of_bets_is_asked() -> None:
    """Those that are no detector make the bets of one: on shares, on means, on cells."""
    files = {module.name for module in pkgutil.iter_modules(detectors.bets.__path__)}
    asked = {detector.name for detector in DETECTORS}
    assert files - {"bounded", "indicator", "table", "traffic"} == set(TABLES) - {"calibrated"}
    assert asked == set(TABLES) | {"surge", "slump", "silence"}


@every_detector
def test_a_change_is_found_when_it_was_foretold_and_not_before_it_came(detector: Detector) -> None:
    """Twenty monitors, all within three times as long: evidence that wins g a step scatters by about the square root
    of what it has to win, so that twice as long is far beyond chance already; and one step for what is foretold in
    parts of one."""
    rng = np.random.default_rng(31)
    monitors = armed(detector, rng, 20)
    foretold = monitors.foretold(BUDGET)
    assert foretold < 60  # these changes are clear
    after = int(np.ceil(3 * foretold)) + 1
    found = first_alarms(monitors, changing(detector, rng, 20, after), np.arange(1, CHANGE + after + 1))
    assert (found > CHANGE).all()


@every_detector
@pytest.mark.parametrize("length", [7, 20, 64, "any"])
def test_any_split_into_blocks_gives_the_same_alarms_up_to_the_block(detector: Detector, length: int | str) -> None:
    rng = np.random.default_rng(32)
    monitors, observations = armed(detector, rng, 20), changing(detector, rng, 20, 700)
    total = len(observations)
    cuts = np.arange(int(length), total, int(length)) if length != "any" \
        else np.sort(rng.choice(np.arange(1, total), 40, replace=False))  # fmt: skip
    ends = np.append(cuts, total)
    one_by_one = first_alarms(monitors, observations, np.arange(1, total + 1))
    in_blocks = first_alarms(monitors, observations, ends)
    assert (one_by_one > CHANGE).all()
    # The block that holds the alarm found one by one; in blocks it comes with that one, or the one beside it. But
    # evidence may pass the line within a block and be back below it at the end: one of twenty may come later still.
    apart = np.abs(np.searchsorted(ends, in_blocks) - np.searchsorted(ends, one_by_one))
    assert (apart <= 1).sum() >= 19
    assert (in_blocks > CHANGE).all()


@every_detector
def test_a_block_wins_what_its_parts_win_in_any_order_to_the_bit(detector: Detector) -> None:
    rng = np.random.default_rng(33)
    monitors, observations = armed(detector, rng, 5), changing(detector, rng, 5, 200)
    parts = [monitors.growth(monitors.block(part)) for part in np.array_split(rng.permutation(observations), 9)]
    assert (np.add.reduce(parts) == monitors.growth(monitors.block(observations))).all()


@every_detector
def test_evidence_that_went_through_bytes_goes_on_as_if_never_stored(detector: Detector) -> None:
    rng = np.random.default_rng(34)
    monitors = armed(detector, rng, 5)
    kept = stored = np.zeros((5, len(monitors.weights)), np.float32)
    for part in np.array_split(changing(detector, rng, 5, 200), 60):
        growth, budget = monitors.growth(monitors.block(part)), np.full(5, BUDGET)
        kept = esr.advance(kept, growth, monitors.weights, budget)
        stored = esr.advance(stored, growth, monitors.weights, budget)
        stored = np.frombuffer(stored.tobytes(), np.float32).reshape(stored.shape)
        assert kept.tobytes() == stored.tobytes()
    assert esr.fired(stored).all()


@every_detector
def test_evidence_is_all_that_a_detector_remembers_and_it_never_grows(detector: Detector) -> None:
    """A thousand blocks later the same block wins the same bits, from the same evidence to the same."""
    rng = np.random.default_rng(35)
    monitors = armed(detector, rng, 3)
    block, budget = monitors.block(detector.before(rng, (5, 3))), np.full(3, BUDGET)

    def one_more(evidence: Evidence) -> Evidence:
        return esr.advance(evidence, monitors.growth(block), monitors.weights, budget)

    evidence = nothing = np.zeros((3, len(monitors.weights)), np.float32)
    once = one_more(nothing)
    for _ in range(1000):
        growth = monitors.growth(monitors.block(detector.after(rng, (1, 3))))
        evidence = esr.advance(evidence, growth, monitors.weights, budget)
    assert evidence.nbytes == nothing.nbytes <= 3 * 4 * 64
    assert one_more(nothing).tobytes() == once.tobytes()


@every_learner
def test_nothing_comes_of_anything_before_the_baseline(detector: Detector) -> None:
    rng = np.random.default_rng(36)
    monitors = detector.watch(np.zeros((0, 3), np.int64), 1e-4)
    for observations in (detector.before(rng, (300, 3)), detector.after(rng, (300, 3))):
        assert not monitors.growth(monitors.block(observations)).any()


@every_detector
def test_what_is_no_observation_is_refused_aloud(detector: Detector) -> None:
    rng = np.random.default_rng(37)
    monitors = armed(detector, rng, 3)
    good = monitors.block(detector.before(rng, (50, 3)))
    nan: Any = np.full(good.shape, np.nan)
    with pytest.raises(ValueError, match="counts must be integers"):
        monitors.growth(nan)
    with pytest.raises(ValueError, match="counts holds a negative number"):
        monitors.growth(good - good.max() - 1)
    with pytest.raises(ValueError, match=detector.refusal):
        monitors.growth(detector.unknown(good))


@every_detector
def test_the_budget_is_kept(detector: Detector) -> None:
    """200 monitors with limits of their own, 2,000 observations each in blocks of 20, four alarms allowed over all.

    The promise bounds the expected number; the actual one is allowed the 0.1 % point of a Poisson variable.
    """
    rng, slices, steps, budget = np.random.default_rng(38), 200, 100, 4.0
    monitors = armed(detector, rng, slices, level=0.05 / slices)
    evidence, alarms = np.zeros((slices, len(monitors.weights)), np.float32), 0
    for _ in range(steps):
        growth = monitors.growth(monitors.block(detector.before(rng, (20, slices))))
        evidence = esr.advance(evidence, growth, monitors.weights, np.full(slices, budget / steps / slices))
        fired = esr.fired(evidence)
        evidence[fired] = 0
        alarms += int(fired.sum())
    assert alarms <= stats.poisson.isf(1e-3, budget)

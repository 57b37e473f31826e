"""What every table of bets promises, asked of each."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import esr
from detectors.arrays import Counts
from detectors.bets.table import Bets
from tests.detectors.exact import most_expected
from tests.detectors.tables import BASELINES, LEARNED, TABLES

LEVELS = (1e-9, 1e-4, 0.05)

every_table = pytest.mark.parametrize("name", sorted(TABLES))
every_learned_table = pytest.mark.parametrize("name", LEARNED)


def made(name: str, level: float = 1e-4) -> Bets:
    counts = BASELINES[name]
    return TABLES[name](counts, np.full(len(counts), level))


def block(rng: np.random.Generator, name: str, events: int = 200) -> Counts:
    slices, cells = BASELINES[name].shape
    return rng.multinomial(events, rng.dirichlet(np.ones(cells)), slices)


def test_every_table_has_a_baseline_here() -> None:
    assert sorted(TABLES) == sorted(BASELINES)


@every_table
@pytest.mark.parametrize("level", LEVELS)
def test_no_distribution_within_the_limits_makes_wealth_grow(name: str, level: float) -> None:
    """E[L] <= 1 is all that the promise rests on."""
    bets = made(name, level)
    matrix = bets.matrix()
    for s in range(len(matrix)):
        values = bets.values(s)
        for j, side in enumerate(bets.side):
            looks = ~np.isnan(values[j])
            x, wealth = values[j][looks], np.exp(matrix[s, j][looks])
            limit = bets.hi[s, j]
            if side < 0:
                x, limit = 1 - x, 1 - bets.lo[s, j]
            assert most_expected(wealth, x, limit) <= 1 + 1e-12, (s, j, bets.feature[j])


@every_table
def test_cells_that_a_feature_does_not_look_at_neither_win_nor_lose(name: str) -> None:
    bets = made(name)
    for s, rows in enumerate(bets.matrix()):
        assert not rows[np.isnan(bets.values(s))].any()


@every_table
def test_log_wealth_is_on_the_grid(name: str) -> None:
    """Multiples of 2^-20 below 8: a float32 holds them, and sums over 2^30 events stay below 2^53 of them."""
    steps = made(name, 1e-9).matrix() * 2**20
    assert (steps == np.round(steps)).all()
    assert np.abs(steps).max() < 2**23


@every_table
def test_shapes_and_signs(name: str) -> None:
    bets = made(name)
    slices, cells = BASELINES[name].shape
    bet_count = len(bets.weights)
    assert bets.matrix().shape == (slices, bet_count, cells)
    assert bets.lo.shape == bets.hi.shape == (slices, bet_count)
    assert bets.values(0).shape == (bet_count, cells)
    assert bets.side.dtype == bets.direction.dtype == np.int8
    assert len(bets.feature) == len(bets.side) == len(bets.direction) == bet_count
    assert set(bets.side.tolist()) == {-1, 1}
    assert bets.weights.sum() == pytest.approx(1, abs=1e-12)
    assert (bets.weights > 0).all()


@every_table
def test_every_feature_is_bet_on_from_both_sides_with_the_same_budget(name: str) -> None:
    bets = made(name)
    for feature in set(bets.feature):
        rows = np.array([name_ == feature for name_ in bets.feature])
        up, down = (bets.weights[rows & (bets.side == side)].sum() for side in (1, -1))
        assert up == pytest.approx(down)


@every_table
def test_growth_is_the_matrix_times_the_counts(name: str) -> None:
    bets, counts = made(name), block(np.random.default_rng(1), name)
    assert (bets.growth(counts) == np.einsum("sjc,sc->sj", bets.matrix(), counts)).all()


@every_table
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), parts=st.integers(2, 9))
def test_a_block_split_anywhere_wins_the_same_bits(name: str, seed: int, parts: int) -> None:
    """And whichever part comes first."""
    rng = np.random.default_rng(seed)
    bets, counts = made(name), block(rng, name, events=int(rng.integers(1, 100_000)))
    split = rng.multinomial(counts, rng.dirichlet(np.ones(parts)))
    grown = [bets.growth(split[..., part]) for part in rng.permutation(parts)]
    assert (np.add.reduce(grown) == bets.growth(counts)).all()


@every_table
def test_slices_do_not_see_each_other(name: str) -> None:
    bets, counts = made(name), block(np.random.default_rng(2), name)
    for s, baseline in enumerate(BASELINES[name]):
        alone = TABLES[name](baseline[None], np.array([1e-4]))
        assert (alone.matrix()[0] == bets.matrix()[s]).all()
        assert (alone.growth(counts[s : s + 1])[0] == bets.growth(counts)[s]).all()


@every_table
def test_a_table_leaves_its_baseline_alone(name: str) -> None:
    before = BASELINES[name].copy()
    bets = made(name)
    bets.growth(BASELINES[name])
    assert (BASELINES[name] == before).all()


@every_table
def test_limits_hold_the_baseline_itself(name: str) -> None:
    bets = made(name)
    for s, baseline in enumerate(BASELINES[name]):
        for j in range(len(bets.weights)):
            mean = bets.mean(j, s, baseline)
            assert np.isnan(mean) or bets.lo[s, j] <= mean <= bets.hi[s, j]
            assert np.isnan(mean) == (not baseline[~np.isnan(bets.values(s)[j])].any())


@every_learned_table
@pytest.mark.parametrize("level", LEVELS)
def test_without_a_baseline_nothing_alarms(name: str, level: float) -> None:
    """Whatever comes, and however much budget: a thousand events, each cell in turn, a tenth of an alarm with each."""
    cells = BASELINES[name].shape[1]
    bets = TABLES[name](np.zeros((1, cells), np.int64), np.array([level]))
    assert (bets.lo == 0).all()
    assert (bets.hi == 1).all()
    assert not bets.matrix().any()
    evidence = np.zeros((1, len(bets.weights)), np.float32)
    for cell in np.repeat(np.arange(cells), max(1, 1000 // cells)):
        one = np.zeros((1, cells), np.int64)
        one[0, cell] = 1
        evidence = esr.advance(evidence, bets.growth(one), bets.weights, np.array([0.1]))
        assert not esr.fired(evidence).any()


@every_table
def test_state_through_bytes_goes_on_as_if_never_stored(name: str) -> None:
    rng, bets = np.random.default_rng(3), made(name)
    kept = stored = np.zeros(bets.lo.shape, np.float32)
    for _ in range(50):
        grown, budget = bets.growth(block(rng, name, events=5)), np.full(len(kept), 1e-3)
        kept = esr.advance(kept, grown, bets.weights, budget)
        stored = esr.advance(stored, grown, bets.weights, budget)
        stored = np.frombuffer(stored.tobytes(), np.float32).reshape(stored.shape)
    assert kept.tobytes() == stored.tobytes()


@every_table
def test_what_is_no_block_is_refused(name: str) -> None:
    bets, counts = made(name), block(np.random.default_rng(4), name)
    with pytest.raises(ValueError, match="negative"):
        bets.growth(counts - counts.max() - 1)
    nan: Any = np.full(counts.shape, np.nan)
    with pytest.raises(ValueError, match="integers"):
        bets.growth(nan)
    with pytest.raises(ValueError, match="the table is for"):
        bets.growth(counts[:, :-1])
    with pytest.raises(ValueError, match="exactly"):
        bets.growth(np.full(counts.shape, 2**30))


@every_learned_table
def test_what_is_no_baseline_is_refused(name: str) -> None:
    counts, level = BASELINES[name], np.full(len(BASELINES[name]), 1e-4)
    floats: Any = counts.astype(np.float64)
    for wrong in (counts - 1, counts[0], floats):
        with pytest.raises(ValueError, match="counts"):
            TABLES[name](wrong, level)
    for bad in (0.0, 1.0, -1e-9, float("nan")):
        with pytest.raises(ValueError, match="level"):
            TABLES[name](counts, np.full(len(counts), bad))
    with pytest.raises(ValueError, match="level"):
        TABLES[name](counts, level[:-1])


@every_table
def test_a_table_is_small(name: str) -> None:
    """28 slices (a whole stream, three dimensions of eight and `__other__`), 32 names: at most 100 kB in arrays."""
    cells = 35 if name == "category" else BASELINES[name].shape[1]
    bets = TABLES[name](np.ones((28, cells), np.int64), np.full(28, 1e-8))
    fields = [getattr(bets, field) for field in bets.__dataclass_fields__]
    assert sum(field.nbytes for field in fields if isinstance(field, np.ndarray)) <= 100_000

"""Nulls are what they say: the mean stays, and events hang together as much as the name claims."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.nulls import BETWEEN, DAY_S, PARTS, SWING, SYNTHETIC, TAIL, TAIL_INDEX, Null, Source, traces
from schemas.cells import CELLS, MISSING, cells

RATES_NULLS = [null for null in SYNTHETIC if not null.numbers]
NULLS = {null.name: null for null in SYNTHETIC}
INDEPENDENT = NULLS["independent events"]
SIGMAS = 4.5
"""A normal variable is farther off in seven of a million."""


def begin(null: Null, seed: int = 1) -> Source:
    return null.begin(np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1]))


def seconds(null: Null, n: int) -> np.ndarray:
    return null.every_s * np.arange(n)


@pytest.mark.parametrize("null", SYNTHETIC, ids=lambda null: null.name)
def test_each_second_holds_the_events_of_the_null(null: Null) -> None:
    found = begin(null).take(seconds(null, 500))
    assert (found.events.sum(axis=1) == null.events).all()
    assert found.events.shape == (500, PARTS)
    assert (found.yes <= found.events[..., None]).all()
    if null.numbers:
        assert (found.numbers.sum(axis=3) == found.events[..., None]).all()
        assert not found.numbers[..., MISSING].any()


def test_independent_events_have_the_variance_of_independent_events() -> None:
    n = 40_000
    found = begin(INDEPENDENT).take(seconds(INDEPENDENT, n)).yes.sum(axis=1) / INDEPENDENT.events
    rate = found.mean(axis=0)
    factor = INDEPENDENT.events * found.var(axis=0) / (rate * (1 - rate))
    assert ((rate > BETWEEN[0] * 0.9) & (rate < BETWEEN[1] * 1.1)).all()
    assert factor == pytest.approx(1.0, abs=SIGMAS * np.sqrt(2 / n) * 1.1)  # of a variance; yes is skewed a little


@pytest.mark.parametrize(("name", "vif"), [("sessions, VIF 4", 4.0), ("sessions, VIF 8", 8.0)])
def test_sums_over_sessions_vary_as_much_as_the_name_says(name: str, vif: float) -> None:
    null, blocks, length = NULLS[name], 2_000, 100  # sums of 2,000 events, over 100 turns of 20 sessions
    source = begin(null)
    sums = np.array([source.take(seconds(null, length)).yes.sum(axis=(0, 1)) for _ in range(blocks)])
    n = length * null.events
    rate = sums.mean(axis=0) / n
    factor = sums.var(axis=0) / (n * rate * (1 - rate))
    # Sessions that reach over a block's ends lack a part of their covariance: 5 of 100 turns, at most 1 in 20.
    assert factor.mean() == pytest.approx(vif, rel=0.05 + SIGMAS * np.sqrt(2 / blocks) / np.sqrt(factor.size))
    assert factor.mean() == pytest.approx(vif, rel=0.05 + SIGMAS * np.sqrt(2 / blocks / factor.size))


def test_one_event_says_nothing_of_a_session() -> None:
    """However events hang together, each is yes with the rate of the signal, whichever session it is of."""
    null = NULLS["sessions, VIF 8"]
    turns = 4_000
    yes = begin(null).take(seconds(null, turns)).yes.sum(axis=1) / null.events
    plain = begin(INDEPENDENT).take(seconds(INDEPENDENT, turns)).yes.sum(axis=1) / INDEPENDENT.events
    # The same seed makes the same rates; their means differ by chance, 8 times the variance on one side.
    off = SIGMAS * np.sqrt((8 + 1) * BETWEEN[1] / turns / null.events)
    assert yes.mean(axis=0) == pytest.approx(plain.mean(axis=0), abs=off)


def test_chunks_are_one_life() -> None:
    """Sessions go on over the end of a chunk: the correlation of neighbours is the same across it."""
    null = NULLS["sessions, VIF 8"]
    source = begin(null)
    pairs = np.array([source.take(seconds(null, 2)).yes.sum(axis=1) for _ in range(20_000)])  # (chunks, 2, R)
    inside = [np.corrcoef(pairs[:, 0, r], pairs[:, 1, r])[0, 1] for r in range(pairs.shape[2])]
    across = [np.corrcoef(pairs[:-1, 1, r], pairs[1:, 0, r])[0, 1] for r in range(pairs.shape[2])]
    expected = 0.7 * 5 / 6  # of a session, and that it goes on
    assert np.mean(inside) == pytest.approx(expected, abs=0.03)
    assert np.mean(across) == pytest.approx(expected, abs=0.03)


def test_a_season_swings_as_far_as_it_says_and_keeps_its_mean() -> None:
    null = NULLS["daily season +-60 %"]
    days, a_day = 200, DAY_S // null.every_s
    yes = begin(null).take(seconds(null, days * a_day)).yes.sum(axis=1)
    by_hour = yes.reshape(days, 24, -1, yes.shape[1]).sum(axis=(0, 2)) / (days * a_day / 24 * null.events)
    mean = by_hour.mean(axis=0)
    shape = by_hour / mean
    error = SIGMAS / np.sqrt(BETWEEN[0] * days * a_day / 24 * null.events)
    assert shape.max(axis=0) == pytest.approx(1 + SWING, abs=error + 0.01)  # an hour's mean lies 0.7 % below its peak
    assert shape.min(axis=0) == pytest.approx(1 - SWING, abs=error + 0.01)


def test_a_hundredth_of_the_values_has_no_variance() -> None:
    null = NULLS["heavy tails"]
    values = begin(null).raw(1_000_000)
    beyond = values / np.median(values) > 100
    # Of a lognormal with sigma 0.8, none in a thousand million lies so far out; of a Pareto, 100 ** -index.
    expected = TAIL * 100.0**-TAIL_INDEX * len(values)
    assert beyond.sum() == pytest.approx(expected, abs=SIGMAS * np.sqrt(expected))


def test_numbers_lie_in_the_cells_of_their_values(tmp_path: Path) -> None:
    rows = np.array([[8.0, 64.0], [1024.0, 2.0], [16.0, 32.0], [5.0, 7.0]] * 5)
    null = Null("trace", numbers=("input_tokens", "output_tokens"), trace=rows)
    found = begin(null).take(np.arange(3)).numbers.sum(axis=(0, 1))  # three rounds of twenty events: each row once
    for column in range(2):
        expected = 3 * np.bincount(cells(rows[:, column]), minlength=CELLS)
        assert found[column].tolist() == expected.tolist()


def test_traces_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    (tmp_path / "azure_llm_2023_x.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,9,4\n")
    (tmp_path / "mooncake_x.jsonl").write_text('{"timestamp": 0, "input_length": 6758, "output_length": 500}\n')
    found = list(traces(tmp_path))
    assert [null.trace.tolist() for null in found if null.trace is not None] == [[[9.0, 4.0]], [[6758.0, 500.0]]]

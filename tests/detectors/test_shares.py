"""The page budget is divided, and never sums to more than was stated."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.shares import WEEK_S, level, shares

WEIGHTS = {"refused": 1.0, "latency": 2.0, "intent": 0.1}
CAPS = {"language": 8, "workflow": 0, "model": 31}


def spent(rates: dict[tuple[str, str | None], float], caps: dict[str, int]) -> Fraction:
    """Sum up one stream's monitors, exactly."""
    return sum((Fraction(rate) * (1 if dimension is None else caps[dimension] + 1)
                for (_, dimension), rate in rates.items()), Fraction(0))  # fmt: skip


@given(
    pages=st.floats(1e-6, 1e6),
    services=st.integers(1, 5000),
    streams=st.integers(1, 9),
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20),
    caps=st.lists(st.integers(0, 300), max_size=9),
    unsliced=st.integers(0, 20),
)
def test_all_monitors_of_all_services_sum_to_at_most_the_promise_exactly(
    pages: float, services: int, streams: int, weights: list[float], caps: list[int], unsliced: int
) -> None:
    signals = {f"signal {i}": weight for i, weight in enumerate(weights)}
    dimensions = {f"dimension {i}": cap for i, cap in enumerate(caps)}
    rates = shares(pages, services, 1.0, streams, signals, dimensions, list(signals)[:unsliced])
    whole = spent(rates, dimensions) * streams * services * WEEK_S
    assert whole <= Fraction(pages)
    assert whole >= Fraction(pages) * (1 - Fraction(1, 10**12))  # and nothing is held back


def test_services_of_any_weight_sum_to_at_most_the_promise() -> None:
    weights = [3.0, 0.25, 1.0, 0.75]
    each = [spent(shares(1.0, 5, weight, 2, WEIGHTS, CAPS), CAPS) * 2 for weight in weights]
    assert sum(each) * WEEK_S <= 1
    assert float(each[0] / each[2]) == pytest.approx(3)


def test_half_goes_to_the_whole_and_the_rest_evenly_to_dimensions() -> None:
    rates = shares(7.0, 1, 1.0, 1, {"refused": 1.0}, CAPS)
    assert rates["refused", None] == pytest.approx(7 / WEEK_S / 2)
    for dimension, cap in CAPS.items():
        assert rates["refused", dimension] * (cap + 1) == pytest.approx(7 / WEEK_S / 6)


def test_what_is_not_sliced_gives_all_to_the_whole() -> None:
    rates = shares(7.0, 1, 1.0, 1, WEIGHTS, CAPS, unsliced={"intent"})
    assert {dimension for signal, dimension in rates if signal == "intent"} == {None}
    assert rates["intent", None] == pytest.approx(7 / WEEK_S * 0.1 / 3.1)
    assert shares(7.0, 1, 1.0, 1, {"refused": 1.0}, {}) == {("refused", None): pytest.approx(7 / WEEK_S)}


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_what_divides_must_be_a_positive_number(bad: float) -> None:
    for arguments in ((bad, 1, 1.0, 1, WEIGHTS, CAPS), (1.0, bad, 1.0, 1, WEIGHTS, CAPS),
                      (1.0, 1, bad, 1, WEIGHTS, CAPS), (1.0, 1, 1.0, bad, WEIGHTS, CAPS),
                      (1.0, 1, 1.0, 1, {"refused": bad}, CAPS)):  # fmt: skip
        with pytest.raises(ValueError, match="positive number"):
            shares(*arguments)


def test_a_service_cannot_weigh_more_than_all() -> None:
    with pytest.raises(ValueError, match="exceeds"):
        shares(1.0, 2, 2.5, 1, WEIGHTS, CAPS)
    with pytest.raises(ValueError, match="negative"):
        shares(1.0, 2, 1.0, 1, WEIGHTS, {"language": -1})


def test_levels_over_all_monitors_and_derivations_sum_to_the_chance_of_a_miss() -> None:
    rates = shares(1.0, 3, 1.0, 2, WEIGHTS, CAPS)
    per_stream = sum(level(rate, 1.0) * (1 if dimension is None else CAPS[dimension] + 1)
                     for (_, dimension), rate in rates.items())  # fmt: skip
    over_derivations = sum(level(1e-9, 1.0, i) for i in range(1, 2000)) / level(1e-9, 1.0)
    assert 0.05 * 0.999 <= per_stream * 2 * 3 * over_derivations <= 0.05


def test_a_level_needs_a_real_share() -> None:
    for arguments in ((0.0, 1.0), (1e-9, 0.0), (1e-9, 1.0, 0), (1e-9, 1.0, 1, 0.0)):
        with pytest.raises(ValueError, match="positive number"):
            level(*arguments)
    with pytest.raises(ValueError, match="cannot have"):
        level(1.0, 1.0)

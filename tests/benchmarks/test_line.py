"""What rises is told from what only wobbles, and the other way round no more often than promised."""

import random
import re

import pytest

from benchmarks.line import fit
from benchmarks.plot import svg


def _noise(seed: int, slope: float, n: int = 400, kept: float = 0.9) -> list[float]:
    """Readings that follow each other are alike, as those of memory are."""
    chance, at, found = random.Random(seed), 0.0, []
    for i in range(n):
        at = kept * at + chance.gauss(0, 1)
        found.append(100 + slope * i + at)
    return found


def test_a_flat_memory_is_called_flat() -> None:
    flat = sum(fit(range(400), _noise(seed, 0.0)).flat for seed in range(200))
    assert (
        flat >= 195
    )  # three standard errors of 18 degrees of freedom: 0.4 % on one side; some more, as pieces are alike


def test_a_leak_is_seen() -> None:
    # 0.05 a reading is 20 over the whole run, where the readings themselves wobble by some 2.3.
    assert not any(fit(range(400), _noise(seed, 0.05)).flat for seed in range(50))


def test_the_slope_is_that_of_least_squares() -> None:
    line = fit([0, 1, 2, 3, 4, 5], [0, 0, 3, 3, 3, 3], pieces=3)  # means 0.5 2.5 4.5, and 0 3 3
    assert line.slope == pytest.approx(0.75)
    assert line.level == pytest.approx(2.0 - 0.75 * 2.5)
    # residuals 0.5 -1 0.5 off the line, one degree of freedom, x spread 8
    assert line.error == pytest.approx((1.5 / 8) ** 0.5)


def test_too_few_readings_say_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        fit(range(5), range(5))


def test_the_picture_holds_every_reading_at_its_height() -> None:
    line = fit(range(60), [5.0] * 60)
    picture = svg(list(range(60)), [5.0] * 60, line, 30, "RSS & more <MB>", "events")
    assert "RSS &amp; more &lt;MB&gt;" in picture
    points, fitted = re.findall('<polyline [^>]*points="([^"]*)"/>', picture)
    assert len(points.split()) == 60
    assert len({point.split(",")[1] for point in (*points.split(), *fitted.split())}) == 1  # all at one height

"""The machine of bands: what raises one, what lowers it, and that no data is never green."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.band import NEW, Banded, Reading, Standing, step
from schemas.kpi_sets import PRESETS, preset
from schemas.kpis import Clear, Interval, Kpi

WINDOW = 300.0
P95 = preset("support-bot").kpi("latency_p95")
"""1500 ms; yellow over 1725, red over 2250, two windows each; cleared by three windows 20 % of the way back."""
RANK = {"green": 0, "yellow": 1, "red": 2}
EVERY = [pytest.param(kpi, id=f"{name}:{kpi.name}") for name in PRESETS for kpi in preset(name).kpis]


def sharp(value: float, n: int = 10**9) -> Reading:
    return Reading(value=value, n=n)


def about(value: float, spread: float, n: int = 500) -> Reading:
    return Reading(value=value, low=value - spread, high=value + spread, n=n)


def courses(kpi: Kpi, readings: Iterable[Reading | None]) -> list[Banded]:
    standing, said = NEW, []
    for i, reading in enumerate(readings):
        standing, banded = step(kpi, standing, reading, WINDOW * (i + 1))
        said.append(banded)
    return said


def bands(kpi: Kpi, readings: Iterable[Reading | None]) -> list[str]:
    return [banded.band for banded in courses(kpi, readings)]


def p95(*values: float | None) -> list[str]:
    return bands(P95, [None if value is None else sharp(value) for value in values])


def test_fifteen_percent_over_for_two_windows_is_yellow_and_for_one_is_not() -> None:
    assert p95(1500, 1726) == ["green", "green"]
    assert p95(1500, 1726, 1726) == ["green", "green", "yellow"]
    assert p95(1500, 1726, 1500, 1726) == ["green"] * 4
    assert p95(1500, 1725, 1725) == ["green"] * 3, "a band begins beyond, not at"


def test_green_yellow_red_and_back_one_after_another() -> None:
    assert p95(1500, 1800, 1800, 2400, 2400, *[1500] * 6) == [
        *("green", "green", "yellow", "yellow", "red"),
        *("red", "red", "yellow", "yellow", "yellow", "green"),
    ]


def test_red_does_not_wait_for_yellow() -> None:
    assert p95(2400, 2400) == ["green", "red"]


def test_hysteresis() -> None:
    """Just inside of 1725 is not well; at most 1680 is, which is a fifth of the way to 1500."""
    assert p95(1800, 1800, *[1700] * 20)[-1] == "yellow"
    assert p95(1800, 1800, *[1680] * 3)[-1] == "green"
    assert p95(1800, 1800, 1500, 1500, 1700, 1500, 1500)[-1] == "yellow", "three in a row"
    assert p95(2400, 2400, *[1800] * 3)[-1] == "yellow", "well enough for red, not for yellow"


def test_a_band_between_the_two_does_not_lower_what_was_raised() -> None:
    assert p95(2400, 2400, *[2200] * 20)[-1] == "red", "2100 is well"


def test_a_window_without_data_neither_clears_nor_raises() -> None:
    assert p95(1500, 1800, None, 1800) == ["green", "green", "no_data", "yellow"]
    assert p95(1800, 1800, None, None) == ["green", "yellow", "yellow", "yellow"]
    assert p95(1800, 1800, 1500, 1500, None, 1500) == ["green", *["yellow"] * 4, "green"]


def test_after_its_time_no_data_is_the_band_and_what_was_red_is_red_again_after_it() -> None:
    assert P95.no_data_after == "15m"
    assert p95(2400, 2400, None, None, None, 1500) == ["green", "red", "red", "red", "no_data", "red"]
    assert p95(1800, None, None, None, 1800) == ["green", "no_data", "no_data", "no_data", "green"], "not in a row"


def test_three_windows_where_no_time_is_said() -> None:
    assert bands(replace(P95, no_data_after=None), [sharp(2400), sharp(2400), None, None, None])[-2:] == [
        "red",
        "no_data",
    ]


def test_nothing_seen_is_no_data() -> None:
    assert p95(None, None) == ["no_data"] * 2
    assert courses(P95, [None])[0].why == "no data; there never were enough"


def test_too_few_events_are_no_data() -> None:
    assert P95.min_events == 100
    assert bands(P95, [sharp(1000, n=99), sharp(1000, n=100)]) == ["no_data", "green"]
    assert courses(P95, [sharp(1000, n=99)])[0].why == "99 events, and 100 are needed; there never were enough"


def test_the_bound_acts_and_the_point_where_one_says_so() -> None:
    unsure, sure = about(2000, 300), about(2000, 200)
    assert bands(P95, [unsure] * 5)[-1] == "green"
    assert bands(P95, [sure] * 2)[-1] == "yellow"
    assert bands(replace(P95, interval=Interval(act_on="point")), [unsure] * 2)[-1] == "yellow"


def test_an_interval_that_leaves_its_value_out_never_makes_it_worse() -> None:
    """Of a value with a bias, the better one of the two acts."""
    assert bands(P95, [Reading(value=1500, low=1800, high=2000, n=500)] * 5)[-1] == "green"


def test_why() -> None:
    said = courses(P95, [about(1900, 50), about(1900, 50), about(1600, 50), None, *[about(1600, 50)] * 2])
    assert [banded.why for banded in said] == [
        "surely over 1725, where yellow begins, in 1 of 2 windows",
        "surely over 1725, where yellow begins, in 2 windows in a row",
        "1600 is not surely over 1725; yellow until 3 windows in a row are at most 1680, so far 1",
        "no data; the last were 300 s ago, and yellow is kept for 900 s",
        "1600 is not surely over 1725; yellow until 3 windows in a row are at most 1680, so far 2",
        "1600 is not surely over 1725",
    ]


@pytest.mark.parametrize(
    "reading",
    [
        sharp(float("nan")),
        Reading(value=1.0, low=float("-inf"), n=5),
        Reading(value=1.0, low=2.0, high=1.0, n=5),
        sharp(1.0, n=-1),
    ],
)
def test_a_reading_that_is_none_is_refused(reading: Reading) -> None:
    with pytest.raises(ValueError, match=r"not finite|runs backwards"):
        step(P95, NEW, reading, 0)


def test_a_window_counts_once_and_time_does_not_run_back() -> None:
    standing, _ = step(P95, NEW, sharp(1500), 600)
    for at in (600, 300, float("nan")):
        with pytest.raises(ValueError, match="a window ended"):
            step(P95, standing, sharp(1500), at)


def beyond(kpi: Kpi, level: str) -> float:
    """Make a value in a band: in the middle of yellow, or as far beyond red as red lies beyond yellow, or half of it.

    The half stays within what a share can be, since a share's red lies at least so far from its end.
    """
    yellow, red = kpi.begins("yellow"), kpi.begins("red")
    return yellow + (red - yellow) / 2 if level == "yellow" else red + (red - yellow) / 2


@pytest.mark.parametrize("kpi", EVERY)
def test_every_kpi_of_every_preset_goes_green_yellow_red_green(kpi: Kpi) -> None:
    """Changing that input alone: no other KPI is asked."""
    clear = kpi.bands.clear.for_windows
    readings = [sharp(kpi.target)]
    readings += [sharp(beyond(kpi, "yellow"))] * kpi.bands.yellow.for_windows
    readings += [sharp(beyond(kpi, "red"))] * kpi.bands.red.for_windows
    readings += [sharp(kpi.target)] * 2 * clear
    yellow, red = kpi.bands.yellow.for_windows, kpi.bands.red.for_windows
    assert bands(kpi, readings) == [
        *["green"] * yellow, *["yellow"] * red, *["red"] * clear, *["yellow"] * clear, "green",
    ]  # fmt: skip


values = st.floats(0, 5000)
gaps = st.none() | st.tuples(values, st.floats(0, 500), st.floats(0, 1000), st.sampled_from([50, 500]))
"""Nothing; or a value, half an interval, how much worse it could be, and events."""
kpis = st.builds(
    lambda higher, act_on, yellow, red, clear, margin: replace(
        P95,
        direction="higher_is_better" if higher else "lower_is_better",
        interval=Interval(act_on=act_on),
        bands=replace(
            P95.bands,
            yellow=replace(P95.bands.yellow, for_windows=yellow),
            red=replace(P95.bands.red, for_windows=red),
            clear=Clear(for_windows=clear, margin_percent=margin),
        ),
    ),
    st.booleans(),
    st.sampled_from(["bound", "point"]),
    *[st.integers(1, 4)] * 3,
    st.floats(0, 100),
)


@settings(max_examples=300, deadline=None)
@given(kpis, st.lists(gaps, max_size=40))
def test_what_is_never_better_never_has_a_better_band(
    kpi: Kpi, drawn: list[tuple[float, float, float, int] | None]
) -> None:
    side = 1 if kpi.direction == "lower_is_better" else -1
    better = [one and about(one[0], one[1], one[3]) for one in drawn]
    worse = [one and about(one[0] + side * one[2], one[1], one[3]) for one in drawn]
    for good, bad in zip(bands(kpi, better), bands(kpi, worse), strict=True):
        if "no_data" not in (good, bad):
            assert RANK[bad] >= RANK[good]
        elif good != bad:
            assert good == "no_data", "no data hides yellow and red no sooner than green"


@settings(max_examples=200, deadline=None)
@given(kpis, st.lists(gaps, max_size=40))
def test_a_window_without_data_is_never_green_and_changes_nothing_that_is_held(
    kpi: Kpi, drawn: list[tuple[float, float, float, int] | None]
) -> None:
    standing: Standing = NEW
    for i, one in enumerate(drawn):
        reading = one and about(one[0], one[1], one[3])
        before = standing
        standing, banded = step(kpi, standing, reading, WINDOW * (i + 1))
        if reading is None or reading.n < kpi.min_events:
            assert banded.band != "green"
            assert (standing.held, standing.seen_at) == (before.held, before.seen_at)
        else:
            assert banded.band == standing.held


@settings(max_examples=200, deadline=None)
@given(kpis, st.lists(values, max_size=40))
def test_a_band_comes_down_by_one_and_not_before_its_time(kpi: Kpi, drawn: list[float]) -> None:
    held = [0, *(RANK[band] for band in bands(kpi, map(sharp, drawn)))]
    last_change = 0
    for i, (before, after) in enumerate(pairwise(held), start=1):
        if after < before:
            assert after == before - 1
            assert i - last_change >= kpi.bands.clear.for_windows
        if after != before:
            last_change = i

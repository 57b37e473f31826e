"""What is kept of releases: nothing is lost between spans, restarts and configs, and nothing is judged too early."""

import numpy as np
import pytest

from schemas.tallies import OTHER
from streams.watch.arrays import Ints
from streams.watch.assess.state import Book
from streams.watch.assess.tally import summed
from streams.watch.measured import layout_of
from tests.watch.assess.test_held import HELD, served, words
from tests.watch.story import Story, story
from tests.watch.traffic import mix, rate

SLICED = HELD.replace("          window: 1m", "          by: workflow\n          window: 1m")


def counted(book: Book, size: int) -> Ints:
    """Add up all that is kept of all releases; within the first hour spans hold all that is over."""
    kept = [tally for held in book.releases.values() for tally in (*held.coming.values(), *held.spans.values())]
    out = np.zeros(size, np.int64)
    whole = summed(kept, size).whole
    out[whole.cells] = whole.counts
    return out


def test_all_that_was_ever_counted_lies_in_one_span_or_another() -> None:
    """Late ones, other partitions, and two releases; states go through the topic's bytes between the steps."""
    told = served(2, "14:03").at("14:03").flush(50, partition=1, refused=rate(50), late="15s").wait("14:03:02")
    told = (
        told.expects().at("14:03:02").flush(50, partition=1, refused=rate(50), late="10min").wait("14:03:04").expects()
    )
    told = served(10, "14:07", told, release="v2").expects()
    state, size = told.state(), layout_of(()).fixed
    laid = np.zeros(size, np.int64)
    laid[state.total.cells] = state.total.counts
    assert np.array_equal(counted(state.book, size), laid)
    assert sum(one.exchanges for one in state.book.releases.values()) == 90 * 20 + 2 * 50 + 118 * 20


def test_what_comes_too_late_counts_in_the_window_in_which_it_came() -> None:
    told = served(2, "14:03").expects()
    assert words(told.verdicts()) == ["pass", "pass"]
    late = served(2, "14:05", told.at("14:03").flush(500, refused=rate(100), late="100s")).expects()
    assert words(late.verdicts()) == ["pass", "pass", "pass", "marginal"]
    assert [one.kpis[0].n for one in late.verdicts()] == [600, 600, 600, 1100]


def test_a_kpi_that_says_something_else_begins_anew_and_the_others_go_on() -> None:
    red = served(40, "14:04").expects()
    assert words(red.verdicts())[-1] == "fail"
    other = red.configure(HELD.replace("value: 20, action", "value: 30, action"))
    assert words(served(40, "14:05:30", other).expects().verdicts())[-2:] == ["marginal", "fail"]
    same = red.configure(HELD.replace("owners: {accountable: me}", "owners: {accountable: you}"))
    assert words(served(40, "14:05:30", same).expects().verdicts())[-1] == "fail"


def test_a_service_whose_kpis_are_taken_away_is_judged_no_more() -> None:
    red = served(40, "14:04").expects()
    before = len(red.verdicts())
    without = HELD[: HELD.index("releases:")]
    assert len(served(40, "14:08", red.configure(without)).expects().verdicts()) == before


@pytest.mark.parametrize("window", ["30s", "5m"])
def test_windows_of_another_length_go_on_with_what_is_kept(window: str) -> None:
    told = served(2, "14:07").expects().configure(HELD.replace("window: 1m", f"window: {window}"))
    last = served(2, "14:16", told).expects().verdicts()[-1]
    assert last.verdict == "pass"
    assert last.kpis[0].n == {"30s": 300, "5m": 3000}[window]


@pytest.mark.parametrize("window", ["30s", "5m"])
def test_nothing_is_lost_where_spans_are_cut_otherwise(window: str) -> None:
    """Of five minutes that were begun as single ones, those that are over stay, and the rest is a span of its own."""
    told = served(2, "14:07").expects().configure(HELD.replace("window: 1m", f"window: {window}"))
    state = served(2, "14:21", told).expects().state()
    laid = np.zeros(size := layout_of(()).fixed, np.int64)
    laid[state.total.cells] = state.total.counts
    assert np.array_equal(counted(state.book, size), laid)


def test_slices_have_places_of_their_own_while_there_is_room() -> None:
    config = SLICED.replace("releases:", "releases:\n  slices: 2")
    shares = mix(a=40, b=30, c=20, d=10)
    told = story(config).at("14:00").every("2s", until="14:03").flush(20, refused=rate(2), workflow=shares).expects()
    kpis = told.verdicts()[-1].kpis
    assert len(kpis) == 3
    assert OTHER in [one.slice for one in kpis]
    assert sum(one.n for one in kpis) == 600


def test_exchanges_that_name_no_slice_are_one() -> None:
    told = story(SLICED).at("14:00").every("2s", until="14:03").flush(20, refused=rate(2)).expects()
    assert [(one.slice, one.n) for one in told.verdicts()[-1].kpis] == [("__none__", 600)]


def test_one_bad_slice_fails_the_release() -> None:
    told: Story = story(SLICED).at("14:00").every("2s", until="14:04").flush(20, refused=rate(2), workflow=mix(a=100))
    told = told.at("14:00").every("2s", until="14:04").flush(20, refused=rate(40), workflow=mix(b=100)).expects()
    last = told.verdicts()[-1]
    assert last.verdict == "fail"
    assert {one.slice: one.band for one in last.kpis} == {"a": "green", "b": "red"}


def test_more_releases_than_are_watched_push_out_what_served_longest_ago_but_not_what_is_in_force() -> None:
    told = served(2, "14:01").expects()
    for i in range(2, 9):
        told = served(2, f"14:0{i}", told, release=f"v{i}").expects()
    assert list(told.state().book.releases) == ["v4", "v5", "v6", "v7", "v8"]

"""Error budgets of a service: what is counted, what pages, what does not, and what people read of it."""

import numpy as np
import pytest
from msgspec.structs import replace

from detectors.burn import Window
from schemas.cells import EDGES
from schemas.kpi_edges import edge_name
from schemas.kpi_sets import preset
from schemas.kpis import Kpi
from schemas.signals import BY_NAME
from schemas.slos import Slo
from streams.watch.assess.budget import spent, used
from streams.watch.assess.promised import promised
from streams.watch.assess.state import Budget
from streams.watch.assess.tally import Tally
from streams.watch.measured import Own, layout_of
from streams.watch.total import Total
from tests.watch.story import Story, incident, story
from tests.watch.traffic import Values, one

PROMISED = """
topics: {tallies_partitions: 1}
measure: {slices: [workflow], late_after_s: 20}
watch: {dependence: none, season_percent: 0, baseline_events: 600, resolve_after_s: 60,
  silence_after_s: 900, signals: [output_tokens]}
releases:
  kpi_sets:
    - use_case: a bot
      services: [bot]
      owners: {accountable: me}
      kill_switch: {kpi: failed}
      kpis:
        - name: failed
          layer: reliability
          rank: primary
          measures: {stat: share, signal: failed}
          window: 1h
          direction: lower_is_better
          target: 1
          bands: {yellow: {value: 2}, red: {value: 99.9, severity: sev-2}}
          slo: {target_percent: 99.5}
"""
"""Only the length of answers is watched by bets, so that whatever is told of failures comes of the budget."""


FAILING = Values((*["error"] * 9, "ok"))


def healthy(until: str) -> Story:
    """One request every two seconds, of which none fails: enough for a baseline after twenty minutes."""
    return story(PROMISED).at("10:00").every("2s", until=until).flush(1).expects()


def test_at_one_request_in_two_seconds_a_service_that_fails_nine_in_ten_pages() -> None:
    """The first five minutes that are over say so: of 150 events some 135 were bad, and an hour holds 1,800."""
    told = healthy("11:00").every("2s", until="11:15").flush(1, status=FAILING).expects(
        incident(
            "fired", signal="error_budget", sev="sev-2", notify="page", since="11:00", name="ErrorBudgetBurns",
            labels={"kpi": "failed"},
        )
    )  # fmt: skip
    assert told.state().book.budgets["failed"].broken == "page"


def test_one_single_error_in_a_quiet_hour_pages_nobody() -> None:
    """In the hour there are twelve requests, so that one of them burns a budget of 99.5 % seventeen times too fast."""
    quiet = healthy("11:00").every("5min", until="12:00").flush(1)
    told = quiet.at("12:00").flush(1, status=one("error")).every("5min", until="13:30").flush(1).expects()
    budget = told.state().book.budgets["failed"]
    assert used_of(told).bad == 1
    assert budget.broken == ""


def test_what_people_read_says_how_fast_it_burns_and_what_is_left() -> None:
    """Of 1,950 events 135 were bad, 7 %, and of the last five minutes 90 %, where half a percent was planned.

    The hour's own burn is 15 times too fast, but of 135 it is not sure that it is more than 14.4 times.
    """
    [fired, *_] = healthy("11:00").every("2s", until="11:06").flush(1, status=FAILING).told()
    words = "burns 30-day budget of failed 14 times too fast: 6 h 14x, 30 min 30x; used up 14 times"
    assert fired.summary == f"bot: {words}, by the 65 min that are known"
    assert fired.changes[0].feature == "failed"


def test_it_is_over_once_no_rule_is_broken_any_more() -> None:
    """In six hours less than half a percent is bad again once 54,000 good events came after 270 bad ones."""
    burnt = healthy("11:00").every("2s", until="11:10").flush(1, status=FAILING).expects(incident("fired"))
    after = burnt.every("10s", until="11:17").flush(1000).expects()
    after.every("10s", until="11:26").flush(1000).expects(incident("resolved", signal="error_budget"))


def test_all_releases_that_serve_share_the_budget() -> None:
    both = healthy("10:30").every("2s", until="10:40").flush(1, status=FAILING)
    both = both.at("10:30").every("2s", until="10:40").flush(1, release="v2", status=FAILING)
    [fired] = [one for one in both.wait("10:41").told() if one.step == "fired"]
    assert [one.signal for one in fired.changes] == ["error_budget"]
    assert used_of(both.wait("10:41").expects(incident("fired"))).bad == 540


def test_another_target_is_held_against_what_is_known_and_another_meaning_of_good_begins_anew() -> None:
    some = healthy("10:30").every("2s", until="10:31").flush(1, status=one("error")).wait("10:36")
    some = some.expects(incident("fired", sev="sev-3", notify="ticket"))
    other = some.configure(PROMISED.replace("99.5}", "90}")).every("2s", until="10:41").flush(1)
    other = other.expects(incident("resolved"))
    assert used_of(other).bad == 30
    signal = "signal: refused"
    anew = other.configure(PROMISED.replace("signal: failed", signal)).wait("10:46").expects()
    assert used_of(anew).total == 0


LAYOUT = layout_of(())


def kpi(direction: str = "lower_is_better", slo: Slo = Slo(target_percent=99), **measures: object) -> Kpi:  # noqa: B008
    usual = preset("developer-copilot").kpi("failed")
    return replace(usual, by=None, direction=direction, measures=replace(usual.measures, **measures), slo=slo)


def tally(signal: str, cells: dict[int, int], **named: dict[str, int]) -> Tally:
    begins = dict(zip((one.name for one in LAYOUT.signals), LAYOUT.begins, strict=True))[signal]
    return Tally(Total(np.array(sorted(cells)) + begins, np.array([cells[at] for at in sorted(cells)])), named)


@pytest.mark.parametrize(
    ("of", "seen", "expected"),
    [
        (kpi(signal="failed"), tally("failed", {0: 95, 1: 5, 2: 40}), Window(5, 100)),
        (kpi("higher_is_better", signal="resolved"), tally("resolved", {0: 30, 1: 70}), Window(30, 100)),
        (kpi(stat="share_above", signal="latency", above=2.0), tally("latency", {41: 90, 49: 10}), Window(10, 100)),
        (
            kpi(stat="quantile", signal="latency", percentile=95, slo=Slo(target_percent=95, good_up_to=1.0)),
            tally("latency", {41: 90, 49: 10, 234: 7}),
            Window(100, 100),
        ),
        (
            kpi(signal="failure_mode", names=("SAF.HARMFUL",)),
            tally("failed", {0: 99, 1: 1}, failure_mode={"SAF.HARMFUL": 1, "TOL.ERROR": 3}, judged={"SAF.HARMFUL": 1}),
            Window(2, 100),
        ),
        (kpi(signal="intent", names=("abuse",)), tally("failed", {}, intent={"abuse": 2, "refund": 8}), Window(2, 10)),
        (kpi(signal="failed"), tally("failed", {0: -3, 1: 5}), Window(2, 2)),
    ],
)  # fmt: skip
def test_what_is_good_follows_from_the_figure_and_its_direction(of: Kpi, seen: Tally, expected: Window) -> None:
    """What was not observed is neither; a value at an edge lies in the cell above it; what was taken back is none."""
    assert promised(of, seen, (), BY_NAME) == expected


def test_what_lies_above_a_target_is_what_measure_counted_if_it_counted_all_of_it() -> None:
    """Ten lie in the cell from 1448 to 1579 ms: by parts five would be above 1500, and it was one."""
    of = kpi(stat="quantile", signal="latency", percentile=95, slo=Slo(target_percent=95, good_up_to=1500.0))
    own: Own = (("rate", edge_name("latency", 1500.0)),)
    cell = int(np.searchsorted(EDGES, 1500.0, side="right"))
    assert promised(of, tally("latency", {cell: 10, 40: 90}), (), BY_NAME) == Window(5, 100)
    whole = {("latency", cell): 10, ("latency", 40): 90, ("latency>1500", 0): 99, ("latency>1500", 1): 1}
    assert promised(of, told_in(own, whole), own, BY_NAME) == Window(1, 100)
    begun = {**whole, ("latency>1500", 0): 9}  # the target came with a config, ninety events later
    assert promised(of, told_in(own, begun), own, BY_NAME) == Window(5, 100)


def told_in(own: Own, cells: dict[tuple[str, int], int]) -> Tally:
    layout = layout_of(own)
    begins = dict(zip((one.name for one in layout.signals), layout.begins, strict=True))
    laid = {begins[name] + at: n for (name, at), n in cells.items()}
    return Tally(Total(np.array(sorted(laid)), np.array([laid[at] for at in sorted(laid)])))


def test_of_a_signal_that_is_not_counted_yet_no_event_is_good_or_bad() -> None:
    """A config may name one of a user's own before the first flush counts it."""
    own = replace(BY_NAME["failed"], name="escaped")
    assert promised(kpi(signal="escaped"), tally("failed", {0: 95, 1: 5}), (), {"escaped": own}) == Window(0, 0)


def test_a_service_that_did_not_serve_for_long_has_spent_nothing_meanwhile() -> None:
    of, seen = kpi(signal="failed"), tally("failed", {0: 90, 1: 10})
    first = spent([of], {}, [seen], 3600, (), BY_NAME)
    later = spent([of], first, [seen], 3600 * 50, (), BY_NAME)["failed"]
    assert later.recent.counts.sum(axis=0).tolist() == [20, 200]
    assert len(later.recent.counts) == 49 * 12 + 1
    assert used(Slo(target_percent=99), later) == Window(20, 200)
    at_last = spent([of], {"failed": later}, [seen], 3600 * 24 * 60, (), BY_NAME)["failed"]
    assert used(Slo(target_percent=99), at_last) == Window(10, 100)


def test_neither_ring_grows_beyond_what_it_is_for() -> None:
    of, seen, budgets = kpi(signal="failed"), tally("failed", {0: 9, 1: 1}), dict[str, Budget]()
    for end in range(300, 300 * 12 * 24 * 31, 300):
        budgets = spent([of], budgets, [seen], end, (), BY_NAME)
    budget = budgets["failed"]
    assert (len(budget.recent.counts), len(budget.hours.counts)) == (864, 720)
    assert used(Slo(target_percent=99), budget).total == (719 * 12 + 11) * 10


def used_of(told: Story) -> Window:
    slo = told.config.releases.kpi_sets[0].kpis[0].slo
    assert slo is not None
    return used(slo, told.state().book.budgets["failed"])

"""Hours that were kept: complete and the same again, and what is read from them over weeks and months."""

import numpy as np
import pytest
from msgspec.structs import replace

from detectors.burn import Window, remaining
from schemas import kpi_sets, rollups
from schemas.cells import EDGES
from schemas.config import parse
from schemas.kpis import KpiSet
from schemas.releases import Releases
from schemas.rollups import Rollup
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy
from streams.longer.budgets import longer, spent_in
from streams.longer.calibrate import FEWEST, calibrate
from streams.longer.calibrate import lines as proposal
from streams.longer.hours import DAY_S, Hours, hours
from streams.longer.lines import lines
from streams.story.log import Log, Record
from streams.watch.assess.budget import used
from streams.watch.plan import Plan
from tests.watch.assess.test_budget import FAILING, PROMISED
from tests.watch.story import Story, story

CONFIG = parse(PROMISED)
PLAN = Plan.of(CONFIG, Taxonomy.load_default())
NOW = 3600 * 24 * 20_000
"""A midnight, in seconds since 1970."""


def log(records: list[Rollup]) -> Log:
    return Log("barograph.rollups", tuple(Record(0, i, 0, rollups.encode(one)) for i, one in enumerate(records)))


def kept(records: list[Rollup]) -> Hours:
    return hours(log(records), "bot", CONFIG)


def hour(at: int, failed: int, of: int = 1000, release: str = "v1") -> Rollup:
    cells = {0: of - failed, 1: failed}
    some = {cell: n for cell, n in cells.items() if n}
    return Rollup(service="bot", release=release, hour=at, signals={"failed": (tuple(some), tuple(some.values()))})


def history(days: int, failed: int = 5) -> list[Rollup]:
    """Hours up to now in which a little more fails by day than by night."""
    return [hour(NOW - 3600 * (i + 1), failed + (i % 24) // 8) for i in range(24 * days)]


BEGUN = story(PROMISED).at("09:58").every("2s", until="11:01").flush(1)
BOTH = BEGUN.at("10:40").every("10s", until="11:01").flush(3, release="v2", status=FAILING, late="30s")
"""Two releases, an hour and the two minutes before and after it; what is late counts in the span that is open."""
SENT = {"v1": 63 * 30, "v2": 21 * 6 * 3}


def ended(told: Story) -> Story:
    """Go on to an hour in which nothing but one event serves, so that all that was is over."""
    return told.at("12:30").flush(1).wait("13:02")


def all_kept(told: Story) -> list[Rollup]:
    stage, _ = told._played()
    return [one for one in stage.rollups if one.service == "bot"]


def test_the_hours_of_a_service_hold_all_that_was_counted_and_idle_hours_nothing() -> None:
    found = all_kept(ended(BOTH))
    assert {(one.release, one.hour // 3600 % 24) for one in found} == {
        *(("v1", at) for at in (9, 10, 11, 12)), ("v2", 10), ("v2", 11),
    }  # fmt: skip
    for release, sent in SENT.items():
        mine = [one for one in found if one.release == release]
        assert sum(sum(one.signals["failed"][1]) for one in mine) == sent + (release == "v1")


def test_a_worker_that_is_restarted_in_between_keeps_the_same_hours_byte_for_byte() -> None:
    """At 10:40 all states go through bytes."""
    whole = all_kept(story(PROMISED).at("09:58").every("2s", until="11:20").flush(1))
    part = story(PROMISED).at("09:58").every("2s", until="10:40").flush(1).expects()
    again = all_kept(part.every("2s", until="11:20").flush(1))
    assert [rollups.encode(one) for one in again] == [rollups.encode(one) for one in whole] != []


def test_a_budget_by_the_hours_is_that_of_watch() -> None:
    told = BOTH.wait("11:01")
    stage, _ = told._played()
    slo = CONFIG.releases.kpi_sets[0].kpis[0].slo
    assert slo is not None
    [state] = [states["bot"] for states in stage.states if "bot" in states]
    budget = state.book.budgets["failed"]
    assert budget.recent.begins + 300 * len(budget.recent.counts) == state.book.until // 300 * 300
    found = kept([one for one in stage.rollups if one.service == "bot"])
    assert found.until == state.book.until // 3600 * 3600
    mine = spent_in(PLAN, found, CONFIG.releases.kpi_sets[0].kpis[0])
    assert mine == used(slo, budget)
    assert mine.bad > 100


def test_what_lies_above_a_target_is_read_as_it_was_counted_hour_by_hour() -> None:
    """One of ten, though by their cell, up to 1579 ms, it would be five; an hour before the target has the cell."""
    config = replace(CONFIG, releases=Releases(kpi_sets=(kpi_sets.preset("support-bot"),)))
    of = config.releases.kpi_sets[0].kpi("latency_p95")
    cell = int(np.searchsorted(EDGES, 1500.0, side="right"))
    before = Rollup(service="support-bot", release="v1", hour=NOW - 7200, signals={"latency": ((cell,), (10,))})
    since = Rollup(
        service="support-bot", release="v1", hour=NOW - 3600,
        signals={"latency": ((cell,), (10,)), "latency>1500": ((0, 1), (9, 1))},
    )  # fmt: skip
    plan = Plan.of(config, Taxonomy.load_default())
    assert spent_in(plan, hours(log([since]), "support-bot", config), of) == Window(1, 10)
    assert spent_in(plan, hours(log([before, since]), "support-bot", config), of) == Window(6, 20)


def test_weeks_and_quarters_say_what_they_are_sure_of() -> None:
    """Last week twice as much failed as in the week before: some 200,000 exchanges each, so that is sure."""
    records = [hour(NOW - 3600 * (i + 1), 20 if i < 7 * 24 else 10) for i in range(24 * 14)]
    said = longer(PLAN, kept(records))
    [kpi], [budget] = said.kpis, said.budgets
    assert kpi.moved == "worse"
    assert kpi.delta is not None
    assert kpi.delta.low < 1.0 < kpi.delta.high
    assert (kpi.met, kpi.target) == ("missed", 1.0)
    assert (budget.bad, budget.total) == (7 * 24 * 30, 14 * 24 * 1000)
    left = remaining(spent_in(PLAN, kept(records), PLAN.config.releases.kpi_sets[0].kpis[0]), 0.995)
    assert budget.left is not None
    assert left is not None
    assert budget.left.value == pytest.approx(left.value, abs=1e-4)
    same = longer(PLAN, kept(history(14)))
    assert (same.kpis[0].moved, same.kpis[0].met) == ("unsure", "met")
    text = "\n".join(lines(said))
    assert "failed" in text
    assert "worse" in text
    assert "-200 % (" in text


def test_a_service_without_hours_or_kpis_is_refused() -> None:
    with pytest.raises(ConfigError, match="no hour of a service `bot` was kept yet"):
        kept([])
    with pytest.raises(ConfigError, match="no KPIs of `bot` are in the config"):
        longer(Plan.of(parse(""), Taxonomy.load_default()), kept(history(1)))


def kpis() -> KpiSet:
    return CONFIG.releases.kpi_sets[0]


def test_bands_are_proposed_beyond_all_that_was_usual_and_would_have_been_quiet() -> None:
    """Between 0.5 and 0.7 % fail: the target is what is usual, and no window of the history is yellow."""
    found = kept(history(28))
    [one] = calibrate(PLAN, found, kpis(), 28 * DAY_S)
    assert one.kpi is not None
    assert one.kpi.target == 0.6
    assert one.kpi.target <= one.kpi.begins("yellow") < one.kpi.begins("red") < 2.0
    assert one.windows == 28 * 24
    assert one.then == {"green": 28 * 24}
    assert one.kpi.lineage.approved_by == ""
    assert "672 windows of 1 h in 28 days" in one.kpi.lineage.interval
    text = "\n".join(proposal(found, kpis(), [one]))
    assert kpi_sets.parse(text, CONFIG).kpi("failed") == one.kpi
    assert "Today's bands: 672 green." in text


def test_what_today_would_have_done_is_said() -> None:
    """Eight hours in which five percent failed are yellow today from the second one on, and until three are well."""
    bad = [hour(NOW - 3600 * (i + 1), 50 if i in range(100, 108) else 5) for i in range(24 * 8)]
    [one] = calibrate(PLAN, kept(bad), kpis(), 28 * DAY_S)
    assert one.now == {"green": 24 * 8 - 9, "yellow": 9}


def test_where_nothing_ever_failed_bands_begin_where_a_window_could_have_been() -> None:
    found = kept([hour(NOW - 3600 * (i + 1), 0) for i in range(672)])
    [one] = calibrate(PLAN, found, kpis(), 28 * DAY_S)
    assert one.kpi is not None
    assert (one.kpi.target, one.kpi.begins("yellow")) == (0.0, 0.0)
    assert one.kpi.begins("red") == pytest.approx(0.368, abs=0.01)  # the upper end of none in a thousand


def test_too_little_history_is_refused_and_too_few_windows_leave_a_kpi_as_it_was() -> None:
    with pytest.raises(ConfigError, match="hours of 6 days are kept of `bot`, and 7 days are needed"):
        calibrate(PLAN, kept(history(6)), kpis(), 28 * DAY_S)
    rare = [hour(NOW - 3600 * (i + 1), 0, of=1000 if i % 12 == 0 else 3) for i in range(24 * 8)]
    [one] = calibrate(PLAN, kept(rare), kpis(), 28 * DAY_S)
    assert one.kpi is None
    assert f"16 windows have 100 events or more, and {FEWEST} are needed" in one.why
    with pytest.raises(ConfigError, match="these KPIs are not of `bot` but of: support-bot"):
        calibrate(PLAN, kept(history(8)), kpi_sets.preset("support-bot"), 28 * DAY_S)

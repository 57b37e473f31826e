"""What `barograph check` says about pages adds up to what the operator asked for."""

import math

import pytest

from schemas.config import Config, parse
from schemas.taxonomy import Taxonomy
from streams import promise
from streams.watch.expected import SHIFTS
from streams.watch.plan import Plan

WEIGHTED = parse(
    "{watch: {false_pages_per_week: 2, max_services: 20, slices_per_dimension: 3, max_releases: 2},"
    " services: [{name: heavy, weight: 5}]}"
)


@pytest.mark.parametrize("config", [Config(), WEIGHTED, parse("measure: {slices: []}")])
def test_the_signals_of_all_planned_services_spend_the_whole_budget_and_no_more(config: Config) -> None:
    plan = Plan.of(config, Taxonomy.load_default())
    planned = {service.name: 1.0 for service in config.services}
    planned["other"] = config.watch.max_services - sum(service.weight for service in config.services)
    for budget, tier in (
        (config.watch.false_tickets_per_week, plan.tickets),
        (config.watch.false_pages_per_week, plan.pages),
    ):
        spent = sum(
            services * promise.per_week(plan, tier(name), signal)
            for name, services in planned.items()
            for signal in (*(one.name for one in plan.signals), "traffic")
        )
        assert spent <= budget * (1 + 1e-9)  # shares are rounded down, sums of floats are not
        assert math.isclose(spent, budget, rel_tol=1e-9)


def test_a_service_of_weight_five_may_page_five_times_as_often() -> None:
    plan = Plan.of(WEIGHTED, Taxonomy.load_default())
    heavy, other = (promise.per_week(plan, plan.pages(name), "failed") for name in ("heavy", "other"))
    assert math.isclose(heavy, 5 * other)


def budgets(config: Config) -> dict[str, dict[str, str]]:
    """Read the tables back: service -> signal -> pages a week."""
    found: dict[str, dict[str, str]] = {}
    for line in promise.lines(config):
        if line.startswith("How soon"):
            break
        if line.endswith("in vain at most:"):
            rows = found.setdefault(line.split(" (")[0], {})
        elif line.startswith("  ") and "a week" not in line:
            rows[line[2:22].strip()] = line.split()[2 if line.startswith("  all signals") else 1]
    return found


def test_every_declared_service_and_the_others_are_listed_with_every_signal() -> None:
    assert list(budgets(WEIGHTED)) == ["heavy", "any other service"]
    for rows in budgets(WEIGHTED).values():
        watched = [signal.name for signal in WEIGHTED.watched()]
        assert list(rows) == ["all signals", *watched, "traffic"]


def test_a_signal_that_hurts_nobody_has_no_page_to_spend() -> None:
    [rows] = budgets(Config()).values()
    assert rows["intent"] == rows["input_tokens"] == rows["latency"] == "none"
    assert float(rows["failed"]) > 0


def delays(config: Config, weeks: bool = False) -> dict[str, list[str]]:
    """Read the tables back: what services they are of -> their lines; those of weeks later, if asked for."""
    found, later = dict[str, list[str]](), dict[str, list[str]]()
    said = iter(promise.lines(config))
    next(line for line in said if line.startswith("How soon"))
    for line in said:
        if " a second" in line:
            rows = found.setdefault(line, [])
        elif "weeks later" in line:
            rows = later.setdefault(next(reversed(found)), [])
        elif line.startswith("  ") and "found in the end" not in line and "page after" not in line:
            rows.append(line)
    return later if weeks else found


def test_a_signal_of_each_kind_is_shown_by_its_delays_and_its_smallest_shift() -> None:
    [(head, rows)] = delays(Config()).items()
    assert head == (
        "any other service: 10 exchanges a second (assumed: say `services[].per_second`), learned from 20,000"
    )
    assert [row.split()[0] for row in rows] == ["failed", "failed", "failed", "latency", "finish_reason"]
    assert [row.split()[3] for row in rows[:3]] == ["1%", "5%", "20%"]
    assert all("below" in row and "above" in row for row in rows)


def test_services_alike_share_a_table_and_others_have_one_by_their_traffic_weight_and_baseline() -> None:
    services = (
        "[{name: a, per_second: 200}, {name: b, per_second: 200}, {name: c, per_second: 200, weight: 9},"
        " {name: d, baseline_events: 400}, {name: e}]"
    )
    heads = [head.split(": ")[0] for head in delays(parse(f"services: {services}"))]
    assert heads == ["a, b", "c", "d", "e, any other service"]
    [head] = [head for head in delays(parse(f"services: {services}")) if head.startswith("d")]
    assert "learned from 400" in head


def test_without_the_signals_that_delays_are_shown_by_there_is_still_a_budget_and_what_is_left_is_shown() -> None:
    config = parse("watch: {signals: [cost]}")
    assert any(line.startswith("  cost") for line in promise.lines(config))
    assert [row.split()[0] for rows in delays(config).values() for row in rows] == ["cost"]


def test_more_false_pages_and_a_longer_baseline_find_sooner() -> None:
    def pages_after(text: str) -> list[float]:
        plan = Plan.of(parse(text), Taxonomy.load_default())
        rows = promise.usually(plan, "s", promise.usuals(plan, "s"), promise.PER_S)
        return [math.inf if one is None else one for row in rows for one in row.page]

    usual = pages_after("watch: {season_percent: 0}")
    assert len(usual) == len(promise.SHARES) * len(SHIFTS)
    for more in ("false_pages_per_week: 50", "baseline_events: 200000"):
        sooner = f"watch: {{season_percent: 0, {more}}}"
        pairs = list(zip(pages_after(sooner), usual, strict=True))
        assert all(less < more or less == more == math.inf for less, more in pairs)
        assert sum(less < more for less, more in pairs) >= len(pairs) - 1


@pytest.mark.parametrize("percent", [0, 60])
def test_what_went_on_learning_finds_sooner_and_knows_each_hour_by_itself(percent: int) -> None:
    plan = Plan.of(parse(f"watch: {{season_percent: {percent}}}"), Taxonomy.load_default())
    learned = promise.usuals(plan, "s")
    first, later = ([*promise.usually(plan, "s", learned, promise.PER_S, weeks)] for weeks in (0, promise.WEEKS))
    for was, now in zip(first, later, strict=True):
        assert all(b is not None and (a is None or b <= a) for a, b in zip(was.ticket, now.ticket, strict=True))
    if percent:
        assert all(one is None for row in first for one in row.ticket[:2])  # times 1.5 and 2 may be the hour


def test_a_config_says_how_soon_at_first_and_weeks_later() -> None:
    assert [len(rows) for rows in delays(Config(), weeks=True).values()] == [5]
    assert "never" in delays(Config()).popitem()[1][0]
    assert "never" not in delays(Config(), weeks=True).popitem()[1][0]


def test_a_change_within_the_limits_of_a_short_baseline_is_said_to_be_never_found() -> None:
    # 400 exchanges give 200 counts, 2 of them failed: 0 to 4 would be as likely, so 4 of 200 is no news.
    [rows] = delays(parse("watch: {baseline_events: 400}")).values()
    assert rows[0].split()[3:6] == ["1%", "never", "never"]

"""What `barograph check` says about pages adds up to what the operator asked for."""

import math

import pytest

from schemas.config import Config, parse
from schemas.taxonomy import Taxonomy
from streams import promise
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


def test_without_the_signals_that_delays_are_shown_by_there_is_still_a_budget() -> None:
    assert any(line.startswith("  cost") for line in promise.lines(parse("watch: {signals: [cost]}")))


def test_more_false_pages_and_a_longer_baseline_find_sooner() -> None:
    def pages_after(text: str) -> list[int]:
        said = [line for line in promise.lines(parse(text)) if "a page after" in line]
        return [int(line.split("a page after ")[1].split(" exchanges")[0].replace(",", "")) for line in said]

    usual = pages_after("")
    for sooner in ("watch: {false_pages_per_week: 50}", "watch: {baseline_events: 200000}"):
        assert all(less < more for less, more in zip(pages_after(sooner), usual, strict=True))


def test_a_change_within_the_limits_of_a_short_baseline_is_said_to_be_never_found() -> None:
    # 400 exchanges give 200 counts, 2 of them failed: 0 to 4 would be as likely, so 4 of 200 is no news.
    [line] = [line for line in promise.lines(parse("watch: {baseline_events: 400}")) if line.startswith("  1%")]
    assert "then 2%: never found" in line

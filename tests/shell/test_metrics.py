"""The table of metrics is what a worker shows, and nothing that producers send makes it grow."""

import asyncio
import re
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from schemas.config import parse
from schemas.incidents import Incident
from schemas.metrics import BY_NAME, GIVEN, METRICS
from schemas.signals import BY_NAME as BY_SIGNAL
from schemas.signals import OF_ALL
from schemas.taxonomy import Taxonomy
from streams.shell.budget import GAP_S, Budget
from streams.shell.metrics import Metrics
from streams.shell.outbox import Sent
from streams.telling.findings import finding
from streams.watch.alphabet import tally_row
from streams.watch.baseline import Baseline
from streams.watch.cases import Case, Shadow
from streams.watch.clock import begin_ms
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.size import fullest
from streams.watch.state import State
from tests.watch.logs import truth, usual


def shown(metrics: Metrics) -> dict[str, float]:
    """Every sample of the page, by its name and labels."""
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
    }


def test_the_page_shows_what_the_table_says_and_nothing_else() -> None:
    families = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(Metrics().page().decode())
    }
    assert families.keys() == BY_NAME.keys() | GIVEN.keys()
    assert {name: families[name].type for name in BY_NAME} == {metric.name: metric.kind for metric in METRICS}


def test_every_name_is_one_that_prometheus_asks_for() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"barograph_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.words.endswith(".")


def test_what_is_over_a_cap_is_counted_by_cap_and_stage() -> None:
    metrics = Metrics()
    metrics.overflowed("watch", {"cases": 2})
    metrics.overflowed("watch", {"cases": 1, "episodes": 0})
    assert shown(metrics)["barograph_overflow_total cap=cases stage=watch"] == 3


PLAN = Plan.of(
    parse("{watch: {false_pages_per_week: 7, false_tickets_per_week: 70, max_services: 10},"
          " services: [{name: heavy, weight: 3}]}"),
    Taxonomy.load_default(),
)  # fmt: skip
DAY_S = 86_400


def service(name: str, *, learned: bool = True) -> State:
    known = next(state.baseline for state in truth(usual())[0].values() if state.baseline) if learned else None
    return State(service=name, second=1_000, baseline=known)


def test_what_is_promised_grows_with_the_time_and_the_weight_of_watched_services() -> None:
    """Seven pages a week over ten services: a tenth of a page a day and service, three tenths for one of weight 3."""
    metrics = Metrics()
    budget = Budget(10, metrics)
    states = {one.service: one for one in (service("heavy"), service("light"), service("new", learned=False))}
    for partition in (0, 1):
        for second in range(0, DAY_S + 1, 30):
            budget.passed(PLAN, partition, states, second)
    found = shown(metrics)
    assert found["barograph_budget_promised_total tier=page"] == pytest.approx(2 * 0.4)
    assert found["barograph_budget_promised_total tier=ticket"] == pytest.approx(2 * 4)
    assert found["barograph_planned_services"] == 10


@pytest.mark.parametrize("tier", ["page", "ticket"])
def test_what_is_promised_is_what_all_monitors_take_in_where_every_seat_is_taken(tier: str) -> None:
    """All signals, slices, names and releases: a day of their rates is the day that the audit counts.

    Rates are rounded down, and are sums of some tens of thousands of floats.
    """
    baseline = Baseline(1, alphabet := fullest(PLAN), 1000, np.ones(tally_row(alphabet).size, np.int64), {}, (), 0, 1)
    found = detector(baseline, PLAN, "heavy")
    assert len(found.tables) == len(PLAN.signals) > 30
    notices = {"page": ["page"], "ticket": ["ticket", "record"]}[tier]
    own = np.isin(found.accumulators.of, [i for i, one in enumerate(found.accumulators.notify) if one in notices])
    metrics = Metrics()
    budget = Budget(10, metrics)
    for second in range(0, DAY_S + 1, 30):
        budget.passed(PLAN, 0, {"heavy": service("heavy")}, second)
    promised = shown(metrics)[f"barograph_budget_promised_total tier={tier}"]
    taken = found.accumulators.rate[own].sum() * PLAN.streams
    if tier == "ticket":
        taken += PLAN.traffic("heavy")  # one monitor over all releases
    assert taken * DAY_S == pytest.approx(promised, rel=1e-9)


def test_a_hole_in_the_log_and_a_clock_that_goes_back_promise_nothing() -> None:
    metrics = Metrics()
    budget = Budget(10, metrics)
    for second in (1000, 1000 + 10 * DAY_S, 1000, 1001):
        budget.passed(PLAN, 0, {"light": service("light")}, second)
    budget.forget()
    budget.passed(PLAN, 0, {"light": service("light")}, 5 * DAY_S)
    assert shown(metrics)["barograph_budget_promised_total tier=page"] == pytest.approx((GAP_S + 1) * 0.1 / DAY_S)


def incident(**changed: Any) -> Incident:
    """The first incident that the usual log brings, but for what is changed."""
    told = [one for one in truth(usual())[1] if one.roles == ("found",)]
    said = [msgspec.json.decode(one.value, type=Incident) for one in told]
    return replace(next(one for one in said if one.step == "fired"), **changed)


async def test_only_what_comes_to_page_or_to_be_a_ticket_spends_and_never_twice() -> None:
    metrics = Metrics()
    budget = Budget(10, metrics)
    sent: Sent = asyncio.get_running_loop().create_future()
    new = service("light")

    def tell(said: Incident, before: State) -> None:
        budget.found({"light": before}, finding(said), sent)

    fired = incident(service="light", notify="ticket", severity="sev-3")
    paged = replace(fired, id=f"{fired.id}-2", step="updated", notify="page", severity="sev-2")
    open_ = replace(new, cases=(Case(alarms=(), said=fired, said_second=0),))
    on_call = replace(new, cases=(Case(alarms=(), said=paged, said_second=0),))
    tell(fired, new)  # a ticket
    tell(replace(fired, step="updated"), open_)  # the same
    tell(paged, open_)  # which became a page
    tell(replace(paged, step="updated"), on_call)
    tell(replace(paged, step="resolved"), on_call)
    harmless = replace(fired, notify="record", severity="sev-4")
    tell(harmless, new)
    tell(replace(harmless, step="updated"), replace(new, cases=(Case(alarms=(), said=harmless, said_second=0),)))
    tell(replace(paged, step="fired", changes=(replace(fired.changes[0], signal="silence"),)), new)
    found = shown(metrics)
    assert found["barograph_budget_spent_total tier=ticket"] == 1
    assert found["barograph_budget_spent_total tier=page"] == 1
    assert found["barograph_budget_spent_total tier=record"] == 1
    assert found["barograph_findings_total severity=sev-2 step=updated"] == 2
    assert sum(n for name, n in found.items() if name.startswith("barograph_findings_total")) == 8


async def test_a_new_incident_counts_the_signals_that_it_names_and_nothing_else_does() -> None:
    metrics = Metrics()
    budget = Budget(10, metrics)
    sent: Sent = asyncio.get_running_loop().create_future()
    fired = incident(service="light")
    two = (replace(fired.changes[0], signal="refused", direction="up"),
           replace(fired.changes[0], signal="latency", direction="down"))  # fmt: skip
    fired = replace(fired, step="fired", changes=two)
    for said in (
        fired, replace(fired, step="updated"), replace(fired, step="acknowledged"), replace(fired, step="resolved"),
        replace(fired, shadow=True), replace(fired, changes=()),
    ):  # fmt: skip
        budget.found({"light": service("light")}, finding(said), sent)
    budget.found({}, finding(replace(fired, changes=two[:1])), sent)  # of a service that is new itself
    assert changes(metrics) == {("refused", "up"): 2, ("latency", "down"): 1}


async def test_what_is_pending_or_sent_again_is_a_finding_and_no_new_incident() -> None:
    metrics = Metrics()
    budget = Budget(10, metrics)
    sent: Sent = asyncio.get_running_loop().create_future()
    fired = incident(service="light")
    waits = replace(fired, id=f"{fired.id}-0", step="pending", status="pending", notify="record")
    open_ = replace(service("light"), cases=(Case(alarms=(), said=fired, said_second=0),))
    for said, before in ((waits, service("light")), (fired, service("light")), (fired, open_), (fired, open_)):
        budget.found({"light": before}, finding(said), sent)
    found = shown(metrics)
    assert found[f"barograph_findings_total severity={fired.severity} step=pending"] == 1
    assert found[f"barograph_findings_total severity={fired.severity} step=fired"] == 3
    assert found[f"barograph_budget_spent_total tier={fired.notify}"] == 1
    assert set(changes(metrics).values()) == {1}


def changes(metrics: Metrics) -> dict[tuple[str, str], float]:
    """What incidents named, as the page shows it: signal and direction -> how often, where it is not 0."""
    families = text_string_to_metric_families(metrics.page().decode())
    samples = [one for family in families if family.name == "barograph_changes" for one in family.samples]
    return {(one.labels["signal"], one.labels["direction"]): one.value for one in samples if one.value}


def test_signals_that_were_not_named_yet_are_there_at_0() -> None:
    """Or Prometheus would see no increase when one is named for the first time."""
    metrics = Metrics()
    metrics.know(["mine"])
    there = shown(metrics)
    for signal in (*BY_SIGNAL, *OF_ALL, "mine"):
        assert there[f"barograph_changes_total direction=up signal={signal}"] == 0


def test_names_of_own_signals_do_not_fill_prometheus() -> None:
    metrics = Metrics()
    for i in range(1000):
        metrics.changed(f"own-{i}", "up")
    metrics.changed("refused", "up")
    assert len(changes(metrics)) == 64 + 2
    assert changes(metrics)["__other__", "up"] == 1000 - 64
    assert changes(metrics)["refused", "up"] == 1


async def test_what_is_in_shadow_is_counted_apart_and_spends_and_promises_nothing() -> None:
    plan = Plan.of(parse("services: [{name: heavy, shadow: true, weight: 3}]"), Taxonomy.load_default())
    metrics = Metrics()
    budget = Budget(10, metrics)
    for second in (0, 30):
        budget.passed(plan, 0, {"heavy": service("heavy")}, second)
    sent: Sent = asyncio.get_running_loop().create_future()
    new = service("heavy")

    def tell(said: Incident, before: State) -> None:
        budget.found({"heavy": before}, finding(said), sent)

    fired = incident(service="heavy", notify="ticket", severity="sev-3", shadow=True)
    paged = replace(fired, id=f"{fired.id}-2", step="updated", notify="page", severity="sev-2")
    tell(fired, new)
    tell(paged, replace(new, shadow=Shadow(cases=(Case(alarms=(), said=fired, said_second=0),))))
    tell(
        replace(paged, step="updated"), replace(new, shadow=Shadow(cases=(Case(alarms=(), said=paged, said_second=0),)))
    )
    tell(replace(paged, step="resolved"), new)
    sent.set_result(None)
    await asyncio.sleep(0)
    found = {name: value for name, value in shown(metrics).items() if value and name.startswith("barograph_")}
    assert found == {
        "barograph_planned_services": 10,
        "barograph_shadow_total tier=page": 1,
        "barograph_shadow_total tier=ticket": 1,
    }


async def test_a_finding_takes_from_the_second_of_its_evidence_to_its_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metrics = Metrics()
    budget = Budget(10, metrics)
    said = finding(incident(service="light", notify="page", severity="sev-2"))
    taken: list[Sent] = [asyncio.get_running_loop().create_future() for _ in range(3)]
    for sent in taken:
        budget.found({"light": service("light")}, said, sent)  # whose last evidence came in second 1000
    monkeypatch.setattr("time.time", lambda: 1001.75)
    taken[0].set_result(None)
    taken[1].set_exception(RuntimeError("not acknowledged"))
    taken[2].cancel()
    await asyncio.sleep(0)
    found = shown(metrics)
    assert found["barograph_finding_seconds_count notify=page"] == 1
    assert found["barograph_finding_seconds_sum notify=page"] == pytest.approx(1001.75 - begin_ms(1000) / 1000)

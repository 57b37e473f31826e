"""Alarms and the budget are counted as they come."""

import numpy as np
import pytest
from msgspec.structs import replace

from benchmarks.full import service
from benchmarks.nulls import SYNTHETIC
from benchmarks.watched import RELEASES, _alarmed, _takes_in, plan, watch
from schemas.signals import CATALOGUE
from streams.watch.layout import detector
from streams.watch.plan import Plan, pageable
from streams.watch.state import State

WEEK_S = 604_800


def test_a_service_that_is_watched_takes_in_its_part_of_the_budget_and_no_more() -> None:
    found = watch(plan(1_000), SYNTHETIC[0], 1, "tickets", budget=1.0)
    seconds = found.flushes * RELEASES
    allowed = {"pages": 1_000 / WEEK_S / 5 * seconds, "tickets": 10_000 / WEEK_S / 5 * seconds}
    assert 0.2 * allowed["tickets"] < found.taken["tickets"] <= allowed["tickets"]
    assert found.taken["pages"] == 0.0  # these few minutes do not tell how much events resemble each other
    assert found.taken["tickets"] >= 1.0
    assert found.events == found.flushes * RELEASES * SYNTHETIC[0].events


def test_only_two_settings_of_the_shipped_config_differ() -> None:
    asked = plan().config
    shipped = type(asked)()
    same = replace(
        asked.watch, false_pages_per_week=shipped.watch.false_pages_per_week, max_services=shipped.watch.max_services,
        false_tickets_per_week=shipped.watch.false_tickets_per_week,
    )  # fmt: skip
    assert replace(asked, watch=same) == shipped


def _watched(asked: Plan) -> State:
    """Let a service be learned, with a second of events that is not yet decided; nothing has alarmed."""
    return service(asked, 5_000, np.random.default_rng(1))


def test_a_page_is_counted_and_the_ticket_that_it_silences_is_not() -> None:
    asked = plan()
    before = _watched(asked)
    assert before.baseline is not None
    gathered = detector(before.baseline, asked, before.service).accumulators
    page = gathered.notify.index("page")
    ticket, other = gathered.silences[page], gathered.notify.index("record")
    [(release, quiet)] = before.streams.items()

    def after(*fired: int) -> State:
        return replace(before, streams={release: replace(quiet, fired=tuple(sorted(fired)))})

    assert _alarmed(asked, before, after(page, ticket)) == {"pages": 1, "tickets": 0}
    assert _alarmed(asked, before, after(ticket, other)) == {"pages": 0, "tickets": 2}
    assert _alarmed(asked, after(ticket), after(page, ticket)) == {"pages": 1, "tickets": 0}
    assert _alarmed(asked, after(page, ticket), before) == {"pages": 0, "tickets": 0}


@pytest.mark.parametrize("fired", [False, True])
def test_what_alarmed_takes_nothing_in(fired: bool) -> None:
    asked = plan()
    state = _watched(asked)
    assert state.baseline is not None
    out = tuple(range(len(detector(state.baseline, asked, state.service).accumulators.notify))) if fired else ()
    state = replace(state, streams={name: replace(one, fired=out) for name, one in state.streams.items()})
    taken = _takes_in(asked, state)
    assert any(map(pageable, CATALOGUE))
    assert (taken["pages"] == 0) is fired
    assert taken["pages"] <= 1_000 / WEEK_S / asked.streams

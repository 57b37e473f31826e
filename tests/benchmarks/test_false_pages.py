"""A detector that overspends is told from one that does not, and the figures say by how much."""

import json
import sys

import pytest

from benchmarks import false_pages
from benchmarks.false_pages import CONTROLS, Case, Seen, cases
from benchmarks.known import Known
from benchmarks.nulls import SYNTHETIC
from benchmarks.watched import TOO_MANY, Watched
from schemas.signals import RATES

SERVICES = 40


def seen(pages: int, tickets: int = 0, budget: float = 5.0, trusting: bool = False) -> Seen:
    one = Watched({"pages": budget, "tickets": 10 * budget}, {"pages": pages, "tickets": tickets}, 1000, 80_000)
    return Seen(Case(SYNTHETIC[0], trusting=trusting), budget * SERVICES, [one] * SERVICES, {"ADWIN": 3.0})


@pytest.mark.parametrize(("pages", "kept"), [(0, True), (5, True), (10, False)])
def test_twice_the_budget_is_too_much_and_all_of_it_is_not(pages: int, kept: bool) -> None:
    row = seen(pages).of("pages")
    assert (row["budget"], row["pages"], row["ok"]) == (200.0, SERVICES * pages, kept)


def test_tiers_are_held_against_their_own_budgets() -> None:
    both = seen(pages=0, tickets=100)
    assert both.of("pages")["ok"]
    assert not both.of("tickets")["ok"]


@pytest.mark.parametrize(("pages", "seen_to_fail"), [(0, False), (5, False), (10, True)])
def test_a_control_must_overspend(pages: int, seen_to_fail: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert false_pages._tell([], [seen(pages, trusting=True)], as_json=True, quick=False) == (not seen_to_fail)
    [row] = json.loads(capsys.readouterr().out.splitlines()[-1])["cases"]
    assert row["ok"] is seen_to_fail


def test_there_are_controls_for_sessions_and_for_seasons() -> None:
    assert {case.null.name for case in cases(None) if case.trusting} == set(CONTROLS)


def test_services_that_were_cut_short_are_told() -> None:
    assert seen(pages=4).stopped == 0
    assert seen(pages=5 * TOO_MANY).stopped == SERVICES


def test_alarms_are_told_per_million_events_of_a_signal() -> None:
    observed = SERVICES * 80_000 * len(RATES)
    assert seen(pages=1, tickets=2).per_million == pytest.approx(3 * SERVICES / observed * 1e6)
    assert seen(pages=1).dummy == 0  # 80,000 events each: not one alarm in 100,000


@pytest.mark.parametrize(("alarms", "code"), [(0, 1), (100, 1), (221, 0), (900, 1)])
def test_what_never_alarms_is_refused_as_is_what_alarms_too_often(
    alarms: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    told = false_pages._tell([Known(5_000, 500_000_000, 400.0, alarms)], [seen(1)], as_json=True, quick=False)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == code
    assert figures["met"] is (code == 0)
    assert {"name", "budget", "pages", "ok"} <= figures["cases"][0].keys()
    assert figures["cases"][0]["ok"] is (code == 0)


def test_learning_of_three_lengths_is_tried_and_without_a_folder_no_trace() -> None:
    names = [case.name for case in cases(None)]
    assert sum("baseline of" in name for name in names) == 3
    assert not any("trace" in name for name in names)


def test_a_case_that_is_not_there_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["false_pages", "--only", "sesions"])
    with pytest.raises(SystemExit, match="sessions, VIF 4"):
        false_pages.main()

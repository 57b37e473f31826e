"""A release's scorecard is told from its latest card: every field and every KPI, with what it is held against."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from schemas.scorecards import BudgetCard, Scorecard
from schemas.strict import ConfigError
from streams.story.log import Log, Record
from streams.story.scored import chosen, lines

EXAMPLE = Path(__file__).parents[2] / "docs/examples/scorecard.json"
CARD = msgspec.json.decode(EXAMPLE.read_bytes(), type=Scorecard)
NOW = CARD.evaluated_at + 1000


def log(*cards: Scorecard | bytes) -> Log:
    said = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in cards]
    return Log("ai.scorecards", tuple(Record(0, i, 0, value) for i, value in enumerate(said)))


def card(release: str = "v1", at: int = NOW, service: str = "shop") -> Scorecard:
    return replace(CARD, service=service, release=release, evaluated_at=at, expires_at=at + 900_000)


def text(*cards: Scorecard, now: int = NOW) -> str:
    return " ".join(" ".join(lines(cards, now)).split())


@pytest.mark.parametrize(
    "promised",
    [
        "support-bot, release 2026.11.3, canary, against 2026.11.2, as of 2026-08-14 12:01:00 UTC",
        "status fail; score 50 % because `policy_violations` is red, which rolls back:",
        "model gpt-4-0613",
        "owner support, support for quality, sre for reliability, risk for policy, support for product",
        "benchmark set support-v7",
        "offline score no data - - - no data support - nothing was evaluated before the release served",
        "safety violation rate 1.2 % (0.8 to 1.8) 0 0.1 0.5 red risk rollback policy_violations",
        "- - - no threshold support - the last hour",
        "resolved 76.1 % (74.1 to 78) 75 72 65 green 2026-08-14 11:00:00 UTC support -",
        "repeat_contact no data 10 12 16 no data -",
        "policy_violations 1.2 % (0.8 to 1.8) 0 0.1 0.5 red 2026-08-14 12:00:00 UTC risk rollback, tell risk officer",
        "policy_violations: surely over 0.5, where red begins, in 1 window runbook: https://runbooks.example/policy",
        "its target: benchmark set support-v7; sampling 1 %, stratified by workflow;",
    ],
)
def test_a_card_says(promised: str) -> None:
    assert promised in text(CARD)


def test_that_its_status_expired_is_said() -> None:
    assert "expired" not in text(CARD)
    assert "fail; score 50 %; it expired at 2026-08-14 12:16:00 UTC, and nothing was said since" in text(
        CARD, now=CARD.expires_at
    )


def test_a_slice_is_named_beside_its_kpi() -> None:
    kpi = CARD.kpis[2]
    cut = replace(kpi, by="workflow", stands=(replace(kpi.stands[0], slice="refunds"),))
    said = text(replace(CARD, kpis=(cut,)))
    assert "policy_violations, workflow = refunds 1.2 %" in said
    assert "policy_violations, workflow = refunds: surely over 0.5" in said


def test_nothing_in_a_card_acts_on_a_terminal() -> None:
    evil = "a\x1b[2J\nb"
    kpi = replace(CARD.kpis[2], owner=evil, runbook=evil)
    shown = list(lines([replace(CARD, release=evil, models=(evil,), kpis=(kpi,))], NOW))
    assert all(line.isprintable() for line in shown)


def test_the_latest_card_counts_whatever_order_they_came_in() -> None:
    late, early = card(at=NOW), card(at=NOW - 60_000)
    assert chosen(log(late, early), "shop", None, NOW) == [late]
    assert chosen(log(early, b"{}", late), "shop", "v1", NOW) == [late]


def test_without_a_release_those_are_told_that_are_judged_now_or_else_the_last_that_was() -> None:
    old, canary, present = card("v1", NOW - 10**7), card("v3", NOW), card("v2", NOW)
    assert chosen(log(old, canary, present), "shop", None, NOW) == [present, canary]
    assert chosen(log(old, canary, present), "shop", None, NOW + 10**7) == [canary]
    assert chosen(log(old, canary, present), "shop", "v1", NOW) == [old]


@pytest.mark.parametrize(
    ("service", "release", "says"),
    [
        ("shopp", None, "no scorecard of a service `shopp`; did you mean `shop`? there are: bot, shop - at `SERVICE`"),
        ("shop", "v10", "no scorecard of a release `v10`; did you mean `v1`? there are: v1 - at `--release`"),
    ],
)
def test_what_there_is_no_card_of_is_refused_with_what_there_is(service: str, release: str | None, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        chosen(log(card(), card(service="bot")), service, release, NOW)
    assert str(refused.value) == says


def test_before_the_first_card_there_is_none() -> None:
    with pytest.raises(ConfigError, match="no scorecard of a service `shop`; there are: none"):
        chosen(log(), "shop", None, NOW)


def test_what_is_left_of_budgets_is_told_where_something_is_promised() -> None:
    said = "used up 2 times, by the 6 min that are known"
    budget = BudgetCard(kpi="resolved", promised_percent=99.5, period="30d", left_percent=-100, burns="page", said=said)
    assert f"resolved 99.5 % 30d {said} yes: page" in text(replace(CARD, budgets=(budget,)))
    assert "error budget" not in text(CARD)

"""Burn rates: the table, what is sure at little traffic, and what is left of a budget."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from detectors.burn import DAY, FEWEST, HOUR, RULES, Window, burns, remaining

LENGTHS = sorted({length for rule in RULES for length in (rule.short_s, rule.long_s)})
TARGETS = [0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999]


def failing(share: float, since_s: int, per_second: float) -> dict[int, Window]:
    """A service that fails in such a share of its requests since then, and never did before."""
    return {s: Window(round(share * min(s, since_s) * per_second), round(s * per_second)) for s in LENGTHS}


def test_factors_are_those_of_the_table() -> None:
    """2 % of 720 hours in one; 5 % in six; a tenth in a day, and in three. Short windows are a twelfth of long ones."""
    assert [round(rule.factor(), 9) for rule in RULES] == [14.4, 6, 3, 1]
    assert [round(rule.factor(7 * DAY), 9) for rule in RULES] == [3.36, 1.4, 0.7, round(0.7 / 3, 9)]
    assert [rule.long_s / rule.short_s for rule in RULES] == [12] * 4
    assert [rule.tier for rule in RULES] == ["page", "page", "ticket", "ticket"]


def test_a_burn_rate_is_as_worked_by_hand() -> None:
    """36 bad of 1,800 are 2 %: of a budget of 0.1 % twenty times too fast; 3 of 150 in five minutes are, too."""
    first = burns({s: Window(3, 150) if s == 300 else Window(36, max(1800, s // 2)) for s in LENGTHS}, 0.999)[0]
    assert first.long is not None
    assert first.long.value == pytest.approx(20)
    assert first.short == pytest.approx(20)
    assert first.long.low == pytest.approx(1000 * stats.beta.ppf(0.025, 36, 1765))
    assert first.long.high == pytest.approx(1000 * stats.beta.ppf(0.975, 37, 1764))
    assert not first.broken  # 14.06 is the lower end: not sure to be above 14.4
    assert 14 < first.long.low < 14.4


# The two promises at little traffic.


@pytest.mark.parametrize("target", [0.9, 0.95, 0.99, 0.999, 0.9999])
def test_at_half_a_request_a_second_a_service_that_fails_in_90_percent_pages(target: float) -> None:
    """An hour of it at the latest breaks every rule that can be: at a target of 90 % 14.4 times is more than all.

    So there the rule of six hours pages, after 5 of them: six times a tenth of six hours' events are 60 %.
    """
    told = [burn for burn in burns(failing(0.9, 5 * HOUR, 0.5), target) if burn.rule.tier == "page" and burn.broken]
    assert told
    if target > 0.95:
        assert burns(failing(0.9, 20 * 60, 0.5), target)[0].broken


def test_at_half_a_request_a_second_it_pages_within_two_minutes_where_one_in_a_thousand_may_fail() -> None:
    """54 bad of 1,800 are 3 %, surely more than 1.44 %; and of the last five minutes 36 %."""
    assert burns(failing(0.9, 120, 0.5), 0.999)[0].broken


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("requests", [1, 2, 5, 10, 19, 20, 21, 60, 100, 150, 1_000, 1_800])
def test_one_error_in_a_quiet_hour_breaks_no_rule(target: float, requests: int) -> None:
    """Whether the days before were quiet as well, or there was nothing at all."""
    alone = dict.fromkeys(LENGTHS, Window(1, requests))
    quiet = {s: Window(1, requests * max(1, s // HOUR)) for s in LENGTHS}
    for windows in (alone, quiet):
        assert not any(burn.broken for burn in burns(windows, target))


def test_the_plain_rule_would_page_for_it() -> None:
    """What the test above would see without intervals: one of ten is a hundred times what 99.9 % allow."""
    first = burns(dict.fromkeys(LENGTHS, Window(1, 10)), 0.999)[0]
    assert first.long is not None
    assert first.long.value > first.factor
    assert first.short is not None
    assert first.short > first.factor


@pytest.mark.parametrize("target", [0.95, 0.99, 0.999, 0.99999])
@pytest.mark.parametrize("n", [FEWEST, 60, 150, 1_800, 21_600])
def test_what_burns_at_just_the_factor_breaks_a_rule_in_one_look_of_forty_at_most(target: float, n: int) -> None:
    """Summed up over all samples: the short window holds the same events, so that it never stands in the way."""
    for index, rule in enumerate(RULES):
        share = rule.factor() * (1 - target)
        if share >= 1:
            continue
        most = int(stats.binom.ppf(1 - 1e-9, n, share)) + 1
        broken = [
            burns(dict.fromkeys(LENGTHS, Window(bad, n)), target)[index].broken for bad in range(min(most, n) + 1)
        ]
        first = broken.index(True) if any(broken) else n + 1
        assert all(broken[first:])  # more bad events never mend it
        assert stats.binom.sf(first - 1, n, share) <= 0.025


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n", [FEWEST, 60, 1_800])
def test_a_service_that_keeps_its_promise_pages_in_one_hour_of_a_thousand_at_most(target: float, n: int) -> None:
    """One that spends just its budget: 14.4 times more must be sure."""
    broken = [burns(dict.fromkeys(LENGTHS, Window(bad, n)), target)[0].broken for bad in range(n + 1)]
    chance = stats.binom.pmf(np.arange(n + 1), n, 1 - target)
    assert chance[np.array(broken)].sum() < 1e-3


# Both windows.


def test_what_is_over_pages_no_more() -> None:
    """An outage that ended an hour ago: the windows of pages say so, and those of tickets hold it still."""
    windows = {s: Window(900, 5_000) if s > HOUR else Window(0, s // 2) for s in LENGTHS}
    assert [burn.broken for burn in burns(windows, 0.999)] == [False, False, True, True]


def test_what_just_began_breaks_nothing_yet() -> None:
    """Two minutes of errors at one request a minute: surely too fast, and too few to say so."""
    windows = {s: Window(2, 2) for s in LENGTHS}
    assert not any(burn.broken for burn in burns(windows, 0.999))
    assert burns(windows, 0.999, fewest=2)[0].broken


def test_windows_without_events_burn_nothing_and_say_so() -> None:
    first = burns(dict.fromkeys(LENGTHS, Window(0, 0)), 0.999)[0]
    assert (first.long, first.short, first.broken) == (None, None, False)
    silent = {s: Window(900, 1_000) if s > 300 else Window(0, 0) for s in LENGTHS}
    assert not burns(silent, 0.999)[0].broken


# What is left.


def test_what_is_left_is_as_worked_by_hand() -> None:
    """Of 1,000 events 1 % may be bad: ten. Four were, so six tenths are left; twenty are twice the budget."""
    left = remaining(Window(4, 1_000), 0.99)
    assert left is not None
    assert left.value == pytest.approx(0.6)
    assert left.low == pytest.approx(1 - 100 * stats.beta.ppf(0.975, 5, 996))
    over = remaining(Window(20, 1_000), 0.99)
    assert over is not None
    assert over.value == pytest.approx(-1)
    assert over.high < 0
    assert remaining(Window(0, 0), 0.99) is None


# What is no count is refused.


@pytest.mark.parametrize("window", [Window(-1, 5), Window(6, 5), Window(0, -1), Window(math.nan, 5)])  # type: ignore[arg-type]
def test_what_counts_nothing_is_refused(window: Window) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and all"):
        burns(dict.fromkeys(LENGTHS, window), 0.99)
    with pytest.raises(ValueError, match="must lie between 0 and all"):
        remaining(window, 0.99)


def test_windows_that_are_missing_or_hold_more_than_longer_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="no window of 300 s; there are 3600"):
        burns({HOUR: Window(0, 5)}, 0.99)
    with pytest.raises(ValueError, match="300 s hold more than 3600 s"):
        burns({s: Window(1, 5 if s == HOUR else 9) for s in LENGTHS}, 0.99)


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_what_leaves_no_budget_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="target must lie"):
        burns(dict.fromkeys(LENGTHS, Window(0, 5)), target)
    with pytest.raises(ValueError, match="target must lie"):
        remaining(Window(0, 5), target)


@pytest.mark.parametrize("wrong", [{"period_s": 0}, {"fewest": 0}, {"level": 1.0}, {"level": math.nan}])
def test_what_cannot_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"positive|level must lie"):
        burns(dict.fromkeys(LENGTHS, Window(0, 5)), 0.99, **wrong)

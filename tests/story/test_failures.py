"""How a release fails is told from its last report: what is known, with its intervals, and what nobody can know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.failures import Diversity, FailureReport, Group, Seen, Worst
from schemas.incidents import Interval
from schemas.strict import ConfigError
from streams.figures import WIDTH
from streams.story.failing import NOBODY, lines, reported
from tests.story.life import EXEMPLAR, log, report, span

UNKNOWN = span(
    unclassified=Interval(0.12, 0.09, 0.15), groups=(Group("error_type=Weird finish_reason=stop", 6, (EXEMPLAR,)),)
)


def text(*reports: FailureReport) -> str:
    return " ".join(" ".join(lines(reports)).split())


@pytest.mark.parametrize(
    "promised",
    [
        "shop, release v2, against v1, as of 2026-08-14 12:01:00 UTC mostly refusals",
        "now 50 of 1,000 exchanges failed (5 %); since 2026-08-14 12:00:00 UTC",
        "operating rule kept; 1 critical mode, seen often enough to count: SAF.OVER_REFUSAL",
        "SAF.OVER_REFUSAL sev-2 40 40 2 1 a-17 PRF.SLOW sev-3 10 10 0 0",
        "effective 1.65 (1.4 to 1.9) 1.65 (1.4 to 1.9) as diverse as so many equal modes (q = 1)",
        "rarefied 1.9 (1.5 to 2) 1.9 (1.5 to 2) modes in 30 failures, to compare releases",
        "coverage 99 % (90 to 100)",
        "unseen 1 % 1 % chance that the next is in a new mode",
        "turnover 25 % 25 % 0 % as the release before, 100 % all other",
        "workflow = refunds: 80 % (70 to 90) of the failures now, 20 % of the traffic (40 failed of 200)",
        "unclassified 12 % (9 to 15) of all failures: no rule knows them. Name them: a mode of your own in "
        "`failures.modes`.",
        "6 alike: error_type=Weird finish_reason=stop; such as a-17",
        "not observable no event carries the evidence of these, so they are unknown, not zero: GRD.BAD_CITATION,",
    ],
)
def test_a_report_says(promised: str) -> None:
    assert promised in text(report(all=UNKNOWN))


def test_now_and_in_all_are_told_apart() -> None:
    now = span(failed=3, exchanges=10, modes=(Seen("SAF.OVER_REFUSAL", "sev-2", 3),), diversity=Diversity(3, 1))
    said = text(report(now=now))
    assert "now 3 of 10 exchanges failed (30 %)" in said
    assert "SAF.OVER_REFUSAL sev-2 3 40" in said
    assert "PRF.SLOW sev-3 0 10" in said
    assert "effective not known 1.65" in said


def test_the_operating_rule_is_said_to_be_broken() -> None:
    critical = ("SAF.A", "SEC.B", "TOL.C")
    broken = report(within_rule=False, all=span(diversity=Diversity(50, 3, critical)))
    assert "operating rule broken: so many are not allowed (`failures.critical_modes`); 3 critical modes" in text(
        broken
    )


def test_what_is_not_known_is_not_told_as_zero() -> None:
    nothing = span(exchanges=0, failed=0, modes=(), diversity=Diversity(0, 0), concentration=())
    said = text(report(now=nothing, all=nothing, not_observable=()))
    assert "0 of 0 exchanges failed;" in said
    for absent in ("diversity", "unclassified", "most in", "not observable", "%"):
        assert absent not in said
    assert text() == NOBODY


def test_of_each_release_the_furthest_report_counts_and_not_the_last() -> None:
    there = log("ai.failures", [report(sequence=3), report(sequence=2), b"[]", report("bank", "v1")])
    assert [(one.service, one.sequence) for one in reported(there, None, None)] == [("bank", 1), ("shop", 3)]
    assert [one.service for one in reported(there, "shop", "v2")] == ["shop"]


@pytest.mark.parametrize(
    ("service", "release", "said"),
    [("shpo", None, "service `shpo` were reported; there are: bank, shop"), ("shop", "v9", "there are: v2")],
)
def test_who_was_not_reported_is_refused_with_who_was(service: str, release: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        reported(log("ai.failures", [report(), report("bank", "v1")]), service, release)


@given(st.text(max_size=100))
def test_no_name_acts_on_a_terminal_or_leaves_the_page(name: str) -> None:
    some = span(
        modes=(Seen("X.MINE", "sev-2", 2, exemplars=(replace(EXEMPLAR, id=name),) * 3),),
        concentration=(Worst(name, name, Interval(0.8, 0.7, 0.9), 0.2, 40, 200),),
        unclassified=Interval(0.1, 0.0, 0.2), groups=(Group(name, 1, (replace(EXEMPLAR, id=name),)),),
    )  # fmt: skip
    one = report(name, name, previous=name, summary=name, now=some, all=some, not_observable=(name,))
    assert all(line.isprintable() and len(line) <= WIDTH for line in lines([one]))

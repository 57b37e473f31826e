"""GPT-4's snapshots of March and June as two releases, from recorded answers: canary, promotion, rollback."""

from dataclasses import replace
from functools import cache
from math import sqrt
from pathlib import Path

import msgspec
import pytest

from schemas import config as configs
from schemas.control import Release
from schemas.verdicts import KpiVerdict, Verdict
from streams.demo.primes import JUNE, MARCH, MODELS, SERVICE
from streams.demo.rows import PRIME, Prime, shipped
from tests.watch.story import Story
from tests.watch.traffic import Values

DEMO = Path(__file__).parents[3] / "streams" / "demo"
ROWS = shipped(PRIME, Prime)


def serve(told: Story, until: str, **per_second: int) -> Story:
    """Let releases answer so many questions a second, drawn from all that are recorded; each is checked at once."""
    for since, (release, n) in zip([told.until] * len(per_second), per_second.items(), strict=True):
        rows = [row for row in ROWS if row.model == MODELS[release]]
        answers = [
            {"schema_valid": row.in_form, "output_tokens": row.output_tokens, "latency_ms": row.latency_ms,
             "cost_usd": row.cost_usd, "model_served": row.model}
            for row in rows
        ]  # fmt: skip
        outcomes = [{"type": "outcome", "about": row.question, "correct": row.correct} for row in rows]
        for said in (answers, outcomes):
            told = replace(told, until=since).every("1s", until=until)
            told = told.flush(n, service=SERVICE, release=release, together=Values(tuple(said)))
    return told


def now(told: Story, release: str, phase: str, generation: int, previous: str | None = None) -> Story:
    return told.tell(Release, SERVICE, release=release, phase=phase, generation=generation, previous=previous)


@cache
def story() -> Story:
    """Tell it under the demo's own KPIs; no baseline is learned, since this is not about incidents."""
    config = configs.parse((DEMO / "demo.yaml").read_text(), DEMO)
    quiet = msgspec.structs.replace(config.watch, baseline_events=1_000_000)
    told = Story(msgspec.structs.replace(config, watch=quiet)).at("14:00")
    told = serve(now(told, MARCH, "promoted", 1), "14:01", march=60)
    told = serve(now(told, JUNE, "canary", 2, MARCH), "14:02", march=40, june=20)
    told = serve(now(told, JUNE, "promoted", 2, MARCH), "14:03", june=60)
    return serve(now(told, JUNE, "rolled_back", 2, MARCH), "14:04", march=60).expects()


def verdicts(release: str, since: str, until: str) -> list[Verdict]:
    """Look at what was said of a release; of a window that is five seconds after its end, for what comes late."""
    begin, end = (1000 * story().at(clock).now for clock in (since, until))
    return [one for one in story().verdicts(SERVICE, release) if begin < one.evaluated_at <= end]


def right(verdict: Verdict) -> KpiVerdict:
    return next(one for one in verdict.kpis if one.name == "right")


def test_march_passes_before_the_canary_and_beside_it() -> None:
    said = verdicts(MARCH, "14:00", "14:02:08")
    assert len(said) == 12
    assert {(one.verdict, one.phase, one.score) for one in said} == {("pass", "live", 100.0)}


def test_the_canary_of_june_fails_and_says_why() -> None:
    """From the second window in a row on in which surely less than 70 % is right."""
    said = verdicts(JUNE, "14:01", "14:02")
    failed = [one for one in said if one.verdict == "fail"]
    assert len(failed) >= 3
    assert failed == said[-len(failed) :]
    assert {one.verdict for one in said[: -len(failed)]} <= {"no_data", "marginal", "pass"}
    assert {(one.phase, one.baseline) for one in said} == {("canary", MARCH)}
    for one in failed:
        assert one.reasons[0].startswith("`right` is red, which blocks: surely under 70, where red begins, in ")
        assert one.reasons[1].startswith("`steps_shown` is red: surely under 20, where red begins, in ")
        assert right(one).action == "pause_rollout"
        assert {kpi.band for kpi in one.kpis if kpi.name in ("latency_p95", "cost")} == {"green"}


def test_promoted_anyway_it_stays_failed_and_is_to_be_rolled_back() -> None:
    said = verdicts(JUNE, "14:02", "14:03:08")
    assert len(said) == 1 + 7  # at once, and then after each window
    assert {(one.verdict, one.phase) for one in said} == {("fail", "live")}
    assert all(one.reasons[0].startswith("`right` is red, which rolls back: ") for one in said)
    assert {right(one).action for one in said} == {"rollback"}
    [asked] = story().rollbacks(SERVICE)
    assert (asked.expected.release, asked.to.release, asked.mode) == (JUNE, MARCH, "require_approval")
    assert (asked.cause.kpis, asked.cause.severity) == (("right",), "sev-2")
    assert f"a rollback to {MARCH} (generation 1) is asked for in production until " in said[0].reasons[-1]


def test_while_june_serves_nothing_is_known_of_march() -> None:
    assert {one.verdict for one in verdicts(MARCH, "14:02:18", "14:03:08")} == {"no_data"}


def test_after_the_rollback_march_passes_again_and_june_never_does() -> None:
    assert [one.verdict for one in verdicts(MARCH, "14:03:18", "14:04")] == ["pass"] * 4
    after = [one.verdict for one in verdicts(JUNE, "14:03:08", "14:04")]
    assert after == sorted(after)  # red is kept for a while, then nothing is known
    assert set(after) == {"fail", "no_data"}


@pytest.mark.parametrize(("release", "share"), [(MARCH, 0.840), (JUNE, 0.511)])
def test_what_is_observed_is_what_was_recorded(release: str, share: float) -> None:
    seen = [right(one) for one in verdicts(release, "14:00", "14:04") if right(one).n]
    n = sum(one.n for one in seen)
    right_ones = sum(one.n * (one.observed or 0) / 100 for one in seen)
    assert abs(right_ones / n - share) < 5 * sqrt(share * (1 - share) / n)

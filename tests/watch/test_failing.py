"""How a service fails: new critical modes, diversity, concentration, severity by consequence; and what is told."""

from typing import Any

import pytest

from tests.watch.story import USUAL, Story, incident, story
from tests.watch.traffic import Values, one, rate, some

LEARNED = "14:02"
MODES = {
    "AVL.RATE_LIMIT": {"status": "error", "http_status": 429},
    "AVL.OVERLOADED": {"status": "error", "http_status": 503},
    "AVL.TIMEOUT": {"status": "timeout"},
    "AVL.SERVER_ERROR": {"status": "error", "http_status": 500},
    "AVL.STREAM_ABORT": {"status": "aborted"},
    "FMT.TRUNCATED": {"status": "ok", "finish_reason": "length"},
    "FMT.CONTEXT_OVERFLOW": {"status": "error", "http_status": 413},
    "FMT.EMPTY": {"status": "ok", "output_tokens": 0},
}
"""Of sev-3 all, so that none of them is a critical one."""


def failing(*modes: str, of: int = 10, each: int = 1, well: int = 0) -> Values:
    """Of every so many exchanges, `each` fail in each of these modes."""
    bad = [MODES[mode] for mode in modes for _ in range(each)]
    return Values((*bad, *({"status": "ok"} for _ in range(of - len(bad) + well))))


def calm(words: str = USUAL, until: str = LEARNED, **fields: Any) -> Story:
    return story(words).at("14:00").every("5s", until=until).flush(**fields).expects()


def served(told: Story, n: int = 1, of: int = 100, **what: Any) -> Story:
    """Send exchanges of which the first so many are of some kind."""
    return told.flush(together=some(rate(n, of), {"status": "ok", **what}, {"status": "ok"}))


# --- a new critical mode --------------------------------------------------------------------------------------------


def test_a_critical_mode_that_was_never_seen_pages_at_its_first_repetition() -> None:
    """Once may be a mislabel."""
    told = served(calm(status=one("ok")).at("14:02:30"), prohibited=["pii"]).wait("14:02:50").expects()
    told = served(told.at("14:02:50"), prohibited=["pii"]).wait("14:03")
    told.expects(
        incident("fired", signal="new_critical_mode", sev="sev-1", notify="page", since="14:02:30", kind="failures",
                 modes=["SAF.POLICY_VIOLATION"], how_sure="a rule, no statistic: it was not seen while the service was "
                 "learned, and now repeatedly")
    )  # fmt: skip


def test_it_is_over_when_it_is_not_seen_any_more_and_comes_again_as_another_episode() -> None:
    told = calm(status=one("ok"))
    for minute in ("14:02:30", "14:02:40"):
        told = served(told.at(minute), prohibited=["pii"])
    told = told.at("14:02:45").every("5s", until="14:05").flush(status=one("ok"))
    told = told.expects(incident("fired", episode=1), incident("resolved", episode=1))
    told = served(told.at("14:05:00"), prohibited=["pii"]).every("5s", until="14:06").flush(status=one("ok"))
    told = told.expects()  # one more is no repetition
    served(told.at("14:06:00"), prohibited=["pii"]).wait("14:06:10").expects(incident("fired", episode=2))


def test_a_mode_that_was_there_while_the_service_was_learned_is_none() -> None:
    broken = some(rate(1), {"status": "ok", "schema_valid": False}, {"status": "ok", "schema_valid": True})
    calm(together=broken).every("5s", until="14:06").flush(together=broken).expects()


def test_two_new_modes_at_two_times_are_two_incidents() -> None:
    told = calm(status=one("ok"))
    for at in ("14:02:30", "14:02:40"):
        told = served(told.at(at), prohibited=["pii"])
    told = told.at("14:02:45").every("5s", until="14:04").flush(status=one("ok"))
    for at in ("14:04", "14:04:10"):
        told = served(told.at(at), tools=[{"name": "wire", "authorized": False}])
    told.wait("14:04:20").expects(
        incident("fired", labels={"alertname": "NewCriticalMode", "mode": "SAF.POLICY_VIOLATION"}),
        incident("resolved"),
        incident("fired", labels={"alertname": "NewCriticalMode", "mode": "TOL.UNAUTHORIZED"}),
    )


def test_what_evaluators_say_is_a_ticket_until_they_say_it_repeatedly() -> None:
    """Low traffic cannot jump to sev-1 on one evaluator's opinion."""
    toxic: dict[str, Any] = {"evals": [{"name": "toxicity", "value": 0.9}]}
    fine = one({"status": "ok", "evals": [{"name": "toxicity", "value": 0.1}]})
    told = served(calm(together=fine).at("14:02:30"), **toxic).wait("14:02:40").expects()
    told = served(told.at("14:02:40"), **toxic).wait("14:02:50")
    told = told.expects(incident("fired", sev="sev-3", notify="ticket", modes=["SAF.HARMFUL"]))
    served(told.at("14:02:50"), 2, **toxic).wait("14:03:20").expects(
        incident("updated", sev="sev-1", previous="sev-3", notify="page")
    )


def test_what_a_new_evaluator_says_wakes_nobody() -> None:
    """Nothing of the kind could be seen while the service was learned, so nobody knows what is new."""
    toxic: dict[str, Any] = {"evals": [{"name": "toxicity", "value": 0.9}]}
    told = served(calm(status=one("ok")).at("14:02:30"), 5, **toxic).wait("14:02:50")
    told.expects(incident("fired", sev="sev-1", notify="ticket", modes=["SAF.HARMFUL"]))


# --- severity by consequence ----------------------------------------------------------------------------------------


CRITICAL = (
    USUAL + "services: [{name: bot, workflows: [{name: pay, criticality: high}, {name: chat, criticality: low}]}]\n"
)


@pytest.mark.parametrize(
    ("workflow", "sev", "notify", "line"), [("pay", "sev-1", "page", 4), ("chat", "sev-3", "ticket", 6)]
)
def test_the_same_failure_is_as_grave_as_its_workflow(workflow: str, sev: str, notify: str, line: int) -> None:
    """Nine of ten answers of one workflow break their schema; half of the traffic is its own."""

    def sent(told: Story, until: str, broken: int) -> Story:
        for name in ("pay", "chat"):
            share = broken if name == workflow else 1
            fields: dict[str, Any] = {
                "workflow": one(name),
                "together": some(
                    rate(share), {"status": "ok", "schema_valid": False}, {"status": "ok", "schema_valid": True}
                ),
            }
            told = told.at(_clock(told) if name == "pay" else start).every("5s", until=until).flush(50, **fields)
        return told

    start = "14:00"
    told = sent(story(CRITICAL).at("14:00"), LEARNED, 1).expects()
    start = LEARNED
    [fired] = [one for one in sent(told, "14:03", 90).told() if one.step == "fired"]
    assert (fired.severity, fired.notify) == (sev, notify)
    assert f"line {line} of the severity table" in fired.why_severity


def _clock(told: Story) -> str:
    s = told.until - story().now
    return f"{s // 3600}:{s // 60 % 60:02}:{s % 60:02}"


def test_an_isolated_failure_tells_nobody() -> None:
    told = calm(status=one("ok")).at("14:02:30").flush(together=some(rate(1), MODES["FMT.EMPTY"], {"status": "ok"}))
    told.wait("14:03").expects()


# --- diversity ------------------------------------------------------------------------------------------------------


def test_failures_in_more_ways_at_the_same_rate_are_more_diverse() -> None:
    """A tenth fails all along; in two modes first, then in eight."""
    few, many = list(MODES)[:2], list(MODES)
    told = calm(until="14:04", together=failing(*few, of=80, each=4))
    told = told.every("5s", until="14:09").flush(together=failing(*many, of=80, each=1))
    found = [one for one in told.told() if "failure_diversity" in {change.signal for change in one.changes}]
    assert found, "nobody says that failures became more diverse"
    last = found[-1]
    assert (last.severity, last.notify, last.labels["alertname"]) == ("sev-3", "ticket", "FailuresMoreDiverse")
    assert last.diversity is not None
    assert last.diversity.before is not None
    assert last.diversity.after is not None
    assert last.diversity.before.low <= 2 <= last.diversity.before.high
    assert last.diversity.after.low > last.diversity.before.high


def test_more_traffic_alone_is_no_more_diversity() -> None:
    """Five modes, one of them rare: ten times the traffic shows them all, and says nothing new."""
    rare = Values((*([MODES["AVL.TIMEOUT"]] * 30), MODES["FMT.EMPTY"], *([{"status": "ok"}] * 269)))
    words = USUAL.replace("watch: {", "watch: {traffic_percent: 1000, ")
    calm(words, until="14:04", together=rare).every("5s", until="14:06").flush(1000, together=rare).expects()


# --- concentration --------------------------------------------------------------------------------------------------


def test_failures_that_move_into_one_workflow_at_the_same_rate_are_concentrated() -> None:
    """One of ten fails all along; first in each of four workflows alike, then all in one."""

    def sent(told: Story, begin: str, until: str, shares: dict[str, int]) -> Story:
        for name, failed in shares.items():
            bad = some(rate(failed), MODES["AVL.TIMEOUT"], {"status": "ok"})
            told = told.at(begin).every("5s", until=until).flush(50, workflow=one(name), together=bad)
        return told

    names = ("refunds", "billing", "search", "chat")
    told = sent(story(), "14:00", "14:03", dict.fromkeys(names, 10)).expects()
    told = sent(told, "14:03", "14:06", dict.fromkeys(names, 0) | {"refunds": 40})
    found = [one for one in told.told() if "failure_concentration" in {change.signal for change in one.changes}]
    assert found
    assert found[-1].concentration is not None
    assert (found[-1].concentration.dimension, found[-1].concentration.name) == ("workflow", "refunds")
    assert found[-1].concentration.failures.low > 0.9
    assert found[-1].concentration.traffic == pytest.approx(0.25, abs=0.01)
    assert {one.fingerprint for one in told.told()} == {found[-1].fingerprint}, "one cause, one incident"


# --- what is told of each release -----------------------------------------------------------------------------------


def test_a_report_says_how_a_release_fails() -> None:
    bad = failing("AVL.TIMEOUT", "FMT.EMPTY", of=100)
    told = calm(until="14:10", together=bad)
    found = told.failures()
    assert found.all.exchanges >= 100 * 12 * 6
    assert found.all.failed == sum(seen.n for seen in found.all.modes)
    assert {seen.mode: seen.n for seen in found.all.modes}["AVL.TIMEOUT"] == found.all.failed // 2
    assert found.all.diversity.distinct == 2
    assert found.all.diversity.effective is not None
    assert found.all.diversity.effective.value == pytest.approx(2, abs=0.01)
    assert found.within_rule
    assert "GRD.UNFAITHFUL" in found.not_observable
    assert "AVL.TIMEOUT" not in found.not_observable
    assert all(seen.exemplars and seen.exemplars[0].topic == "ai.events" for seen in found.all.modes)


def test_failures_that_no_rule_knows_are_grouped_by_what_they_look_like() -> None:
    strange = some(rate(2), {"status": "error", "error_type": "KettleError", "finish_reason": "stop"}, {"status": "ok"})
    found = calm(until="14:05", together=strange).failures()
    assert found.all.unclassified is not None
    assert found.all.unclassified.value == 1.0
    [group] = found.all.groups
    assert "KettleError" in group.signature
    assert group.n == found.all.failed
    assert 0 < len(group.exemplars) <= 3


def test_degradations_are_counted_beside_and_are_no_failures() -> None:
    late = some(rate(5), {"status": "ok", "fallback": True}, {"status": "ok"})
    found = calm(until="14:05", together=late).failures()
    assert found.all.failed == 0
    assert {seen.mode: (seen.n, seen.beside > 0) for seen in found.all.modes} == {"PRF.FALLBACK": (0, True)}
    assert found.all.unclassified is None


def test_too_many_critical_modes_break_the_operating_rule() -> None:
    each = [
        {"status": "ok", "schema_valid": False}, {"status": "ok", "missing_fields": ["iban"]},
        {"status": "error", "http_status": 401},
    ]  # fmt: skip
    found = calm(until="14:05", together=Values((*each, *({"status": "ok"} for _ in range(97))))).failures()
    assert set(found.all.diversity.critical) == {"FMT.SCHEMA_INVALID", "FMT.MISSING_FIELD", "AVL.AUTH_CONFIG"}
    assert not found.within_rule
    assert "3 critical modes" in found.summary


def test_what_is_prohibited_is_harm_that_needs_no_evaluator() -> None:
    """Hate speech is harmful, by what an evaluator may say, and against policy, which is telemetry: two are enough."""
    told = served(calm(status=one("ok")).at("14:02:30"), 2, prohibited=["hate"]).wait("14:02:50")
    told.expects(incident("fired", sev="sev-1", notify="page", modes=["SAF.HARMFUL", "SAF.POLICY_VIOLATION"]))

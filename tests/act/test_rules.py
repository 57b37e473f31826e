"""The rules of rollbacks promise: asked in their order, each with its own answer, and no doubt acts."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.actuate import Policy
from schemas.rollbacks import Guard, Outcome, Reasons, Rollback, RollbackResult, Unreadable, Version, read
from streams.act import rules
from streams.act.resource import Done, Marker, Observed, Try, Unseen, seen
from streams.act.rules import decide, settle
from streams.act.state import State, decode, encode, heed, learn, note, settled
from tests.act.commands import MINUTE, T0, Twin, approve, command, version

GOOD = State(good=(version(1), version(2)))
BAD_SERVES = Observed("7", version(3))
AUTO = Policy(mode="auto")
NOW = T0 + MINUTE


def answered(**given: Any) -> Outcome | None:
    """What is answered to the usual approved command, if this alone is otherwise; None if it is to be tried."""
    usual: dict[str, Any] = {
        "state": GOOD, "command": command(), "observed": BAD_SERVES, "now": NOW, "policy": Policy()
    }  # fmt: skip
    case = usual | given
    found = decide(**({"given": [approve(case["command"])]} | case))
    return found.outcome if isinstance(found, RollbackResult) else None


def applied(state: State = GOOD, at: int = NOW, of: Rollback | None = None) -> State:
    tried = Try(of or command(), BAD_SERVES, at, "mira")
    return settle(state, tried, Done("applied", "done"))[0]


def test_an_approved_command_of_the_release_that_serves_is_tried_at_the_version_seen() -> None:
    found = decide(GOOD, command(), BAD_SERVES, NOW, [approve(command())], Policy())
    assert found == Try(command(), BAD_SERVES, NOW, "mira")
    assert found.marker == Marker(command().key, 3, NOW)


RULES: dict[str, tuple[Outcome, dict[str, Any]]] = {
    "expired": ("expired", {"now": T0 + 30 * MINUTE + 1}),
    "answered": ("already_applied", {"observed": Observed("8", version(2), Marker(command().key, 3, T0))}),
    "unseen": ("unknown", {"observed": Unseen("no answer")}),
    "stale": ("rejected_stale", {"observed": Observed("8", version(4))}),
    "fenced": ("rejected_fenced", {"state": replace(GOOD, fence=3)}),
    "unknown_target": ("rejected_unknown_target", {"state": State(good=(version(1),))}),
    "cooling": ("cooldown", {"state": replace(GOOD, applied=(T0 - 29 * MINUTE,))}),
    "too_early": ("too_early", {"command": command(not_before=NOW + 1)}),
    "unapproved": ("waiting_for_approval", {"given": []}),
    "dry_run": ("dry_run", {"command": command(mode="dry_run")}),
}


def test_every_rule_is_asked_here_in_its_order() -> None:
    assert list(RULES) == [rule.__name__ for rule in rules.RULES]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_answers_alone(rule: str) -> None:
    outcome, case = RULES[rule]
    assert answered(**case) == outcome


@pytest.mark.parametrize("n", range(len(RULES) - 1))
def test_of_two_rules_that_answer_the_earlier_one_does(n: int) -> None:
    """All rules from the n-th on would answer; then a case in which the n-th does not."""
    worst = {
        "state": State(applied=(T0 - 29 * MINUTE,), fence=9),
        "command": command(mode="dry_run", not_before=NOW + 9),
        "observed": Unseen("no answer"), "now": T0 + 31 * MINUTE, "given": [],
    }  # fmt: skip
    mended: list[dict[str, Any]] = [
        {"now": NOW},
        {"observed": Unseen("no answer")},
        {"observed": Observed("8", version(4))},
        {"observed": BAD_SERVES},
        {"state": State(applied=(T0 - 29 * MINUTE,))},
        {"state": replace(GOOD, applied=(T0 - 29 * MINUTE,))},
        {"state": GOOD},
        {"command": command()},
        {"given": [approve(command())], "command": command(mode="dry_run")},
    ]
    case = {key: value for one in (worst, *mended[:n]) for key, value in one.items()}
    if n == 1:
        case["observed"] = Observed("8", version(4), Marker(command().key, 3, T0))
    names = [outcome for outcome, _ in RULES.values()]
    assert answered(**case) == names[n]


def test_a_command_is_expired_too_if_it_is_old_whatever_it_says_or_from_the_future() -> None:
    late = command(expires_at=T0 + 10**9)
    assert answered(command=late, now=T0 + 3_600_000) is None
    assert answered(command=late, now=T0 + 3_600_001) == "expired"
    assert answered(command=late, now=T0 - 60_001, given=[]) == "expired"


def test_an_expired_command_that_was_done_says_when() -> None:
    late = T0 + 30 * MINUTE + 1
    for state, observed in (
        (applied(), Observed("8", version(2))),
        (GOOD, Observed("8", version(2), Marker(command().key, 3, NOW))),
    ):
        found = decide(state, command(), observed, late, [], Policy())
        assert isinstance(found, RollbackResult)
        assert (found.outcome, found.applied_at) == ("expired", NOW)


def test_a_key_seen_is_answered_by_what_is_stored_whatever_serves_by_now() -> None:
    state, result = settle(GOOD, Try(command(), BAD_SERVES, NOW, "mira"), Done("applied", "done"))
    assert (result.before, result.after, result.approved_by) == (version(3), version(2), "mira")
    for observed in (BAD_SERVES, Observed("9", version(4)), Unseen("no answer")):
        assert decide(state, command(), observed, NOW + 1, [], Policy()) == result


def test_a_marker_of_the_command_on_a_target_that_runs_the_bad_release_is_not_called_applied_nor_acted_on() -> None:
    assert answered(observed=Observed("8", version(3), Marker(command().key, 3, T0))) == "failed"


@pytest.mark.parametrize("other", [Version("v3", 4), Version("v9", 3), version(2)])
def test_release_and_generation_must_both_be_those_expected(other: Version) -> None:
    assert answered(observed=Observed("8", other)) == "rejected_stale"


def test_a_command_for_what_serves_after_a_rollback_is_fenced_until_it_is_deployed_anew() -> None:
    state = replace(applied(), applied=())
    back = command(version(2), version(1))
    assert answered(state=state, command=back, observed=Observed("8", version(2))) == "rejected_fenced"
    anew = command(Version("v2", 4), version(1))
    assert answered(state=state, command=anew, observed=Observed("9", Version("v2", 4))) is None


def test_the_fence_stands_on_the_target_for_an_actuator_that_forgot() -> None:
    marked = Observed("8", version(2), Marker("rollback:another", 3, T0 - 3_600_000))
    assert answered(command=command(version(2), version(1)), observed=marked) == "rejected_fenced"


def test_what_was_rolled_back_is_not_known_to_be_good_any_more() -> None:
    state = applied(learn(GOOD, version(3)))
    assert version(3) not in state.good
    assert set(state.good) == set(GOOD.good)


def test_cooldown_and_rollbacks_an_hour_are_the_stricter_of_guard_and_policy() -> None:
    once = replace(GOOD, applied=(T0,))
    calm, often = Guard(cooldown_s=0, max_per_hour=9), Policy(cooldown_s=0, max_per_hour=9)
    at = T0 + 10 * MINUTE
    assert answered(state=once, command=command(guard=calm), policy=often, now=at) is None
    assert (
        answered(state=once, command=command(guard=Guard(max_per_hour=9, cooldown_s=660)), policy=often, now=at)
        == "cooldown"
    )
    assert (
        answered(state=once, command=command(guard=calm), policy=Policy(cooldown_s=660, max_per_hour=9), now=at)
        == "cooldown"
    )
    assert (
        answered(state=once, command=command(guard=Guard(max_per_hour=1, cooldown_s=0)), policy=often, now=at)
        == "cooldown"
    )
    twice = replace(GOOD, applied=(T0 - 51 * MINUTE, T0 - 49 * MINUTE))
    two = Policy(cooldown_s=0, max_per_hour=2)
    assert answered(state=twice, command=command(guard=calm), policy=two, now=T0 + 8 * MINUTE) == "cooldown"
    assert answered(state=twice, command=command(guard=calm), policy=two, now=T0 + 9 * MINUTE) is None


@pytest.mark.parametrize(
    "given",
    [
        approve(command(), key="rollback:another"), approve(command(), release="v4"), approve(command(), service="b"),
        approve(command(), at=NOW + 1000), approve(command(), at=T0 - 1000),
        replace(approve(command()), at="yesterday"),
    ],
    ids=["another key", "another release", "another service", "from the future", "before the command", "no time"],
)  # fmt: skip
def test_an_approval_is_for_one_command_and_is_never_invented(given: Any) -> None:
    assert answered(given=[given]) == "waiting_for_approval"


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "inferred"}, {"cause": Reasons("f", 1, "sev-2", n=1840)}, {"cause": Reasons("f", 1, "sev-1", n=299)},
        {"mode": "require_approval"},
    ],
    ids=["inferred", "not grave enough", "too little evidence", "not asked for"],
)  # fmt: skip
def test_auto_needs_a_fact_sev_1_evidence_and_a_policy_that_lets_it(changed: dict[str, Any]) -> None:
    assert answered(command=command(mode="auto"), policy=AUTO, given=[]) is None
    assert answered(command=command(mode="auto"), policy=Policy(), given=[]) == "waiting_for_approval"
    other = command(**({"mode": "auto"} | changed))
    assert answered(command=other, policy=AUTO, given=[]) == "waiting_for_approval"
    assert answered(command=other, policy=AUTO) is None


def test_a_policy_of_dry_runs_acts_on_nothing() -> None:
    assert answered(policy=Policy(mode="dry_run")) == "dry_run"
    assert answered(policy=Policy(mode="dry_run"), given=[]) == "dry_run"


@pytest.mark.parametrize(
    ("done", "outcome", "remembered"),
    [("applied", "applied", True), ("stale", "rejected_stale", False), ("refused", "failed", False),
     ("unknown", "unknown", False)],
)  # fmt: skip
def test_of_attempts_only_what_was_applied_is_remembered(done: Any, outcome: Outcome, *, remembered: bool) -> None:
    state, result = settle(GOOD, Try(command(), BAD_SERVES, NOW), Done(done, "so"))
    assert result.outcome == outcome
    assert settled(state, result) == (command().key in state.answers) == remembered
    assert (result.applied_at is not None, state.fence) == ((True, 3) if done == "applied" else (False, -1))


def test_a_state_goes_through_bytes() -> None:
    assert decode(encode(applied())) == applied()
    with pytest.raises(msgspec.MsgspecError):
        decode(b"?")


def test_answers_go_a_day_after_their_command_and_stay_bounded_and_the_fence_stays() -> None:
    state = applied()
    for n in range(4, 400):
        other = command(version(n), version(2))
        result = decide(state, other, BAD_SERVES, NOW, [], Policy())
        assert isinstance(result, RollbackResult)
        state = note(heed(state, BAD_SERVES), other, result)
    assert len(state.answers) == 256
    assert answered(state=replace(state, applied=())) == "rejected_fenced"
    day = T0 + 30 * MINUTE + 86_400_000
    late = command(version(500), issued_at=day, expires_at=day + MINUTE)
    result = decide(state, late, BAD_SERVES, day, [], Policy())
    assert isinstance(result, RollbackResult)
    assert set(note(state, late, result).answers) == {late.key}


@pytest.mark.parametrize(
    "facts",
    [{}, {"release": "v1"}, {"release": "", "generation": 1}, {"release": "v1", "generation": "one"},
     {"release": "v1", "generation": 1, "key": "k"}, {"release": "v1", "generation": 1, "key": "k", "epoch": 1},
     {"release": "v1", "generation": 1, "key": "k", "epoch": 1, "at": 10**18}],
)  # fmt: skip
def test_a_target_that_makes_no_sense_is_not_seen(facts: dict[str, object]) -> None:
    assert isinstance(seen("7", facts), Unseen)


def said(**changed: Any) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(command()) | changed)


def test_a_command_reads_back() -> None:
    assert read(said()) == command()


@pytest.mark.parametrize(
    ("value", "reason", "field"),
    [
        (None, "empty", "$"), (b"", "empty", "$"), (b"roll back", "not_json", "$"), (b"\xff", "not_json", "$"),
        (b" " * 70_000, "too_large", "$"), (b"[" * 60_000, "invalid", "$"), (b"{" * 60_000, "not_json", "$"),
        (said(surprise=1), "invalid", "$"), (said(issued_at="now"), "invalid", "$.issued_at"),
        (said(mode="perhaps"), "invalid", "$.mode"), (said(expires_at=10**18), "invalid", "$.expires_at"),
        (said(guard={"max_per_hour": 0}), "invalid", "$.guard.max_per_hour"),
        (said(key="rollback:another"), "invalid", "$.key"),
        (said(fence={"epoch": 9, "issuer": "i"}), "invalid", "$.fence.epoch"),
        (said(to={"release": "v2", "generation": 3}), "invalid", "$.to.generation"),
        (said(to={"release": "v3", "generation": 2}), "invalid", "$.to.release"),
        (said(expires_at=T0), "invalid", "$.expires_at"),
        (said(not_before=T0 + 30 * MINUTE), "invalid", "$.expires_at"),
    ],
)  # fmt: skip
def test_bad_bytes_and_contradictions_are_a_value(value: bytes | None, reason: str, field: str) -> None:
    found = read(value)
    assert isinstance(found, Unreadable)
    assert (found.reason, found.field) == (reason, field)


def test_a_twin_is_what_the_rules_take_it_for() -> None:
    assert Twin().observe() == Observed("1", version(3))

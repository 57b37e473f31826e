"""Whatever order the world takes: no action against a release other than the expected one, no two actions for one key.

Deployments (a release again, too), commands of two issuers that come twice, late and in another order, approvals,
other writers between any two steps, a second actuator that thinks it owns the target, and deaths before acting, between
acting and recording, and after recording. That it can fail is tested as well.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.actuate import Policy
from schemas.control import Approve
from schemas.rollbacks import Fence, Guard, Rollback, RollbackResult, Version
from streams.act import rules
from streams.act.resource import Done, Observed, Try, Unseen
from streams.act.rules import decide, settle
from streams.act.state import State, decode, encode, heed, learn, note
from streams.shell.actuators.actuator import Actuator, carry_out
from tests.act.commands import MINUTE, T0, Twin, approve, command, version
from tests.act.files import RELEASES, FlagTarget

POLICY: Final = Policy(mode="auto", cooldown_s=0, max_per_hour=1000)
EASY: Final = Guard(max_per_hour=1000, cooldown_s=0, min_n=0)
Op = tuple[Any, ...]


class Violation(AssertionError):
    """What must never happen."""


class Watched:
    """An actuator of which every action is looked at."""

    def __init__(self, inner: Actuator) -> None:
        self.inner = inner
        self.acted: list[str] = []
        self.highest = -1
        self.meanwhile: Callable[[], None] = lambda: None

    def observe(self) -> Observed | Unseen:
        return self.inner.observe()

    def act(self, tried: Try) -> Done:
        others, self.meanwhile = self.meanwhile, lambda: None
        others()  # who may act by this actuator, too
        self.meanwhile = others
        before = self.observe()
        done = self.inner.act(tried)
        after = self.observe()
        asked = tried.command
        if before != after:
            assert isinstance(before, Observed)
            if before.runs != Version(asked.expected.release, asked.expected.generation):
                raise Violation(f"{before.runs} was acted against; {asked.key} expected another")
            if asked.key in self.acted:
                raise Violation(f"{asked.key} was acted upon twice")
            if asked.expected.generation <= self.highest:
                raise Violation(f"{asked.key} undid a rollback of generation {self.highest}")
            self.acted.append(asked.key)
            self.highest = asked.expected.generation
        return done


class World:
    """Everybody who has to do with one target.

    Attributes
    ----------
    kept : the actuator's state, as it was last written
    other : that of a second one, who took over and never learned what the first wrote since
    """

    def __init__(self, target: Twin | FlagTarget, actuator: Actuator) -> None:
        self.target, self.actuator = target, Watched(actuator)
        self.now, self.generation = T0, 3
        self.deployed = [version(1), version(2), version(3)]
        self.sent: list[Rollback] = []
        self.approved: list[Approve] = []
        self.kept = self.other = encode(State(good=tuple(self.deployed)))
        self.seen: Counter[str] = Counter()

    def deploy(self, n: int, forget: Any = False) -> None:
        self.generation += 1
        runs = Version(RELEASES[n % 4], self.generation)
        self.deployed.append(runs)
        self.target.deploy(runs, forget=bool(forget))
        self.kept = encode(learn(decode(self.kept), runs))
        self.other = encode(learn(decode(self.other), runs))

    def issue(self, bad: int, back: int, mode: str, issuer: int, lasts: int) -> None:
        """Ask for the newest deployment, or an older one, to go back by so many."""
        at = max(1, len(self.deployed) - 1 - bad)
        expected, to = self.deployed[at], self.deployed[max(0, at - 1 - back)]
        if expected.release != to.release:
            self.sent.append(
                command(
                    expected,
                    to,
                    mode=mode,
                    guard=EASY,
                    fence=Fence(expected.generation, f"barograph/{issuer}"),
                    issued_at=self.now,
                    expires_at=self.now + lasts * MINUTE,
                )
            )

    def approve(self, which: int) -> None:
        if self.sent:
            self.approved.append(approve(self.sent[-1 - which % len(self.sent)], at=self.now))

    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    def touch(self) -> None:
        self.target.touch()

    def deliver(self, which: int, dies: str, meanwhile: Sequence[Op] = ()) -> None:
        """Have a command read, the last or one before it, for the first time or again; die where it is said."""
        if not self.sent:
            return
        asked, state = self.sent[-1 - which % len(self.sent)], decode(self.kept)
        observed = self.actuator.observe()
        found = decide(state, asked, observed, self.now, self.approved, POLICY)
        self.take(meanwhile)
        if dies == "before acting":
            return
        if isinstance(found, RollbackResult):
            state, result = note(heed(state, observed), asked, found), found
        else:
            done = self.actuator.act(found)
            if dies == "before recording":
                self.seen["died"] += done.outcome == "applied"
                return
            state, result = settle(state, found, done)
        self.seen[result.outcome] += 1
        self.record(state)

    def record(self, state: State) -> None:
        """Write the state; what was learned of deployments meanwhile came by another topic, and is kept."""
        for runs in decode(self.kept).good:
            state = learn(state, runs)
        self.kept = encode(state)

    def carry(self, which: int, meanwhile: Sequence[Op] = ()) -> None:
        """Have a command read by the shipped loop, with others before each of its writes."""
        if self.sent:
            asked = self.sent[-1 - which % len(self.sent)]
            self.actuator.meanwhile = lambda: self.take(meanwhile)
            state, result = carry_out(
                decode(self.kept), asked, self.actuator, lambda: self.now, self.approved, POLICY
            )  # fmt: skip
            self.actuator.meanwhile = lambda: None
            self.seen[result.outcome] += 1
            self.record(state)

    def ask(self, issue: Op, deliver: Op) -> None:
        """Have what is asked for read at once."""
        self.take([issue, deliver])

    def rival(self, which: int) -> None:
        """Have a command read by the second actuator."""
        self.kept, self.other = self.other, self.kept
        self.deliver(which, "never")
        self.kept, self.other = self.other, self.kept

    def take(self, ops: Sequence[Op]) -> None:
        for name, *how in ops:
            getattr(self, name)(*how)


few = st.integers(0, 3)
which = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5])
dies = st.sampled_from(["never", "never", "before acting", "before recording"])
issues = st.tuples(
    st.just("issue"), st.sampled_from([0, 0, 0, 1, 2]), few, st.sampled_from(["auto", "auto", "require_approval"]),
    st.integers(1, 2), st.sampled_from([1, 10, 30]),
)  # fmt: skip
deploys = st.tuples(st.just("deploy"), few, st.booleans())
others: st.SearchStrategy[Op] = st.one_of(
    deploys, st.tuples(st.just("touch")), st.tuples(st.just("rival"), which), st.tuples(st.just("wait"), few)
)
between = st.lists(others, max_size=2)
ops: st.SearchStrategy[Op] = st.one_of(
        others,
    issues,
    st.tuples(st.just("ask"), issues, st.tuples(st.just("deliver"), st.just(0), dies, between)),
    st.tuples(st.just("ask"), issues, st.tuples(st.just("deliver"), st.just(0), dies, st.just([]))),
 st.tuples(st.just("approve"), few), st.tuples(st.just("deliver"), which, dies, between),
    st.tuples(st.just("deliver"), which, dies, between), st.tuples(st.just("carry"), which, between),
)  # fmt: skip
interleavings = st.lists(ops, min_size=10, max_size=40)


def lived(make: Callable[[], World], examples: int, phases: Sequence[Phase] = tuple(Phase)) -> Counter[str]:
    """Take so many interleavings, and count what came of commands."""
    seen: Counter[str] = Counter()

    @settings(
        max_examples=examples, phases=phases, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(interleavings)
    def live(story: list[Op]) -> None:
        world = make()
        world.take(story)
        seen.update(world.seen)
        seen["runs"] += 1
        seen["acted"] += len(world.actuator.acted)

    live()
    return seen


def in_memory(*, compares: bool = True) -> World:
    twin = Twin(compares=compares)
    return World(twin, twin)


def test_a_thousand_interleavings_never_act_on_another_release_and_never_twice() -> None:
    seen = lived(in_memory, 1000)
    assert seen["runs"] >= 1000
    # Every second one has an action, one in twenty a death right after it, and each answer occurs.
    assert seen["acted"] > 500
    assert seen["died"] > 50
    assert min(seen[outcome] for outcome in ("already_applied", "rejected_stale", "rejected_fenced", "expired")) > 20
    assert seen["waiting_for_approval"] > 20


def test_interleavings_on_a_real_file(tmp_path: Path) -> None:
    def on_file() -> World:
        flag = FlagTarget(tmp_path)
        return World(flag, flag.actuator())

    seen = lived(on_file, 60)
    assert seen["acted"] > 30


@pytest.mark.parametrize("skipped", [["stale"], ["fenced"]], ids=["stale", "fenced"])
def test_it_is_noticed_if_a_rule_is_skipped(skipped: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "RULES", tuple(rule for rule in rules.RULES if rule.__name__ not in skipped))
    with pytest.raises(Violation):
        lived(in_memory, 1000, (Phase.generate,))


def test_it_is_noticed_if_the_target_does_not_compare() -> None:
    with pytest.raises(Violation, match="was acted against"):
        lived(lambda: in_memory(compares=False), 1000, (Phase.generate,))

"""A verdict that fails: what is asked for, once, and of whom; and why nothing is."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import Config, parse
from schemas.control import Release
from schemas.kpis import Shown
from schemas.policy import Phase
from schemas.rollbacks import Rollback, Unreadable, Version, read
from schemas.taxonomy import Taxonomy
from schemas.verdicts import Counted, KpiVerdict, Verdict, Word
from streams.watch.assess.command import issued
from streams.watch.assess.state import Held
from streams.watch.plan import Plan
from streams.watch.publish import published
from streams.watch.state import State
from tests.watch.assess.test_held import HELD
from tests.watch.story import MIDNIGHT, Story, story
from tests.watch.traffic import rate

TARGET = HELD + "  targets: [{service: bot, kind: flagd, ref: model, expires: 3m, cooldown: 1h, max_per_hour: 2}]\n"
KEY = "rollback:production/bot:v2:g2"


def served(share: int, until: str, before: Story, release: str = "v2") -> Story:
    return before.every("2s", until=until).flush(20, release=release, refused=rate(share)).expects()


def begun(words: str = TARGET, **first: Any) -> Story:
    """v1 serves for a minute, then v2 is promoted."""
    said: dict[str, Any] = {"phase": "promoted", "generation": 1} | first
    told = story(words).at("14:00").tell(Release, release="v1", **said)
    return served(2, "14:01", told, "v1")


def promoted(told: Story, release: str = "v2", generation: int | None = 2, **said: Any) -> Story:
    return told.tell(Release, release=release, phase="promoted", generation=generation, **said)


def keys(told: Story) -> list[str]:
    return [one.key for one in told.rollbacks()]


def reasons(told: Story, release: str = "v2") -> str:
    return told.verdicts(release=release)[-1].reasons[-1]


def test_red_asks_once_for_what_was_in_force_before() -> None:
    told = served(2, "14:03", promoted(begun()))
    assert keys(told) == []
    told = served(40, "14:06", told)  # two minutes of it are red, from 14:05 on, which is known at 14:05:20
    (asked,) = told.rollbacks()
    assert (asked.key, asked.to, asked.mode) == (KEY, Version("v1", 1), "require_approval")
    assert (asked.fence.epoch, asked.fence.issuer) == (2, "barograph")
    assert (asked.expires_at - asked.issued_at) == 180_000
    assert (asked.guard.max_per_hour, asked.guard.cooldown_s, asked.guard.min_n) == (2, 3600, 100)
    assert (asked.cause.kpis, asked.cause.severity, asked.cause.episode) == (("refused",), "sev-1", 0)
    assert "a rollback to v1 (generation 1) is asked for in production until" in reasons(told)
    assert reasons(told).endswith("once a person approves")


def test_its_message_says_when_it_expires_and_goes_with_its_target() -> None:
    (asked,) = served(40, "14:04", promoted(begun())).rollbacks()
    message = published(asked, 0, 7, None)
    headers = dict(message.headers)
    assert (message.key, message.roles) == (b"production/bot", ("rollbacks",))
    assert headers["ce_type"] == b"barograph.rollback.v1"
    assert headers["ce_time"] < headers["ce_expirytime"]
    assert read(message.value) == asked


def test_unanswered_it_expires_and_is_asked_for_anew() -> None:
    told = served(40, "14:08", promoted(begun()))
    first, second = told.rollbacks()
    assert (first.key, second.key) == (KEY, KEY)
    assert 180_000 <= second.issued_at - first.issued_at < 180_000 + 60_000


def test_after_a_restart_nothing_is_asked_twice() -> None:
    """At each expectation all states go through bytes."""
    told = served(40, "14:03:30", promoted(begun()))
    for until in ("14:04", "14:04:30", "14:05", "14:05:30"):
        told = served(40, until, told)
    assert keys(told) == [KEY]


def test_once_it_was_rolled_back_nothing_more_is_asked_and_what_came_back_is_not_rolled_back() -> None:
    told = served(40, "14:04", promoted(begun())).tell(Release, release="v2", phase="rolled_back", generation=2)
    told = served(40, "14:10", told, "v1")
    assert keys(told) == [KEY]
    assert reasons(told, "v1") == (
        "no rollback is asked for: v2 was rolled back to it, and nothing goes back by itself more than once"
    )


def test_promoted_again_it_may_be_rolled_back_again() -> None:
    told = served(40, "14:04", promoted(begun())).tell(Release, release="v2", phase="rolled_back", generation=2)
    told = served(40, "14:08", promoted(served(2, "14:05", told, "v1"), generation=3))
    assert keys(told) == [KEY, "rollback:production/bot:v2:g3"]


def test_a_release_that_was_inferred_is_not_rolled_back() -> None:
    told = served(40, "14:03", story(TARGET).at("14:00"))
    assert (keys(told), told.verdicts(release="v2")[-1].verdict) == ([], "fail")
    assert reasons(told) == "no rollback is asked for: no fact says which release is in force"


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ({"phase": "deployed"}, {}, "no fact says what was in force before it"),
        ({"generation": None}, {}, "no fact says of which generation v1 is, which was in force before it"),
        ({}, {"generation": 1}, "v1 is of generation 1, which is not older than 1"),
        ({}, {"generation": None}, "no fact says of which generation it is"),
        ({}, {"previous": "v0"}, "no fact says of which generation v0 is, which was in force before it"),
    ],
)
def test_where_facts_do_not_say_enough_nothing_is_asked_and_the_verdict_says_why(
    first: dict[str, Any], then: dict[str, Any], said: str
) -> None:
    told = served(40, "14:04", promoted(begun(**first), **then))
    assert (keys(told), told.verdicts(release="v2")[-1].verdict) == ([], "fail")
    assert reasons(told) == f"no rollback is asked for: {said}"


def test_a_canary_that_is_red_fails_and_has_nothing_to_be_flipped() -> None:
    told = begun().tell(Release, release="v2", phase="canary", generation=2, previous="v1")
    told = served(40, "14:04", told)
    verdict = told.verdicts(release="v2")[-1]
    assert (keys(told), verdict.phase, verdict.verdict) == ([], "canary", "fail")
    assert verdict.reasons[-1] == (
        "no rollback is asked for: it is not in force, v1 is; its rollout is to be stopped by whoever rolls it out"
    )


def test_without_a_target_nothing_is_asked() -> None:
    told = served(40, "14:04", promoted(begun(HELD)))
    assert (keys(told), reasons(told)) == ([], "no rollback is asked for: `releases.targets` has none of bot")


def test_each_environment_is_asked_by_itself() -> None:
    both = TARGET.replace("targets: [", "targets: [{service: bot, env: eu, kind: webhook, ref: hook}, ")
    assert keys(served(40, "14:04", promoted(begun(both)))) == ["rollback:eu/bot:v2:g2", KEY]


@pytest.mark.parametrize(
    ("changed", "mode"),
    [
        ({}, "auto"),
        ({"min_events: 100": "min_events: 601"}, "require_approval"),  # thirty flushes a minute hold 600
        ({"mode: auto": "mode: dry_run"}, "dry_run"),
        ({"mode: auto": "mode: auto, action: pause_rollout"}, "require_approval"),  # the band asks, not the switch
    ],
)
def test_auto_is_for_kill_switches_of_sev_1_that_rest_on_enough(changed: dict[str, str], mode: str) -> None:
    words = TARGET.replace("kill_switch: {kpi: refused}", "kill_switch: {kpi: refused, mode: auto}")
    for old, new in changed.items():
        assert old in words
        words = words.replace(old, new)
    if "pause_rollout" in words:  # then the policy says that it rolls back
        words = words.replace("live: {", "live: {roll_back: [refused], block: [], ")
    told = served(40, "14:05:30", promoted(begun(words)))
    assert [one.mode for one in told.rollbacks()] == [mode]


def test_a_verdict_that_comes_too_late_asks_for_nothing() -> None:
    """Nobody can say what was read since 14:04, and the canary is promoted when the word on its windows is no more."""
    told = served(40, "14:04", begun().tell(Release, release="v2", phase="canary", generation=2))
    told = promoted(told.lag("14:20").wait("14:15")).wait("14:15:05").expects()
    assert (keys(told), told.verdicts(release="v2")[-1].phase) == ([], "live")
    assert reasons(told) == "no rollback is asked for: the verdict held until 2026-11-24T14:13:00Z, and comes too late"


# --- whatever comes, what is asked for can be read and cannot act wrongly -------------------------------------------

NAMES = st.sampled_from(["v1", "v2", "v3", "a/b", "😀" * 256])
GENERATIONS = st.none() | st.integers(0, 4)
FACTS = st.builds(
    Release,
    service=st.just("bot"),
    at=st.just(MIDNIGHT * 1000),
    release=NAMES,
    phase=st.sampled_from(["deployed", "canary", "promoted", "rolled_back"]),
    generation=GENERATIONS,
    previous=st.none() | NAMES | st.just(""),
    artifact=st.none() | st.just("pkg:oci/bot") | st.just("x" * 513),
)
KILL: Config = parse(
    TARGET.replace("kill_switch: {kpi: refused}", "kill_switch: {kpi: refused, mode: auto}").replace(
        "targets: [", f"targets: [{{service: bot, env: {'😀' * 256}, kind: kubernetes, ref: a/b}}, "
    )
)


def verdict(release: str, word: Word, band: Shown, phase: Phase, n: int, at: int, holds: int) -> Verdict:
    kpi = KpiVerdict(
        name="refused", band=band, target=5.0, n=n, critical=True, must_have=True, reason="so", owner="me"
    )  # fmt: skip
    return Verdict(
        id="v", service="bot", release=release, baseline="", phase=phase, verdict=word, band=band, score=None,
        evaluated_at=at, expires_at=at + holds, n=Counted(candidate=n, baseline=0, needed=100), kpis=(kpi,), reasons=(),
        policy="", kpi_set="",
    )  # fmt: skip


VERDICTS = st.builds(
    verdict, NAMES, st.sampled_from(["fail", "fail", "pass", "marginal", "no_data"]),
    st.sampled_from(["red", "red", "yellow", "green", "no_data"]), st.sampled_from(["canary", "live", "offline"]),
    st.integers(0, 200), st.integers(0, 600_000).map(lambda ms: MIDNIGHT * 1000 + ms), st.integers(-1000, 900_000),
)  # fmt: skip
PLAN = Plan.of(KILL, Taxonomy.load_default())


@given(
    facts=st.lists(FACTS, max_size=5), present=NAMES | st.just(""), previous=NAMES | st.just(""),
    verdicts=st.lists(VERDICTS, min_size=1, max_size=4),
)  # fmt: skip
@settings(max_examples=1000)
def test_whatever_is_issued_can_be_read_is_fenced_goes_back_and_goes_by_itself_only_where_it_may(
    facts: list[Release], present: str, previous: str, verdicts: list[Verdict]
) -> None:
    state = State(
        service="bot", second=MIDNIGHT, present=present, previous=previous, releases={one.release: one for one in facts}
    )
    helds = {one.release: Held(release=one.release, first=0, last=0) for one in verdicts}
    open_until = dict[str, int]()
    for one in sorted(verdicts, key=lambda one: one.evaluated_at):
        now = one.evaluated_at
        issue = issued(PLAN, state, helds[one.release], one, now)
        helds[one.release] = msgspec.structs.replace(helds[one.release], asked=issue.asked)
        for command in issue.commands:
            _is_right(command, state, one)
            assert open_until.get(command.key, 0) <= now  # never two that are open for one key
            open_until[command.key] = command.expires_at


def test_where_names_are_too_long_for_a_key_it_says_so_and_the_other_target_is_asked() -> None:
    facts = {
        name: Release(service="bot", at=MIDNIGHT * 1000, release=name, phase="promoted", generation=generation)
        for generation, name in enumerate(["v1", "😀" * 256])
    }
    state = State(service="bot", second=MIDNIGHT, present="😀" * 256, previous="v1", releases=facts)
    one = verdict(state.present, "fail", "red", "live", 200, MIDNIGHT * 1000, 900_000)
    issue = issued(PLAN, state, Held(release=state.present, first=0, last=0), one, one.evaluated_at)
    assert [command.target.env for command in issue.commands] == ["production"]
    assert issue.why[0].endswith("the names are too long for its key")


def _is_right(command: Rollback, state: State, of: Verdict) -> None:
    back = read(msgspec.json.encode(command))
    assert not isinstance(back, Unreadable)
    assert back == command
    facts, expected = state.releases, command.expected
    assert (of.verdict, of.kpis[0].band, of.phase != "offline") == ("fail", "red", True)
    assert of.expires_at > of.evaluated_at == command.issued_at
    assert expected.release == state.present == of.release
    assert expected.generation == facts[expected.release].generation == command.fence.epoch
    assert (expected.source, facts[command.to.release].generation) == ("fact", command.to.generation)
    assert command.to.generation < expected.generation
    assert facts[command.to.release].phase != "rolled_back"
    assert (command.mode, command.cause.severity) == ("auto" if of.kpis[0].n >= 100 else "require_approval", "sev-1")

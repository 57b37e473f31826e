"""What is answered of a release: a pass only where the latest verdict is one, and that for sure."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.answers import Answer
from schemas.verdicts import Verdict, Word
from streams.telling.answered import AHEAD_MS, Asked, Known, Wrong, answered, asked
from streams.telling.flagger import LARGEST, gate, rollback
from streams.telling.heard import heard, without
from tests.telling.verdicts import HOLDS, NOW, hook, known, verdict


def ask(of: Known, service: str = "bot", release: str = "v2", baseline: str = "", now: int = NOW) -> Answer:
    found = answered(Asked(service, release, baseline), of, now)
    assert isinstance(found, Answer)
    return found


@pytest.mark.parametrize("word", ["pass", "marginal", "fail", "no_data"])
def test_a_verdict_is_answered_as_it_is(word: Word) -> None:
    said = verdict(word)
    found = ask(known(said))
    assert {name: getattr(found, name) for name in Verdict.__struct_fields__} == msgspec.structs.asdict(said)
    assert found.links.verdict == "eu.ai.verdicts/bot:v2"
    assert found.links.scorecard == "eu.ai.scorecards/bot:v2"


def test_an_answer_says_all_that_a_verdict_does_by_the_same_names() -> None:
    assert set(Answer.__struct_fields__) == {*Verdict.__struct_fields__, "links"}


DOUBTS = {
    "expired": (known(verdict(at=NOW - HOLDS)), "", "the last verdict, `pass`, expired at 2026-11-24T00:00:00Z"),
    "of another release": (known(verdict(release="v3")), "", "no verdict of a release `v2` is known; there are: v3"),
    "of no release": (known(), "", "no verdict of a release `v2` is known; there are: none"),
    "against another": (known(verdict()), "v0", "it is compared with `v1`, not with `v0`"),
    "against nothing": (known(verdict(baseline="")), "v0", "it is compared with nothing, not with `v0`"),
    "not read": (known(verdict(), unread="verdicts: not read yet"), "", "verdicts: not read yet"),
    "from the future": (known(verdict(at=NOW + AHEAD_MS + 1000)), "", "made 61 s after now"),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_is_in_doubt_is_no_data_with_the_reason_and_nobody_acts_on_it(doubt: str) -> None:
    of, baseline, says = DOUBTS[doubt]
    found = ask(of, baseline=baseline)
    assert (found.verdict, found.band, found.score, found.kpis) == ("no_data", "no_data", None, ())
    assert says in found.reasons[0]
    for word in ("pass", "fail"):
        kept = {name: {r: replace(one, verdict=word) for r, one in some.items()} for name, some in of.kept.items()}
        same = of._replace(kept=kept)
        assert gate(hook(baseline=baseline), same, NOW).status == 412
        assert rollback(hook(baseline=baseline), same, NOW).status == 409


def test_a_verdict_counts_until_the_millisecond_in_which_it_expires() -> None:
    of = known(verdict(at=NOW))
    assert ask(of, now=NOW + HOLDS - 1).verdict == "pass"
    assert ask(of, now=NOW + HOLDS).verdict == "no_data"


def test_of_an_expired_verdict_only_when_it_was_made_is_told() -> None:
    said = verdict(at=NOW - HOLDS)
    found = ask(known(said))
    assert (found.phase, found.baseline) == ("canary", "v1")
    assert (found.evaluated_at, found.expires_at) == (said.evaluated_at, said.expires_at)
    assert (found.id, found.policy, found.n.candidate) == ("", "", 0)


def test_a_service_of_the_config_is_known_before_its_first_verdict_and_another_with_its_first() -> None:
    assert ask(known(), service="quiet").verdict == "no_data"
    assert ask(known(verdict(service="other")), service="other").verdict == "pass"


def test_an_unknown_service_is_404_with_choices_once_all_is_read() -> None:
    found = answered(Asked("bott", "v2"), known(verdict()), NOW)
    assert found == Wrong(404, "no service `bott` has KPIs; did you mean `bot`? there are: bot, quiet")
    assert isinstance(answered(Asked("bott", "v2"), known(unread="not read yet"), NOW), Answer)


def test_a_worker_without_kpis_knows_no_service_and_says_so() -> None:
    assert answered(Asked("bot", "v2"), Known((), {}), NOW) == Wrong(404, "no service `bot` has KPIs; there are: none")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ([], "the parameter `service` is missing"),
        ([("service", "bot")], "the parameter `release` is missing"),
        ([("service", ""), ("release", "v2")], "the parameter `service` is missing"),
        ([("service", "bot"), ("service", "shop"), ("release", "v2")], "the parameter `service` is there twice"),
        (
            [("service", "bot"), ("release", "v2"), ("b\n", "")],
            r"no parameter `b\n`; there are: service, release, base",
        ),
    ],
)
def test_a_question_that_is_none_is_400_and_names_the_parameter(query: list[tuple[str, str]], says: str) -> None:
    found = asked(query)
    assert isinstance(found, Wrong)
    assert found.status == 400
    assert found.says.startswith(says)


@pytest.mark.parametrize(
    ("word", "gated", "rolled_back"),
    [("pass", 200, 409), ("marginal", 412, 409), ("fail", 412, 200), ("no_data", 412, 409)],
)
def test_only_a_pass_opens_the_gate_and_only_a_fail_rolls_back(word: Word, gated: int, rolled_back: int) -> None:
    of = known(verdict(word))
    assert gate(hook(), of, NOW) == (gated, f"bot v2: {word}: it is {word}")
    assert rollback(hook(), of, NOW) == (rolled_back, f"bot v2: {word}: it is {word}")


BODIES: dict[str, tuple[bytes | None, str]] = {
    "too large": (None, f"the body is larger than {LARGEST:,} bytes"),
    "empty": (b"", "the body is not a hook of Flagger"),
    "no JSON": (b"verdict=pass", "the body is not a hook of Flagger"),
    "no text": (b'{"name":"\xff"}', "the body is not a hook of Flagger"),
    "a list": (b"[]", "the body is not a hook of Flagger"),
    "no metadata": (b'{"name":"a","namespace":"b","phase":"Progressing"}', "missing required field `metadata`"),
    "metadata that are no texts": (
        b'{"name":"a","namespace":"b","phase":"c","metadata":{"service":1}}', "Expected `str`, got `int`"
    ),
    "no service": (hook(service=""), "the hook's `metadata` does not name a `service`"),
    "no release": (hook(release=""), "the hook's `metadata` does not name a `release`"),
    "an unknown service": (hook(service="x" * 5000), "no service `xxx"),
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("word", ["pass", "fail"])
def test_a_hook_that_does_not_say_what_it_asks_opens_nothing_and_rolls_nothing_back(body: str, word: Word) -> None:
    sent, says = BODIES[body]
    of = known(verdict(word))
    for said, status in ((gate(sent, of, NOW), 412), (rollback(sent, of, NOW), 409)):
        assert said.status == status
        assert says in said.line
        assert len(said.line) <= 1000


def test_what_a_hook_says_cannot_act_on_who_reads_flaggers_events() -> None:
    line = gate(hook(release="v2\x1b[2J\nall is well"), known(), NOW).line
    assert line.isprintable()


@given(st.binary(max_size=200))
def test_no_body_whatever_opens_the_gate_or_rolls_back(body: bytes) -> None:
    of = known(verdict(), verdict("fail", service="shop"))
    assert gate(body, of, NOW).status == 412
    assert rollback(body, of, NOW).status == 409


@given(st.permutations(range(6)), st.integers(1, 6))
def test_in_whatever_order_they_come_the_latest_counts_of_the_releases_judged_last(order: list[int], most: int) -> None:
    """Two verdicts each of three releases: 0 and 3 are v0's, and so on; 3, 4 and 5 are the later ones."""
    kept: dict[str, Verdict] = {}
    for n in order:
        kept = heard(kept, verdict(release=f"v{n % 3}", at=NOW + n), most).verdicts
        assert len(kept) <= most
    if most >= 3:
        assert {name: one.evaluated_at - NOW for name, one in kept.items()} == {"v0": 3, "v1": 4, "v2": 5}
    else:
        assert kept["v2"].evaluated_at == NOW + 5


def test_a_key_whose_last_word_cannot_be_read_is_forgotten_and_no_other() -> None:
    kept = known(verdict(), verdict(release="v1"), verdict(service="bot:v2", release="x")).kept
    assert without(kept, b"bot:v2") == {"bot": {"v1": kept["bot"]["v1"]}, "bot:v2": kept["bot:v2"]}

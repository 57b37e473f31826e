"""What WATCH hands on, GATHER understands: incidents of a real log, and that a person has taken a common cause."""

import msgspec
import pytest

from schemas.control import Acknowledge, Control, SignOff
from schemas.found import MANY, Asked, Rules, decode
from schemas.rejected import Rejected
from schemas.tallies import Fact, Passed, encode
from schemas.taxonomy import Taxonomy
from streams.gather.stage import State, Word, step
from streams.telling.findings import Finding
from streams.watch.own import Own
from streams.watch.partition import Engine, advance
from streams.watch.stage import Record
from streams.watch.state import State as Service
from tests.watch import logs

NOW_MS = 1_764_000_000_000


def watched(said: Control, **states: Service) -> list[Finding]:
    """Pass a control fact on to WATCH; what it finds."""
    fact: Fact = Passed(source="ai.control", partition=0, offset=7, timestamp=NOW_MS, said=said)
    engine = Engine(logs.CONFIG, Taxonomy.load_default())
    return advance(engine, 0, Own(), states, Record(0, NOW_MS, encode(fact))).findings


def taken() -> Acknowledge:
    return Acknowledge(service=MANY, at=NOW_MS, fingerprint="275d440f17e5b50a", by="ann")


def test_all_that_watch_finds_of_a_service_goes_through_byte_for_byte() -> None:
    _, findings = logs.truth(logs.usual())
    found = [one for one in findings if one.roles == ("found",)]
    assert len(found) >= 4, "two incidents, from beginning to end"
    state = State()
    for n, one in enumerate(found):
        state, said = step(Rules.of(logs.CONFIG), state, Word(n, 0, one.value, one.headers))
        assert [(mine.key, mine.id, mine.value, mine.headers) for mine in said] == [
            (one.key, one.id, one.value, one.headers)
        ]


def test_that_a_common_cause_is_taken_is_handed_on() -> None:
    [handed] = watched(taken())
    assert handed.roles == ("found",)
    said = decode(handed.value)
    assert isinstance(said, Asked)
    assert (said.fact.said, said.fact.source, said.fact.offset) == (taken(), "ai.control", 7)
    assert said.at >= NOW_MS
    assert watched(taken()) == [handed], "the same bytes, whoever says them"
    state, [refused] = step(Rules.of(logs.CONFIG), State(), Word(0, 0, handed.value, handed.headers))
    assert msgspec.json.decode(refused.value, type=Rejected).reason == "unknown_incident"
    assert refused.key == b"ai.control:0:7"
    again = step(Rules.of(logs.CONFIG), state, Word(1, 0, handed.value, handed.headers))
    assert again.findings == []


@pytest.mark.parametrize(
    ("said", "states"),
    [
        (SignOff(service=MANY, at=NOW_MS, release="1", role="ml", by="ann"), {}),
        (taken(), {MANY: Service(service=MANY, second=0)}),
    ],
    ids=["it has no releases", "a service that is called so answers for itself"],
)
def test_nothing_else_is_handed_on(said: Control, states: dict[str, Service]) -> None:
    [refused] = watched(said, **states)
    assert refused.roles == ("rejected",)

"""What GATHER says follows from its log: told twice, told late, begun anywhere, it is the same, byte for byte."""

import msgspec
import pytest
from msgspec.structs import replace

from schemas.found import Rules, Wake, encode
from schemas.incidents import Incident
from schemas.strict import ConfigError
from streams.gather import records
from streams.gather.stage import Word, due
from streams.gather.state import State
from streams.telling.findings import AGAIN, finding
from tests.gather.incidents import CONFIG, UPDATE_S, Gathering, found, gathered, mode, ms, then

SERVICES = [f"s{i}" for i in range(6)]


def life() -> Gathering:
    """Tell the whole life of a common cause, with an incident beside it, repeats, an ack, and a second episode."""
    incidents = [found(name, at=10 + i, modes=[mode("AVL.TIMEOUT")]) for i, name in enumerate(SERVICES)]
    beside = found("beside", -600, at=12)
    told = Gathering().hears(*incidents[:4], beside, incidents[1], *incidents[4:]).wakes(at=40)
    told.is_asked("ann", told.parents()[0].fingerprint, at=50)
    told.hears(then(incidents[2], "updated", 60, severity="sev-1"), incidents[2])
    told.hears(then(beside, "resolved", 100), *(then(one, "resolved", 400 + i) for i, one in enumerate(incidents[:2])))
    told.hears(
        then(then(incidents[2], "updated", 60), "resolved", 410), *(then(i, "resolved", 411) for i in incidents[3:])
    )
    return told.hears(*(found(name, 3000, episode=2) for name in SERVICES))


def test_begun_anywhere_in_the_middle_it_says_the_same() -> None:
    whole = life()
    assert {one.step for one in whole.parents()} == {"fired", "updated", "acknowledged", "resolved"}
    assert {one.episode for one in whole.parents()} == {1, 2}
    states, said = [State()], list[list[object]]()
    for word in whole.log:
        one = Gathering(state=states[-1]).steps(word)
        states.append(one.state)
        said.append(list(one.findings))
    for n, state in enumerate(states):
        again = Gathering(state=records.restore([(records.KEY, records.encode(state))]) or State())
        for word in whole.log:  # those before are known, and give nothing
            again.steps(word)
        assert again.findings == [one for some in said[n:] for one in some]
        assert again.state == whole.state


def test_what_goes_through_is_what_watch_said_byte_for_byte() -> None:
    told = gathered([found("a"), found("b", 5000)])
    for mine, theirs in zip(told.findings, (finding(found("a")), finding(found("b", 5000))), strict=True):
        assert (mine.key, mine.id, mine.value, mine.headers) == (theirs.key, theirs.id, theirs.value, theirs.headers)


def test_a_common_cause_says_who_found_it_and_where_it_lies() -> None:
    told = life()
    for message in told.findings:
        if message.severity and (said := msgspec.json.decode(message.value, type=Incident)).kind == "common":
            assert dict(message.headers)["ce_source"] == b"//barograph/gather"
            assert (said.partition, message.id) == (0, said.id)
            assert 0 <= said.offset < len(told.log)


def test_a_step_told_twice_is_restated_in_the_same_bytes_and_told_to_nobody() -> None:
    incidents = [found(name) for name in SERVICES]
    told = gathered(incidents)
    before = {one.id: one for one in told.findings}
    n = len(told.told)
    told.hears(*incidents)
    assert len(told.told) == n
    assert [one.id for one in told.restated] == [one.id for one in incidents]
    for one in told.restated:
        assert one[:4] == before[one.id][:4], "held back as it was"


def test_an_older_step_of_a_zombie_gives_nothing() -> None:
    first = found("a")
    second = then(first, "updated", 30)
    told = gathered([first, second, then(second, "resolved", 400)])
    n = len(told.findings)
    told.hears(first, second)
    assert len(told.findings) == n
    told.hears(found("a", 900, episode=2), first, then(second, "resolved", 400))
    assert len(told.findings) == n + 1
    assert list(told.state.known) == [first.fingerprint]


def test_what_counts_from_one_again_later_is_no_zombies() -> None:
    """As after `barograph.state` was deleted to learn anew: a page must not be lost for its number."""
    third = found("a", episode=3)
    told = gathered([then(third, "updated", 30), found("a", 900)])
    assert [(one.episode, one.notify) for one in told.told] == [(3, "page"), (1, "page")]
    n = len(told.findings)
    told.hears(found("a", 900))
    assert [(one.id, one.roles) for one in told.findings[n:]] == [(found("a").id, ("incidents_state",))]


def test_what_is_said_again_on_purpose_goes_out_again_with_the_cause_it_has() -> None:
    """The same messages as before, without the mark that let them through; the parent's with its first open part."""
    incidents = [found(name) for name in SERVICES]
    told = gathered(incidents).wakes(at=10 + UPDATE_S)
    n, before = len(told.findings), {one.id: one for one in told.findings}
    told.hears(*incidents, resend=True)
    again = told.findings[n:]
    parent = told.parents()[-1]
    assert [one.id for one in again] == [incidents[0].id, parent.id, *(one.id for one in incidents[1:])]
    assert again == [before[one.id] for one in again]
    assert AGAIN not in [header for one in again for header in one.headers]
    assert AGAIN in finding(incidents[0], resend=True).headers


def test_all_that_stands_is_said_by_a_new_owner_in_the_same_bytes() -> None:
    whole = life()
    latest = {one.key: one for one in whole.findings if one.severity}
    said = {one.key: one for one in whole.present()}
    assert {key: one[:4] for key, one in said.items()} == {key: one[:4] for key, one in latest.items()}
    assert {one.roles for one in said.values()} == {("incidents_state",)}


def test_what_is_open_when_gather_begins_is_taken_to_be_told() -> None:
    """WATCH says hourly what is open: to one who knows nothing that is news, but nobody is paged by a new name."""
    first = found("a")
    told = gathered([then(first, "updated", 30), found("b"), found("c")])
    [parent] = told.parents()
    assert [(child.service, child.paged) for child in parent.children] == [("a", True), ("b", True), ("c", False)]


def test_an_acknowledgement_is_told_once() -> None:
    told = gathered([found(name) for name in SERVICES])
    [parent] = told.parents()
    told.is_asked("ann", parent.fingerprint, at=60)
    taken = told.parents()[-1]
    assert (taken.step, taken.acknowledged_by, taken.note) == ("acknowledged", "ann", "mine")
    assert len(taken.children) == 6, "what had not been said yet is"
    told.steps(replace_offset(told.log[-1], len(told.log)))
    assert (told.parents()[-1], told.refused) == (taken, []), "WATCH passed it on twice"
    told = told.hears(then(found("s0"), "resolved", 500))
    assert told.parents()[-1].acknowledged_by == "ann"


@pytest.mark.parametrize(("wrong", "reason"), [("", "already_acknowledged"), ("0123456789abcdef", "unknown_incident")])
def test_an_acknowledgement_that_changes_nothing_is_refused_in_a_sentence(wrong: str, reason: str) -> None:
    told = gathered([found(name) for name in SERVICES])
    print_ = told.parents()[0].fingerprint
    told.is_asked("ann", print_, at=60)
    before = told.state
    told.is_asked("bob", wrong or print_, at=70, offset=1)
    [refused] = told.refused
    assert (refused.reason, refused.field, refused.source, refused.offset) == (reason, "$.fingerprint", "ai.control", 1)
    assert (wrong or print_) in refused.said
    assert told.state.parents == before.parents


def test_what_is_due_is_known_and_a_wake_tells_it() -> None:
    told = gathered([found(name, at=10 + i) for i, name in enumerate(SERVICES)])
    wanted = ms(12 + UPDATE_S)
    assert due(Rules.of(CONFIG), told.state) == wanted
    assert due(Rules.of(CONFIG), told.wakes(at=12 + UPDATE_S).state) is None
    assert due(Rules.of(CONFIG), State()) is None


def test_rules_are_those_that_the_log_named_last() -> None:
    never = replace(CONFIG, common=replace(CONFIG.common, services=0))
    told = Gathering(never)
    told.reads(Word(0, ms(0), encode(Rules.of(CONFIG)))).hears(*(found(name) for name in SERVICES))
    assert len(told.parents()) == 1
    assert told.state.rules == Rules.of(CONFIG)


def test_what_is_none_of_ours_is_counted_and_what_is_newer_is_refused() -> None:
    told = Gathering().reads(Word(0, 0, b"hello")).reads(Word(1, 0, b'{"a": 1}')).reads(Word(2, 0, b"\xff"))
    assert told.state.beyond == {"unreadable": 3}
    assert told.state.next == 3
    with pytest.raises(ConfigError, match="a newer one wrote it"):
        told.reads(Word(3, 0, b'{"schema": "barograph.incident/v2"}'))


def test_a_state_of_a_newer_version_is_refused_in_a_sentence() -> None:
    newer = msgspec.msgpack.encode({"version": 99, "state": {}})
    with pytest.raises(ConfigError, match="a state has format 99, of a newer version"):
        records.restore([(records.KEY, newer)])
    with pytest.raises(ConfigError, match="no state of GATHER's"):
        records.restore([(records.KEY, b"hello")])
    assert records.restore([(b"other", b"hello"), (records.KEY, None)]) is None


def test_a_state_of_many_open_incidents_fits_into_its_record() -> None:
    """As many as may be known, each as large as one that names a dozen signals: a tenth of what the topic takes."""
    one = found("a")
    large = replace(one, changes=one.changes * 12, modes=(mode("AVL.TIMEOUT"),) * 8)
    many = [replace(large, service=f"s{i}", fingerprint=f"{i:016x}") for i in range(CONFIG.limits.common)]
    assert len(records.encode(gathered(many).state)) < 8 << 20


def replace_offset(word: Word, offset: int) -> Word:
    return word._replace(offset=offset)


def test_a_wake_alone_changes_no_incident() -> None:
    told = Gathering().reads(Word(0, ms(5), encode(Wake())))
    assert (told.findings, told.state) == ([], State(next=1, now=ms(5)))

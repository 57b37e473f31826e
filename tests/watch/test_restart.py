"""Whatever owners come and go, and whatever of their checkpoints gets written: it goes on as if nobody ever stopped."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.strict import ConfigError
from streams.watch import records, store
from streams.watch.stage import Finding, State, step
from tests.watch import logs
from tests.watch.logs import PLAN, in_bytes, run, truth, usual

few = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
Topic = list[tuple[bytes, bytes | None]]


class Owner:
    """Who has the partition: as `streams.shell` does, but in one thread, and it can be stopped anywhere."""

    def __init__(self, topic: Topic) -> None:
        found = store.restore(topic)
        self.states, self.written, self.next = dict(found.states), found.written, found.next or 0
        self.dirty: set[str] = set()
        self.said: list[Finding] = []

    def run(self, n: int) -> None:
        for record in usual()[self.next : self.next + n]:
            changed, findings = step(PLAN, 0, self.states, record)
            self.states |= changed
            self.dirty |= changed.keys()
            self.said += findings
            self.next = record.offset + 1

    def checkpoint(self) -> Topic:
        """What a checkpoint writes, in its order."""
        (cold, hot, tombstones), self.written = store.writes(self.states, self.dirty, self.written)
        self.dirty = set()
        return [*cold, *hot, *tombstones, (store.POSITION, store.position(self.next, self.states))]


def compacted(topic: Topic) -> Topic:
    """Keep the last record of each key."""
    return list(dict(topic).items())


def same(states: dict[str, State], said: Iterable[Finding]) -> None:
    """Compare with what a run knows and says that never stops; what was said twice was said in the same bytes."""
    before, told = truth(usual())
    assert {name: in_bytes(state) for name, state in states.items()} == {
        name: in_bytes(state) for name, state in before.items()
    }
    assert set(said) == set(told)


@few
@given(st.lists(st.integers(1, 60), max_size=8))
def test_a_state_goes_through_bytes_at_any_record_and_nothing_follows_from_it(steps: list[int]) -> None:
    topic: Topic = []
    owner, said = Owner(topic), []
    for n in [*steps, len(usual())]:
        owner.run(n)
        said += owner.said
        topic += owner.checkpoint()
        there = owner.next
        owner = Owner(topic)
        assert owner.next == there
    same(owner.states, said)


@few
@given(st.data())
def test_any_history_of_owners_torn_checkpoints_and_zombies_ends_in_the_same_state(data: st.DataObject) -> None:
    """An owner may die at any record of a checkpoint, and may be thawed to write the rest of it at any later time.

    Findings are sent before anything of their checkpoint is, so an owner that dies in one has said them.
    """
    topic: Topic = []
    said: list[Finding] = []
    frozen: list[Topic] = []
    for _ in range(data.draw(st.integers(1, 5))):
        owner = Owner(topic)
        for n in data.draw(st.lists(st.integers(1, 40), max_size=3)):
            owner.run(n)
            topic += owner.checkpoint()
        owner.run(data.draw(st.integers(0, 40)))
        said += owner.said
        last = owner.checkpoint()
        cut = data.draw(st.integers(0, len(last)))
        topic += last[:cut]
        frozen.append(last[cut:])
        if data.draw(st.booleans()):
            rest = frozen.pop(data.draw(st.integers(0, len(frozen) - 1)))
            topic += rest[: data.draw(st.integers(0, len(rest)))]
    owner = Owner(topic)
    owner.run(len(usual()))
    same(owner.states, [*said, *owner.said])
    # An owner writes all it knows when it takes over, and then every hour: after that, compaction may come.
    topic += owner.checkpoint()
    after = Owner(compacted(topic))
    after.run(len(usual()))
    same(after.states, [*said, *owner.said, *after.said])


def test_the_furthest_state_counts_and_not_the_latest() -> None:
    owner = Owner([])
    owner.run(60)
    old = owner.checkpoint()
    owner.run(60)
    new = owner.checkpoint()
    back = Owner([*old, *new, *old])  # a zombie writes its checkpoint once more
    assert back.next == owner.next
    assert {name: in_bytes(one) for name, one in back.states.items()} == {
        name: in_bytes(one) for name, one in owner.states.items()
    }


@pytest.mark.parametrize("lost", logs.SERVICES)
def test_a_service_whose_record_is_missing_or_old_is_read_for_again(lost: str) -> None:
    owner = Owner([])
    owner.run(60)
    old = owner.checkpoint()
    owner.run(60)
    new = owner.checkpoint()
    for there in (old, []):
        topic = [*there, *(one for one in new if one[0] != lost.encode())]
        back = Owner(topic)
        known = run(usual()[:60])[0][lost].offset if there else -1
        assert back.next == known + 1
        back.run(len(usual()))
        owner.run(len(usual()))
        same(back.states, truth(usual())[1])


def test_without_a_position_reading_begins_at_the_start() -> None:
    """The first checkpoint was torn: the states in it know what they know, and skip it."""
    owner = Owner([])
    owner.run(80)
    back = Owner(owner.checkpoint()[:-1])
    assert back.next == 0
    back.run(len(usual()))
    same(back.states, truth(usual())[1])
    assert store.restore([]).next is None


def test_a_checkpoint_writes_no_more_than_what_changed() -> None:
    owner = Owner([])
    owner.run(len(usual()))
    first = owner.checkpoint()
    assert {key.split(b"\0")[0] for key, _ in first} == {b"alpha", b"beta", b"@"}
    assert [key for key, _ in owner.checkpoint()] == [b"@"]
    owner.dirty = {"beta"}
    assert [key for key, _ in owner.checkpoint()] == [b"beta", b"@"]  # its parts lie there


def test_a_part_that_no_state_names_any_more_is_buried() -> None:
    topic: Topic = []
    owner = Owner(topic)
    while owner.next < len(usual()):
        owner.run(20)
        topic += owner.checkpoint()
    parts = {key for key, value in compacted(topic) if b"\0" in key and value is not None}
    named = {key.encode() for of_service in owner.written.parts.values() for key in of_service}
    assert parts == named


def test_parts_of_a_torn_checkpoint_are_buried_by_the_next_owner() -> None:
    owner = Owner([])
    owner.run(120)
    topic = owner.checkpoint()
    owner.run(7)
    torn = [one for one in owner.checkpoint() if b"\0" in one[0] and one[1] is not None]
    assert torn
    heir = Owner([*topic, *torn])
    assert not {key for key, _ in torn} & {key for key, value in heir.checkpoint() if value is None}  # it may need them
    heir.run(40)
    wrote = heir.checkpoint()
    named = {key.encode() for of_service in heir.written.parts.values() for key in of_service}
    assert {key for key, value in wrote if value is None} >= {key for key, _ in torn if key not in named}


def test_all_are_written_again_after_an_hour() -> None:
    """By the partition's clock; a state that nobody writes again could be lost to a zombie's in a compaction."""
    owner = Owner([])
    owner.run(80)
    owner.checkpoint()
    second = usual()[79].timestamp // 1000
    assert not store.writes(owner.states, [], owner.written, second + store.REFRESH_S // 2)[0].hot
    (cold, hot, tombstones), written = store.writes(owner.states, [], owner.written, second + 2 * store.REFRESH_S)
    assert [key for key, _ in hot] == [b"alpha", b"beta"]
    assert not cold
    assert not tombstones
    assert not store.writes(owner.states, [], written, second + 2 * store.REFRESH_S)[0].hot


@pytest.mark.parametrize("name", ["@", "a\0b", "a%00b", "%40", "service/with/slash", "ä" * 40])
def test_no_name_of_a_service_can_hide_its_state(name: str) -> None:
    """Names come from events; one that looks like another record's key must not take its place."""
    state = msgspec.structs.replace(truth(usual())[0]["alpha"], service=name)
    (cold, hot, _), _ = store.writes({name: state}, [name], store.Written())
    back = store.restore([*cold, *hot, (store.POSITION, store.position(8, {name: state}))])
    assert list(back.states) == [name]
    assert back.next == 8
    assert in_bytes(back.states[name]) == in_bytes(state)


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        ((3, 3), None),
        ((1, 3), None),
        ((4, 5), r"format 3, of an older version of Barograph, and this one reads 4 to 5: upgrade by a version that"),
        (
            (1, 1),
            r"format 3, of a newer version of Barograph, and this one reads up to 1: run the version that wrote it",
        ),
    ],
)
def test_a_state_of_another_format_is_read_or_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, reads: tuple[int, int], said: str | None
) -> None:
    owner = Owner([])
    owner.run(5)
    topic = owner.checkpoint()
    monkeypatch.setattr(records, "READS", reads)
    if said is None:
        assert store.restore(topic).states.keys() == owner.states.keys()
        return
    with pytest.raises(ConfigError, match=said):
        store.restore(topic)


def test_a_state_whose_numbers_mean_something_else_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Owner([])
    owner.run(5)
    topic = owner.checkpoint()
    monkeypatch.setattr(records, "FORMAT", "another")
    with pytest.raises(ConfigError, match="counts or bets otherwise"):
        store.restore(topic)


def test_the_first_states_did_not_say_their_format_and_are_refused_as_the_older_ones_that_they_are() -> None:
    """They hold (slices, cells) of fifteen signals, where there are rows of counters now."""
    owner = Owner([])
    owner.run(5)
    (key, value), *_ = [(key, value) for key, value in owner.checkpoint() if value and key == b"alpha"]
    first = msgspec.msgpack.decode(value)
    del first["version"]
    with pytest.raises(ConfigError, match="format 1, of an older version of Barograph"):
        store.restore([(key, msgspec.msgpack.encode(first))])


@pytest.mark.parametrize("value", [b"", b"garbage", msgspec.msgpack.encode({"format": records.FORMAT, "version": 3})])
def test_what_is_no_state_is_refused_in_a_sentence(value: bytes) -> None:
    with pytest.raises(ConfigError, match="no state of Barograph's"):
        store.restore([(b"alpha", value)])


def test_a_part_that_is_gone_is_said() -> None:
    owner = Owner([])
    owner.run(80)
    topic = [one for one in owner.checkpoint() if b"baseline" not in one[0]]
    with pytest.raises(ConfigError, match="lacks its part"):
        store.restore(topic)

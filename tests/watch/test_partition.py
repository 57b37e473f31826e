"""What a partition of the tallies knows of itself, record by record."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.config import Config, parse
from schemas.control import Acknowledge, Rebaseline
from schemas.incidents import Incident
from schemas.strict import ConfigError
from schemas.tallies import (
    Census,
    Effective,
    Fact,
    Flush,
    Loss,
    Passed,
    Quarantine,
    Stall,
    Tick,
    decode,
    encode,
)
from schemas.taxonomy import Taxonomy
from streams.shell.turns import PieceFailed, in_turns
from streams.watch import effective, notices, own, stage, store
from streams.watch import merge as module
from streams.watch.own import Own, left_out
from streams.watch.partition import Advanced, Engine, advance, advancing
from streams.watch.place import events_of
from streams.watch.publish import again
from streams.watch.stage import Finding, Record, State, reading
from streams.watch.total import laid
from tests.watch import logs

TAXONOMY = Taxonomy.load_default()


class Owner:
    """Who has partition 0, and writes down all that is said."""

    def __init__(self, config: Config = logs.CONFIG, known: Own | None = None, **states: State) -> None:
        self.engine, self.own, self.states = Engine(config, TAXONOMY), known or Own(), dict(states)
        self.offset, self.second, self.said = -1, 1_764_000_000, list[Finding]()

    def step(self, *facts: Fact | bytes, after_s: int = 0) -> "list[str]":
        """Apply facts in one second; the incidents of it in short."""
        self.second += after_s
        told: list[Finding] = []
        for fact in facts:
            self.offset += 1
            value = fact if isinstance(fact, bytes) else encode(fact)
            told += self.apply(Record(self.offset, self.second * 1000, value))
        return in_short(told)

    def apply(self, record: Record) -> list[Finding]:
        return self.take(advance(self.engine, 0, self.own, self.states, record))

    def take(self, done: Advanced) -> list[Finding]:
        self.own = done.own
        done.put(self.states)
        self.said += done.findings
        return done.findings

    def apply_all_in_turns(self, records: Sequence[Record]) -> None:
        for record in records:
            self.apply_in_turns(record)

    def apply_in_turns(self, record: Record) -> None:
        """Apply it as a worker does, who learns which service brings a bug out."""
        self.take(asyncio.run(in_turns(advancing(self.engine, 0, self.own, self.states, record))))


def in_short(findings: Sequence[Finding]) -> list[str]:
    incidents = [msgspec.json.decode(one.value, type=Incident) for one in findings if one.roles[0] == "found"]
    return [f"{one.step} {one.labels['alertname']} {one.labels['slice']}".strip() for one in incidents]


def tick(worker: str = "a", config: str = "", topic_id: str = "") -> Tick:
    return Tick(worker, "ai.events", (), topic_id, config)


def loss(**what: Any) -> Loss:
    known: dict[str, Any] = {"topic": "ai.events", "partition": 3, "begin": 10, "end": 17, "why": "retention"}
    return Loss(**known | what)


def test_a_loss_is_an_incident_that_is_over_after_a_quiet_hour() -> None:
    owner = Owner()
    assert owner.step(loss()) == ["fired LossDeclared ai.events:3"]
    assert owner.step(loss(begin=20, end=22), after_s=5) == ["updated LossDeclared ai.events:3"]
    assert owner.own.lost == 9
    assert owner.step(tick(), after_s=notices.QUIET_S - 1) == []
    assert owner.step(tick(), after_s=1) == ["resolved LossDeclared ai.events:3"]


def test_a_loss_that_is_declared_again_is_counted_once() -> None:
    """Whoever declared it died before it was noted that it had, and the next owner declares the same."""
    owner = Owner()
    assert owner.step(loss(), loss(begin=20, end=22)) != []
    assert owner.step(loss(), loss(begin=20, end=22)) == []
    assert owner.own.lost == 9


def test_what_nobody_can_count_is_said_in_words() -> None:
    owner = Owner()
    owner.step(loss(end=-1, why="made_again"), loss(partition=4, begin=0, end=-1, why="partitions_added"))
    made_again, added = (msgspec.json.decode(one.value, type=Incident).summary for one in owner.said)
    assert "nobody can say how much" in made_again
    assert "ai.events:4 was added" in added
    assert owner.own.lost == 0


def test_an_incident_about_ourselves_that_is_over_is_said_again_as_it_was() -> None:
    """A worker that was frozen may say that it is open, behind the word that it is not."""
    owner = Owner()
    owner.step(loss(), after_s=0)
    owner.step(tick(), after_s=notices.QUIET_S)
    said = [one.value for one in again(owner.own.notices, {}, owner.own.second)]
    assert said == [owner.said[-1].value]
    assert again(owner.own.notices, {}, owner.own.second + 3 * notices.QUIET_S) == []


def test_a_topic_with_another_id_was_made_again() -> None:
    owner = Owner()
    assert owner.step(tick(topic_id="x"), tick(topic_id="")) == []
    assert owner.step(tick(topic_id="y")) == ["fired LossDeclared ai.events"]
    assert owner.step(tick(topic_id="x"), tick(topic_id="y")) == [], "a worker that does not know yet"


def test_workers_with_different_configs_are_told_once_they_had_time_for_an_upgrade() -> None:
    owner = Owner()
    for _ in range(own.DIFFER_S):
        assert owner.step(tick("a", "1"), tick("b", "2"), after_s=1) == []
    assert owner.step(tick("a", "1"), tick("b", "2"), after_s=1) == ["fired ConfigsDisagree"]
    assert owner.step(tick("a", "1"), tick("b", "1"), after_s=1) == ["resolved ConfigsDisagree"]


def test_a_worker_that_is_gone_disagrees_with_nobody() -> None:
    owner = Owner()
    owner.step(tick("a", "1"), tick("b", "2"))
    for _ in range(2 * own.DIFFER_S):
        assert owner.step(tick("a", "1"), after_s=1) == []


def test_more_services_than_the_budget_is_divided_by_are_told() -> None:
    owner = Owner(parse("watch: {max_services: 10}"))
    assert owner.step(Census(partition=0, services=6.0), Census(partition=1, services=4.0)) == []
    assert owner.step(Census(partition=1, services=4.5)) == ["fired OverPlan"]
    assert owner.step(Census(partition=1, services=5.0)) == []
    assert owner.step(Census(partition=0, services=5.0)) == ["resolved OverPlan"]


def test_a_stall_is_told_by_whoever_comes_after() -> None:
    stall = Stall(worker="a", topic="ai.events", partition=2, position=7)
    assert Owner().step(stall) == ["fired WorkerStalled ai.events:2"]


@pytest.mark.parametrize("value", [b"", b"?", b"\xc1", b"\x93\x01\x02\x03", msgspec.msgpack.encode({"a": 1}), b"[1]"])
def test_what_is_not_ours_is_told_and_passed_over(value: bytes) -> None:
    owner = Owner()
    assert owner.step(value) == ["fired TalliesUnreadable barograph.tallies:0"]
    assert owner.step(tick()) == []
    assert owner.own.beyond == {"unreadable": 1}


def test_a_fact_of_a_newer_version_ends_the_worker_before_anything_is_lost() -> None:
    owner = Owner()
    with pytest.raises(ConfigError, match=r"record 0 of `barograph.tallies` is a `verdict`.*upgrade this worker"):
        owner.step(msgspec.msgpack.encode(["verdict", 1, 2]))
    assert owner.own.offset == -1


def test_the_log_says_by_which_config_it_is_decided() -> None:
    """Twelve buckets of history, and then three: the worker's own config says twelve to the end."""
    owner = Owner()
    for record in logs.plain()[:120]:
        owner.apply(record)
    owner.offset, owner.second = 119, logs.plain()[119].timestamp // 1000
    watch = replace(logs.CONFIG.watch, window_buckets=6, resolve_after_s=1)
    said = effective.said(replace(logs.CONFIG, watch=watch))
    assert max(len(stream.buckets) for stream in owner.states["beta"].streams.values()) == 12
    owner.step(Effective(worker="b", engine=effective.ENGINE, said=said))
    assert owner.engine.plan(owner.own).config.watch.window_buckets == 6
    assert all(state.offset == owner.offset for state in owner.states.values()), "each must be written with it"
    for record in logs.plain()[120:140]:
        owner.apply(Record(owner.offset + 1 + record.offset - 120, record.timestamp, record.value))
    assert max(len(stream.buckets) for stream in owner.states["beta"].streams.values()) <= 7


def test_a_config_that_a_newer_version_wrote_is_refused() -> None:
    owner = Owner()
    with pytest.raises(ConfigError, match="a newer version wrote it"):
        owner.step(Effective(worker="b", engine="9", said='{"measure": {"sense": 6}, "watch": {}, "services": []}'))


def test_evidence_stays_where_limits_stay_and_begins_anew_where_they_move() -> None:
    owner = Owner()
    for record in logs.plain()[:90]:
        owner.apply(record)
    owner.offset, owner.second = 89, logs.plain()[89].timestamp // 1000
    before = {name: stream.evidence for name, stream in owner.states["beta"].streams.items()}
    for effect, same in ((0.0, True), (5.0, False)):
        watch = replace(logs.CONFIG.watch, min_effect_points=effect, update_every_s=4)
        said = effective.said(replace(logs.CONFIG, watch=watch))
        owner.step(Effective(worker="b", engine=effective.ENGINE, said=said))
        after = {name: stream.evidence for name, stream in owner.states["beta"].streams.items()}
        kept = all((before[name] == after[name]).all() for name in before)
        assert kept is same
    assert any(evidence.any() for evidence in after.values()), "numbers have the limits that they had"


class Broken:
    """A bug that one service brings out from some record on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
        merge = module.merge

        def broken(state: State, *what: Any) -> Any:
            if state.service == service and laid(state.total)[:3].sum() > 100:
                raise ZeroDivisionError("a bug")
            return merge(state, *what)

        monkeypatch.setattr(stage, "merge", broken)


def test_a_service_that_cannot_be_applied_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Broken(monkeypatch, "alpha")
    owner = Owner()

    with pytest.raises(PieceFailed, match="service `alpha` cannot be applied") as failed:
        owner.apply_all_in_turns(logs.plain())
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_a_bug_that_no_service_brings_out_is_laid_on_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what comes before the services nor what comes after them is theirs."""
    for part in ("reading", "own.learned"):
        owner = Owner()
        monkeypatch.undo()
        monkeypatch.setattr(f"streams.watch.partition.{part}", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            owner.apply_all_in_turns(logs.plain())


def test_without_the_service_at_fault_the_others_go_on_as_if_nothing_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is not counted of it is known: with what was counted before, it is all that it sent."""
    truth, told = logs.truth(logs.usual())
    Broken(monkeypatch, "alpha")
    owner, failed, n = Owner(), None, 0
    for record in logs.usual():
        if failed is None:
            try:
                owner.apply_in_turns(record)
                continue
            except PieceFailed as bug:
                failed = bug
                fact = Quarantine(service=bug.service, since=record.offset, error="a bug")
                owner.own = left_out(owner.own, fact)
        owner.apply(record)
        if n == 3:  # the fact itself comes a while later
            owner.own, said = own.quarantined(owner.own, fact, record.timestamp // 1000)
            assert [one.labels["slice"] for one in said] == ["alpha"]
        n += 1
    assert logs.in_bytes(owner.states["beta"]) == logs.in_bytes(truth["beta"])
    of_beta = [one for one in told if b'"service":"beta"' in one.value]
    assert [one for one in owner.said if b'"service":"beta"' in one.value] == of_beta
    counted = int(laid(owner.states["alpha"].total)[:3].sum())
    everything = int(laid(truth["alpha"].total)[:3].sum())
    assert counted + owner.own.quarantined["alpha"].events == everything


def test_a_person_or_another_version_lifts_a_quarantine_and_the_loss_is_declared() -> None:
    for lift in (
        Effective(worker="a", engine="another", said=effective.said(logs.CONFIG)),
        Passed(
            source="ai.control", partition=0, offset=0, timestamp=0, said=Rebaseline(service="alpha", at=0, by="ana")
        ),
    ):
        owner = Owner()
        for record in logs.plain()[:100]:
            owner.apply(record)
        owner.offset, owner.second = 99, logs.plain()[99].timestamp // 1000
        owner.step(Effective(worker="a", engine="first", said=effective.said(logs.CONFIG)))
        quarantine = Quarantine(service="alpha", since=101, error="a bug")
        assert owner.step(quarantine, quarantine) == ["fired ServiceQuarantined alpha"]
        flush = next(one for one in (decode(r.value) for r in logs.plain()[100:]) if isinstance(one, Flush))
        owner.step(flush)
        missed = events_of(reading(flush).parts["alpha"])
        assert owner.step(lift) == ["resolved ServiceQuarantined alpha", "fired LossDeclared alpha"]
        assert owner.own.lost == missed > 0
        assert owner.own.quarantined == {}


@pytest.mark.parametrize("until", [101, 160, 230])
def test_what_a_quarantine_skipped_is_lost_or_counted_and_never_both(until: int) -> None:
    """Whether the last block is open or finished when it ends, and whatever is told again after it."""
    records = [replace_offset(record, n) for n, record in enumerate(logs.usual())]
    everything = int(laid(logs.truth(logs.usual())[0]["alpha"].total)[:3].sum())
    for lift in (
        Effective(worker="a", engine="another", said=effective.said(logs.CONFIG)),
        Passed(
            source="ai.control", partition=0, offset=0, timestamp=0, said=Rebaseline(service="alpha", at=0, by="ana")
        ),
    ):
        owner = Owner(known=Own(engine="first", config=effective.said(logs.CONFIG)))
        for record in records[:until]:
            if record.offset == 60:
                owner.own = left_out(owner.own, Quarantine(service="alpha", since=60, error="a bug"))
            owner.apply(record)
        left = owner.own.quarantined["alpha"]
        owner.apply(Record(until, records[until - 1].timestamp, encode(lift)))
        assert owner.own.quarantined == {}
        again = [record for record in records[60:until] if isinstance(decode(record.value), Flush)]
        for n, record in enumerate([*again, *records[until:]]):
            late = record.timestamp if n >= len(again) else records[until - 1].timestamp
            owner.apply(Record(until + 1 + n, late, record.value))
        counted = int(laid(owner.states["alpha"].total)[:3].sum())
        assert left.events >= owner.own.lost > 0
        assert counted + owner.own.lost == everything


def replace_offset(record: Record, offset: int) -> Record:
    return Record(offset, record.timestamp, record.value)


def test_a_control_fact_about_a_service_that_nobody_knows_is_refused_aloud() -> None:
    owner = Owner()
    fact = Acknowledge(service="ghost", at=0, fingerprint="f", by="ana")
    owner.step(Passed(source="ai.control", partition=0, offset=4, timestamp=0, said=fact))
    [refusal] = owner.said
    assert (refusal.roles, refusal.key) == (("rejected",), b"ai.control:0:4")
    assert b"no event of a service `ghost` was seen yet" in refusal.value
    assert owner.states == {}


def test_the_service_that_was_idle_longest_makes_room_and_without_room_nothing_is_kept() -> None:
    owner = Owner(replace(logs.CONFIG, watch=replace(logs.CONFIG.watch, services_per_partition=2)))
    flushes = [one for one in (decode(r.value) for r in logs.plain()) if isinstance(one, Flush)]

    def of(service: str, n: int) -> Flush:
        names = tuple(sorted({service if name == "alpha" else name for name in flushes[0].names}))
        whole = decode(logs.only(flushes[0], "alpha"))
        assert isinstance(whole, Flush)
        assert [name for name in names if name != service] == [name for name in whole.names if name != "alpha"]
        return msgspec.structs.replace(whole, names=names, anchor=n, end=n + 1)

    owner.step(of("alpha", 0), of("aa", 1))
    owner.step(of("ab", 2))
    assert sorted(owner.states) == ["aa", "alpha"]
    assert owner.own.beyond == {"services": 1}
    owner.step(of("alpha", 3), after_s=3600)
    owner.step(of("ab", 4))
    assert sorted(owner.states) == ["ab", "alpha"]


def test_what_is_said_again_is_said_in_the_same_bytes() -> None:
    owner = Owner()
    for record in logs.plain():
        owner.apply(record)
    owner.offset = len(logs.plain())
    owner.step(loss())
    owner.step(b"not ours")
    said = {one.value for one in owner.said}
    repeated = again(owner.own.notices, owner.states, owner.second)
    assert repeated
    assert {one.value for one in repeated} <= said
    position = store.position(9, owner.states, owner.own)
    out, _ = store.writes(owner.states, owner.states, store.Written())
    back = store.restore([*out.cold, *out.hot, (store.POSITION, position)])
    assert [one.value for one in again(back.position.own.notices, back.states, owner.second)] == [
        one.value for one in repeated
    ]


def test_a_service_that_is_forgotten_does_not_come_back_from_a_zombies_record() -> None:
    owner = Owner()
    for record in logs.plain()[:100]:
        owner.apply(record)
    out, written = store.writes(owner.states, owner.states, store.Written())
    old = [*out.cold, *out.hot]
    kept = {"beta": owner.states["beta"]}
    later, written = store.writes(kept, [], written, forgotten=["alpha"])
    assert b"alpha" in [key for key, _ in later.tombstones]
    back = store.restore([*old, *later.tombstones, (store.POSITION, store.position(101, kept)), *old])
    assert sorted(back.states) == ["beta"]
    assert back.next == 101


def test_exits_are_counted_at_one_record_and_forgotten_at_another() -> None:
    value, exits = store.ended(store.restore([]).exits, "alpha", 7, "a bug")
    value, exits = store.ended(exits, "alpha", 7, "a bug")
    assert store.restore([(store.EXITS, value)]).exits.times == {"alpha": (2, "a bug")}
    _, exits = store.ended(exits, "beta", 9, "another")
    assert exits.times == {"beta": (1, "another")}

"""When a worker says that it is not ready, and when it ends because it stands still."""

from collections.abc import Iterable, Sequence

import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace

from schemas.config import Config
from schemas.sections import Kafka, Worker
from schemas.tallies import Stall, decode
from streams.shell import clients, lookout
from streams.shell.behind import MOST, Behind
from streams.shell.exits import Doubt, Stalled
from streams.shell.lookout import SURE, Lookout
from streams.shell.metrics import Metrics
from streams.shell.outbox import UNDELIVERED_S, Headers, Outbox, Sent
from streams.shell.stalls import Progress, Stalls
from tests.shell.fakes import Producer, settle

TP = TopicPartition("ai.events", 0)
CONFIG = Config(worker=Worker(ready_lag_s=10, stall_after_s=20), kafka=Kafka(delivery_timeout_s=60))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A worker whose partition, broker and clock a test moves."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.clock, self.producer, self.metrics = Clock(), Producer(acknowledges=False), Metrics()
        self.outbox = Outbox(self.producer, config, now=self.clock)
        self.lookout = Lookout(config, self.outbox, self.metrics, [])
        self.read: int | None = 0
        self.end = 0
        self.done = 0
        self.held = False

    def look(self, seconds: int = 1) -> list[str]:
        """Let so many seconds pass, with a look at each; what `/ready` lacks then, but for the broker's word."""
        for _ in range(seconds):
            self.clock.now += 1
            one = Progress("measure", TP, self.read, self.done, self.held)
            self.lookout.look(self.clock.now, [one], {TP: self.end})
        return [one for one in self.lookout.missing() if "where the logs end" not in one]


def test_a_lag_from_before_is_worked_off_before_a_worker_is_ready() -> None:
    one = Watched()
    one.end = 1000
    [said] = one.look()
    assert "ai.events:0 is 1000 records behind" in said
    assert "older than this worker's part in it" in said
    one.read = one.done = 999
    one.end = 1200
    assert one.look()
    one.read = one.done = 1000
    assert one.look() == [], "what came meanwhile is a second old"


def test_ready_does_not_flap_about_the_bound() -> None:
    """A reader that is always `behind` seconds behind: unready above the bound, and again ready only below its half."""
    one = Watched()
    one.look()

    def steady(behind: int, seconds: int) -> set[bool]:
        ready = set()
        for _ in range(seconds):
            one.end = int(one.clock.now + 1) * 100
            one.read = one.done = max(one.read or 0, one.end - behind * 100)
            ready.add(not one.look())
        return ready

    assert steady(9, 30) == {True}
    assert steady(13, 30) == {True, False}
    assert steady(13, 30) == steady(9, 30) == steady(7, 30) == {False}
    assert steady(3, 5) == {True}
    assert steady(9, 30) == {True}


def test_the_lag_is_told_in_records_and_in_seconds_and_forgotten_with_the_partition() -> None:
    one = Watched()
    one.look()
    one.end = 50
    one.look(4)
    page = one.metrics.page().decode()
    assert 'barograph_lag_records{partition="0",topic="ai.events"} 50.0' in page
    assert 'barograph_lag_seconds{partition="0",topic="ai.events"} 3.0' in page
    one.lookout.look(9.0, [], {})
    assert "ai.events" not in one.metrics.page().decode()


def test_a_lag_of_hours_takes_no_more_memory() -> None:
    behind = Behind()
    seconds = [behind.look(float(now), read=0, end=now + 1) for now in range(20 * MOST)]
    assert seconds == [float(now) for now in range(20 * MOST)], "the oldest look is the one that counts"
    assert len(behind._ends) <= MOST
    late = behind.look(20.0 * MOST, read=10 * MOST, end=20 * MOST)
    assert late == pytest.approx(10 * MOST, rel=0.1), "coarser, but not wrong"


def test_a_partition_with_lag_that_stands_still_ends_the_worker() -> None:
    one = Watched()
    one.end = 7
    one.look(20)
    with pytest.raises(
        Doubt, match=r"measure made no progress on ai\.events:0 for 20 s, with 7 records to read from 0"
    ):
        one.look()
    assert Doubt.code == 4


@pytest.mark.parametrize("why", ["it is read", "there is nothing to read", "it waits for the broker", "it restores"])
def test_what_is_no_stall(why: str) -> None:
    one = Watched()
    one.end = 7
    if why == "there is nothing to read":
        one.read = 7
    if why == "it restores":
        one.read = None
    for second in range(200):
        if why in ("it is read", "it restores") and second % 15 == 0:
            one.done += 1
        one.held = why == "it waits for the broker"
        one.look()


async def test_a_stall_is_left_word_of_for_whoever_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a fact, of which the next owner makes an incident; and that the broker takes none must not keep us."""
    said: list[bytes] = []

    class Keeps(Producer):
        async def send(
            self, topic: str, value: bytes | None, key: bytes, partition: int | None, *, headers: Headers
        ) -> Sent:
            said.append(value or b"")
            return await super().send(topic, value, key, partition, headers=headers)

    class Stage:
        async def progress(self) -> list[Progress]:
            return [Progress("measure", TP, 3, 3, False)]

    class Reader:
        async def start(self) -> None: ...
        async def stop(self) -> None: ...
        async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(partitions, 7)

    monkeypatch.setattr(clients, "reader", lambda _: Reader())
    monkeypatch.setattr(lookout, "EVERY_S", 0.0)
    monkeypatch.setattr(lookout, "ANSWER_S", 0.1)
    for acknowledges in (True, False):
        config = replace(CONFIG, worker=Worker(name="w", stall_after_s=10))
        one = Lookout(config, Outbox(Keeps(acknowledges=acknowledges), config), Metrics(), [Stage()])
        one._stalls = Stalls(0)
        with pytest.raises(Stalled, match="no progress"):
            await one.run()
    assert [decode(fact) for fact in said] == [Stall(worker="w", topic=TP.topic, partition=0, position=3)] * 2


def test_a_state_that_is_never_restored_is_a_stall() -> None:
    one = Watched()
    one.read, one.end = None, 7
    with pytest.raises(Doubt, match=r"ai\.events:0"):
        one.look(22)


async def test_while_nothing_can_be_delivered_nothing_stalls() -> None:
    one = Watched()
    await one.outbox.put("tallies", b"tick", b"")
    one.end = 7
    one.look(int(UNDELIVERED_S))
    one.look(40)
    one.producer.acknowledge()
    await settle()
    with pytest.raises(Doubt, match="no progress"):
        one.look(22)


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """A process that was frozen finds its partitions as it left them; so does one whose loop was busy for long."""
    stalls = Stalls(20)
    for now in (0.0, 1.0, 500.0, 501.0, 502.0, 1502.0):
        assert stalls.look(now, [(Progress("watch", TP, 0, 0, False), 7)]) is None


def test_a_rebalance_ends_all_waiting() -> None:
    stalls = Stalls(3)
    still: Iterable[tuple[Progress, int]] = [(Progress("watch", TP, 0, 0, False), 7)]
    found = [stalls.look(float(now), still if now % 3 else []) for now in range(12)]
    assert set(found) == {None}


async def test_undelivered_is_said_and_has_an_end() -> None:
    one = Watched()
    await one.outbox.put("incidents", b"key", b"finding")
    assert one.look(int(UNDELIVERED_S)) == []
    [said] = one.look()
    assert "not acknowledged a record for 6 s: nothing is read on until it does; at 60 s" in said
    assert "barograph_unacknowledged_seconds 6.0" in one.metrics.page().decode()
    one.look(60 - 6)
    with pytest.raises(Doubt, match=r"unacknowledged for 63 s, longer than `kafka.delivery_timeout_s` of 60"):
        one.look(SURE)


async def test_a_broker_that_is_back_in_time_is_forgiven() -> None:
    one = Watched()
    await one.outbox.put("incidents", b"key", b"finding")
    one.look(61)
    one.producer.acknowledge()
    await settle()
    assert one.look() == []
    assert "barograph_unacknowledged_records 0.0" in one.metrics.page().decode()


async def test_after_a_freeze_answers_are_read_before_anybody_gives_up() -> None:
    one = Watched()
    await one.outbox.put("incidents", b"key", b"finding")
    one.clock.now = 1000.0
    one.look()
    one.producer.acknowledge()
    await settle()
    assert one.look(SURE) == []


def test_what_is_held_is_counted_by_stage() -> None:
    one = Watched()
    one.held = True
    one.look()
    page = one.metrics.page().decode()
    assert 'barograph_held_partitions{stage="measure"} 1.0' in page
    assert 'barograph_held_partitions{stage="watch"} 0.0' in page


def test_a_broker_that_says_nothing_is_no_stall_and_not_ready() -> None:
    one = Watched(replace(CONFIG, worker=Worker(stall_after_s=10)))
    for now in range(100):
        one.lookout.look(float(now), [Progress("measure", TP, 0, 0, False)], None)
    assert one.lookout.missing() == ["the broker has not said yet where the logs end"]

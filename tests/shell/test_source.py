"""The order in which MEASURE tells and commits, against a broker that takes its time."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from msgspec.structs import replace

from schemas.config import Config
from schemas.sections import Measure as Settings
from schemas.sections import Topics
from schemas.tallies import Flush, Loss, decode
from schemas.taxonomy import Taxonomy
from streams.measure.stage import Plan, Record
from streams.shell import groups, source
from streams.shell.exits import Doubt, Fuse
from streams.shell.metrics import Metrics
from streams.shell.outbox import Outbox
from streams.shell.source import Measure
from tests.measure.recount import read_beside
from tests.shell.fakes import Consumer, Producer, settle
from tests.shell.traffic import exchanges
from tests.shell.workers import until

CONFIG = Config(topics=Topics(tallies_partitions=1))
TP = TopicPartition("ai.events", 0)
RECORDS = [
    Record(offset, 1_795_000_000_000 + offset * 1000, event) for offset, event in enumerate(exchanges(10))
]  # each in a second, and so in a block, of its own


@asynccontextmanager
async def measuring(
    monkeypatch: pytest.MonkeyPatch,
    producer: Producer,
    consumer: Consumer,
    commits: Mapping[TopicPartition, OffsetAndMetadata] = MappingProxyType({}),
    topic_ids: Sequence[str] = ("",),
    config: Config = CONFIG,
) -> AsyncIterator[tuple[Measure, Fuse]]:
    async def committed(*_: object) -> Mapping[TopicPartition, OffsetAndMetadata]:
        return commits

    async def leave(*_: object) -> None: ...

    async def ids(_: object, names: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(names, topic_ids[0])

    monkeypatch.setattr(source, "topic_ids", ids)
    monkeypatch.setattr(source, "group_consumer", lambda _: consumer)
    monkeypatch.setattr(groups, "committed", committed)
    monkeypatch.setattr(groups, "leave", leave)
    plan, fuse = Plan.of(config, Taxonomy.load_default()), Fuse()
    measure = Measure(config, plan, Outbox(producer, config), Metrics(), fuse)
    await measure.start()
    await settle()
    yield measure, fuse
    producer.acknowledges = True
    producer.acknowledge()
    await measure.stop()


BEGUN = {TP: (0, "anchor - 1")}
LOSS = ("barograph.tallies", b"loss")


def block(anchor: int) -> tuple[str, bytes]:
    return "barograph.tallies", f"ai.events:0:{anchor}".encode()


async def test_nothing_of_the_next_block_is_sent_before_the_last_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer, consumer = Producer(acknowledges=False), Consumer(TP, RECORDS[:3])
    async with measuring(monkeypatch, producer, consumer):
        assert producer.sent == [block(0)]
        assert consumer.committed == [BEGUN], "nor is anything committed"
        producer.acknowledge()
        await settle()
        assert producer.sent == [block(0), block(1)]
        assert consumer.committed == [BEGUN, {TP: (1, "anchor - 1")}]


async def test_a_partition_is_held_back_while_the_broker_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    producer, consumer = Producer(acknowledges=False), Consumer(TP, RECORDS)
    async with measuring(monkeypatch, producer, consumer) as (measure, _):
        assert len(RECORDS) > source.WAITING + 1
        polls = len(consumer.asked)
        await settle()
        assert len(consumer.asked) == polls == source.WAITING + 1, "each poll finished at most one block"
        assert (await measure.survey()).caught_up == (), "what is read but not told is not caught up with"


async def test_blocks_that_finish_while_an_open_one_is_told_are_told_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as may wait: the partition is held back for them, and nothing that is read will bring them up."""
    config = replace(CONFIG, measure=replace(CONFIG.measure, flush_after_s=0))
    producer, consumer = Producer(acknowledges=False), Consumer(TP, RECORDS)
    async with measuring(monkeypatch, producer, consumer, config=config) as (measure, _):
        assert producer.sent == [block(0)]
        [one] = await measure.progress()
        assert one.held, "nothing is read on while the broker lags"
        producer.acknowledges = True
        producer.acknowledge()

        async def all_told() -> bool:
            return producer.sent[-1] == block(len(RECORDS) - 1)

        await until(all_told)


@pytest.mark.parametrize(("end", "polled_s_ago", "caught_up"), [(1, 0.0, (0,)), (2, 0.0, ()), (1, 60.0, ())])
async def test_caught_up_is_read_to_an_end_that_was_just_heard_of(
    monkeypatch: pytest.MonkeyPatch, end: int, polled_s_ago: float, caught_up: tuple[int, ...]
) -> None:
    consumer = Consumer(TP, RECORDS[:1], end=end, polled_s_ago=polled_s_ago)
    async with measuring(monkeypatch, Producer(), consumer) as (measure, _):
        assert (await measure.survey()).caught_up == caught_up


async def test_a_stop_tells_what_is_finished_and_commits_no_open_block(monkeypatch: pytest.MonkeyPatch) -> None:
    producer, consumer = Producer(), Consumer(TP, RECORDS[:3])
    async with measuring(monkeypatch, producer, consumer):
        pass
    assert producer.sent == [block(0), block(1)]
    assert consumer.committed[-1] == {TP: (2, "anchor - 1")}


async def test_a_failed_send_blows_the_fuse_and_commits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    producer, consumer = Producer(acknowledges=False), Consumer(TP, RECORDS[:3])
    async with measuring(monkeypatch, producer, consumer) as (_, fuse):
        producer.fail()
        await settle()
        assert isinstance(fuse.why, Doubt)
        assert consumer.committed == [BEGUN]


async def test_a_rebalance_ends_all_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    producer, consumer = Producer(acknowledges=False), Consumer(TP, RECORDS[:3])
    async with measuring(monkeypatch, producer, consumer) as (_, fuse):
        await consumer.revoke()
        producer.acknowledge()
        await settle()
        assert producer.sent == [block(0)]
        assert consumer.committed == [BEGUN]
        assert fuse.why is None


async def test_a_fenced_commit_forgets_everything_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fenced(Consumer):
        async def commit(self, offsets: object) -> None:
            raise CommitFailedError

    producer = Producer(acknowledges=False)
    async with measuring(monkeypatch, producer, Fenced(TP, RECORDS[:3])) as (_, fuse):
        producer.acknowledge()
        await settle()
        assert fuse.why is None
        said = list(producer.sent)
        producer.acknowledge()
        await settle()
        assert producer.sent == said, "the partition is forgotten until it is assigned again"


async def test_a_start_within_a_block_goes_down_to_where_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    producer, commits = Producer(), {TP: OffsetAndMetadata(2, "by hand")}
    async with measuring(monkeypatch, producer, Consumer(TP, RECORDS[:3]), commits):
        assert producer.sent == [block(0), block(1)]


@pytest.mark.parametrize(
    ("commit", "topic_id"),
    [
        (OffsetAndMetadata(4, "anchor"), ""),  # the log ends before it
        (OffsetAndMetadata(2, "anchor first 1"), "second"),  # the log is as long again, but another one
    ],
)
async def test_a_topic_that_was_made_again_is_counted_from_its_start_and_what_went_with_it_is_declared(
    monkeypatch: pytest.MonkeyPatch, commit: OffsetAndMetadata, topic_id: str
) -> None:
    producer = Producer()
    consumer = Consumer(TP, RECORDS[:3], end=3)
    async with measuring(monkeypatch, producer, consumer, {TP: commit}, [topic_id]) as (_, fuse):
        assert fuse.why is None
        assert producer.sent == [LOSS, block(0), block(1)]
        assert consumer.committed[-1][TP] == (2, f"anchor {topic_id or '-'} 1")


async def test_what_retention_took_is_declared_and_it_goes_on_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Retained(Consumer):
        async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(partitions, 2)

    producer, commits = Producer(), {TP: OffsetAndMetadata(1, "anchor - 1")}
    async with measuring(monkeypatch, producer, Retained(TP, RECORDS[:5]), commits):
        assert producer.sent == [LOSS, block(2), block(3)]


async def test_what_retention_takes_from_under_our_feet_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    class Retained(Consumer):
        async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(partitions, 5 if self.asked else 0)

    producer = Producer()
    async with measuring(monkeypatch, producer, Retained(TP, [*RECORDS[:2], *RECORDS[5:]])):
        assert producer.sent.count(LOSS) == 1


async def test_a_gap_that_retention_did_not_make_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer()
    async with measuring(monkeypatch, producer, Consumer(TP, [*RECORDS[:2], *RECORDS[5:]])):
        assert LOSS not in producer.sent


async def test_a_topic_that_is_made_again_while_it_is_read_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = ["first"]
    monkeypatch.setattr(source, "SAME_S", 0)
    async with measuring(monkeypatch, Producer(), Consumer(TP, RECORDS[:3]), topic_ids=ids) as (measure, _):
        await measure.survey()
        ids[0] = "second"
        with pytest.raises(Doubt, match="made again"):
            await measure.survey()


async def test_control_facts_are_passed_on_in_order_and_then_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    control = TopicPartition("ai.control", 0)
    facts = [
        Record(i, 1_795_000_000_000, value)
        for i, value in enumerate([b'{"type": "rebaseline", "service": "bot", "at": 7, "by": "ana"}', b"?"])
    ]
    producer, consumer = Producer(), Consumer(control, facts)
    async with measuring(monkeypatch, producer, consumer):
        assert producer.sent == [
            ("barograph.tallies", b"ai.control:0:0"), ("ai.events.rejected", b"ai.control:0:1")
        ]  # fmt: skip
        assert consumer.committed[-1] == {control: (2, "anchor - 1")}


async def test_a_control_fact_that_is_not_acknowledged_is_not_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    control = TopicPartition("ai.control", 0)
    fact = b'{"type": "rebaseline", "service": "bot", "at": 7, "by": "ana"}'
    producer, consumer = Producer(acknowledges=False), Consumer(control, [Record(0, 1_795_000_000_000, fact)])
    async with measuring(monkeypatch, producer, consumer):
        assert consumer.committed == [{control: (0, "anchor - 1")}]


async def test_a_partition_that_waits_for_the_broker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    producer, consumer = Producer(acknowledges=False), Consumer(TP, RECORDS)
    async with measuring(monkeypatch, producer, consumer) as (measure, _):
        [one] = await measure.progress()
        assert (one.stage, one.tp, one.held) == ("measure", TP, True)
        assert one.read == one.done == source.WAITING + 1
        producer.acknowledges = True
        producer.acknowledge()

        async def goes_on() -> bool:
            [one] = await measure.progress()
            return (one.read, one.held) == (len(RECORDS), False)

        await until(goes_on)


async def test_names_beyond_the_cap_are_counted_by_field_when_their_block_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred workflows in one block, of which sixteen may be told apart, and a block after it that ends it."""
    cap = 16
    events = [
        json.loads(event) | {"workflow": f"w-{i}", "service": "one"} for i, event in enumerate(exchanges(100))
    ]  # fmt: skip
    records = [Record(i, 1_795_000_000_000, json.dumps(event).encode()) for i, event in enumerate(events)]
    records.append(Record(100, 1_795_000_005_000, next(iter(exchanges(1)))))
    config = replace(CONFIG, measure=replace(CONFIG.measure, names_per_block=cap))
    async with measuring(monkeypatch, Producer(), Consumer(TP, records), config=config) as (measure, _):

        async def counted() -> bool:
            over = f'barograph_overflow_total{{cap="workflow",stage="measure"}} {100 - cap}.0'
            return over in measure._metrics.page().decode()

        await until(counted)


@pytest.mark.parametrize(("lookback", "whole"), [(100, True), (2, True), (1, False)])
async def test_a_new_owner_reads_back_for_open_requests_and_counts_none_again(
    monkeypatch: pytest.MonkeyPatch, lookback: int, whole: bool
) -> None:
    half = b'{"type": "%b", "id": "1", "service": "s", "release": "r", "at": 1795000000000}'
    values = [half % b"exchange", half % b"request", half % b"exchange", half % b"response", half % b"exchange"]
    records = [Record(offset, 1_795_000_000_000 + offset * 1000, value) for offset, value in enumerate(values)]
    producer, commits = Producer(), {TP: OffsetAndMetadata(3, "anchor - 1")}
    config = Config(topics=CONFIG.topics, measure=Settings(pairing=True, pair_lookback=lookback))
    async with measuring(monkeypatch, producer, Consumer(TP, records), commits, config=config):
        assert producer.sent == [block(3)]
    flush = decode(producer.values[0] or b"")
    assert isinstance(flush, Flush)
    assert read_beside(flush) == ({} if whole else {("s", "r", "response"): 1})


@pytest.mark.parametrize(("log_start", "lost"), [(3, []), (6, [(4, 6)])])
async def test_what_retention_took_of_what_would_only_be_read_back_is_no_loss(
    monkeypatch: pytest.MonkeyPatch, log_start: int, lost: list[tuple[int, int]]
) -> None:
    class Retained(Consumer):
        async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(partitions, log_start if self.asked else 0)

    producer, commits = Producer(), {TP: OffsetAndMetadata(4, "anchor - 1")}
    config = Config(topics=CONFIG.topics, measure=Settings(pairing=True))
    async with measuring(monkeypatch, producer, Retained(TP, RECORDS[log_start:]), commits, config=config) as (_, fuse):
        assert fuse.why is None
        facts = [decode(value or b"") for value in producer.values]
        assert [(fact.begin, fact.end) for fact in facts if isinstance(fact, Loss)] == lost


@pytest.mark.parametrize(
    ("partition", "said", "pairing", "added"),
    [
        (0, "anchor - 2", True, [2, 3]),
        (0, "anchor - 2", False, []),  # whole exchanges do not mind
        (0, "anchor - 4", True, []),
        (0, "anchor", True, []),  # of a version that did not say how many there were
        (1, "anchor - 2", True, []),  # the owner of the first partition speaks for all
        (0, None, True, []),  # librdkafka's mock cluster, of what was never committed
    ],
)
async def test_partitions_that_were_added_are_declared_once_where_halves_may_lie_apart(
    monkeypatch: pytest.MonkeyPatch, partition: int, said: str | None, pairing: bool, added: list[int]
) -> None:
    class Grown(Consumer):
        partitions = 4

    tp = TopicPartition(TP.topic, partition)
    producer, consumer = Producer(), Grown(tp, [])
    config = Config(topics=CONFIG.topics, measure=Settings(pairing=pairing))
    async with measuring(monkeypatch, producer, consumer, {tp: OffsetAndMetadata(3, said)}, config=config) as (_, fuse):
        assert fuse.why is None
        facts = [decode(value or b"") for value in producer.values]
        losses = [fact for fact in facts if isinstance(fact, Loss)]
        assert [(fact.partition, fact.end, fact.why) for fact in losses] == [(n, -1, "partitions_added") for n in added]
        assert consumer.committed == ([{tp: (3, "anchor - 4")}] if added else [])

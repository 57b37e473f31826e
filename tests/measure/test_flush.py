"""MEASURE promises: each service's counts go where all is known of it, in messages that a broker takes."""

import random

import orjson
from msgspec.structs import replace

from schemas.config import Config
from schemas.own import OwnSignal
from schemas.sections import Measure, Topics
from schemas.signals import RATE_CELLS
from schemas.tallies import Flush, decode, unpack
from schemas.topics import tallies_partition
from streams.measure.flush import LARGEST, LARGEST_ONE
from streams.measure.stage import Plan, Record, begin, feed, flushes
from tests.measure.recount import read, read_exemplars, recount, total
from tests.measure.traffic import CONFIG, PLAN, SECOND, TAXONOMY, flood, measured


def busy(services: int, n: int) -> list[Record]:
    """A second in which some services say very different things."""
    chance = random.Random(7)
    return [
        Record(i, SECOND * 1000, orjson.dumps({
            "type": "exchange", "id": f"{i}", "service": f"s{i % services}", "release": f"r{i // services % 3}",
            "at": SECOND * 1000, "workflow": f"w{chance.randrange(300)}", "intent": f"i{chance.randrange(1000)}",
            "model_served": f"m{chance.randrange(9)}", "latency_ms": chance.lognormvariate(6, 1),
            "status": chance.choice(["ok", "error"]),
        }))
        for i in range(n)
    ]  # fmt: skip


def test_a_service_is_told_of_in_the_partition_that_is_its_own() -> None:
    [block, *_] = measured(flood(1))
    for message in flushes(PLAN, block, True):
        fact = decode(message.value)
        assert message.key == b"ai.events:0:0"
        assert {tallies_partition(key[0], 4) for key in read(fact)} == {message.partition}


def test_a_flush_that_is_too_large_is_split_by_service_and_its_parts_sum_to_the_whole() -> None:
    config = Config(topics=Topics(tallies_partitions=1))
    plan = Plan.of(config, TAXONOMY)
    log = busy(services=12, n=9000)
    [block] = measured(log, plan)
    messages = flushes(plan, block, True)
    told = [decode(message.value) for message in messages]
    assert len(told) > 1
    assert max(len(message.value) for message in messages) <= LARGEST
    services = [{key[0] for key in read(fact)} for fact in told]
    assert sum(map(len, services)) == 12
    assert total(read(fact) for fact in told) == recount(log, config)
    exemplars = [set(read_exemplars(fact)) for fact in told]
    assert (
        len(set().union(*exemplars)) == sum(map(len, exemplars)) == 72
    )  # each service and release failed in one way that no rule knows, and that looks like something


def test_one_service_alone_is_never_split() -> None:
    plan = Plan.of(Config(), TAXONOMY)
    [block] = measured(busy(services=1, n=20_000), plan)
    [message] = flushes(plan, block, True)
    assert len(message.value) > LARGEST


OWN = OwnSignal(name="vip", source="attribute", kind="number")
OWNS = (
    (OWN,), (replace(OWN, name="v"),), (replace(OWN, source="evaluator"),), (replace(OWN, field="v"),),
    (replace(OWN, kind="rate"),), (replace(OWN, smallest=1.0),), (replace(OWN, sliced=True),),
    (OWN, replace(OWN, name="v")), (replace(OWN, name="v"), OWN),
)  # fmt: skip


def test_the_digest_stands_for_all_that_changes_a_count() -> None:
    plans = [
        Plan.of(Config(measure=measure), TAXONOMY).digest
        for measure in (
            Measure(), Measure(slices=("intent",)), Measure(bucket_s=60), Measure(late_after_s=60),
            Measure(names_per_block=99), Measure(exemplars=1), Measure(max_event_bytes=5000), Measure(pairing=True),
            Measure(pairing=True, pair_timeout_s=9), Measure(pairing=True, pair_lookback=9),
            Measure(pairing=True, open_requests=9),
        )
    ]  # fmt: skip
    plans += [Plan.of(Config(signals=own), TAXONOMY).digest for own in OWNS]
    assert len(set(plans)) == len(plans)
    for measure in (Measure(flush_after_s=2), Measure(pair_timeout_s=9, pair_lookback=9, open_requests=9)):
        assert Plan.of(Config(measure=measure), TAXONOMY).digest == plans[0], "what does not count, does not count"
    flush = decode(flushes(PLAN, measured(flood(1))[0], True)[0].value)
    assert isinstance(flush, Flush)
    assert (flush.digest, flush.bucket_s, flush.dimensions) == (PLAN.digest, 10, CONFIG.measure.slices)
    targets = [edge.signal() for edge in CONFIG.edges()]
    assert flush.own == tuple((one.kind, one.name) for one in (*CONFIG.own_signals(), *targets))


def test_a_service_whose_names_do_not_fit_is_told_with_fewer_and_counts_all() -> None:
    """Every event with names and figures of its own: a flush of some megabytes, were it told as it is."""
    config = Config(measure=Measure(names_per_block=16_384), topics=Topics(tallies_partitions=1))
    plan, chance = Plan.of(config, TAXONOMY), random.Random(1)
    events = [
        orjson.dumps({
            "type": "exchange", "id": str(i), "service": "s", "release": str(i % 20),
            "at": 1_764_000_000_000 - 10_000 * (i % 13), "status": "error",
            **{field: f"{field}-{i}-{'x' * 90}" for field in plan.named},
            "latency_ms": chance.lognormvariate(5, 3), "input_tokens": chance.randrange(1, 90_000),
            "output_tokens": chance.randrange(1, 90_000), "cost_usd": chance.random(),
            "ttft_ms": chance.lognormvariate(5, 3), "confidence": chance.random(),
            "steps": chance.randrange(9), "retries": chance.randrange(9),
            "retrieval": {"n": chance.randrange(9), "coverage": chance.random(), "top_score": chance.random(),
                          "newest_age_days": chance.lognormvariate(3, 3)},
        })
        for i in range(4000)
    ]  # fmt: skip
    records = [Record(i, 1_764_000_000_000, event) for i, event in enumerate(events)]
    block, _ = feed(plan, begin(plan.source, 0, 0), records)
    [message] = flushes(plan, block, final=True)
    told = decode(message.value)
    assert isinstance(told, Flush)
    assert len(message.value) <= LARGEST_ONE
    assert told.digest.startswith(f"{plan.digest}/")
    events_of_one_rate = unpack(told.counts)[unpack(told.cells) < RATE_CELLS].sum()
    assert events_of_one_rate == 4000 * len(plan.slices)
    assert told.exemplars
    before, _ = feed(plan, begin(plan.source, 0, 0), records[:100])
    [small] = flushes(plan, before, final=False)
    told = decode(small.value)
    assert isinstance(told, Flush)
    assert told.digest == plan.digest, "what fits is told as it is"

"""What flushes tell is added up once, whatever was told twice."""

from collections import Counter

from benchmarks.counted import Told
from benchmarks.events import START_MS, exchanges
from schemas.config import Config
from schemas.tallies import Tick, encode
from schemas.taxonomy import Taxonomy
from streams.measure import stage as measure


def test_every_exchange_counts_once_for_its_service_though_flushes_repeat_and_grow() -> None:
    events = list(exchanges(3_000, per_s=1_000))
    plan = measure.Plan.of(Config(), Taxonomy.load_default())
    records = [measure.Record(i, one.timestamp_ms, one.value) for i, one in enumerate(events)]
    half, finished = measure.feed(plan, measure.begin("s", 0, 0), records[:1_500])
    values = [message.value for block in finished for message in measure.flushes(plan, block, True)]
    values += [message.value for message in measure.flushes(plan, half, False)]
    last, finished = measure.feed(plan, half, records[1_500:])
    values += [message.value for block in (*finished, last) for message in measure.flushes(plan, block, True)]
    told = Told()
    told.add([*values, encode(Tick("w", "s")), *values[::-1]])
    assert told.by_service() == Counter(one.key.decode() for one in events)
    assert told.most_services == 50
    assert events[0].timestamp_ms == START_MS

"""A rate of events -> the bytes of `barograph.tallies` that each of them costs."""

from typing import Final

from benchmarks.events import exchanges
from schemas.config import Config
from schemas.tallies import Tick, encode
from schemas.taxonomy import Taxonomy
from schemas.topics import tallies_partition
from streams.measure.stage import Block, Plan, Record, begin, feed, flushes

SECONDS: Final = 60
MOST: Final = 600_000
"""Events at the least that are enough; at full speed that is some seconds."""


def bytes_per_event(per_s: float, config: Config, seconds: int = SECONDS) -> float:
    """Count keys and values of all records of `barograph.tallies`, ticks as well, over a log of a steady rate.

    The log is fed through MEASURE as fast as it goes, with the timestamps that it would have; a worker's ticks are
    added as it writes them, one a second to each partition.

    Examples
    --------
    >>> 100 < bytes_per_event(100, Config(), seconds=5) < 350
    True
    """
    plan = Plan.of(config, Taxonomy.load_default())
    partitions = config.topics.events_partitions
    n = min(int(per_s * seconds), max(MOST, int(per_s)))
    logs: list[list[Record]] = [[] for _ in range(partitions)]
    for one in exchanges(n, per_s):
        log = logs[
            tallies_partition(one.key.decode() + "?", partitions)
        ]  # any even spread, but another than of tallies
        log.append(Record(len(log), one.timestamp_ms, one.value))
    size = 0
    for partition, log in enumerate(logs):
        block, finished = feed(plan, begin(plan.source, partition, 0), log)
        size += sum(_size(plan, one, True) for one in finished) + _size(plan, block, False)
    tick = encode(Tick(worker=config.worker.name, source=plan.source, caught_up=tuple(range(partitions))))
    ticks = (len(tick) + len(config.worker.name)) * config.topics.tallies_partitions * n / per_s
    return (size + ticks) / n


def _size(plan: Plan, block: Block, final: bool) -> int:
    return sum(len(message.key) + len(message.value) for message in flushes(plan, block, final))

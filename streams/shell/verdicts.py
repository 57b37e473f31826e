"""`ai.verdicts`, from its start and on -> what this worker may answer of any release, whoever judges it."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from schemas.config import Config
from schemas.printable import printable
from schemas.verdicts import Verdict
from streams.shell.clients import admin, reading, topic
from streams.shell.metrics import Metrics
from streams.telling.answered import Known
from streams.telling.heard import heard, without

log = logging.getLogger(__name__)

POLL_MS: Final = 500
RECORDS: Final = 200
"""Records of one poll, some ten milliseconds of decoding, after which everything else in the process has its turn."""

STALE_S: Final = 10.0
"""So long after the topic was last known to be read to its end nothing is answered from it any more."""

AGAIN_S: Final = 1.0
"""From a failure of the broker to the next attempt."""

_decode: Final = msgspec.json.Decoder(Verdict).decode


class Verdicts:
    """The latest verdicts, read by every worker that has KPIs in its config, whether it watches or not.

    No group: each worker reads all of the topic, and disturbs nobody. While it is not read to its end nothing is
    answered but that; a broker that is away is waited for.
    """

    def __init__(self, config: Config, metrics: Metrics) -> None:
        self._config, self._metrics = config, metrics
        self._services = frozenset(name for kpis in config.releases.kpi_sets for name in kpis.services)
        self._most = 2 * (config.watch.max_releases + 1)
        self._kept: dict[str, Mapping[str, Verdict]] = {}
        self._complete: float | None = None  # when it was last known to be read to its end
        self._polled = 0
        self._failed = ""

    def known(self) -> Known:
        """Say what may be answered from now."""
        return Known(self._services, self._kept, next(iter(self.missing()), ""), self._config.topics.prefix)

    def missing(self) -> list[str]:
        """Say why there may be later verdicts than those that are known; nothing of a worker that needs none."""
        if not self._services:
            return []
        if self._complete is None:
            return [f"verdicts: not read yet{self._failed and f' ({self._failed})'}"]
        if (since := time.monotonic() - self._complete) > STALE_S:
            return [f"verdicts: it is not known since {since:.0f} s whether there are later ones"]
        return []

    async def run(self) -> None:
        """Read until cancelled."""
        while self._services:
            self._complete, self._polled = None, 0
            try:
                async with reading(self._config) as consumer:
                    await self._follow(consumer, await self._partitions())
            except (KafkaError, OSError, TimeoutError) as error:
                said = printable(repr(error))
                if said != self._failed:
                    log.warning("verdicts cannot be read, and are asked for again: %s", said)
                self._failed = said
                await asyncio.sleep(AGAIN_S)

    async def _partitions(self) -> list[TopicPartition]:
        name = topic(self._config, "verdicts")
        async with admin(self._config) as asking:
            [described] = await asking.describe_topics([name])
        if not described["partitions"]:
            raise UnknownTopicOrPartitionError(name)
        return [TopicPartition(name, one["partition"]) for one in described["partitions"]]

    async def _follow(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Read all of them from their start, until there is another number of them."""
        consumer.assign(partitions)
        for tp, begin in (await consumer.beginning_offsets(partitions)).items():
            consumer.seek(tp, begin)
        self._kept = {}
        while len(consumer.partitions_for_topic(topic(self._config, "verdicts")) or partitions) == len(partitions):
            got = await consumer.getmany(*partitions, timeout_ms=POLL_MS, max_records=RECORDS)
            for records in got.values():
                for record in records:
                    self._hear(record)
            await self._look(consumer, partitions)

    async def _look(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Note since when all that there is was read, as the broker told with its last answers."""
        polled: list[int] = []
        for tp in partitions:
            end, polled_ms = consumer.last_stable_offset(tp), consumer.last_poll_timestamp(tp)
            if end is None or polled_ms is None or await consumer.position(tp) < end:
                return
            polled.append(polled_ms)
        if min(polled) != self._polled:  # the broker has answered since; by which clock says nothing here
            self._polled, self._complete, self._failed = min(polled), time.monotonic(), ""

    def _hear(self, record: Any) -> None:
        try:
            verdict = _decode(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Whatever it says, what was said before of this key is no longer the last word.
            self._kept = {service: of for service, of in without(self._kept, record.key or b"").items() if of}
            self._metrics.verdicts.labels("forgotten" if record.value is None else "unreadable").inc()
            return
        verdicts, became = heard(self._kept.get(verdict.service, {}), verdict, self._most)
        self._kept[verdict.service] = verdicts
        self._metrics.verdicts.labels(became).inc()

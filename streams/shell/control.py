"""`ai.control` -> facts on `barograph.tallies`: what MEASURE does with partitions that hold no events."""

from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition

from schemas.config import Config
from streams.measure.control import words
from streams.shell.failpoints import reach
from streams.shell.outbox import Outbox, delivered


class Control:
    """Passes on the control facts of one owned partition.

    One after the other, each acknowledged before the next is sent: of a service's facts none overtakes another, and
    what is committed was said. There are a few a day.
    """

    def __init__(self, config: Config, outbox: Outbox, tp: TopicPartition, topic_id: str) -> None:
        self.tp, self._topic_id = tp, topic_id
        self._tallies_partitions, self._outbox = config.topics.tallies_partitions, outbox

    async def pass_on(self, records: Sequence[Any]) -> int:
        """Pass these on, and say up to which offset it is done.

        Raises
        ------
        Doubt
            If one is not acknowledged.
        """
        place = self.tp.topic, self.tp.partition, self._topic_id
        for role, (partition, key, value) in words(*place, self._tallies_partitions, records):
            reach("measure.before_control")
            await delivered([await self._outbox.put(role, key, value, partition if partition >= 0 else None)])
        return int(records[-1].offset) + 1

"""`ai.control` -> facts that rollbacks wait for, from the first that the topic holds on."""

from collections.abc import Collection, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.control import Approve, Release
from streams.act.ears import Heard, fact, hear
from streams.shell.restore import POLL_MS


class Ears:
    """Reads all partitions, without a group: who stands by hears as well.

    Parameters
    ----------
    consumer : a started `reader`
    services : that have a target

    Attributes
    ----------
    heard : all that counts by now
    """

    def __init__(self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], services: Collection[str]) -> None:
        self.heard = Heard()
        self._consumer, self._places, self._services = consumer, places, services

    async def begin(self) -> None:
        """Go to the first record that there is."""
        self._consumer.assign(self._places)
        for place, first in (await self._consumer.beginning_offsets(self._places)).items():
            self._consumer.seek(place, first)

    async def listen(self) -> list[Approve | Release]:
        """Read on to where the topic ends now: whoever then reads a command knows what was said before it."""
        ends = await self._consumer.end_offsets(self._places)
        found: list[Approve | Release] = []
        while any([await self._consumer.position(place) < end for place, end in ends.items()]):
            for records in (await self._consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    if (said := fact(record.value, self._services)) is not None:
                        self.heard = hear(self.heard, said, record.timestamp)
                        found.append(said)
        return found

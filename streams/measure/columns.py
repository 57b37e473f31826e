"""Events -> columns, a field each: all that must see the events themselves, while they lie in the processor's cache."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import nan
from struct import error, pack
from typing import Any, Final, NamedTuple

from schemas.events import Evaluation, Event, Exchange, Outcome, Request, Response
from schemas.signals import UNKNOWN
from schemas.tallies import KINDS
from streams.measure.derive import Reader
from streams.measure.letters import Times
from streams.measure.texts import Texts

EXCHANGE: Final = 0
RESPONSE: Final = 2
OUTCOME: Final = 3
_KIND: Final[dict[type[Event], int]] = {
    Exchange: EXCHANGE, Request: 1, Response: RESPONSE, Outcome: OUTCOME, Evaluation: 4,
}  # fmt: skip
assert [kind.__name__.lower() for kind in list(_KIND)[1:]] == list(KINDS)
_kind: Final = _KIND.__getitem__

Failures = Callable[[Sequence[Exchange | Response]], Iterable[tuple[int, str]]]


@dataclass(frozen=True)
class Readers:
    """What is read of events.

    Attributes
    ----------
    names : each named field, of the served events
    rates, numbers : each signal, of the served events; but `failed`, which the taxonomy says
    judged : each rate, of outcomes
    confidence : of outcomes
    """

    names: Reader
    rates: Reader
    numbers: Reader
    judged: Reader
    confidence: Reader


class Failed(NamedTuple):
    """An exchange that failed: which one of those served, how, and what there is to tell of it."""

    place: int
    mode: str
    service: str
    release: str
    id: str
    trace: str | None


class Columns:
    """The fields that are counted, of more and more events, in the order of the log.

    Values are packed chunk by chunk: while their objects live, the memory that they lie in cannot be used again.

    Attributes
    ----------
    at : times as they were said
    kind : a byte of each, index into `KINDS` plus one; 0 for whole exchanges
    service, release : numbers of texts, int32
    names, rates, numbers : int32, bytes and float64, one event behind the other, of each as many as its reader reads.
        They only hold the events that say what became of an exchange, the served ones: whole exchanges, and responses
    judged, confidence : bytes and float64, likewise, of the outcomes
    served : how many there are
    failed : those of them that failed
    mistyped : a user's signal for each value of another type
    """

    def __init__(self, readers: Readers, failures: Failures, texts: Texts) -> None:
        self.readers = readers
        self._failures, self._number = failures, texts.__getitem__
        self.at = Times()
        self.kind = bytearray()
        self.service, self.release = bytearray(), bytearray()
        self.names, self.rates, self.numbers = bytearray(), bytearray(), bytearray()
        self.judged, self.confidence = bytearray(), bytearray()
        self.served = 0
        self.failed: list[Failed] = []
        self.mistyped: list[str] = []

    def add(self, events: Sequence[Event]) -> None:
        """Take in a chunk: a hundred events, with all their texts, fill a part of a processor's own cache."""
        served: Sequence[Any] = events
        types = list(map(type, events))
        if types.count(Exchange) == len(types):
            self.kind += bytes(len(types))
        else:
            self.kind += bytes(map(_kind, types))
            served = [event for event in events if isinstance(event, Exchange | Response)]
            self._judge([event for event in events if isinstance(event, Outcome)])
        self.at.add([event.at for event in events])
        self.service += self._texts([event.service for event in events])
        self.release += self._texts([event.release for event in events])
        self._serve(served)

    def _serve(self, served: Sequence[Exchange | Response]) -> None:
        readers, wrong = self.readers, self.mistyped.append
        self.names += self._texts(readers.names.read(served, wrong))
        self.rates += _flags(readers.rates.read(served, wrong))
        self.numbers += _floats(readers.numbers.read(served, wrong))
        for place, mode in self._failures(served):
            one = served[place]
            self.failed.append(Failed(self.served + place, mode, one.service, one.release, one.id, one.trace))
        self.served += len(served)

    def _judge(self, outcomes: Sequence[Outcome]) -> None:
        readers, wrong = self.readers, self.mistyped.append
        self.judged += _flags(readers.judged.read(outcomes, wrong))
        self.confidence += _floats(readers.confidence.read(outcomes, wrong))

    def _texts(self, texts: Sequence[str]) -> bytes:
        return pack(f"{len(texts)}i", *map(self._number, texts))  # at two thirds of the cost of `numpy.fromiter`


def _flags(values: Sequence[bool | None]) -> bytes:
    try:
        return bytes(values)  # type: ignore[arg-type]  # None raises TypeError: a try is free, a test is not
    except TypeError:
        return bytes([UNKNOWN if value is None else value for value in values])


def _floats(values: Sequence[float | None]) -> bytes:
    form = f"{len(values)}d"
    try:
        return pack(form, *values)
    except error:
        return pack(form, *[nan if value is None else value for value in values])

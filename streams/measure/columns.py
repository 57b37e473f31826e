"""Events -> columns, a field each: all that must see the events themselves, while they lie in the processor's cache."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.events import Evaluation, Event, Exchange, Outcome, Request, Response
from schemas.tallies import KINDS
from streams.measure.derive import Column
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
    names : of each named field, of the served events
    rates, numbers : of each signal, of the served events; but `failed`, which the taxonomy says
    judged : of each rate, of outcomes
    confidence : of outcomes
    """

    names: tuple[Column, ...]
    rates: tuple[Column, ...]
    numbers: tuple[Column, ...]
    judged: tuple[Column, ...]
    confidence: Column


class Failed(NamedTuple):
    """An exchange that failed: which one of those served, how, and what there is to tell of it."""

    place: int
    mode: str
    exchange: Exchange | Response


class Columns:
    """The fields that are counted, of more and more events, in the order of the log.

    Numbers go into arrays chunk by chunk: while their objects live, the memory that they lie in cannot be used again.

    Attributes
    ----------
    at : times as they were said
    kind : index into `KINDS` plus one; 0 for whole exchanges
    service, release : numbers of texts
    names, rates, numbers : of each chunk an array, with a row for each of the readers. They only hold the events that
        say what became of an exchange, the served ones: whole exchanges, and responses
    judged, confidence : likewise, of the outcomes
    served : how many there are
    failed : those of them that failed
    mistyped : a user's signal for each value of another type
    """

    def __init__(self, readers: Readers, failures: Failures, texts: Texts) -> None:
        self._readers, self._failures, self._number = readers, failures, texts.__getitem__
        self.at: list[str | int] = []
        self.kind = bytearray()
        self.service: list[int] = []
        self.release: list[int] = []
        self.names = [np.empty((len(readers.names), 0), np.int32)]
        self.rates = [np.empty((len(readers.rates), 0), np.uint8)]
        self.numbers = [np.empty((len(readers.numbers), 0))]
        self.judged = [np.empty((len(readers.judged), 0), np.uint8)]
        self.confidence: list[float] = []
        self.served = 0
        self.failed: list[Failed] = []
        self.mistyped: list[str] = []

    def add(self, events: Sequence[Event]) -> None:
        """Take in a chunk: a hundred events, with all their texts, fill a part of a processor's own cache."""
        number = self._number
        served: Sequence[Any] = events
        if set(map(type, events)) <= {Exchange}:
            self.kind += bytes(len(events))
        else:
            self.kind += bytes(map(_kind, map(type, events)))
            served = [event for event in events if isinstance(event, Exchange | Response)]
            self._judge([event for event in events if isinstance(event, Outcome)])
        self.at += [event.at for event in events]
        self.service += map(number, [event.service for event in events])
        self.release += map(number, [event.release for event in events])
        self._serve(served)

    def _serve(self, served: Sequence[Exchange | Response]) -> None:
        readers, wrong, number, m = self._readers, self.mistyped.append, self._number, len(served)
        names = np.empty((len(readers.names), m), np.int32)
        for row, read in enumerate(readers.names):
            names[row] = np.fromiter(map(number, read(served, wrong)), np.int32, m)
        numbers = np.empty((len(readers.numbers), m))
        for row, read in enumerate(readers.numbers):
            numbers[row] = np.fromiter(read(served, wrong), np.float64, m)
        self.names.append(names)
        self.numbers.append(numbers)
        self.rates.append(_cells(readers.rates, served, wrong))
        self.failed += [Failed(self.served + place, mode, served[place]) for place, mode in self._failures(served)]
        self.served += m

    def _judge(self, outcomes: Sequence[Outcome]) -> None:
        self.judged.append(_cells(self._readers.judged, outcomes, self.mistyped.append))
        self.confidence += self._readers.confidence(outcomes, self.mistyped.append)


def _cells(rates: Sequence[Column], events: Sequence[Event], wrong: Callable[[str], None]) -> NDArray[np.uint8]:
    flags = b"".join([bytes(read(events, wrong)) for read in rates])
    return np.frombuffer(flags, np.uint8).reshape(len(rates), len(events))

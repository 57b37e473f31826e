"""Events -> columns, a field each: all that must see the events themselves, while they lie in the processor's cache."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

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

    Attributes
    ----------
    at : times as they were said
    kind : index into `KINDS` plus one; 0 for whole exchanges
    service, release : numbers of texts
    names, rates, numbers : a column for each of the readers. These only hold the events that say what became of an
        exchange, the served ones: whole exchanges, and responses
    judged, confidence : likewise, of the outcomes
    failed : those of the served that failed
    mistyped : a user's signal for each value of another type
    """

    def __init__(self, readers: Readers, failures: Failures, texts: Texts) -> None:
        self._readers, self._failures, self._number = readers, failures, texts.__getitem__
        self.at: list[str | int] = []
        self.kind = bytearray()
        self.service: list[int] = []
        self.release: list[int] = []
        self.names: list[list[int]] = [[] for _ in readers.names]
        self.rates = [bytearray() for _ in readers.rates]
        self.numbers: list[list[float]] = [[] for _ in readers.numbers]
        self.judged = [bytearray() for _ in readers.judged]
        self.confidence: list[float] = []
        self.failed: list[Failed] = []
        self.mistyped: list[str] = []

    def add(self, events: Sequence[Event]) -> None:
        """Take in a chunk: two hundred events, with all their texts, fill a part of a processor's own cache."""
        number, before = self._number, len(self.numbers[0])
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
        readers, wrong = self._readers, self.mistyped.append
        for names, read in zip(self.names, readers.names, strict=True):
            names.extend(map(number, read(served, wrong)))
        for flags, read in zip(self.rates, readers.rates, strict=True):
            flags.extend(read(served, wrong))
        for amounts, read in zip(self.numbers, readers.numbers, strict=True):
            amounts.extend(read(served, wrong))
        self.failed += [Failed(before + place, mode, served[place]) for place, mode in self._failures(served)]

    def _judge(self, outcomes: Sequence[Outcome]) -> None:
        for flags, read in zip(self.judged, self._readers.judged, strict=True):
            flags.extend(read(outcomes, self.mistyped.append))
        self.confidence += self._readers.confidence(outcomes, self.mistyped.append)

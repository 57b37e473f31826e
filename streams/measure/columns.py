"""Events -> columns, a field each: all that must see the events themselves, while they lie in the processor's cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from struct import error, pack
from typing import Any, Final, NamedTuple

from schemas.events import Evaluation, Event, Exchange, Outcome, Request, Response
from schemas.signals import ALSO, GUARDRAIL, JUDGED, MARKS, SIGNATURE, UNKNOWN, YES
from schemas.tallies import KINDS
from schemas.taxonomy import UNCLASSIFIED
from streams.measure.classify import Classifier, Judged
from streams.measure.derive import ODD, Reader
from streams.measure.letters import Times
from streams.measure.mask import Mask
from streams.measure.texts import Texts

EXCHANGE: Final = 0
RESPONSE: Final = 2
OUTCOME: Final = 3
_KIND: Final[dict[type[Event], int]] = {
    Exchange: EXCHANGE, Request: 1, Response: RESPONSE, Outcome: OUTCOME, Evaluation: 4,
}  # fmt: skip
assert [kind.__name__.lower() for kind in list(_KIND)[1:]] == list(KINDS)
_kind: Final = _KIND.__getitem__


@dataclass(frozen=True)
class Readers:
    """What is read of events.

    Attributes
    ----------
    names : each named field, of the served events
    rates, numbers : each signal, of the served events; but `failed`, which the taxonomy says
    judged : each rate, of outcomes
    confidence : of outcomes
    fired : which of the rates says whether a guardrail fired
    """

    names: Reader
    rates: Reader
    numbers: Reader
    judged: Reader
    confidence: Reader
    fired: int


class Failed(NamedTuple):
    """An exchange that failed, or an outcome that says so: which one, how, and what there is to tell of it.

    `signature` is empty where a rule knows the mode.
    """

    place: int
    mode: str
    signature: str
    service: str
    release: str
    id: str
    trace: str | None


class Mark(NamedTuple):
    """A name that an event has in one of the columns of `MARKS`: which column, which one of those served, or judged."""

    column: int
    place: int
    name: str


_ALSO, _JUDGED, _SIGNATURE, _GUARDRAIL = (MARKS.index(mark) for mark in (ALSO, JUDGED, SIGNATURE, GUARDRAIL))

SAMPLED: Final = 512
SAMPLED_OUTCOMES: Final = 64
"""Of so many served exchanges of a block, and of its outcomes, one is asked what evidence it carries: a field that
comes at all comes again, and within seconds it is known."""


class Looked(NamedTuple):
    """Exchanges and outcomes of a block among which these were chosen."""

    served: int
    outcomes: int


NONE_LOOKED: Final = Looked(0, 0)
_PLAIN: Final = bytes(cell % ODD if cell < 2 * ODD else cell for cell in range(256))
"""Takes from each cell what was odd."""


class Columns:
    """The fields that are counted, of more and more events, in the order of the log.

    Values are packed chunk by chunk: while their objects live, the memory that they lie in cannot be used again.

    Parameters
    ----------
    before : how many events of the block were looked at before these

    Attributes
    ----------
    at : times as they were said
    kind : a byte of each, index into `KINDS` plus one; 0 for whole exchanges
    service, release : numbers of texts, int32
    names, rates, numbers : int32, bytes and float64, one event behind the other, of each as many as its reader reads.
        They only hold the events that say what became of an exchange, the served ones: whole exchanges, and responses
    judged, confidence : bytes and float64, likewise, of the outcomes
    served, outcomes : how many there are
    failed, wrong : those of the served that failed, and of the outcomes those that say so
    marks, verdicts : of the served, and of the outcomes
    carried : service -> paths of the evidence that sampled exchanges carry
    mistyped : a user's signal for each value of another type
    """

    def __init__(self, readers: Readers, classifier: Classifier, mask: Mask, texts: Texts, before: Looked) -> None:
        self.readers = readers
        self._classifier, self._mask = classifier, mask
        self._number, self._before = texts.__getitem__, before
        self.at = Times()
        self.kind = bytearray()
        self.service, self.release = bytearray(), bytearray()
        self.names, self.rates, self.numbers = bytearray(), bytearray(), bytearray()
        self.judged, self.confidence = bytearray(), bytearray()
        self.served = self.outcomes = 0
        self.failed: list[Failed] = []
        self.wrong: list[Failed] = []
        self.marks: list[Mark] = []
        self.verdicts: list[Mark] = []
        self.carried: dict[str, set[str]] = {}
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
        names, numbers = readers.names.read(served, wrong), _floats(readers.numbers.read(served, wrong))
        odd = _flags(readers.rates.read(served, wrong))
        flags = odd.translate(_PLAIN)
        self.names += self._texts(names)
        self.rates += flags
        self.numbers += numbers
        for place, worth in self._mask.suspects(served, odd, numbers, names).items():
            self._classify(served[place], worth, self.served + place)
        fired, place = flags[readers.fired :: readers.rates.width], -1
        while (place := fired.find(YES, place + 1)) >= 0:
            who = dict.fromkeys(guardrail.name for guardrail in served[place].guardrails if guardrail.fired)
            self.marks += [Mark(_GUARDRAIL, self.served + place, name) for name in who]
        self._sample(served[-(self._before.served + self.served) % SAMPLED :: SAMPLED])
        self.served += len(served)

    def _sample(self, chosen: Sequence[Exchange | Response | Outcome]) -> None:
        for one in chosen:
            self.carried.setdefault(one.service, set()).update(self._classifier.carried(one))

    def _classify(self, one: Exchange | Response, worth: Sequence[int], place: int) -> None:
        judged = self._classifier.judge_by(one, worth)
        if judged.primary is not None:
            unknown = judged.primary == UNCLASSIFIED
            signature = self._classifier.signature(one) if unknown else ""
            self.failed.append(Failed(place, judged.primary, signature, one.service, one.release, one.id, one.trace))
            if signature:
                self.marks.append(Mark(_SIGNATURE, place, signature))
        self.marks += [Mark(_ALSO, place, mode) for mode in judged.others]

    def _judge(self, outcomes: Sequence[Outcome]) -> None:
        readers, wrong = self.readers, self.mistyped.append
        self.judged += _flags(readers.judged.read(outcomes, wrong))
        self.confidence += _floats(readers.confidence.read(outcomes, wrong))
        for place in self._classifier.outcome_suspects(outcomes):
            if (judged := self._classifier.judge_outcome(outcomes[place])) is not None:
                self._judged(outcomes[place], judged, self.outcomes + place)
        self._sample(outcomes[-(self._before.outcomes + self.outcomes) % SAMPLED_OUTCOMES :: SAMPLED_OUTCOMES])
        self.outcomes += len(outcomes)

    def _judged(self, one: Outcome, judged: Judged, place: int) -> None:
        look = f"mode={judged.unknown}" if judged.unknown else ""
        if judged.primary:
            self.verdicts.append(Mark(_JUDGED, place, judged.primary))
            self.wrong.append(Failed(place, judged.primary, look, one.service, one.release, one.about, None))
        self.verdicts += [Mark(_ALSO, place, mode) for mode in judged.others]
        if look:
            self.verdicts.append(Mark(_SIGNATURE, place, look))

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

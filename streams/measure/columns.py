"""Events -> columns, a field each: all that must see the events themselves, while they lie in the processor's cache."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from schemas.events import Evaluation, Event, Exchange, Outcome, Request, Response
from schemas.signals import NO, NUMBERS, RATES, UNKNOWN, YES
from schemas.tallies import KINDS
from streams.measure.texts import Texts

EXCHANGE: Final = 0
RESPONSE: Final = 2
_KIND: Final[dict[type[Event], int]] = {
    Exchange: EXCHANGE, Request: 1, Response: RESPONSE, Outcome: 3, Evaluation: 4,
}  # fmt: skip
assert [kind.__name__.lower() for kind in list(_KIND)[1:]] == list(KINDS)

Column = Callable[[Sequence[Any]], list[Any]]
Failures = Callable[[Sequence[Exchange | Response]], Iterable[tuple[int, str]]]


def column(field: str) -> Column:
    """Make the reader of one field of many events.

    It is source that is compiled, so that the fields may be a setting: within a comprehension that names its field the
    interpreter finds it at half the cost of `map` and `attrgetter`. Field names come from our own structs.

    Examples
    --------
    >>> column("service")([Outcome(service="s", release="r", at=0, about="1")])
    ['s']
    """
    assert field.isidentifier(), field
    reader: Column = eval(f"lambda events: [event.{field} for event in events]")  # noqa: S307  # see above
    return reader


_at, _service, _release = column("at"), column("service"), column("release")
_rates: Final = [column(signal.field) for signal in RATES if signal.name != "failed"]
_numbers: Final = [column(signal.field) for signal in NUMBERS]
_flag: Final = {False: NO, True: YES, None: UNKNOWN}.__getitem__
assert (int(False), int(True)) == (NO, YES), "flags are taken as they are wherever all of them were said"
_kind: Final = _KIND.__getitem__


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
    names, rates, numbers : a column for each named field, each rate but `failed`, and each number. These only hold the
        events that say what became of an exchange, the served ones: whole exchanges, and responses
    failed : those of the served that failed
    """

    def __init__(self, named: Sequence[Column], failures: Failures, texts: Texts) -> None:
        self._named, self._failures, self._number = named, failures, texts.__getitem__
        self.at: list[str | int] = []
        self.kind = bytearray()
        self.service: list[int] = []
        self.release: list[int] = []
        self.names: list[list[int]] = [[] for _ in named]
        self.rates = [bytearray() for _ in _rates]
        self.numbers: list[list[float | None]] = [[] for _ in _numbers]
        self.failed: list[Failed] = []

    def add(self, events: Sequence[Event]) -> None:
        """Take in a chunk: a hundred events, with all their texts, fill a quarter of a processor's own cache."""
        number, before = self._number, len(self.numbers[0])
        served: Sequence[Any] = events
        if set(map(type, events)) <= {Exchange}:
            self.kind += bytes(len(events))
        else:
            self.kind += bytes(map(_kind, map(type, events)))
            served = [event for event in events if isinstance(event, Exchange | Response)]
        self.at += _at(events)
        self.service += map(number, _service(events))
        self.release += map(number, _release(events))
        for names, field in zip(self.names, self._named, strict=True):
            names.extend(map(number, field(served)))
        for flags, field in zip(self.rates, _rates, strict=True):
            said = field(served)
            try:
                flags.extend(said)
            except TypeError:  # None is among them; nothing was taken yet
                flags.extend(map(_flag, said))
        for amounts, field in zip(self.numbers, _numbers, strict=True):
            amounts.extend(field(served))
        self.failed += [Failed(before + place, mode, served[place]) for place, mode in self._failures(served)]

"""Events -> rows of small whole numbers: the hot loop, one column at a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.cells import cells
from schemas.events import Evaluation, Event, Exchange, Outcome, Request, Response
from schemas.signals import NO, NUMBERS, RATES, UNKNOWN, YES
from schemas.tallies import KINDS, Ints
from streams.measure.texts import Texts

EXCHANGE: Final = 0
_KIND: Final[dict[type[Event], int]] = {
    Exchange: EXCHANGE, Request: 1, Response: 2, Outcome: 3, Evaluation: 4,
}  # fmt: skip
assert [kind.__name__.lower() for kind in list(_KIND)[1:]] == list(KINDS)

Small = NDArray[np.int32]
Cells = NDArray[np.uint8]
Column = Callable[[Sequence[Any]], list[Any]]


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
    reader: Column = eval(f"lambda events: [event.{field} for event in events]")
    return reader


_RESPONSE: Final = _KIND[Response]
_FLAG: Final = {False: NO, True: YES, None: UNKNOWN}
_UNITS: Final = np.array([[signal.per_unit] for signal in NUMBERS])
_FAILED: Final = [signal.name for signal in RATES].index("failed")
_flag = _FLAG.__getitem__
_service, _release = column("service"), column("release")
_rates: Final = [(row, column(signal.field)) for row, signal in enumerate(RATES) if row != _FAILED]
_numbers: Final = [column(signal.field) for signal in NUMBERS]


@dataclass(frozen=True, slots=True)
class Rows:
    """Events as columns, in the order of the log.

    Attributes
    ----------
    bucket : (n,) `LATE`, or seconds since 1970 // bucket_s
    service, release : (n,) numbers of texts
    kind : (n,) index into `KINDS` plus one; 0 for whole exchanges
    names : (D, m) numbers of texts: the plan's named fields. Here and below only the m events that say what became of
        an exchange: whole ones, and responses
    rates : (rates, m) cells;  numbers : (numbers, m) cells
    mode : (m,) number of the text of the primary failure mode, 0 where the exchange did not fail
    """

    bucket: Ints
    service: Small
    release: Small
    kind: Cells
    names: Small
    rates: Cells
    numbers: Cells
    mode: Small

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which of the n events are among the m."""
        counted: NDArray[np.bool_] = (self.kind == EXCHANGE) | (self.kind == _RESPONSE)
        return counted


def rows(
    events: Sequence[Event],
    bucket: Ints,
    texts: Texts,
    fields: Sequence[Column],
    classify: Callable[[Sequence[Exchange | Response]], Iterable[tuple[int, str]]],
    failures: list[tuple[int, str]],
) -> Rows:
    """Turn a chunk of events into rows.

    Parameters
    ----------
    events : some hundred
    bucket : (n,) the buckets of their times
    texts : grows by the names that it has not seen
    fields : readers of the plan's named fields
    classify : gives (index, primary mode) of the exchanges that failed
    failures : grows by what it gave
    """
    number = texts.__getitem__
    n = len(events)
    served: Sequence[Any] = events
    if set(map(type, events)) == {Exchange}:
        kind = np.full(n, EXCHANGE, np.uint8)
    else:
        kind = np.frombuffer(bytes(map(_KIND.__getitem__, map(type, events))), np.uint8)
        served = [event for event in events if isinstance(event, Exchange | Response)]
    m = len(served)

    rates = np.empty((len(RATES), m), np.uint8)
    for row, field in _rates:
        rates[row] = np.frombuffer(bytes(map(_flag, field(served))), np.uint8)
    mode = np.zeros(m, np.int32)
    failures += classify(served)
    for index, name in failures:
        mode[index] = texts[name]
    rates[_FAILED] = mode != 0

    names = np.empty((len(fields), m), np.int32)
    for row, field in enumerate(fields):
        names[row] = np.fromiter(map(number, field(served)), np.int32, m)
    amounts = np.array([field(served) for field in _numbers], np.float64)  # None becomes NaN
    with np.errstate(over="ignore"):  # 1e305 dollars are more than can be said in millionths: `OVER`, either way
        amounts *= _UNITS
    return Rows(
        bucket=bucket,
        service=np.fromiter(map(number, _service(events)), np.int32, n),
        release=np.fromiter(map(number, _release(events)), np.int32, n),
        kind=kind,
        names=names,
        rates=rates,
        numbers=cells(amounts),
        mode=mode,
    )


def join(parts: Sequence[Rows]) -> Rows:
    """Put rows one behind the other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(*(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in Rows.__slots__))

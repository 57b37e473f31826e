"""Columns -> rows of small whole numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.cells import cells
from schemas.signals import NUMBERS, RATES
from schemas.tallies import Ints
from streams.measure.columns import EXCHANGE, RESPONSE, Columns
from streams.measure.texts import Texts

Small = NDArray[np.int32]
Cells = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_UNITS: Final = np.array([[signal.per_unit] for signal in NUMBERS])
_HUGE: Final = 1e30  # far above the scale in any unit, and far below what a float cannot hold in another
_FAILED: Final = [signal.name for signal in RATES].index("failed")
_SAID: Final = [row for row in range(len(RATES)) if row != _FAILED]


@dataclass(frozen=True, slots=True)
class Rows:
    """Events as columns, in the order of the log.

    Attributes
    ----------
    bucket : (n,) `LATE`, or seconds since 1970 // bucket_s
    service, release : (n,) numbers of texts
    kind : (n,) index into `KINDS` plus one; 0 for whole exchanges
    names : (D, m) numbers of texts: the plan's named fields. Here and below only the m events that were served
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
    def served(self) -> Mask:
        """Which of the n events are among the m: those that say what became of an exchange."""
        served: Mask = (self.kind == EXCHANGE) | (self.kind == RESPONSE)
        return served

    def where(self, chosen: Mask) -> "Rows":
        """Choose some of the n events."""
        n, m = np.flatnonzero(chosen), np.flatnonzero(chosen[self.served])
        return Rows(
            bucket=self.bucket.take(n), service=self.service.take(n), release=self.release.take(n),
            kind=self.kind.take(n), names=self.names.take(m, axis=1), rates=self.rates.take(m, axis=1),
            numbers=self.numbers.take(m, axis=1), mode=self.mode.take(m),
        )  # fmt: skip


def rows(columns: Columns, bucket: Ints, texts: Texts) -> Rows:
    """Turn columns into rows.

    Parameters
    ----------
    bucket : (n,) the buckets of the events' times
    texts : as of the columns; grows by the modes
    """
    n, m = len(columns.at), len(columns.numbers[0])
    mode = np.zeros(m, np.int32)
    for failed in columns.failed:
        mode[failed.place] = texts[failed.mode]
    rates = np.empty((len(RATES), m), np.uint8)
    rates[_FAILED] = mode != 0
    for row, flags in zip(_SAID, columns.rates, strict=True):
        rates[row] = np.frombuffer(flags, np.uint8)
    names = np.empty((len(columns.names), m), np.int32)
    for row, numbers in enumerate(columns.names):
        names[row] = np.fromiter(numbers, np.int32, m)
    amounts = np.empty((len(columns.numbers), m))
    for row, values in enumerate(columns.numbers):
        amounts[row] = _floats(values)
    amounts = np.minimum(amounts, _HUGE) * _UNITS
    return Rows(
        bucket=bucket,
        service=np.fromiter(columns.service, np.int32, n),
        release=np.fromiter(columns.release, np.int32, n),
        kind=np.frombuffer(columns.kind, np.uint8),
        names=names,
        rates=rates,
        numbers=cells(amounts),
        mode=mode,
    )


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Make floats of numbers; None, which is rarer than to be asked for each, becomes NaN."""
    try:
        return np.fromiter(values, np.float64, len(values))
    except TypeError:
        return np.array(values, np.float64)


def join(parts: Sequence[Rows]) -> Rows:
    """Put rows one behind the other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(*(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in Rows.__slots__))

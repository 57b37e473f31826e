"""Columns -> rows of small whole numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.cells import cells
from schemas.signals import BANDS, CALIBRATION_CELLS, RATES, UNKNOWN
from schemas.tallies import Ints
from streams.measure.columns import EXCHANGE, OUTCOME, RESPONSE, Columns
from streams.measure.derive import Reader
from streams.measure.texts import Texts

Small = NDArray[np.int32]
Cells = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_HUGE: Final = 1e30  # far above the scale in any unit, and far below what a float cannot hold in another
_BANDS: Final = np.arange(BANDS) / BANDS
"""Where each band of confidence begins."""
_CORRECT: Final = [signal.name for signal in RATES if signal.source == "outcome"].index("correct")


class Above(NamedTuple):
    """A target of a number, in the number's own unit: which of them, and what is to be larger than."""

    row: int
    than: float


@dataclass(frozen=True, slots=True)
class Rows:
    """Events as columns, in the order of the log.

    Attributes
    ----------
    bucket : (n,) `LATE`, or seconds since 1970 // bucket_s
    service, release : (n,) numbers of texts
    kind : (n,) index into `KINDS` plus one; 0 for whole exchanges
    names : (D, m) numbers of texts: the plan's named fields. Here and below only the m events that were served
    cells : (signals, m) cells: `failed`, the other rates, the numbers, and whether some are above their targets
    mode : (m,) number of the text of the primary failure mode, 0 where the exchange did not fail
    marks : (3, k) which of `MARKS`, which of the n events, and number of the text
    judged : (signals, o) cells of the o outcomes: the rates, and calibration
    """

    bucket: Ints
    service: Small
    release: Small
    kind: Cells
    names: Small
    cells: Cells
    mode: Small
    judged: Cells
    marks: Small

    @property
    def served(self) -> Mask:
        """Which of the n events are among the m: those that say what became of an exchange."""
        served: Mask = (self.kind == EXCHANGE) | (self.kind == RESPONSE)
        return served

    @property
    def outcome(self) -> Mask:
        """Which of the n events are among the o."""
        outcome: Mask = self.kind == OUTCOME
        return outcome

    def where(self, chosen: Mask) -> "Rows":
        """Choose some of the n events."""
        n, m, o = (np.flatnonzero(mask) for mask in (chosen, chosen[self.served], chosen[self.outcome]))
        marks = self.marks[:, chosen[self.marks[1]]]
        if marks.size:
            marks[1] = (np.cumsum(chosen) - 1)[marks[1]]
        return Rows(
            bucket=self.bucket.take(n), service=self.service.take(n), release=self.release.take(n),
            kind=self.kind.take(n), names=self.names.take(m, axis=1), cells=self.cells.take(m, axis=1),
            mode=self.mode.take(m), judged=self.judged.take(o, axis=1), marks=marks,
        )  # fmt: skip


def rows(columns: Columns, bucket: Ints, units: NDArray[np.float64], texts: Texts, above: Sequence[Above] = ()) -> Rows:
    """Turn columns into rows.

    Parameters
    ----------
    bucket : (n,) the buckets of the events' times
    units : (numbers, 1) what each number is multiplied by
    texts : as of the columns; grows by the modes
    above : targets
    """
    readers = columns.readers
    mode = np.zeros(columns.served, np.int32)
    mode[[failed.place for failed in columns.failed]] = [texts[failed.mode] for failed in columns.failed]
    rates = _by_signal(columns.rates, np.uint8, readers.rates)
    numbers = _by_signal(columns.numbers, np.float64, readers.numbers)
    np.clip(numbers, 0.0, _HUGE, out=numbers)
    larger = _larger(numbers, above)
    numbers *= units
    judged = _by_signal(columns.judged, np.uint8, readers.judged)
    calibration = _calibration(np.frombuffer(columns.confidence), judged[_CORRECT])
    kind = np.frombuffer(columns.kind, np.uint8)
    return Rows(
        bucket=bucket,
        service=np.frombuffer(columns.service, np.int32),
        release=np.frombuffer(columns.release, np.int32),
        kind=kind,
        names=_by_signal(columns.names, np.int32, readers.names),
        cells=np.concatenate([[mode != 0], rates, cells(numbers), *larger], dtype=np.uint8),
        mode=mode,
        judged=np.concatenate([judged, [calibration]]),
        marks=_marks(columns, kind, texts),
    )


def _larger(numbers: NDArray[np.float64], above: Sequence[Above]) -> list[Cells]:
    """Say of each target which numbers are larger: before they come to a base unit, by which they are rounded."""
    return [
        np.where(np.isnan(numbers[row]), UNKNOWN, numbers[row] > than).astype(np.uint8)[None] for row, than in above
    ]


def _marks(columns: Columns, kind: Cells, texts: Texts) -> Small:
    """Say of each mark which of all events has it."""
    if not (columns.marks or columns.verdicts):
        return np.empty((3, 0), np.int32)
    served = np.flatnonzero((kind == EXCHANGE) | (kind == RESPONSE))
    outcomes = np.flatnonzero(kind == OUTCOME)
    found = [(one.column, served[one.place], texts[one.name]) for one in columns.marks]
    found += [(one.column, outcomes[one.place], texts[one.name]) for one in columns.verdicts]
    marks = np.array(found, np.int32).T
    # In the order of the log, by which names beyond a cap are told from others.
    return np.ascontiguousarray(marks[:, np.argsort(marks[1], kind="stable")])


def _by_signal(packed: bytearray, of: type[np.generic], reader: Reader) -> NDArray[Any]:
    """Give each thing that was read a row; events are the columns."""
    return np.ascontiguousarray(np.frombuffer(packed, of).reshape(-1, reader.width).T)


def _calibration(confidence: NDArray[np.float64], correct: Cells) -> Cells:
    """Put each outcome in the cell of its band of confidence and of its being right; in the last if one is not said."""
    band = np.searchsorted(_BANDS, confidence, side="right") - 1
    unsaid = np.isnan(confidence) | (correct == UNKNOWN)
    return np.where(unsaid, CALIBRATION_CELLS - 1, 2 * band + correct).astype(np.uint8)


def join(parts: Sequence[Rows]) -> Rows:
    """Put rows one behind the other."""
    if len(parts) == 1:
        return parts[0]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in Rows.__slots__
        if name != "marks"
    }
    begins = np.cumsum([0, *(len(part.bucket) for part in parts[:-1])])
    moved = [
        part.marks + np.array([[0], [begin], [0]], np.int32) for part, begin in zip(parts, begins.tolist(), strict=True)
    ]
    return Rows(**joined, marks=np.concatenate(moved, axis=1))

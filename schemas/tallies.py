"""What MEASURE tells WATCH: the facts of `barograph.tallies`, in msgpack."""

from itertools import accumulate
from typing import Final, Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.cells import CELLS
from schemas.control import Control
from schemas.signals import (
    CALIBRATION_CELLS,
    CALIBRATIONS,
    CATEGORIES,
    MARKS,
    NUMBERS,
    RATE_CELLS,
    RATES,
    Kind,
    Signal,
)


class Layout(Struct, frozen=True):
    """Which cells belong to which signal.

    Cells that need no names come first: of the catalogue's rates, numbers and calibrations, then of a user's own rates
    and numbers, each in its order. Named cells follow, a column each: the catalogue's categories, `MARKS`, a user's own
    categories.

    Attributes
    ----------
    signals : those with cells that need no names
    begins : first cell of each of them
    fixed : cells that need no names; the named ones begin there
    named : the categories, in the order of their columns; the word itself where one of `MARKS` stands
    """

    signals: tuple[Signal, ...]
    begins: tuple[int, ...]
    fixed: int
    named: tuple[Signal | str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Name the named columns."""
        return tuple(one if isinstance(one, str) else one.name for one in self.named)

    @property
    def categories(self) -> tuple[Signal, ...]:
        """Name the categories, without marks."""
        return tuple(one for one in self.named if not isinstance(one, str))


_WIDTH: Final[dict[Kind, int]] = {"rate": RATE_CELLS, "number": CELLS, "calibration": CALIBRATION_CELLS}
OWN_KINDS: Final[tuple[Kind, ...]] = ("rate", "number", "category")
"""The kinds that a user's own signals may have."""


def layout(own: tuple[Signal, ...] = ()) -> Layout:
    """Lay out the cells of the catalogue's signals and of a user's own.

    Examples
    --------
    >>> layout().begins[:3], layout().columns[0], layout().fixed == FIXED
    ((0, 3, 6), 'finish_reason', True)
    """
    of: dict[Kind, list[Signal]] = {kind: [one for one in own if one.kind == kind] for kind in OWN_KINDS}
    signals = (*RATES, *NUMBERS, *CALIBRATIONS, *of["rate"], *of["number"])
    ends = tuple(accumulate(_WIDTH[signal.kind] for signal in signals))
    return Layout(signals, (0, *ends[:-1]), ends[-1], (*CATEGORIES, *MARKS, *of["category"]))


FIXED: Final = layout().fixed
"""Cells without names of the catalogue's own signals: they are the same in every flush, whatever a user adds."""

LATE: Final = 0
"""The bucket of all events that came later than `late_after_s`."""

OTHER: Final = "__other__"
UNSEEN: Final = "__unseen__"
"""Names of no producer: what lies beyond a cap, and what no baseline knows."""

KINDS: Final = ("request", "response", "outcome", "evaluation")
"""Events that are counted beside the exchanges (a lone response also counts for what it says)."""

Ints = NDArray[np.int64]


class Exemplar(Struct, frozen=True, array_like=True):
    """A failed exchange to look at: its ids, and where it lies."""

    id: str
    trace: str
    offset: int


class Flush(Struct, frozen=True, array_like=True, tag="flush", kw_only=True):
    """The counts of some services over one block of a source partition, from its anchor on.

    Cumulative: a later flush of the same anchor says all that this one says, and more. A pure function of the log and
    of what `digest` stands for, so whoever writes it, whenever, it is true.

    Attributes
    ----------
    source, partition : where the block lies
    topic_id : which topic of that name, where the broker can tell: one that was made again is another log
    anchor, end : offsets; the flush covers ``[anchor, end)``
    final : whether the block ends at `end`
    digest : what it was measured with (signals, taxonomy, scale, slices, caps)
    bucket_s : seconds a bucket
    dimensions : the fields that slices are cut by; every event lies in one slice of each, so each sums to the whole
    names : every text below, sorted, once
    groups : (G, 6) service, bucket, release, dimension, name, number of cells. `bucket` is `LATE`, or one more than
        the distance in buckets from `first_bucket`; `dimension` counts from 0; the others but the last index `names`
    cells, counts : the occupied cells of all groups in order, and their counts. With the layout of `own`, a cell below
        `fixed` needs no name; beyond, column ``c`` name ``n`` is ``fixed + c * len(names) + n``. Groups of the first
        dimension hold every signal, those of the others only the sliced ones
    own : (kind, name) of each of the user's own signals, in the order of the config; behind them, as rates, of what is
        counted above targets of KPIs
    beside : (B, 4) service, release, index into `KINDS`, number of events
    exemplars : (service, release, mode or signature, exemplars), the first three indexing `names`
    carried : (service, paths) of the evidence that a sample of its exchanges carries; the service indexes `names`
    """

    source: str
    partition: int
    anchor: int
    end: int
    final: bool
    digest: str
    bucket_s: int
    first_bucket: int
    dimensions: tuple[str, ...]
    names: tuple[str, ...]
    groups: bytes
    cells: bytes
    counts: bytes
    beside: bytes = b""
    exemplars: tuple[tuple[int, int, int, tuple[Exemplar, ...]], ...] = ()
    topic_id: str = ""
    own: tuple[tuple[Kind, str], ...] = ()
    carried: tuple[tuple[int, tuple[str, ...]], ...] = ()


class Tick(Struct, frozen=True, array_like=True, tag="tick"):
    """A worker is alive; it has read all there is of the source partitions that it names.

    Attributes
    ----------
    topic_id : of the source
    config : digest of what the worker counts and decides by
    """

    worker: str
    source: str
    caught_up: tuple[int, ...] = ()
    topic_id: str = ""
    config: str = ""


class Passed(Struct, frozen=True, array_like=True, tag="control", kw_only=True):
    """A fact of `ai.control`, with its place there, by which WATCH knows it again."""

    source: str
    partition: int
    offset: int
    timestamp: int
    said: Control
    topic_id: str = ""


Why = Literal["retention", "made_again", "partitions_added", "quarantine"]


class Loss(Struct, frozen=True, array_like=True, tag="loss", kw_only=True):
    """Records that nobody will count: ``[begin, end)`` of a partition; `end` is -1 where nobody can say.

    Attributes
    ----------
    why : retention was shorter than we were away; the topic was deleted and made again; partitions were added, which
        loses nothing but the halves of exchanges that now lie apart
    """

    topic: str
    partition: int
    begin: int
    end: int
    why: Why


class Effective(Struct, frozen=True, array_like=True, tag="config", kw_only=True):
    """From here on this partition is decided by another config.

    Attributes
    ----------
    engine : version of Barograph
    said : the sections `measure`, `watch`, `limits` and `services` of the effective config, in JSON
    """

    worker: str
    engine: str
    said: str


class Quarantine(Struct, frozen=True, array_like=True, tag="quarantine", kw_only=True):
    """A service cannot be applied from a record of this partition on: each owner that tried came to its end there."""

    service: str
    since: int
    error: str


class Stall(Struct, frozen=True, array_like=True, tag="stall", kw_only=True):
    """A worker ended because a partition with lag made no progress."""

    worker: str
    topic: str
    partition: int
    position: int


class Census(Struct, frozen=True, array_like=True, tag="census", kw_only=True):
    """So many services, by their weight, are known in a partition of the tallies; it is told to partition 0."""

    partition: int
    services: float


Fact = Flush | Tick | Passed | Loss | Effective | Quarantine | Stall | Census

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Fact).decode


def pack(numbers: Ints) -> bytes:
    """Write whole numbers in the fewest bytes that hold the largest of them.

    Parameters
    ----------
    numbers : int64, any shape, none negative

    Raises
    ------
    ValueError
        If a number is negative: counts and indexes never are.

    Examples
    --------
    >>> pack(np.array([3, 1, 200])).hex()
    '010301c8'
    >>> unpack(pack(np.array([[3, 1], [70000, 2]])), 2).tolist()
    [[3, 1], [70000, 2]]
    """
    if numbers.size == 0:
        return b"\x01"
    if numbers.min() < 0:
        raise ValueError(f"counts and indexes are never negative, got {numbers.min()}")
    largest = int(numbers.max())
    width = 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8
    return bytes((width,)) + numbers.astype(f"<u{width}").tobytes()


def unpack(packed: bytes, columns: int = 1) -> Ints:
    """Read what `pack` wrote: shape ``(n,)``, or ``(n, columns)`` for more than one column."""
    numbers = np.frombuffer(packed, f"<u{packed[0]}", offset=1).astype(np.int64)
    return numbers if columns == 1 else numbers.reshape(-1, columns)

"""What WATCH knows of one service: plain values, replaced and never changed."""

from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.incidents import Change, Incident, Notify, Severity
from schemas.tallies import Exemplar

Ints: TypeAlias = NDArray[np.int64]
Evidence: TypeAlias = NDArray[np.float32]


class Part(Struct, frozen=True, eq=False):
    """One service's share of a flush.

    Attributes
    ----------
    names : every text below
    keys : (n, 5) bucket (`LATE`, or seconds since 1970 // bucket_s), release, dimension, name, cell; sorted
    counts : (n,)
    beside : (b, 3) release, kind, events
    exemplars : (release, mode, exemplars)
    """

    names: tuple[str, ...]
    keys: Ints
    counts: Ints
    beside: Ints
    exemplars: tuple[tuple[int, int, tuple[Exemplar, ...]], ...] = ()


class Mark(Struct, frozen=True):
    """How far a source partition's log has been added; `held` is what was, while its block is open."""

    anchor: int
    end: int
    final: bool
    digest: str
    held: Part | None = None


class Alphabet(Struct, frozen=True):
    """The names that have cells and slices of their own, frozen with a baseline.

    Attributes
    ----------
    dimensions : fields that streams are cut by
    slices : names of each dimension; all others are its `__other__`
    categories : known names of each category of the catalogue, the `own` most frequent first; the rest are `__other__`
        and what is not even known is `__unseen__`
    own : how many names of a category have cells of their own
    """

    dimensions: tuple[str, ...]
    slices: tuple[tuple[str, ...], ...]
    categories: tuple[tuple[str, ...], ...]
    own: int


class Naming(Struct, frozen=True):
    """The first half of learning: which names there are."""

    events: int = 0
    names: dict[str, dict[str, int]] = {}


class Counting(Struct, frozen=True):
    """The second half, begun at a second: how often, in an alphabet that these counts did not choose."""

    alphabet: Alphabet
    began: int
    events: int
    tally: Ints
    modes: dict[str, int] = {}


class Baseline(Struct, frozen=True):
    """What the service was like when it was learned. `tally` is (slices, cells)."""

    version: int
    alphabet: Alphabet
    events: int
    tally: Ints
    modes: dict[str, int]
    learned_at: int
    span_s: int


class Bucket(Struct, frozen=True):
    """A stream in one bucket of event time.

    Attributes
    ----------
    kept : (slices, kept cells) in the detector's own cells
    raw : (numbers, 235) of the whole stream, for figures that people read
    modes : failures by mode
    others : names that the alphabet does not tell apart, by field; at most eight each
    """

    kept: Ints
    raw: Ints
    modes: dict[str, int] = {}
    others: dict[str, dict[str, int]] = {}


class Stream(Struct, frozen=True):
    """A release of the service, and the evidence against it.

    Attributes
    ----------
    page, ticket : (bets,) evidence of each tier; what fires one tier says nothing of the other
    pending : (slices, kept cells) arrived in the second that is open, None if nothing
    damped : whether names overflowed in what is pending
    alarmed : monitors that fired and belong to an open incident
    """

    release: str
    first_second: int
    last_second: int
    page: Evidence
    ticket: Evidence
    pending: Ints | None = None
    damped: bool = False
    alarmed: frozenset[int] = frozenset()
    buckets: dict[int, Bucket] = {}


class Alarm(Struct, frozen=True, kw_only=True):
    """A monitor whose evidence reached one.

    Attributes
    ----------
    monitor : index of the detector's monitors, -1 for the rule of silence
    bet : the winning bet of that monitor
    since, since_low, since_high : onset and what may be it, in milliseconds
    """

    monitor: int
    bet: int
    signal: str
    release: str
    severity: Severity
    notify: Notify
    since: int
    since_low: int
    since_high: int
    alarmed_at: int
    false_per_week: float


class Case(Struct, frozen=True, kw_only=True):
    """An open incident: its alarms, and what was last said of it."""

    alarms: tuple[Alarm, ...]
    opened_second: int
    said: Incident | None = None
    said_second: int = 0
    grown: bool = False


class State(Struct, frozen=True, kw_only=True):
    """Everything known of one service.

    Attributes
    ----------
    offset : of the last record of `barograph.tallies` that changed this state
    second : the service's clock: the second that is open
    interval_s : length of the second before it (longer after a pause)
    marks : by ``source:partition``
    total : (cells without names,) all that was ever added, for audits
    beside : events beside exchanges, by kind
    late, lost : exchanges that came late; flushes that could not be added because their block began elsewhere
    sources, caught_up : source partition -> last second of its events; second when all of it was known to be read
    episodes : fingerprint -> last episode
    """

    service: str
    offset: int = -1
    second: int
    interval_s: int = 1
    marks: dict[str, Mark] = {}
    total: Ints
    beside: dict[str, int] = {}
    late: int = 0
    lost: int = 0
    last_event: int = 0
    sources: dict[int, int] = {}
    caught_up: dict[int, int] = {}
    naming: Naming | None = Naming()
    counting: Counting | None = None
    baseline: Baseline | None = None
    streams: dict[str, Stream] = {}
    exemplars: dict[str, tuple[Exemplar, ...]] = {}
    waiting: tuple[Alarm, ...] = ()
    cases: tuple[Case, ...] = ()
    episodes: dict[str, int] = {}


__all__ = [
    "Alarm",
    "Alphabet",
    "Baseline",
    "Bucket",
    "Case",
    "Change",
    "Counting",
    "Mark",
    "Naming",
    "Part",
    "State",
    "Stream",
]

"""What is learned of a service -> what is usual of it, and how that goes on growing: plain values."""

from msgspec import Struct

from schemas.signals import Signal
from streams.watch.arrays import Evidence, Ints


class Alphabet(Struct, frozen=True, eq=False, weakref=True):
    """The signals that have cells, and the names that have cells and slices of their own, frozen with a baseline.

    Attributes
    ----------
    dimensions : fields that streams are cut by
    slices : names of each dimension; all others are its `__other__`
    categories : known names of each category, the catalogue's and then the user's own, the most frequent first
    names_told : how many names of a category have cells of their own; the other known ones are `__other__`, and what is
        not even known is `__unseen__`
    own : the user's own signals, beside the catalogue's
    """

    dimensions: tuple[str, ...]
    slices: tuple[tuple[str, ...], ...]
    categories: tuple[tuple[str, ...], ...]
    names_told: int
    own: tuple[Signal, ...] = ()


class Naming(Struct, frozen=True):
    """The first half of learning: which names there are."""

    events: int = 0
    names: dict[str, dict[str, int]] = {}


class Counting(Struct, frozen=True):
    """The second half, begun at a second: how often, in an alphabet that these counts did not choose.

    Attributes
    ----------
    tally : (counters,) of the alphabet's row
    """

    alphabet: Alphabet
    began: int
    events: int
    tally: Ints
    modes: dict[str, int] = {}
    releases: tuple[str, ...] = ()
    marks: dict[str, dict[str, int]] = {}


class Baseline(Struct, frozen=True, eq=False, weakref=True):
    """What the service was like when it was learned.

    Attributes
    ----------
    tally : (counters,) of the alphabet's row
    modes, marks : failures by mode; and by column what else was named
    releases : those that served meanwhile; none of them is news
    anew : signals that were learned again, on command or because an incident of theirs was open for long
    carried : paths of the evidence that exchanges carried by then
    """

    version: int
    alphabet: Alphabet
    events: int
    tally: Ints
    modes: dict[str, int]
    releases: tuple[str, ...]
    learned_at: int
    span_s: int
    anew: tuple[str, ...] = ()
    marks: dict[str, dict[str, int]] = {}
    carried: tuple[str, ...] = ()


class Blocks(Struct, frozen=True, eq=False, weakref=True):
    """How far each signal was off what the baseline expects, by blocks of arrival that are full, oldest first.

    Attributes
    ----------
    signals : names, one a row
    base : minutes in each block
    events : (signals, n) of the whole stream
    off : (signals, n) by how much the sum of what stands for the signal was more than expected
    """

    signals: tuple[str, ...]
    base: int
    events: Ints
    off: Evidence


class Unfinished(Struct, frozen=True, eq=False):
    """The block that is not full, and the minute that is not over.

    Attributes
    ----------
    minute : since 1970
    counts : (counters,) that arrived in it, of the whole stream; None if nothing
    minutes : in the block
    events, off : (signals,) of these, as in `Blocks`
    """

    minute: int
    counts: Ints | None
    minutes: int
    events: Ints
    off: Evidence


class Waiting(Struct, frozen=True, eq=False):
    """What came in two days, and may not be taken in yet; packed, see `streams.watch.grow`.

    Attributes
    ----------
    began : second in which the day of `current` began
    current, older : what came in that day, and in one before it
    """

    began: int
    current: bytes
    older: bytes


class Taken(Struct, frozen=True, eq=False):
    """What a baseline took in since it was learned.

    Attributes
    ----------
    hours : (168, counters) of the whole stream, by hour of the week; packed
    days : of the week, a bit for each that there is something of
    sums : (kept counters,) of all hours
    week : since 1970, that of `weekly`
    weekly : (kept counters,) of the days of that week
    compared : how often a week was compared with the first version
    """

    hours: bytes
    days: int
    sums: Ints
    week: int
    weekly: Ints
    compared: int = 0


class Derived(Struct, frozen=True, eq=False, weakref=True):
    """What limits were last made of, beside the baseline itself.

    Attributes
    ----------
    number : how often they were made, the first time included
    hours, days, sums : as in `Taken`, at that time
    """

    number: int
    hours: bytes
    days: int
    sums: Ints


class Growth(Struct, frozen=True, eq=False):
    """How a baseline goes on learning.

    Attributes
    ----------
    hour : since 1970, of what `arrived`
    arrived : (kept counters,) in it; None of nothing, or if something was not quiet
    waits, taken, derived : None of nothing
    drifts : what was another thing last week than when it was learned, as people are told
    """

    hour: int
    arrived: Ints | None = None
    waits: Waiting | None = None
    taken: Taken | None = None
    derived: Derived | None = None
    drifts: tuple[str, ...] = ()


class Series(Struct, frozen=True, eq=False):
    """A share, block by block, since it last changed.

    Attributes
    ----------
    counts : (cells,) all that had come of the signal by the last block
    means : (n,) of each block
    ends : second in which each block was over
    """

    counts: Ints
    means: Evidence
    ends: tuple[int, ...]


class Provisional(Struct, frozen=True):
    """What is looked at before there is a baseline.

    Attributes
    ----------
    events : exchanges that had come by the last block
    series : by signal
    """

    events: int
    series: dict[str, Series] = {}

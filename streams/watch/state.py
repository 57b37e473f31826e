"""What WATCH knows of one service: plain values, replaced and never changed."""

from msgspec import Struct

from schemas.control import Approve, Maintain, Release, SignOff
from schemas.incidents import Exemplar, Incident
from schemas.signals import Kind
from schemas.tallies import Exemplar as Seen
from streams.watch.arrays import Counts, Evidence, Ints
from streams.watch.assess.state import Book
from streams.watch.baseline import Baseline, Blocks, Counting, Growth, Naming, Provisional, Unfinished
from streams.watch.cases import Alarm, Case, Flaps, Shadow
from streams.watch.total import NOTHING, Total


class Part(Struct, frozen=True, eq=False):
    """One service's share of a flush.

    Attributes
    ----------
    names : every text below
    dimensions : the fields that streams are cut by; every exchange lies in one group of each
    groups : (g, 5) start of the bucket (`LATE`, or seconds since 1970), release, dimension, name, occupied cells
    cells, counts : (n,) the occupied cells of all groups in order, and their counts; as in `schemas.tallies.Flush`
    beside : (b, 3) release, kind, events
    exemplars : (release, mode or signature, exemplars)
    own : (kind, name) of each of the user's own signals: they say where cells with names begin
    carried : paths of the evidence that some exchanges carry
    """

    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    groups: Ints
    cells: Ints
    counts: Ints
    beside: Ints
    exemplars: tuple[tuple[int, int, tuple[Seen, ...]], ...] = ()
    own: tuple[tuple[Kind, str], ...] = ()
    carried: tuple[str, ...] = ()


class Mark(Struct, frozen=True):
    """How far a source partition's log has been added.

    Attributes
    ----------
    anchor, end, digest : of the last flush that was added
    held : what it said, unless its block is finished
    taken : whether that was also learned from or watched, and not only added up
    """

    anchor: int
    end: int
    digest: str
    held: Part | None = None
    taken: bool = True


class Bucket(Struct, frozen=True, eq=False):
    """A stream in one bucket of event time.

    Attributes
    ----------
    kept : (kept counters,) of the detector's row
    raw : (numbers, 235) of the whole stream, for figures that people read
    modes, marks : failures by mode; and by column what else was named
    others : names that the alphabet does not tell apart, by their place; the most frequent
    """

    kept: Counts
    raw: Counts
    modes: dict[str, int] = {}
    others: dict[str, dict[str, int]] = {}
    marks: dict[str, dict[str, int]] = {}


class Failing(Struct, frozen=True):
    """How a release has failed since it began to be watched.

    Attributes
    ----------
    exchanges, failed : served, and failed
    modes, marks : failures by mode; and by column what else was named, the most frequent
    slices : (served, failed) of each slice of the alphabet, flat
    said : `exchanges` when it was last reported, and how often it was
    """

    exchanges: int = 0
    failed: int = 0
    modes: dict[str, int] = {}
    marks: dict[str, dict[str, int]] = {}
    slices: tuple[int, ...] = ()
    said: int = -1
    reports: int = 0


class Stream(Struct, frozen=True):
    """A release of the service, and the evidence against it.

    Attributes
    ----------
    evidence : (bets of all accumulators,)
    fired : accumulators that belong to an open incident and are out of play, ascending
    pending : (kept counters,) that arrived in the second that is open, None if nothing
    overflowed : fields of which names went beyond a cap in what is pending
    buckets : start in seconds since 1970 -> what happened then
    over : signal -> second before which what was found of it was told by incidents that have ended
    failing : how it has failed so far
    planned : what it does otherwise than the release before it, from its beginning
    reports, said_second : how often that was reported, and when it was last
    """

    release: str
    first_second: int
    last_second: int
    evidence: Evidence
    fired: tuple[int, ...] = ()
    pending: Ints | None = None
    overflowed: tuple[str, ...] = ()
    buckets: dict[int, Bucket] = {}
    over: dict[str, int] = {}
    failing: Failing = Failing()
    planned: tuple[Alarm, ...] = ()
    reports: int = 0
    said_second: int = 0


class Traffic(Struct, frozen=True):
    """How many exchanges came of all releases of a service, by buckets of their own time.

    Attributes
    ----------
    reached : source partition -> how far the events' own time is known to be read, in seconds
    coming : start -> exchanges so far, of buckets that may get more; ascending
    until : where the closed ones end; 0 before there is one
    closed : start -> exchanges, of the closed ones of the window
    learned : hour of the week -> buckets, exchanges, and the sum of their squares
    known, derived : the same as it was when limits were last made of it, and how often they were
    evidence : of each bet; empty of none
    fired : whether its incident is open, so that it is out of play
    skips : what began before is not learned
    """

    reached: dict[int, int] = {}
    coming: dict[int, int] = {}
    until: int = 0
    closed: dict[int, int] = {}
    learned: dict[int, tuple[int, int, int]] = {}
    known: dict[int, tuple[int, int, int]] = {}
    derived: int = 0
    evidence: tuple[float, ...] = ()
    fired: bool = False
    skips: int = 0


class State(Struct, frozen=True, kw_only=True):
    """Everything known of one service.

    Attributes
    ----------
    offset : of the last record of `barograph.tallies` that changed this state
    second : the second of WATCH in which something last arrived; it is open until a later one begins
    marks : by ``source:partition``
    total : all that was ever added, for audits
    beside : events beside exchanges, by kind
    late, lost : exchanges that came late; flushes that could not be added because their block began elsewhere
    beyond : what was over a cap, by what it was: see `streams.watch.plan`
    controls : ``source:partition`` of control facts -> offset of the last one that was applied
    releases : release -> the last fact about it
    present, previous : the releases that were promoted last and before; empty while no fact says
    generation : the highest that a release fact had, -1 while none had one
    sign_offs, approvals : of the releases above, the latest last
    maintained : the last word on a time in which nobody is paged
    relearns, learns_from : the signals that are learned anew while the old baseline still watches, empty for all of
        them; and the release whose traffic teaches, empty for all traffic
    topic_id : of the source's topic
    sources, caught_up : source partition -> last second of its events; second when all of it was known to be read
        (noted only while the service is about to be called silent)
    blocks, unfinished : how much events resemble each other, as far as it was measured: see `streams.watch.temper`
    growth : how the baseline goes on learning
    provisional : what is looked at while there is no baseline
    exemplars : failing exchanges by their mode, or by what they look like; the latest
    carried : path of evidence -> second in which an exchange was last seen to carry it
    critical : failure mode of sev-1 or sev-2 -> how often it was seen when it was last told as new
    pending, cases : incidents that wait for a graver alarm of their onset, and open ones
    ended : the last incidents that are over, as they were last said
    episodes : fingerprint -> last episode
    forgotten : the highest episode of the fingerprints that are no longer remembered
    flaps : fingerprint -> the last episodes of an incident that recovered lately
    shadow : incidents of which nobody is told
    book : its releases, held against their KPIs
    """

    service: str
    offset: int = -1
    second: int
    marks: dict[str, Mark] = {}
    total: Total = NOTHING
    beside: dict[str, int] = {}
    late: int = 0
    lost: int = 0
    beyond: dict[str, int] = {}
    controls: dict[str, int] = {}
    releases: dict[str, Release] = {}
    present: str = ""
    previous: str = ""
    generation: int = -1
    sign_offs: tuple[SignOff, ...] = ()
    approvals: tuple[Approve, ...] = ()
    maintained: Maintain | None = None
    relearns: tuple[str, ...] = ()
    learns_from: str = ""
    last_event: int = 0
    topic_id: str = ""
    sources: dict[int, int] = {}
    caught_up: dict[int, int] = {}
    traffic: Traffic = Traffic()
    naming: Naming | None = Naming()
    counting: Counting | None = None
    baseline: Baseline | None = None
    streams: dict[str, Stream] = {}
    blocks: Blocks | None = None
    unfinished: Unfinished | None = None
    growth: Growth | None = None
    provisional: Provisional | None = None
    exemplars: dict[str, tuple[Exemplar, ...]] = {}
    carried: dict[str, int] = {}
    critical: dict[str, int] = {}
    pending: tuple[Case, ...] = ()
    cases: tuple[Case, ...] = ()
    ended: tuple[Incident, ...] = ()
    episodes: dict[str, int] = {}
    forgotten: int = 0
    flaps: dict[str, Flaps] = {}
    shadow: Shadow = Shadow()
    book: Book = Book()

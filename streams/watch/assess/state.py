"""What is known of releases to hold them against their KPIs: plain values, replaced and never changed."""

from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from detectors.band import NEW, Reading, Standing
from schemas.kpis import Shown
from schemas.policy import Phase
from schemas.rollbacks import Mode
from schemas.signals import Kind
from streams.watch.assess.tally import Tally


class Stand(Struct, frozen=True, kw_only=True):
    """Where a KPI stands, of the whole release or of one slice.

    Attributes
    ----------
    kpi, slice : names; the slice is empty of the whole
    of : fingerprint of what the KPI said then; where it says something else it begins anew
    band, why : after the last window
    reading : of the last window; None without data
    since : second in which the band began
    """

    kpi: str
    slice: str = ""
    of: str
    standing: Standing = NEW
    band: Shown = "no_data"
    why: str = ""
    reading: Reading | None = None
    since: int = 0


class Spent(Struct, frozen=True, eq=False):
    """Bad events of all, span by span without a gap.

    Attributes
    ----------
    begins : of the first span, in seconds
    counts : (spans, 2) bad ones, and all
    """

    begins: int
    counts: NDArray[np.int64]


Broken = Literal["", "ticket", "page"]
"""What the gravest rule is that a budget breaks; empty of none."""
UNSPENT: Final = Spent(0, np.zeros((0, 2), np.int64))


class Budget(Struct, frozen=True, kw_only=True):
    """What was spent of the error budget of a KPI, by all releases that served.

    Attributes
    ----------
    of : fingerprint of what says which events are good; where it says something else, the budget begins anew
    since : second from which on it is known
    recent : by five minutes, as far back as the longest rule looks
    hours : whole ones, as far back as the budget is for
    broken : by the last five minutes that are over
    """

    kpi: str
    of: str
    since: int
    recent: Spent = UNSPENT
    hours: Spent = UNSPENT
    broken: Broken = ""


class Judged(Struct, frozen=True, kw_only=True):
    """In which place a release was last judged: in another one it is judged anew, whatever windows end."""

    phase: Phase
    baseline: str


class Asked(Struct, frozen=True, kw_only=True):
    """A rollback that was asked for: how, and until when it may be done, in milliseconds."""

    mode: Mode
    expires_at: int


class Serving(Struct, frozen=True, kw_only=True):
    """What serves a release: models, or versions of the prompt, and how often, since that last changed.

    Attributes
    ----------
    since : start of the span in which it changed, or was seen first
    names : since then
    before : before that; empty of the first
    """

    since: int
    names: dict[str, int]
    before: dict[str, int] = {}


class Held(Struct, frozen=True, kw_only=True):
    """A release, held against the KPIs of its service.

    Attributes
    ----------
    first, last : when it served first and last, in seconds, as its events say
    exchanges : ever
    modes : in which it ever failed, and how often
    coming : start -> what has come so far, of spans that are not over
    spans : start -> what came, of those of the last hour
    hours : start -> what came, as far back as the longest window
    stands : of every KPI that was measured, by name and slice
    judged : None before the first verdict
    serving : column -> what serves it, of those that may change without a deploy
    asked : key -> the rollback of it that was asked for, as long as that lasts
    """

    release: str
    first: int
    last: int
    exchanges: int = 0
    modes: dict[str, int] = {}
    coming: dict[int, Tally] = {}
    spans: dict[int, Tally] = {}
    hours: dict[int, Tally] = {}
    stands: tuple[Stand, ...] = ()
    judged: Judged | None = None
    serving: dict[str, Serving] = {}
    asked: dict[str, Asked] = {}


class Book(Struct, frozen=True, kw_only=True):
    """All releases of a service that are held against something.

    Attributes
    ----------
    own : the user's own signals, by which cells lie where they do
    until : spans that begin before it are over; 0 before the first
    read : source partition -> how far the events' own time is known to be read, in seconds
    slices : field -> slices that are told apart; the others are `__other__`
    releases : by name
    budgets : of KPIs that promise something, by name
    """

    own: tuple[tuple[Kind, str], ...] = ()
    until: int = 0
    read: dict[int, int] = {}
    slices: dict[str, tuple[str, ...]] = {}
    releases: dict[str, Held] = {}
    budgets: dict[str, Budget] = {}

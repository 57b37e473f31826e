"""A KPI, as people write it: a figure, its target, its bands -> beyond which value each band begins."""

from hashlib import sha256
from math import gcd
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.dimensions import Dimension
from schemas.durations import Duration, seconds
from schemas.incidents import Severity
from schemas.kpi_measures import Measured, Named
from schemas.slos import Slo

Action = Literal["notify", "pause_rollout", "rollback", "human_review", "block_release"]
Direction = Literal["lower_is_better", "higher_is_better"]
Level = Literal["yellow", "red"]
Shown = Literal["green", "yellow", "red", "no_data"]
Layer = Literal["capability", "quality", "performance", "reliability", "governance"]
Number = Annotated[float, Meta(ge=-1e12, le=1e12, description="a number")]
Windows = Annotated[int, Meta(ge=1, le=1000)]
LONGEST_GRAIN_S: Final = 300
"""A verdict is made so often at least, and the shortest window of a burn rate is as long."""
HOUR_S: Final = 3600
"""Longer windows are made of whole hours."""


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Band(_Part, frozen=True, kw_only=True):
    """Where a band begins, and what it means to be in it. Green is all that is in neither.

    Attributes
    ----------
    beyond_percent : the band begins so many percent of the target beyond it, on the bad side
    value : or at this value, in the target's unit; one of the two
    for_windows : so many windows in a row must lie beyond it
    action : what to do
    severity : how grave it is: sev-1 and sev-2 page, sev-3 is a ticket, sev-4 a record
    """

    beyond_percent: Annotated[float, Meta(ge=0, le=100_000)] | None = None
    value: Number | None = None
    for_windows: Windows = 2
    action: Action = "notify"
    severity: Severity = "sev-4"


class Red(Band, frozen=True, kw_only=True):
    """The band beyond yellow; its settings are those of yellow."""

    action: Action = "pause_rollout"
    severity: Severity = "sev-3"


class Clear(_Part, frozen=True, kw_only=True):
    """How a KPI comes back, one band at a time.

    Attributes
    ----------
    for_windows : so many windows in a row must be well
    margin_percent : a window is well only so far inside of where the band begins, as a part of the way to the target
    """

    for_windows: Windows = 3
    margin_percent: Annotated[float, Meta(ge=0, le=100)] = 20.0


class Bands(_Part, frozen=True, kw_only=True):
    """Green, yellow, red.

    Attributes
    ----------
    yellow : begins at the target, or beyond it
    red : begins beyond yellow
    clear : how it comes back
    """

    yellow: Band
    red: Red
    clear: Clear = Clear()


class Interval(_Part, frozen=True, kw_only=True):
    """How sure one must be. The method follows from what is measured.

    Attributes
    ----------
    level_percent : of the interval around each value
    act_on : `bound`: a window lies beyond a band if the whole interval does; `point`: if the value does
    """

    level_percent: Annotated[float, Meta(ge=50, le=99.9)] = 95.0
    act_on: Literal["bound", "point"] = "bound"


class Lineage(_Part, frozen=True, kw_only=True):
    """Where a target comes from, for who asks in a year.

    Attributes
    ----------
    benchmark_set : cases that it was set by, and their version
    sampling : which part of the traffic is judged
    labelling : who judges, and how far judges agree
    evaluator : what judges, if it is not people
    interval : how the target's own uncertainty was found
    released_at : since when it holds
    approved_by : who agreed to it
    """

    benchmark_set: str = ""
    sampling: str = ""
    labelling: str = ""
    evaluator: str = ""
    interval: str = ""
    released_at: str = ""
    approved_by: str = ""


class Kpi(_Part, frozen=True, kw_only=True):
    """One figure that is held against a target.

    Attributes
    ----------
    name : as no other of the set
    layer : what it is about
    rank : a set has one primary KPI at least; what is secondary explains it
    measures : the figure, see below
    by : it is held for each slice of this field by itself, which `measure.slices` of the config must name; the whole
        service where none is named
    slice : the one slice of `by` that it is held for, instead of each
    window : over how long; up to an hour a part of it, beyond whole hours
    every : how often, each time over the whole window: then windows overlap, and those in a row share events; the
        window itself if not said
    min_events : with fewer in a window there is no data
    direction : which way is good
    target : in percent for shares, else in the unit of the figure
    bands : where green ends
    interval : how sure one must be
    no_data_after : yellow and red are kept so long without data, then it is `no_data`; three windows if not said
    slo : what is promised of its events, so that an error budget is kept, see below; none if not said
    owner : who answers for it; the set's `accountable` if nobody is named
    runbook : address of what to do
    lineage : where the target comes from
    """

    name: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="lower-case letters, digits and underscores")
    ]
    layer: Layer
    rank: Literal["primary", "secondary"] = "secondary"
    measures: Measured
    by: Dimension | None = None
    slice: Named | None = None
    window: Duration
    every: Duration | None = None
    min_events: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 100
    direction: Direction
    target: Number
    bands: Bands
    interval: Interval = Interval()
    no_data_after: Duration | None = None
    slo: Slo | None = None
    owner: str = ""
    runbook: str = ""
    lineage: Lineage = Lineage()

    @property
    def every_s(self) -> int:
        """Seconds between two windows."""
        return seconds(self.every or self.window)

    @property
    def patience_s(self) -> int:
        """Seconds that yellow and red are kept without data."""
        return seconds(self.no_data_after) if self.no_data_after else 3 * seconds(self.window)

    def worse(self, value: float, than: float) -> bool:
        """Say whether a value is worse than another."""
        return value > than if self.direction == "lower_is_better" else value < than

    def begins(self, level: Level) -> float:
        """Say beyond which value a band is.

        Examples
        --------
        >>> from schemas.kpi_sets import preset
        >>> p95 = preset("support-bot").kpi("latency_p95")
        >>> p95.target, p95.begins("yellow"), p95.begins("red")
        (1500.0, 1725.0, 2250.0)
        """
        band = self.bands.yellow if level == "yellow" else self.bands.red
        if band.value is not None:
            return band.value
        assert band.beyond_percent is not None, "a band that was checked"
        beyond = abs(self.target) * band.beyond_percent / 100
        return self.target + beyond if self.direction == "lower_is_better" else self.target - beyond

    def clears(self, level: Level) -> float:
        """Say which value is well enough to leave a band: between where it begins and the target."""
        begins = self.begins(level)
        return begins + (self.target - begins) * self.bands.clear.margin_percent / 100


class Owners(_Part, frozen=True, kw_only=True):
    """Who answers for what.

    Attributes
    ----------
    accountable : for all that nobody else is named for
    quality, reliability, policy, product : for what they are named for
    """

    accountable: Named
    quality: str = ""
    reliability: str = ""
    policy: str = ""
    product: str = ""


class KillSwitch(_Part, frozen=True, kw_only=True):
    """The KPI of which red is reason enough to stop a release.

    Attributes
    ----------
    kpi : its name
    action : what is done
    mode : `require_approval`: a person agrees first; `auto`: nobody is asked, for
        red of sev-1 alone; `dry_run`: it is only said
    """

    kpi: str
    action: Literal["rollback", "pause_rollout", "block_release", "human_review"] = "rollback"
    mode: Literal["require_approval", "auto", "dry_run"] = "require_approval"


class KpiSet(_Part, frozen=True, kw_only=True):
    """The KPIs of one use case, one file each.

    Attributes
    ----------
    use_case : what it is called
    services : whose releases are held against them
    owners : who answers for them
    kpis : the KPIs, see below
    kill_switch : what stops a release, see below
    """

    use_case: Named
    services: Annotated[tuple[Named, ...], Meta(min_length=1)]
    owners: Owners
    kpis: Annotated[tuple[Kpi, ...], Meta(min_length=1)]
    kill_switch: KillSwitch

    def kpi(self, name: str) -> Kpi:
        """Find a KPI by its name.

        Raises
        ------
        KeyError
            If there is none.
        """
        return {one.name: one for one in self.kpis}[name]

    @property
    def grain_s(self) -> int:
        """Say in which spans counts are kept: windows are whole numbers of them, and verdicts are made at each.

        Examples
        --------
        >>> from schemas.kpi_sets import preset
        >>> preset("support-bot").grain_s
        300
        """
        return gcd(LONGEST_GRAIN_S, *(gcd(seconds(kpi.window), kpi.every_s) for kpi in self.kpis))

    def fingerprint(self) -> str:
        """Sum up the whole set, for the lineage of what is decided by it."""
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]

"""Alarms -> the incidents that are open or pending, and what was said of them: plain values."""

from msgspec import Struct

from schemas.incidents import Incident, Notify, Severity


class Recovery(Struct, frozen=True):
    """How far it is shown that an alarm is over: see `detectors.recovery`.

    Attributes
    ----------
    evidence : of each mirrored bet; empty at the alarm
    begun : how often they have begun
    absent : exchanges of the release since the last one that the alarm's feature was observed on
    """

    evidence: tuple[float, ...] = ()
    begun: int = 0
    absent: int = 0


class Alarm(Struct, frozen=True, kw_only=True):
    """A monitor whose evidence reached one.

    Attributes
    ----------
    monitor : index of the detector's monitors; below zero of what it has no cells of: see `streams.watch.rules`
    about : what a rule is about: a failure mode, a slice, a KPI; empty of all else
    bet : the winning bet of that monitor
    notify : what its accumulator may do
    since, since_low, since_high : onset and what may be it, in milliseconds
    band : of a KPI, the one that it is in
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
    about: str = ""
    recovery: Recovery = Recovery()
    band: str = ""


class Flaps(Struct, frozen=True):
    """Episodes of one incident, each of which came soon after the end of the one before.

    Attributes
    ----------
    row : how many
    notify, severity : as grave as any of them was told
    ended_at : the last, in milliseconds
    """

    row: int
    notify: Notify
    severity: Severity
    ended_at: int


class Case(Struct, frozen=True, kw_only=True):
    """An open incident, or a pending one: its alarms, and what was last said of it.

    Attributes
    ----------
    said_second, sent_second : when it was last said; and when that was last sent, be it again
    grown : whether it has alarms of which nothing was said
    before : the episodes that it follows in a row, None of none
    notify, severity : as grave as it was ever told
    well_since : second since which all is well, of one that has to be for longer; else 0
    """

    alarms: tuple[Alarm, ...]
    said: Incident
    said_second: int
    sent_second: int = 0
    grown: bool = False
    before: Flaps | None = None
    notify: Notify = "record"
    severity: Severity = "sev-4"
    well_since: int = 0


class Shadow(Struct, frozen=True):
    """The book of incidents in shadow, as `State` has it of those in earnest.

    That of the latter also keeps what is over: it is said again, and nothing in shadow is.
    """

    pending: tuple[Case, ...] = ()
    cases: tuple[Case, ...] = ()
    episodes: dict[str, int] = {}
    forgotten: int = 0
    flaps: dict[str, Flaps] = {}

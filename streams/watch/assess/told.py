"""A KPI that is beyond its band -> what people read of it in an incident."""

from math import isfinite
from typing import NamedTuple

from detectors.band import Banded, Reading
from schemas.incidents import PLAIN, Change, Interval
from schemas.kpi_measures import unit
from schemas.kpis import Kpi
from schemas.policy import decides
from schemas.printable import printable
from schemas.verdicts import KpiVerdict
from streams.figures import figure
from streams.watch.assess.beyond import about
from streams.watch.assess.phase import place
from streams.watch.assess.serving import swapped
from streams.watch.assess.state import Stand
from streams.watch.assess.verdict import Current, entry
from streams.watch.cases import Alarm
from streams.watch.plan import Plan
from streams.watch.state import State


class Known(NamedTuple):
    """A KPI, where it stands, and what its set and policy say of that."""

    kpi: Kpi
    stand: Stand
    entry: KpiVerdict


def known(plan: Plan, state: State, alarm: Alarm) -> Known | None:
    """Find what an alarm is about; None if it is held no more."""
    against, held = plan.held(state.service), state.book.releases.get(alarm.release)
    if against is None or held is None:
        return None
    phase = place(state, alarm.release).phase
    found = decides(against.policy, phase, against.kpis)
    for kpi in against.kpis.kpis:
        for stand in held.stands:
            if stand.kpi == kpi.name and about(stand) == alarm.about:
                current = Current(kpi.name, Banded(stand.band, stand.why), stand.reading, stand.slice)
                rules = against.policy.rules(phase)
                return Known(kpi, stand, entry(kpi, current, rules, found, against.kpis))
    return None


def change(plan: Plan, state: State, alarm: Alarm) -> Change:
    """Say what a KPI is, what it should be, and what is to be done by whom."""
    there = known(plan, state, alarm)
    name, _, of_slice = alarm.about.partition("@")
    words = f"`{name}` of release {alarm.release}"
    seen, measured, n, field, down = None, "", 0, "", False
    if there is None:
        words += f" was {alarm.band}"
    else:
        kpi, entered = there.kpi, there.entry
        measured, down = unit(kpi.measures, plan.by_name), kpi.direction == "higher_is_better"
        if of_slice:
            field = kpi.by or ""
            words += f" in {field} {of_slice}"
        words += f" is {entered.band.replace('_', ' ')}"
        if (reading := there.stand.reading) is not None:
            seen, n = _figure(reading, 100 if measured == "%" else 1), reading.n
            words += f", {_said(reading, measured)}"
        words += f", target {figure(kpi.target)}{_of(measured)}: {entered.reason}; owner {entered.owner}"
        words += f"; action {entered.action.replace('_', ' ')}" if entered.action else ""
        words += f"; tell also {', '.join(entered.escalate_to)}" if entered.escalate_to else ""
        words += "".join(f"; {one.said}" for one in swapped(plan, state, state.book.releases[alarm.release]))
    return Change(
        signal=alarm.signal, feature=alarm.about, words=printable(words), direction="down" if down else "up",
        unit="" if measured == "%" else measured or PLAIN, before=None, after=seen, before_n=0, after_n=n,
        onset_at=alarm.since, onset_low_at=alarm.since_low, onset_high_at=alarm.since_high,
        alarmed_at=alarm.alarmed_at, notify=alarm.notify, false_per_week=0.0, release=alarm.release,
        dimension=field, name=of_slice,
    )  # fmt: skip


def _figure(reading: Reading, per: int) -> Interval | None:
    low, high = reading.low, reading.high
    if low is None or high is None:
        low = high = reading.value
    ends = (reading.value, low, high)
    return Interval(*(float(f"{one / per:.4g}") for one in ends)) if all(map(isfinite, ends)) else None


def _said(reading: Reading, measured: str) -> str:
    """Write a figure with its interval.

    Examples
    --------
    >>> _said(Reading(value=61.04, low=58.2, high=63.9, n=900), "%")
    '61 % (58.2 to 63.9)'
    >>> _said(Reading(value=2634.0, low=2435.0, high=2896.0, n=763), "ms")
    '2,634 ms (2,435 to 2,896)'
    """
    low, high = reading.low, reading.high
    interval = "" if low is None or high is None else f" ({figure(low)} to {figure(high)})"
    return f"{figure(reading.value)}{_of(measured)}{interval}"


def _of(measured: str) -> str:
    return "" if measured in ("", PLAIN) else measured if measured.startswith("/") else f" {measured}"

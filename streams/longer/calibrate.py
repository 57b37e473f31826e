"""The hours of a service -> a target and bands for each of its KPIs, and what today's would have done meanwhile."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from detectors.band import NEW, Reading, step
from schemas.durations import seconds
from schemas.kpi_measures import FIGURES
from schemas.kpis import HOUR_S, Kpi, KpiSet, Shown
from schemas.moments import lasting, written
from schemas.strict import ConfigError
from streams.longer.budgets import days
from streams.longer.hours import DAY_S, Hours
from streams.watch.assess.measured import Given, measured
from streams.watch.plan import Plan

FEWEST: Final = 20
"""Windows with data, below which nothing is proposed of a KPI."""
FEWEST_S: Final = 7 * DAY_S
"""A week: less does not show what a weekend is like."""
ONE_IN: Final = 50
"""Of so many windows of the history one may lie surely beyond where yellow begins."""


class Proposed(NamedTuple):
    """What is proposed of a KPI.

    Attributes
    ----------
    kpi : with another target, bands and lineage; None where nothing is proposed
    why : why not; empty of a proposal
    windows : with data
    now, then : windows in each band by the bands of today, and by those that are proposed
    """

    name: str
    kpi: Kpi | None
    why: str
    windows: int
    now: dict[Shown, int]
    then: dict[Shown, int]


def calibrate(plan: Plan, found: Hours, kpis: KpiSet, history_s: int) -> list[Proposed]:
    """Propose a target and bands for each KPI, from windows that are taken to be healthy.

    The target is the median window. Yellow begins where one in `ONE_IN` windows, at most, lay surely beyond, by the end
    of the interval that acts; two of these in a row are rarer by far. Red begins twice as far from the target, and
    never short of the window that lay farthest beyond. So neither is a guess of how bad is bad: it is how bad it has
    not been.

    Parameters
    ----------
    kpis : the set of the service, as it is
    history_s : so long before the last hour the history begins

    Raises
    ------
    ConfigError
        If the set is not the service's, or the history is shorter than a week.
    """
    if found.service not in kpis.services:
        raise ConfigError(
            f"these KPIs are not of `{found.service}` but of: {', '.join(kpis.services)} - at `services` of `--kpis`"
        )
    begin = max(found.since, found.until - history_s)
    if found.until - begin < FEWEST_S:
        raise ConfigError(
            f"hours of {days(found.until - begin)} are kept of `{found.service}`, and {days(FEWEST_S)} are needed: "
            "less does not show what a weekend is like - at `SERVICE`"
        )
    return [_proposed(plan, found, kpi, begin) for kpi in kpis.kpis]


def _proposed(plan: Plan, found: Hours, kpi: Kpi, begin: int) -> Proposed:
    series = windows(plan, found, kpi, begin)
    read = [one for some in series.values() for _, one in some if one is not None and one.n >= kpi.min_events]
    now = _banded(kpi, series)
    if len(read) < FEWEST:
        why = f"{len(read)} windows have {kpi.min_events} events or more, and {FEWEST} are needed"
        return Proposed(kpi.name, None, why, len(read), now, {})
    edges = _edges(kpi, read)
    if edges is None:
        return Proposed(kpi.name, None, "there is no room for two bands beyond what was usual", len(read), now, {})
    target, yellow, red = edges
    window_s = max(seconds(kpi.window), HOUR_S)
    bands = replace(
        kpi.bands,
        yellow=replace(kpi.bands.yellow, beyond_percent=None, value=yellow),
        red=replace(kpi.bands.red, beyond_percent=None, value=red),
    )
    lineage = replace(
        kpi.lineage,
        interval=f"{kpi.interval.level_percent:g} %, of {len(read):,} windows of {lasting(window_s)} in "
        f"{days(found.until - begin)} up to {written(found.until * 1000)}",
        sampling=f"all traffic of {found.service} that was counted: {sum(one.n for one in read):,} events",
        released_at=written(found.until * 1000)[:10],
        approved_by="",
    )
    better = replace(kpi, target=target, bands=bands, lineage=lineage)
    return Proposed(kpi.name, better, "", len(read), now, _banded(better, series))


def windows(
    plan: Plan, found: Hours, kpi: Kpi, begin: int
) -> dict[tuple[str, str], list[tuple[int, Reading | None]]]:  # fmt: skip
    """Read a KPI window by window, of each release and slice: by the hour, or by its own window where that is longer.

    Only windows in which the release served are there.
    """
    length = max(seconds(kpi.window), HOUR_S)
    given = Given(plan=plan, window_s=length, baseline=None, own=found.own)
    series: dict[tuple[str, str], list[tuple[int, Reading | None]]] = {}
    for release, hours in found.kept.items():
        for end in range(-(-begin // length) * length + length, found.until + 1, length):
            if not any(end - length <= at < end for at in hours):
                continue
            for name, one in measured(kpi, found.of(end - length, end, release), given).items():
                series.setdefault((release, name), []).append((end, one))
    return series


def _edges(kpi: Kpi, read: Sequence[Reading]) -> tuple[float, float, float] | None:
    """Find target, yellow and red; None where there is no room for them.

    All is turned so that more is worse.
    """
    sign, figure = 1.0 if kpi.direction == "lower_is_better" else -1.0, FIGURES[kpi.measures.stat]
    worst = figure.most if sign > 0 else -figure.least
    values = sorted(sign * one.value for one in read)
    acting = sorted(min(_end(one, sign, acts=True), sign * one.value) for one in read)
    target = values[len(values) // 2]
    yellow = max(acting[-1 - len(acting) // ONE_IN], target)
    red = max(target + 2 * (yellow - target), acting[-1])
    if not red > yellow:  # all windows are alike: what one of them could have been at worst is next
        red = sorted(_end(one, sign, acts=False) for one in read)[len(read) // 2]
    if not red < worst:
        red = yellow + (worst - yellow) / 2
    rounded = [sign * float(f"{edge:.3g}") + 0.0 for edge in (target, yellow, red)]
    if not (math.isfinite(red) and sign * rounded[0] <= sign * rounded[1] < sign * rounded[2] < worst):
        return None
    return rounded[0], rounded[1], rounded[2]


def _end(one: Reading, sign: float, *, acts: bool) -> float:
    """Give an end of the interval: the one that acts lies nearest to what is good."""
    low, high = (one.value if end is None else end for end in (one.low, one.high))
    return sign * (low if acts == (sign > 0) else high)


def _banded(kpi: Kpi, series: Mapping[tuple[str, str], Sequence[tuple[int, Reading | None]]]) -> dict[Shown, int]:
    """Count the windows that end in each band."""
    counts: dict[Shown, int] = {}
    for some in series.values():
        standing = NEW
        for end, one in some:
            standing, banded = step(kpi, standing, one, float(end))
            counts[banded.band] = counts.get(banded.band, 0) + 1
    return counts


def lines(found: Hours, kpis: KpiSet, proposed: Sequence[Proposed]) -> Iterator[str]:
    """Write the whole set as YAML that can be used as it is, with what is not proposed left as it was."""
    yield f"# KPIs of {found.service}, proposed from what was recorded up to {written(found.until * 1000)}."
    yield "# Windows are by the hour, or longer where the KPI's are, and are taken to be healthy: if they were not, say"
    yield "# --days, or wait. A person agrees to it: `approved_by` is empty."
    for one in proposed:
        if one.kpi is None:
            yield f"# {one.name}: left as it was, for {one.why}. Today's bands: {_counts(one.now)}."
        else:
            yield f"# {one.name}: by {one.windows:,} windows. Today's bands: {_counts(one.now)}."
            yield f"#   With these: {_counts(one.then)}."
    better = {one.name: one.kpi for one in proposed if one.kpi is not None}
    whole = replace(kpis, kpis=tuple(better.get(kpi.name, kpi) for kpi in kpis.kpis))
    yield from msgspec.yaml.encode(_said(whole)).decode().splitlines()


def _counts(bands: Mapping[Shown, int]) -> str:
    order: tuple[Shown, ...] = ("green", "yellow", "red", "no_data")
    return ", ".join(f"{bands[band]:,} {band}" for band in order if bands.get(band)) or "no windows"


def _said(value: object) -> object:
    """Leave out what is by default."""
    if isinstance(value, Struct):
        fields = msgspec.structs.fields(value)
        return {
            one.encode_name: _said(held) for one in fields if (held := getattr(value, one.name)) != one.default
        }  # fmt: skip
    return [_said(one) for one in value] if isinstance(value, tuple) else value

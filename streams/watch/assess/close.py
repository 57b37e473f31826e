"""Spans that are over -> where each KPI of each release stands, and the verdicts that follow."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from detectors.band import NEW, Banded, Reading, step
from schemas.durations import seconds
from schemas.kpis import HOUR_S, Kpi
from schemas.rollups import Rollup
from schemas.verdicts import Verdict
from streams.watch.assess.budget import SPAN_S, spent
from streams.watch.assess.figures.lacking import lacking
from streams.watch.assess.measured import Given, measured
from streams.watch.assess.phase import place
from streams.watch.assess.rollup import rolled
from streams.watch.assess.serving import heard, swapped
from streams.watch.assess.spans import over
from streams.watch.assess.state import Held, Judged, Stand
from streams.watch.assess.tally import EMPTY, Tally, summed
from streams.watch.assess.verdict import Current, Evidence, Subject, judge
from streams.watch.clock import end_ms
from streams.watch.failures import diversity
from streams.watch.lineage import lineage
from streams.watch.measured import layout_of
from streams.watch.plan import Against, Plan
from streams.watch.state import State

KEPT_S: Final = 86_400
"""What has not served for so long, or for longer than the longest window, is not held against anything any more."""


class Closed(NamedTuple):
    """A state, and what is to be published."""

    state: State
    said: list[Verdict | Rollup]


def close(plan: Plan, state: State, second: int) -> Closed:
    """Close the spans that are over, let KPIs see the windows that end with them, and judge.

    Parameters
    ----------
    state : of the service
    second : the last one of WATCH that is over
    """
    against, before = plan.held(state.service), state.book.until
    state, hours = _over(plan, state, against, second)
    if against is None or not state.book.releases:
        return Closed(state, [*hours])
    releases, verdicts = dict(state.book.releases), list[Verdict]()
    for name, held in state.book.releases.items():
        where = place(state, name)
        if state.book.until == before and (held.judged is None or (held.judged.phase, held.judged.baseline) == where):
            continue
        verdicts.append(_judged(plan, state, against, held, end_ms(second)))
        releases[name] = replace(held, judged=Judged(phase=where.phase, baseline=where.baseline))
    if verdicts:
        state = replace(state, book=replace(state.book, releases=releases))
    return Closed(state, [*hours, *verdicts])


def _over(plan: Plan, state: State, against: Against | None, second: int) -> tuple[State, list[Rollup]]:
    """Close the spans that are over; also what is to be kept of the hours that ended with them."""
    book, layout = state.book, layout_of(state.book.own)
    hours = list[Rollup]()
    promises = [kpi for kpi in against.kpis.kpis if kpi.slo is not None] if against else []
    for end in over(plan, state, second):
        moved = {name: _moved(against, before, end, layout.fixed) for name, before in book.releases.items()}
        if end % SPAN_S == 0 and (promises or book.budgets):
            served = (window(held, end, SPAN_S, layout.fixed) for held in moved.values())
            book = replace(book, budgets=spent(promises, book.budgets, served, end, book.own, plan.by_name))
        releases = dict[str, Held]()
        for name, held in moved.items():
            if end % HOUR_S == 0 and (hour := held.hours.get(end - HOUR_S)) is not None:
                hours.append(rolled(state.service, name, end - HOUR_S, hour, layout))
            if end - held.last <= max(KEPT_S, _longest(against)) or name == state.present:
                stands = _stands(plan, state, against, held, end, layout.fixed) if against else held.stands
                releases[name] = replace(held, stands=stands)
        book = replace(book, until=end if releases else 0, releases=releases, read=book.read if releases else {})
        if not releases:
            break
    return (state if book is state.book else replace(state, book=book)), hours


def _longest(against: Against | None) -> int:
    return max((seconds(kpi.window) for kpi in against.kpis.kpis), default=0) if against else 0


def _cut(against: Against | None) -> frozenset[str]:
    """Name the fields of which windows beyond an hour need slices."""
    kpis = against.kpis.kpis if against else ()
    return frozenset(kpi.by for kpi in kpis if kpi.by and seconds(kpi.window) > HOUR_S)


def _moved(against: Against | None, held: Held, end: int, size: int) -> Held:
    """Put what is open of a span to those that are over; at the end of an hour, put that together."""
    come = {start: tally for start, tally in held.coming.items() if start < end}
    left = {start: tally for start, tally in held.coming.items() if start >= end}
    spans = {start: tally for start, tally in {**held.spans, **come}.items() if start >= end - HOUR_S}
    hours = held.hours
    if end % HOUR_S == 0:
        since = end - max(_longest(against), HOUR_S)
        cut = _cut(against)  # what no long window needs is in the rollup, and need not be kept here
        hours = {start: tally.only(cut) for start, tally in hours.items() if start >= since}
        if spans:
            hours[end - HOUR_S] = summed(spans.values(), size)
    same = spans.keys() == held.spans.keys()
    serving = heard(held.serving, come) if come else held.serving
    return replace(held, coming=left, spans=held.spans if same else spans, hours=hours, serving=serving)


def _stands(plan: Plan, state: State, against: Against, held: Held, end: int, size: int) -> tuple[Stand, ...]:
    """Let every KPI see the window that ends, of those of which one does."""
    known = {(one.kpi, one.slice): one for one in held.stands}
    stands, windows = list[Stand](), dict[int, Tally]()
    for kpi in against.kpis.kpis:
        mine = {slice_: one for (name, slice_), one in known.items() if name == kpi.name and one.of == _of(kpi)}
        if end % kpi.every_s:
            stands += mine.values()
            continue
        if (length_s := seconds(kpi.window)) not in windows:
            windows[length_s] = window(held, end, length_s, size)
        served_s = max(min(length_s, end - held.first), 1)  # a release has not always been there
        given = Given(plan, served_s, state.baseline, state.book.own, state.carried.keys())
        found = measured(kpi, windows[length_s], given)
        for slice_ in sorted(found.keys() | mine.keys()):
            stands.append(_stepped(kpi, slice_, mine.get(slice_), found.get(slice_), end))
    return tuple(stands)


def window(held: Held, end: int, length_s: int, size: int) -> Tally:
    """Add up what came in a window; of up to an hour from spans, else from whole hours."""
    of = held.spans if length_s <= HOUR_S else held.hours
    inside = [tally for start, tally in of.items() if end - length_s <= start < end]
    return summed(inside, size) if inside else EMPTY


def _stepped(kpi: Kpi, slice_: str, was: Stand | None, reading: Reading | None, end: int) -> Stand:
    before = was or Stand(kpi=kpi.name, slice=slice_, of=_of(kpi), since=end)
    standing, banded = step(kpi, before.standing if was else NEW, reading, float(end))
    since = before.since if banded.band == before.band else end
    why = f"{banded.why}: {lacking(kpi)}" if reading is None and standing.seen_at is None else banded.why
    return replace(before, standing=standing, band=banded.band, why=why, reading=reading, since=since)


@lru_cache(maxsize=4096)
def _of(kpi: Kpi) -> str:
    return sha256(msgspec.json.encode(kpi)).hexdigest()[:8]


def _judged(plan: Plan, state: State, against: Against, held: Held, now_ms: int) -> Verdict:
    """Judge a release; the verdict is to be relied on as long after the last span that it knows as the policy says."""
    where = place(state, held.release)
    other = state.book.releases.get(where.baseline)
    evidence = Evidence(
        candidate=held.exchanges,
        baseline=other.exchanges if other else 0,
        diversity=diversity(plan, held.modes, other.modes if other else {}),
        new_modes=_new_modes(plan, held, other),
        lineage=lineage(plan, state.baseline.version if state.baseline else 0),
    )
    subject = Subject(state.service, held.release, where.baseline, where.phase)
    verdict = judge(against.policy, against.kpis, subject, list(_current(against, held)), evidence, now_ms)
    holds_s = seconds(against.policy.rules(where.phase).holds)
    changed = tuple(one.said for one in swapped(plan, state, held))
    expires_at = (state.book.until + holds_s) * 1000
    return replace(verdict, expires_at=expires_at, changed=changed, reasons=(*verdict.reasons, *changed))


def _current(against: Against, held: Held) -> Iterator[Current]:
    names = {kpi.name: _of(kpi) for kpi in against.kpis.kpis}
    for one in held.stands:
        if names.get(one.kpi) == one.of:
            yield Current(one.kpi, Banded(one.band, one.why), one.reading, one.slice)


def _new_modes(plan: Plan, held: Held, other: Held | None) -> tuple[str, ...]:
    """Name the modes in which a release has failed repeatedly, and the one that it is compared with never did."""
    before: Mapping[str, int] = other.modes if other else held.modes
    repeated = plan.config.failures.repeated
    return tuple(sorted(mode for mode, n in held.modes.items() if n >= repeated and not before.get(mode)))

"""How a release has failed -> the report that people read of it, when there is something new."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec.structs import replace

from detectors.describe.coverage import coverage, unseen
from detectors.describe.rarefaction import rarefied
from detectors.describe.richness import chao1
from detectors.describe.share import share
from detectors.describe.turnover import turnover
from schemas.failures import Diversity, FailureReport, Group, Seen, Span, Worst
from schemas.printable import printable
from schemas.signals import ALSO, JUDGED, SIGNATURE
from schemas.taxonomy import UNCLASSIFIED, observable
from streams.watch.baseline import Baseline
from streams.watch.clock import end_ms
from streams.watch.detector import Detector
from streams.watch.failing import failed, pairs
from streams.watch.figures import effective, interval
from streams.watch.plan import PAGED, Plan
from streams.watch.rules import Place, tally, worst_of
from streams.watch.state import Failing, State, Stream
from streams.watch.window import add, after

MOST_GROUPS: Final = 10


def reported(plan: Plan, detector: Detector, state: State, over: int) -> tuple[State, list[FailureReport]]:
    """Tell of each release how it fails, if that is not what was told last.

    Parameters
    ----------
    detector : of the service's baseline
    state : of the service
    over : the last second that is over
    """
    if (over + 1) % plan.config.failures.report_every_s or state.baseline is None:
        return state, []
    streams, told = dict(state.streams), []
    for name, stream in state.streams.items():
        if stream.failing.exchanges == stream.failing.said or not stream.buckets:
            continue
        failing = replace(stream.failing, said=stream.failing.exchanges, reports=stream.failing.reports + 1)
        streams[name] = replace(stream, failing=failing)
        told.append(_report(plan, detector, state, state.baseline, streams[name], end_ms(over)))
    return (replace(state, streams=streams), told) if told else (state, [])


def _report(
    plan: Plan, detector: Detector, state: State, baseline: Baseline, stream: Stream, now_ms: int
) -> FailureReport:
    previous, was = _before(state, stream)
    lately = _lately(plan, detector, stream)
    spans = [
        _span(plan, state, baseline, failing, since, was)
        for failing, since in ((lately, min(stream.buckets)), (stream.failing, stream.first_second))
    ]
    now, whole = spans
    critical = len(whole.diversity.critical)
    within = critical < plan.config.failures.critical_modes
    known = observable(plan.taxonomy, state.carried)
    seen = {one.mode for one in whole.modes}
    return FailureReport(
        id=f"{state.service}:{stream.release}:{stream.failing.reports}", sequence=stream.failing.reports,
        service=state.service, release=stream.release, previous=previous, updated_at=now_ms,
        summary=printable(_summary(state.service, stream.release, whole, within)), now=now, all=whole,
        within_rule=within, not_observable=tuple(
            mode.id for mode in plan.taxonomy.modes if mode.id not in known and mode.id not in seen
        ),
        taxonomy=plan.taxonomy.fingerprint(), baseline_version=baseline.version,
    )  # fmt: skip


def _summary(service: str, release: str, whole: Span, within: bool) -> str:
    failed = f"{whole.failed:,} of {whole.exchanges:,} exchanges failed"
    if not whole.failed:
        return f"{service} {release}: {failed}"
    spread = whole.diversity.effective
    ways = f", in {spread.value:.1f} effective modes" if spread else ""
    rule = "" if within else f"; {len(whole.diversity.critical)} critical modes, more than the operating rule allows"
    return f"{service} {release}: {failed}{ways}{rule}"


def _before(state: State, stream: Stream) -> tuple[str, dict[str, int]]:
    """Find the release before, and the modes in which it failed: the baseline's, where nothing else is known."""
    fact = state.releases.get(stream.release)
    name = (fact and fact.previous) or (state.present if state.present != stream.release else state.previous)
    if name and name in state.streams:
        return name, state.streams[name].failing.modes
    assert state.baseline is not None
    if stream.release in state.baseline.releases:
        return "", {}
    return name or ", ".join(state.baseline.releases), state.baseline.modes


def _lately(plan: Plan, detector: Detector, stream: Stream) -> Failing:
    """Add up the buckets that are kept, in the words of what is kept of the whole."""
    seen = after(stream, min(stream.buckets), plan.config.measure.bucket_s)
    assert seen is not None
    modes: dict[tuple[str, ...], int] = {(mode,): n for mode, n in seen.modes.items()}
    marks: dict[tuple[str, ...], int] = {
        (column, name): n for column, names in seen.marks.items() for name, n in names.items()
    }
    return failed(detector, Failing(), seen.kept, modes, marks)


def _span(
    plan: Plan, state: State, baseline: Baseline, failing: Failing, since_s: int, before: Mapping[str, int]
) -> Span:  # fmt: skip
    also, judged = failing.marks.get(ALSO, {}), failing.marks.get(JUDGED, {})
    names = [mode for mode in plan.taxonomy.modes if mode.id in failing.modes or mode.id in also or mode.id in judged]
    modes = [
        Seen(
            mode.id, mode.severity, failing.modes.get(mode.id, 0), also.get(mode.id, 0), judged.get(mode.id, 0),
            state.exemplars.get(mode.id, ()),
        )
        for mode in names
    ]  # fmt: skip
    modes.sort(key=lambda one: (one.severity, -(one.n + one.judged), one.mode))
    unknown = failing.modes.get(UNCLASSIFIED, 0)
    looks = sorted(failing.marks.get(SIGNATURE, {}).items(), key=lambda item: (-item[1], item[0]))
    return Span(
        since=since_s * 1000, exchanges=failing.exchanges, failed=failing.failed, judged=sum(judged.values()),
        modes=tuple(modes), diversity=diversity(plan, _counts(failing), before),
        concentration=tuple(map(_told, worst_of(baseline.alphabet, pairs(failing.slices)))),
        unclassified=interval(found) if (found := share(unknown, failing.failed)) else None,
        groups=tuple(Group(look, n, state.exemplars.get(look, ())) for look, n in looks[:MOST_GROUPS]),
    )  # fmt: skip


def _told(one: Place) -> Worst:
    worst = one.worst
    return Worst(one.dimension, one.name, one.failures, round(worst.traffic, 4), worst.failed, worst.served)


def _counts(failing: Failing) -> dict[str, int]:
    """Count exchanges by their primary mode, and outcomes by theirs."""
    counts = dict(failing.modes)
    add(counts, failing.marks.get(JUDGED, {}))
    return counts


def diversity(plan: Plan, counts: Mapping[str, int], before: Mapping[str, int]) -> Diversity:
    """Say how diverse failures are.

    Parameters
    ----------
    counts : failures by mode
    before : the same of what it is compared with
    """
    x, was = tally(counts), tally(before)
    n, size = int(x.sum()), min(int(x.sum()), int(was.sum()) or int(x.sum()))
    if not n:
        return Diversity(0, 0)
    grave = [
        (mode.severity, -counts[mode.id], mode.id)
        for mode in plan.taxonomy.modes
        if mode.severity in PAGED and counts.get(mode.id, 0) >= plan.config.failures.repeated
    ]
    return Diversity(
        failures=n, distinct=len(x), critical=tuple(mode for _, _, mode in sorted(grave)), effective=effective(counts),
        dominant=effective(counts, 2), richness=interval(chao1(x)), rarefied=interval(rarefied(x, size)), of=size,
        coverage=interval(coverage(x)), unseen=round(unseen(x), 4), turnover=_turnover(counts, before),
    )  # fmt: skip


def _turnover(now: Mapping[str, int], before: Mapping[str, int]) -> float | None:
    names = sorted(now.keys() | before.keys())
    if not sum(before.values()):
        return None
    both = (np.array([side.get(name, 0) for name in names], np.int64) for side in (now, before))
    return round(turnover(*both), 4)

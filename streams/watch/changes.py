"""What a new release does otherwise from its beginning -> its change report, and the alarms left for on-call."""

from typing import NamedTuple

from msgspec.structs import replace

from schemas.incidents import Change, ChangeReport
from schemas.printable import printable
from schemas.tallies import OTHER
from streams.watch.cases import Alarm
from streams.watch.clock import end_ms
from streams.watch.describe import by_signal, change
from streams.watch.detector import Detector
from streams.watch.onsets import slack_of
from streams.watch.pending import WAIT_S
from streams.watch.plan import Plan
from streams.watch.report import order, short
from streams.watch.state import State, Stream
from streams.watch.window import after


class Planned(NamedTuple):
    """A state, the alarms that are a matter for incidents, and reports to publish."""

    state: State
    alarms: list[Alarm]
    reports: list[ChangeReport]


def planned(plan: Plan, detector: Detector, state: State, alarms: list[Alarm], over: int) -> Planned:
    """Tell what a release changed from what changed under it.

    A release that the baseline does not know, and that differs from it since its first event, was meant to differ: all
    of that goes into its report. What of it moved the bad way is an incident as well, by its consequence; what merely
    moved is not. The same move at a later time is drift, and none of this. Of what is in shadow there is no report.

    Parameters
    ----------
    detector : of the service's baseline
    alarms : of the second that closes
    over : the last second that is over
    """
    slack_ms = slack_of(plan)
    streams, left, reports = dict(state.streams), [], []
    for alarm in alarms:
        stream = streams.get(alarm.release) if alarm.monitor >= 0 else None
        if stream is None or not _new(state, stream) or alarm.since_low > stream.first_second * 1000 + slack_ms:
            left.append(alarm)
            continue
        if not plan.in_shadow(state.service, alarm.signal):
            streams[alarm.release] = replace(stream, planned=(*stream.planned, alarm))
        if alarm.notify != "record":
            left.append(alarm)
    for name, stream in streams.items():
        if _due(plan, stream, over):
            report = _report(plan, detector, state, stream, end_ms(over))
            streams[name] = replace(stream, reports=report.sequence, said_second=over)
            reports.append(report)
    same = all(streams[name] is stream for name, stream in state.streams.items())
    return Planned(state if same else replace(state, streams=streams), left, reports)


def _new(state: State, stream: Stream) -> bool:
    assert state.baseline is not None
    return stream.release not in (*state.baseline.releases, OTHER)


def _due(plan: Plan, stream: Stream, over: int) -> bool:
    """Whether something was found that was not said, and has waited for what may come with it."""
    news = [alarm for alarm in stream.planned if alarm.alarmed_at > end_ms(stream.said_second)]
    waited = bool(news) and news[0].alarmed_at <= end_ms(over - WAIT_S)
    return waited and over - stream.said_second >= plan.config.watch.update_every_s


def _report(plan: Plan, detector: Detector, state: State, stream: Stream, now_ms: int) -> ChangeReport:
    assert state.baseline is not None
    fact = state.releases.get(stream.release)
    previous = (fact and fact.previous) or state.present or ", ".join(state.baseline.releases)
    changes = _changes(plan, detector, state, stream)
    mine = [case for case in state.cases if any(alarm.release == stream.release for alarm in case.alarms)]
    said = ", ".join(short(one) for one in changes)
    return ChangeReport(
        id=f"{state.service}:{stream.release}:{stream.reports + 1}", sequence=stream.reports + 1,
        service=state.service, release=stream.release, previous=previous, phase=fact.phase if fact else "",
        generation=fact.generation if fact else None, first_seen_at=stream.first_second * 1000, updated_at=now_ms,
        summary=printable(f"{state.service} {stream.release} against {previous}: {said}"), changes=changes,
        incidents=tuple(case.said.fingerprint for case in mine), baseline_version=state.baseline.version,
    )  # fmt: skip


def _changes(plan: Plan, detector: Detector, state: State, stream: Stream) -> tuple[Change, ...]:
    assert state.baseline is not None
    seen = after(stream, stream.first_second, plan.config.measure.bucket_s)
    if seen is None:
        return ()
    found = [change(detector, state.baseline, seen, alarm) for alarm in stream.planned]
    return by_signal(found, order(detector))

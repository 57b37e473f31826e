"""What arrived in a second -> evidence of every monitor, and those that reached an alarm."""

from typing import Final

import numpy as np
from msgspec.structs import replace

from detectors import esr
from detectors.inflation import tempered
from detectors.onset import Onset, onset
from detectors.shares import WEEK_S
from streams.watch.arrays import Evidence
from streams.watch.cases import Alarm
from streams.watch.detector import Detector
from streams.watch.severity import severity
from streams.watch.state import Stream
from streams.watch.temper import Tempered

_ONE: Final = np.ones(1)


def decide(
    detector: Detector, stream: Stream, now_ms: int, bucket_s: int, left: Tempered | None = None
) -> tuple[Stream, list[Alarm]]:
    """Close a second: let every bet see what arrived in it.

    Parameters
    ----------
    now_ms : when it is decided
    bucket_s : seconds a bucket
    left : what is left of evidence where events resemble each other; None if they do not

    Returns
    -------
    stream
        With new evidence; what fired is out of play until its incident ends. A monitor that made a ticket may still
        page: that is evidence of its own, and only then is it a matter for the night.
    alarms

    Notes
    -----
    A second that is closed takes in a second's budget, neither more nor less. Those that are closed are different
    seconds, so that no more is taken in than time has passed; and since it is always the same, it cannot depend on what
    came, nor pile up while nothing did.
    """
    if stream.pending is None:
        return stream, []
    grown = detector.growth(stream.pending)
    if stream.overflowed:
        untrusted = detector.touched(stream.overflowed)
        grown = np.where(untrusted, esr.damp(grown), grown)
    gathered = detector.accumulators
    if left is not None:
        grown = tempered(grown, left.factor)
    won = grown[gathered.bets]
    if left is not None:
        won[left.waits] = 0.0  # what is not known pages nobody, and takes no budget
    if stream.fired:
        won[np.isin(gathered.of, stream.fired)] = 0.0
    # A bet that neither won nor lost stays as it is: of most slices nothing came.
    live = np.flatnonzero(won)
    evidence = stream.evidence.copy()
    evidence[live] = esr.advance(evidence[live, None], won[live, None], _ONE, gathered.rate[live])[:, 0]
    reached = np.flatnonzero(np.add.reduceat(evidence, gathered.begins, dtype=np.float64) >= 1).tolist()
    alarms, fired = [], stream.fired
    if reached:
        silenced = {gathered.silences[one] for one in reached if gathered.notify[one] == "page"}
        alarms = [_alarm(detector, stream, one, evidence, now_ms, bucket_s) for one in reached if one not in silenced]
        fired = tuple(sorted({*fired, *reached, *silenced}))
        evidence = np.where(np.isin(gathered.of, fired), np.float32(0), evidence)
    return replace(stream, evidence=evidence, fired=fired, pending=None, overflowed=()), alarms


def _alarm(
    detector: Detector, stream: Stream, accumulator: int, evidence: Evidence, now_ms: int, bucket_s: int
) -> Alarm:
    gathered = detector.accumulators
    monitor, notify = gathered.monitor[accumulator], gathered.notify[accumulator]
    table, s = detector.find(monitor)
    own = gathered.of == accumulator
    bet = int(gathered.bets[own][evidence[own].argmax()]) - table.first_bet - s * len(table.table.weights)
    since = _since(detector, stream, monitor, bet, stream.over.get(table.signal.name, 0))
    return Alarm(
        monitor=monitor, bet=bet, signal=table.signal.name, release=stream.release,
        severity=severity(table.signal, int(table.table.direction[bet]), table.table.feature[bet]), notify=notify,
        since=int(since.at * 1000), since_low=int(since.earliest * 1000),
        since_high=int((since.latest + bucket_s) * 1000), alarmed_at=now_ms,
        false_per_week=float(gathered.rate[own].sum()) * WEEK_S / float(evidence[own].sum(dtype=np.float64)),
    )  # fmt: skip


def _since(detector: Detector, stream: Stream, monitor: int, bet: int, over: int) -> Onset:
    """Find the onset in the buckets of event time, which follow the events' own clock.

    What lies before `over` was told by an incident that has ended. If the first bucket that is still kept may be it,
    the change may be older than anything that is kept.
    """
    begins = [at for at in sorted(stream.buckets) if at >= over] or [max(stream.buckets)]
    won = detector.growth_of(monitor, bet, [stream.buckets[at].kept for at in begins])
    found = onset(won, np.array(begins, np.float64))
    oldest = max(stream.first_second, over)
    if found.earliest == begins[0] > oldest:
        return Onset(found.index, found.at, oldest, found.latest)
    return found

"""What arrived in a second -> evidence of every monitor, and those that reached an alarm."""

from typing import Final

import numpy as np
from msgspec.structs import replace

from detectors import esr
from detectors.onset import Onset, onset
from schemas.cells import CELLS
from schemas.incidents import Notify
from schemas.signals import NUMBERS, RATE_CELLS
from schemas.tallies import FIRST_NUMBER, FIXED, LATE
from streams.watch.alphabet import Placed
from streams.watch.detector import Detector, severity
from streams.watch.state import Alarm, Bucket, Ints, Stream

MOST_OTHERS: Final = 8
_ONE: Final = np.ones(1)
WEEK_S: Final = 604_800


def born(detector: Detector, release: str, second: int) -> Stream:
    """Begin to watch a release."""
    nothing = np.zeros(int(detector.begins[-1]), np.float32)
    return Stream(release, second, second, nothing, nothing)


def arrive(detector: Detector, stream: Stream, placed: Placed, release: int, bets: bool, second: int) -> Stream:
    """Take in what came of a release: into the open second, and into the buckets of its own time.

    Parameters
    ----------
    placed : new counts of the service
    release : the stream's, among the part's names
    bets : whether the counts may be bet on
    """
    mine = placed.release == release
    s, cell, n, when = placed.slice[mine], placed.cell[mine], placed.count[mine], placed.bucket[mine]
    shape = (detector.slices, detector.kept_cells)
    flat = s * detector.kept_cells + detector.fold[s, cell]
    buckets = dict(stream.buckets)
    for bucket in np.unique(when).tolist():
        if bucket == LATE:
            continue
        then = when == bucket
        raw = then & (s == 0) & (cell >= FIRST_NUMBER) & (cell < FIXED)
        was = buckets.get(bucket) or Bucket(np.zeros(shape, np.int64), np.zeros((len(NUMBERS), CELLS), np.int64))
        buckets[bucket] = Bucket(
            was.kept + _laid(flat[then], n[then], shape),
            was.raw + _laid(cell[raw] - FIRST_NUMBER, n[raw], was.raw.shape),
            _counted(was.modes, [(m, k) for (b, r, m), k in placed.modes.items() if b == bucket and r == release]),
            _named(
                was.others, [(f, x, k) for (b, r, f, x), k in placed.others.items() if b == bucket and r == release]
            ),
        )
    pending = stream.pending
    if bets:
        came = _laid(flat, n, shape)
        pending = came if pending is None else pending + came
    return replace(
        stream, buckets=buckets, pending=pending, damped=stream.damped or placed.overflowed, last_second=second
    )


def decide(
    detector: Detector, stream: Stream, interval_s: int, now_ms: int, bucket_s: int
) -> tuple[Stream, list[Alarm]]:
    """Close a second: let every bet see what arrived in it.

    Parameters
    ----------
    interval_s : length of the second before this one, from which the budget accrues
    now_ms : end of the second
    bucket_s : seconds a bucket

    Returns
    -------
    stream
        With new evidence; a monitor that fired is out of play until its incident ends.
    alarms
    """
    if stream.pending is None:
        return stream, []
    growth = detector.growth(stream.pending)
    if stream.damped:
        growth = esr.damp(growth)
    events = stream.pending[:, :RATE_CELLS].sum(axis=1) > 0
    playing = events[detector.slice_of]
    if stream.alarmed:
        playing = playing & ~_of(detector, stream.alarmed)
    tiers = []
    for evidence, rate in ((stream.page, detector.page_rate), (stream.ticket, detector.ticket_rate)):
        budget = esr.accrued(rate, float(interval_s), playing)
        tiers.append(esr.advance(evidence[:, None], growth[:, None], _ONE, budget)[:, 0])
    page, ticket = tiers
    totals = [np.add.reduceat(tier, detector.begins[:-1], dtype=np.float64) for tier in tiers]
    fired = np.flatnonzero((totals[0] >= 1) | (totals[1] >= 1)).tolist()
    fired = [monitor for monitor in fired if monitor not in stream.alarmed]
    alarms = [
        _alarm(
            detector,
            stream,
            monitor,
            page,
            ticket,
            paged=bool(totals[0][monitor] >= 1),
            now_ms=now_ms,
            bucket_s=bucket_s,
        )
        for monitor in fired
    ]
    out = frozenset((*stream.alarmed, *fired))
    if out:
        silent = _of(detector, out)
        page, ticket = (np.where(silent, 0, tier).astype(np.float32) for tier in (page, ticket))
    return replace(stream, page=page, ticket=ticket, pending=None, damped=False, alarmed=out), alarms


def _alarm(
    detector: Detector,
    stream: Stream,
    monitor: int,
    page: np.ndarray,
    ticket: np.ndarray,
    paged: bool,
    now_ms: int,
    bucket_s: int,
) -> Alarm:
    table, _ = detector.find(monitor)
    own = slice(int(detector.begins[monitor]), int(detector.begins[monitor + 1]))
    tier, rate = (page, detector.page_rate) if paged else (ticket, detector.ticket_rate)
    bet = int(tier[own].argmax())
    grave = severity(table.signal, int(table.table.direction[bet]), table.table.feature[bet])
    since = _since(detector, stream, monitor, bet, bucket_s)
    notify: Notify = "page" if paged else "record" if grave == "sev-4" else "ticket"
    return Alarm(
        monitor=monitor, bet=bet, signal=table.signal.name, release=stream.release, severity=grave, notify=notify,
        since=int(since.at * 1000), since_low=int(since.earliest * 1000),
        since_high=int((since.latest + bucket_s) * 1000), alarmed_at=now_ms,
        false_per_week=float(rate[own].sum()) * WEEK_S / float(tier[own].sum(dtype=np.float64)),
    )  # fmt: skip


def _since(detector: Detector, stream: Stream, monitor: int, bet: int, bucket_s: int) -> Onset:
    """Find the onset in the buckets of event time, which follow the events' own clock."""
    buckets = sorted(stream.buckets)
    if not buckets:  # all of it came late
        return Onset(0, stream.last_second, stream.first_second, stream.last_second)
    growth = [detector.growth_of(monitor, bet, stream.buckets[bucket].kept) for bucket in buckets]
    return onset(np.array(growth), np.array(buckets, np.float64) * bucket_s)


def _of(detector: Detector, monitors: frozenset[int]) -> np.ndarray:
    """Mark the bets of some monitors."""
    mask = np.zeros(len(detector.slice_of), np.bool_)
    for monitor in monitors:
        mask[detector.begins[monitor] : detector.begins[monitor + 1]] = True
    return mask


def _laid(flat: Ints, n: Ints, shape: tuple[int, ...]) -> Ints:
    return np.bincount(flat, n, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)


def _counted(held: dict[str, int], new: list[tuple[str, int]]) -> dict[str, int]:
    total = dict(held)
    for name, n in new:
        total[name] = total.get(name, 0) + n
    return total


def _named(held: dict[str, dict[str, int]], new: list[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    total = dict(held)
    for field, name, n in new:
        of = dict(total.get(field, {}))
        if name in of or len(of) < MOST_OTHERS:
            of[name] = of.get(name, 0) + n
        total[field] = of
    return total

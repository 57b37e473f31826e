"""Exchanges of a service in closed buckets -> an alarm, if there are many more, or many fewer; and what people read."""

from typing import Final

import numpy as np
from msgspec.structs import replace

from detectors import esr
from detectors.arrays import Evidence
from detectors.bets import traffic as bets
from detectors.limits.traffic import Moments, limits
from detectors.onset import onset
from detectors.shares import WEEK_S
from schemas.incidents import Change, Interval
from schemas.signals import TRAFFIC
from streams.watch.cases import Alarm
from streams.watch.clock import end_ms
from streams.watch.hours import bounds, learned, usual
from streams.watch.plan import Plan
from streams.watch.silence import served_last
from streams.watch.state import State, Traffic
from streams.watch.volume import counted, over

MONITOR: Final = -2
_UNITS: Final = (("/s", 1), ("/min", 60), ("/h", 3600))


def close(plan: Plan, state: State, second: int) -> tuple[State, Alarm | None]:
    """Close the buckets that are over, and bet on each.

    Parameters
    ----------
    state : of the service
    second : the last one of WATCH that is over
    """
    ready = over(plan, state)
    if not ready:
        return state, None
    counts, held = list(counted(plan, state, ready)), state.traffic
    held = replace(held, coming={start: n for start, n in held.coming.items() if start not in ready})
    if not held.until:  # the first bucket began before the first event
        counts = counts[1:]
        held = replace(held, until=ready[0] + plan.config.measure.bucket_s)
    found: Alarm | None = None
    for start, n in counts:
        held, alarm = _seen(plan, replace(state, traffic=held), start, n, second)
        found = found or alarm
    return replace(state, traffic=held), found


def _seen(plan: Plan, state: State, start: int, n: int, second: int) -> tuple[Traffic, Alarm | None]:
    """Let the bets see one bucket."""
    held, bucket_s = state.traffic, plan.config.measure.bucket_s
    allowed = plan.traffic(state.service)
    alarm = None
    held = replace(held, closed={**held.closed, start: n}, until=start + bucket_s)
    if allowed and state.baseline is not None and not held.fired:
        won = bets.log_wealth([n], *(np.array([x]) for x in bounds(plan, state, start)))
        before = np.array([held.evidence or [0.0] * len(bets.WEIGHTS)], np.float32)
        evidence = esr.advance(before, won, bets.WEIGHTS, np.array([allowed * bucket_s]))
        if esr.fired(evidence)[0]:
            alarm = _alarm(plan, replace(state, traffic=held), evidence[0], second)
            held = replace(held, fired=True, evidence=())
        else:
            held = replace(held, evidence=tuple(evidence[0].tolist()))
    return learned(plan, held), alarm


def _alarm(plan: Plan, state: State, evidence: Evidence, second: int) -> Alarm:
    held, bucket_s = state.traffic, plan.config.measure.bucket_s
    bet = int(evidence.argmax())
    starts = sorted(held.closed)
    lo, hi, size = (np.array(each) for each in zip(*(bounds(plan, state, at) for at in starts), strict=True))
    won = bets.log_wealth([held.closed[at] for at in starts], lo, hi, size)[:, bet]
    since = onset(won, np.array(starts, np.float64))
    return Alarm(
        monitor=MONITOR, bet=bet, signal=TRAFFIC.name, release=served_last(state), severity="sev-3", notify="ticket",
        since=int(since.at * 1000), since_low=int(since.earliest * 1000),
        since_high=int((since.latest + bucket_s) * 1000), alarmed_at=end_ms(second),
        false_per_week=plan.traffic(state.service) * WEEK_S / float(evidence.sum(dtype=np.float64)),
    )  # fmt: skip


def back(plan: Plan, state: State, alarm: Alarm, span_s: int) -> bool:
    """Ask whether the mean of the last closed buckets lies on the good side of the limit that was passed.

    Parameters
    ----------
    alarm : of traffic
    span_s : of closed buckets to look back on, all of it after the onset
    """
    held, since = state.traffic, state.traffic.until - span_s
    recent = {start: n for start, n in held.closed.items() if start >= since}
    if not recent or since * 1000 < alarm.since:
        return False
    allowed = [bounds(plan, state, start) for start in recent]
    if bets.DIRECTION[alarm.bet] > 0:
        return sum(recent.values()) <= sum(one.hi for one in allowed)
    return sum(recent.values()) >= sum(one.lo for one in allowed)


def freed(state: State) -> State:
    """Put traffic back into play once its incident is over. What the incident was about is not learned."""
    held = state.traffic
    return replace(state, traffic=replace(held, fired=False, evidence=(), skips=held.until))


def anew(state: State) -> State:
    """Begin to learn anew."""
    held = state.traffic
    return replace(state, traffic=Traffic(reached=held.reached, coming=held.coming, until=held.until))


def change(plan: Plan, state: State, alarm: Alarm) -> Change:
    """Say what an alarm is about: exchanges a second, as they were learned, and since the onset.

    Parameters
    ----------
    alarm : of traffic
    """
    held, bucket_s = state.traffic, plan.config.measure.bucket_s
    since = alarm.since // 1000
    was, now = usual(plan, held, since)[0], Moments()
    for start, n in held.closed.items():
        now = now.add(n) if start >= since else now
    size = bounds(plan, state, since).size
    rates = [_a_second(seen, size, bucket_s) for seen in (was, now)]
    largest = max((one.value for one in rates if one), default=0.0)
    unit, times = next(((u, s) for u, s in _UNITS if largest * s >= 1), _UNITS[-1])
    before, after = (one and _read(one, times) for one in rates)
    return Change(
        signal=TRAFFIC.name, feature=bets.FEATURES[alarm.bet], words=TRAFFIC.words,
        direction="up" if bets.DIRECTION[alarm.bet] > 0 else "down", unit=unit, before=before, after=after,
        before_n=was.events, after_n=now.events, onset_at=alarm.since, onset_low_at=alarm.since_low,
        onset_high_at=alarm.since_high, alarmed_at=alarm.alarmed_at, notify=alarm.notify,
        false_per_week=float(f"{alarm.false_per_week:.4g}"), release=alarm.release,
    )  # fmt: skip


def _a_second(seen: Moments, size: float, bucket_s: int) -> Interval | None:
    if not seen.buckets:
        return None
    lo, hi = limits(seen.events, seen.buckets, size, 0.025)
    return Interval(seen.events / seen.buckets / bucket_s, float(lo) / bucket_s, float(hi) / bucket_s)


def _read(rate: Interval, times: int) -> Interval:
    return Interval(*(float(f"{figure * times:.3g}") for figure in (rate.value, rate.low, rate.high)))

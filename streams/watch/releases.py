"""Releases that serve -> the streams that are watched: a seat for each of the first few, one more for all the rest."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

import numpy as np

from schemas.tallies import OTHER
from streams.watch.detector import Detector
from streams.watch.merge import counted
from streams.watch.plan import Plan
from streams.watch.state import State, Stream

IDLE_S: Final = 3600


class Seats(NamedTuple):
    """Streams by their release, who sits where, and what was over the cap."""

    streams: dict[str, Stream]
    seat: dict[str, str]
    beyond: dict[str, int]


def seated(plan: Plan, detector: Detector, state: State, releases: Iterable[str], serving: Collection[str]) -> Seats:
    """Give each release a stream.

    The first sight of a release opens its stream. Once `watch.max_releases` have theirs, one more takes the place of
    the release that was idle longest, if for an hour and if no open incident in earnest speaks of it; else it is part
    of ``__other__``, which is watched like a release. So is a release that no longer has one and of which nothing comes
    but what is now thought of its answers: that does not make it serve again.

    Parameters
    ----------
    releases : of which something came
    serving : those of which exchanges came
    """
    streams, seat, beyond = dict(state.streams), {}, state.beyond
    for release in releases:
        seat[release] = release
        if release in streams:
            continue
        if release not in serving:
            seat[release] = OTHER
        elif release != OTHER and len(streams.keys() - {OTHER}) >= plan.config.watch.max_releases:
            idle = [one for one in streams.values() if _leaves(plan, detector, state, one)]
            if idle:
                del streams[min(idle, key=lambda one: (one.last_second, one.release)).release]
            else:
                beyond = counted(beyond, "releases")
                seat[release] = OTHER
        if seat[release] not in streams:
            streams[seat[release]] = _born(detector, seat[release], state.second)
    return Seats(streams, seat, beyond)


def _leaves(plan: Plan, detector: Detector, state: State, stream: Stream) -> bool:
    if stream.release == OTHER or state.second - stream.last_second < IDLE_S:
        return False
    if plan.service(state.service).shadow:  # all its seats are in shadow, and given as if they were not
        return not stream.fired
    spoken = {detector.find(detector.accumulators.monitor[one])[0].signal.name for one in stream.fired}
    return all(plan.in_shadow(state.service, signal) for signal in spoken)  # what is in shadow takes no seat


def _born(detector: Detector, release: str, second: int) -> Stream:
    """Begin to watch a release."""
    return Stream(release, second, second, np.zeros(len(detector.accumulators.bets), np.float32))

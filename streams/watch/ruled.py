"""An alarm that a rule made -> what people read of it, as of any other change."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from detectors.describe.share import share
from schemas.incidents import PLAIN, Change, Interval
from schemas.signals import OF_ALL
from schemas.tallies import OTHER
from streams.watch import rules
from streams.watch.alphabet import first_slices
from streams.watch.arrays import Counts
from streams.watch.baseline import Baseline
from streams.watch.cases import Alarm
from streams.watch.detector import Detector
from streams.watch.failing import of_slices
from streams.watch.figures import effective, interval
from streams.watch.window import After, events


def ruled_change(detector: Detector, baseline: Baseline, seen: Mapping[str, After], alarm: Alarm) -> Change:
    """Say what a rule raised.

    Parameters
    ----------
    detector : of the service's baseline
    seen : release -> what came of it since the incident's onset
    """
    after = seen.get(alarm.release)
    match alarm.monitor:
        case rules.DIVERSE:
            words, unit = OF_ALL[alarm.signal].words, PLAIN
            before, now = _diverse(baseline.modes), _diverse(after.modes if after else {})
        case rules.CONCENTRATED:
            words, unit = f"failures in {alarm.about}, of all", ""
            before = _in_place(detector, baseline, detector.usual, alarm.about)
            now = _in_place(detector, baseline, after.kept, alarm.about) if after else _NOTHING
        case _:
            words, unit = f"failures of a kind never seen, {alarm.about}", ""
            before, now = _share(0, baseline.events), _NOTHING
            if after is not None:
                now = _share(rules.count(after, alarm.about), events(after.kept))
    return Change(
        signal=alarm.signal, feature=alarm.about, words=words, direction="up", unit=unit, before=before.figure,
        after=now.figure, before_n=before.n, after_n=now.n, onset_at=alarm.since, onset_low_at=alarm.since_low,
        onset_high_at=alarm.since_high, alarmed_at=alarm.alarmed_at, notify=alarm.notify,
        false_per_week=alarm.false_per_week, release=alarm.release,
    )  # fmt: skip


class _Figure(NamedTuple):
    """A figure, and of how many failures or exchanges it is."""

    figure: Interval | None
    n: int


_NOTHING: Final = _Figure(None, 0)


def _diverse(modes: Mapping[str, int]) -> _Figure:
    return _Figure(effective(modes), sum(modes.values()))


def _share(x: int, n: int) -> _Figure:
    found = share(min(x, n), n)  # an outcome may be of an exchange from before
    return _Figure(found and interval(found), n)


def _in_place(detector: Detector, baseline: Baseline, kept: Counts, place: str) -> _Figure:
    """Say which part of all failures lies in a slice."""
    slices = of_slices(detector, kept)
    for field, names, first in zip(
        baseline.alphabet.dimensions, baseline.alphabet.slices, first_slices(baseline.alphabet), strict=True
    ):
        for i, name in enumerate((*names, OTHER)):
            if f"{field}={name}" == place:
                return _share(int(slices[first + i, 1]), int(slices[first : first + len(names) + 1, 1].sum()))
    return _NOTHING

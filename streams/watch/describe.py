"""An alarm -> what people read of it: from what, to what, how sure."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from detectors.bets.number import NumberBets
from detectors.describe.divergence import jensen_shannon, stability_index
from detectors.describe.quantiles import quantile
from detectors.describe.share import share
from schemas.incidents import PLAIN, Change, Direction, Interval
from schemas.signals import ERROR_BUDGET, KPI_BAND, RATE_CELLS, Signal
from schemas.tallies import OTHER, UNSEEN
from streams.telling.loud import NOTICES
from streams.watch.alphabet import categories_of, first_slices, numbers_of, own_names, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Alphabet, Baseline
from streams.watch.calibrated import calibrated
from streams.watch.cases import Alarm
from streams.watch.detector import Detector
from streams.watch.looks import Table, values
from streams.watch.measured import names_key
from streams.watch.place import beyond
from streams.watch.window import After

_QUANTILE: Final = {"rank": 0.5, "spread": 0.5, "below_p10": 0.1, "above_p90": 0.9, "above_p99": 0.99}
_PLACES: Final = 4


def change(detector: Detector, baseline: Baseline, after: After, alarm: Alarm) -> Change:
    """Say what an alarm is about.

    Parameters
    ----------
    after : since the alarm's onset

    Notes
    -----
    A rate and a name's share come with Wilson's interval, a quantile with that of its rank: for reading. How far the
    whole distribution has moved is told of a number by the bins of its ranks, of a category by its names. What was
    decided, was decided by the bets. Of calibration what was stated stands where others have what was before; what was
    before is told as well once it was learned again and so is what it is measured against.
    """
    table, s = detector.find(alarm.monitor)
    feature = table.table.feature[alarm.bet]
    dimension, name = slice_name(baseline.alphabet, s, after)
    was, now = (detector.usual if s else detector.usual_now)[table.kept.at(s)], after.kept[table.kept.at(s)]
    signal = table.signal
    if feature == "missing":
        first, second, words = _missing(was), _missing(now), f"{signal.words}: not observed"
    elif signal.kind == "rate":
        first, second, words = _share(was, 1, RATE_CELLS - 1), _share(now, 1, RATE_CELLS - 1), signal.words
    elif signal.kind == "category":
        cell, who = _moved(signal, baseline.alphabet, was, now, after)
        feature, words = f"name={who}", f"{signal.words}: {who}"
        first, second = _share(was, cell, len(was) - 1), _share(now, cell, len(now) - 1)
    elif signal.kind == "calibration":
        looks = ~np.isnan(values(table, alarm.bet, s))
        found = calibrated(now, looks)
        first, second, words = found.stated, found.right, found.words
        if signal.name in baseline.anew:
            words += f"; formerly {calibrated(was, looks).words}"
    elif s == 0:
        place = [one.name for one in numbers_of(baseline.alphabet)].index(signal.name)
        q = _QUANTILE[feature]
        first = _quantile(signal, _learned(baseline, table, was), q)
        second = _quantile(signal, after.raw[place], q)
        words = signal.words if q == 0.5 else f"{signal.words} (p{q * 100:g})"
    else:
        first, second = _feature(table, alarm.bet, s, was), _feature(table, alarm.bet, s, now)
        words = f"{signal.words}: share {TAIL[feature]}"
    return Change(
        signal=signal.name, feature=feature, words=words, direction=_direction(first, second),
        unit=_unit(signal) if signal.kind == "number" and s == 0 and feature != "missing" else "",
        before=first, after=second, before_n=int(was.sum()), after_n=int(now.sum()),
        onset_at=alarm.since, onset_low_at=alarm.since_low, onset_high_at=alarm.since_high,
        alarmed_at=alarm.alarmed_at, notify=alarm.notify, false_per_week=_rounded(alarm.false_per_week),
        release=alarm.release, dimension=dimension, name=name,
        psi=_distance(stability_index, signal, was, now), jensen_shannon=_distance(jensen_shannon, signal, was, now),
    )  # fmt: skip


TAIL: Final = {
    "rank": "above the former median",
    "spread": "far from the former median",
    "below_p10": "below the former p10",
    "above_p90": "above the former p90",
    "above_p99": "above the former p99",
}


def slice_name(alphabet: Alphabet, s: int, after: After | None) -> tuple[str, str]:
    """Name a slice: its dimension and its name; of `__other__`, the name that makes nearly all of it, if one does."""
    if s == 0:
        return "", ""
    for field, names, first in zip(alphabet.dimensions, alphabet.slices, first_slices(alphabet), strict=True):
        if s < first + len(names):
            return field, names[s - first]
        if s == first + len(names):
            return field, (after and _mostly(after.others.get(field, {}))) or OTHER
    raise IndexError(f"no slice {s}")


def _unit(signal: Signal) -> str:
    """Say what a number is in; those of the catalogue that have no unit are shares."""
    return signal.unit or ("" if signal.source == "exchange" else PLAIN)


def _learned(baseline: Baseline, table: Table, was: Ints) -> Ints:
    """Give a number's cells what its bins hold: what was taken in later is known by bins alone."""
    cells = next(one for one in tally_row(baseline.alphabet).segments if one.signal.name == table.signal.name)
    assert isinstance(table.table, NumberBets)
    bins, counts = table.table.bins[0], baseline.tally[cells.at(0)]
    of_bins = np.bincount(bins, counts, minlength=len(was))
    times = np.divide(was, of_bins, out=np.zeros(len(was)), where=of_bins > 0)
    cells_now: Ints = np.round(counts * times[bins]).astype(np.int64)
    return cells_now


def _mostly(names: dict[str, int]) -> str | None:
    total = sum(names.values())
    most = max(names, key=lambda name: (names[name], name), default=None)
    return most if most is not None and names[most] >= 0.8 * total else None


def _moved(signal: Signal, alphabet: Alphabet, was: Ints, now: Ints, after: After) -> tuple[int, str]:
    """Find the name whose share grew most (or, if none grew much, fell most)."""
    own = own_names(alphabet, [one.name for one in categories_of(alphabet)].index(signal.name))
    diff = now[:-1] / max(now[:-1].sum(), 1) - was[:-1] / max(was[:-1].sum(), 1)
    cell = int(diff.argmax())
    other, unseen = (_mostly(after.others.get(beyond(names_key(signal), known), {})) for known in (True, False))
    return cell, (*own, other or OTHER, unseen or UNSEEN)[cell]


def _distance(of: Callable[[Ints, Ints], float | None], signal: Signal, was: Ints, now: Ints) -> float | None:
    """Say how far what was observed of a number or a category has moved; of a rate its two figures say all."""
    found = of(was[:-1], now[:-1]) if signal.kind in {"number", "category"} else None
    return None if found is None else _rounded(found)


def _missing(counts: Ints) -> Interval | None:
    return _interval(int(counts[-1]), int(counts.sum()))


def _share(counts: Ints, cell: int, missing: int) -> Interval | None:
    return _interval(int(counts[cell]), int(counts.sum() - counts[missing]))


def _interval(x: int, n: int) -> Interval | None:
    found = share(x, n)
    return found and Interval(*(round(figure, _PLACES) for figure in found))


def _feature(table: Table, bet: int, s: int, counts: Ints) -> Interval | None:
    x = values(table, bet, s)
    high = np.nan_to_num(x) > 0.5
    seen = ~np.isnan(x)
    return _interval(int(counts[high & seen].sum()), int(counts[seen].sum()))


def _quantile(signal: Signal, counts: Ints, q: float) -> Interval | None:
    n = int(counts[:-1].sum())
    if n == 0:
        return None
    half = 1.96 * math.sqrt(q * (1 - q) / n)
    figures = (quantile(counts, min(max(p, 0.0), 1.0)) for p in (q, q - half, q + half))
    return Interval(*(_rounded(found.value / signal.per_unit) for found in figures if found is not None))


def _direction(before: Interval | None, after: Interval | None) -> Direction:
    if before is None or after is None or before.value == after.value:
        return "other"
    return "up" if after.value > before.value else "down"


def _rounded(figure: float) -> float:
    """Round to four digits: a figure for people."""
    return float(f"{figure:.4g}")


def by_signal(changes: list[Change], grave: dict[str, int]) -> tuple[Change, ...]:
    """Keep one change a signal: of the whole stream before that of a slice, then the earliest to alarm. Of KPIs, each.

    Parameters
    ----------
    changes : of all alarms of an incident
    grave : order of a signal's gravity and of the catalogue
    """
    best: dict[tuple[str, ...], Change] = {}
    noticed = {notice: i for i, notice in enumerate(NOTICES)}
    for one in sorted(changes, key=lambda c: (noticed[c.notify], c.dimension != "", c.alarmed_at, c.name, c.feature)):
        kpi = (one.feature, one.release) if one.signal in (KPI_BAND.name, ERROR_BUDGET.name) else ()
        best.setdefault((one.signal, *kpi), one)
    return tuple(sorted(best.values(), key=lambda c: (noticed[c.notify], grave[c.signal])))

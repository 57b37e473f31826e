"""What a release did in a second -> how it has failed so far: by mode, by slice, by what else was named."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from msgspec.structs import replace

from schemas.signals import YES
from schemas.tallies import OTHER
from streams.watch.arrays import Counts, Ints
from streams.watch.detector import Detector
from streams.watch.state import Failing

HOUR_S: Final = 3600
MOST_NAMES: Final = 64
"""Names of a column that are kept of a release. Of modes there are hardly more; of what failures look like, and of
guardrails, what lies beyond comes under `__other__`."""

Names = Mapping[tuple[str, ...], int]


def failed(detector: Detector, before: Failing, kept: Counts, modes: Names, marks: Names) -> Failing:
    """Add what came of a release; what is negative is taken back.

    Parameters
    ----------
    detector : of the service's baseline
    kept : (kept counters,) that came
    modes, marks : (mode,), and (column, name), -> events
    """
    cut = of_slices(detector, kept)
    slices = cut if len(before.slices) != cut.size else np.maximum(pairs(before.slices) + cut, 0)
    served, failed = cut[0].tolist()
    return replace(
        before,
        exchanges=max(before.exchanges + served, 0),
        failed=max(before.failed + failed, 0),
        modes=counted_by(before.modes, modes),
        marks=marked_by(before.marks, marks),
        slices=tuple(slices.ravel().tolist()),
    )


def of_slices(detector: Detector, kept: Counts) -> Ints:
    """Take out how many exchanges were served in each slice, and failed: (slices, 2), the whole stream first."""
    first = detector.find(0)[0]
    assert first.signal.name == "failed", "the catalogue begins with whether an exchange failed"
    rate = first.kept.of(kept).astype(np.int64)  # every exchange has a cell of it
    return np.stack([rate.sum(axis=1), rate[:, YES]], axis=1)


def pairs(flat: tuple[int, ...]) -> Ints:
    """Read `Failing.slices`: (slices, 2)."""
    return np.array(flat, np.int64).reshape(-1, 2)


def summed_up(named: Iterable[tuple[tuple[str, ...], int]]) -> dict[tuple[str, ...], int]:
    """Add up what has one name."""
    total: dict[tuple[str, ...], int] = {}
    for name, n in named:
        total[name] = total.get(name, 0) + n
    return total


def counted_by(before: dict[str, int], news: Names) -> dict[str, int]:
    """Count more of some names, or fewer; a name of which nothing is left is gone.

    Examples
    --------
    >>> counted_by({"FMT.EMPTY": 2, "UNK.UNCLASSIFIED": 1}, {("FMT.EMPTY",): 1, ("UNK.UNCLASSIFIED",): -1})
    {'FMT.EMPTY': 3}
    """
    if not news:
        return before
    counts = dict(before)
    for name, n in news.items():
        key = name[-1] if name[-1] in counts or len(counts) < MOST_NAMES else OTHER
        counts[key] = counts.get(key, 0) + n
    return {name: n for name, n in counts.items() if n > 0}


def marked_by(before: dict[str, dict[str, int]], news: Names) -> dict[str, dict[str, int]]:
    """Count more of some names of some columns, or fewer.

    Examples
    --------
    >>> marked_by({}, {("guardrail", "pii"): 2, ("also", "PRF.SLOW"): 1})
    {'guardrail': {'pii': 2}, 'also': {'PRF.SLOW': 1}}
    """
    if not news:
        return before
    columns = dict(before)
    for column in dict.fromkeys(column for column, _ in news):
        columns[column] = counted_by(columns.get(column, {}), {key: n for key, n in news.items() if key[0] == column})
    return columns


def carried(before: dict[str, int], paths: tuple[str, ...], second: int) -> dict[str, int]:
    """Take note of the evidence that exchanges carry: when each path was last seen, to the hour.

    Examples
    --------
    >>> carried({"status": 3600}, ("status", "tools"), 3700)
    {'status': 3600, 'tools': 3600}
    """
    hour = second - second % HOUR_S
    news = {path: hour for path in paths if before.get(path) != hour}
    return {**before, **news} if news else before

"""The buckets since an onset -> one tally of what came after."""

from dataclasses import dataclass

import numpy as np

from streams.watch.detector import Detector
from streams.watch.state import Ints, Stream


@dataclass(frozen=True, slots=True)
class After:
    """What a stream did since a moment: (S, F) kept counts, raw numbers of the whole, modes, and who `__other__` is."""

    kept: Ints
    raw: Ints
    modes: dict[str, int]
    others: dict[str, dict[str, int]]


def after(detector: Detector, stream: Stream, since_s: int, bucket_s: int, until_s: int | None = None) -> After | None:
    """Add up the buckets that begin at or after the onset's own; None if there are none."""
    chosen = [
        b for b in sorted(stream.buckets) if b >= since_s // bucket_s and (until_s is None or b < until_s // bucket_s)
    ]
    if not chosen:
        return None
    buckets = [stream.buckets[b] for b in chosen]
    modes: dict[str, int] = {}
    others: dict[str, dict[str, int]] = {}
    for bucket in buckets:
        for mode, n in bucket.modes.items():
            modes[mode] = modes.get(mode, 0) + n
        for field, names in bucket.others.items():
            held = others.setdefault(field, {})
            for name, n in names.items():
                held[name] = held.get(name, 0) + n
    return After(
        np.sum([b.kept for b in buckets], axis=0, dtype=np.int64),
        np.sum([b.raw for b in buckets], axis=0, dtype=np.int64),
        modes,
        others,
    )


def kept_of(detector: Detector, tally: Ints) -> Ints:
    """Fold a baseline's (S, C) tally into (S, F) kept cells."""
    slices, f = detector.slices, detector.kept_cells
    flat = (np.arange(slices)[:, None] * f + detector.fold).ravel()
    return np.bincount(flat, tally.ravel(), minlength=slices * f).astype(np.int64).reshape(slices, f)

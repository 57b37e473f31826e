"""The buckets since an onset -> one tally of what came after."""

from dataclasses import dataclass

import numpy as np

from schemas.signals import RATE_CELLS
from streams.watch.detector import Detector
from streams.watch.state import Bucket, Ints, Stream

ENOUGH = 30
"""Exchanges that can speak for a stream."""


@dataclass(frozen=True, slots=True)
class After:
    """What a stream did since a moment: (S, F) kept counts, raw numbers of the whole, modes, and who `__other__` is."""

    kept: Ints
    raw: Ints
    modes: dict[str, int]
    others: dict[str, dict[str, int]]


def after(stream: Stream, since_s: int, bucket_s: int) -> After | None:
    """Add up the buckets from the one that holds a moment on; None if there are none."""
    buckets = [stream.buckets[bucket] for bucket in sorted(stream.buckets) if bucket >= since_s // bucket_s]
    if not buckets:
        return None
    # A change rarely begins with a bucket: once the buckets behind the first can speak for themselves, it is left out.
    if sum(_events(bucket) for bucket in buckets[1:]) >= ENOUGH:
        buckets = buckets[1:]
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


def _events(bucket: Bucket) -> int:
    return int(bucket.kept[0, :RATE_CELLS].sum())


def kept_of(detector: Detector, tally: Ints) -> Ints:
    """Fold a baseline's (S, C) tally into (S, F) kept cells."""
    slices, f = detector.slices, detector.kept_cells
    flat = (np.arange(slices)[:, None] * f + detector.fold).ravel()
    return np.bincount(flat, tally.ravel(), minlength=slices * f).astype(np.int64).reshape(slices, f)

"""The buckets of a stream -> those that are kept, and one tally of what came since a moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from schemas.signals import RATE_CELLS
from streams.watch.arrays import Counts, Ints
from streams.watch.state import Bucket, Stream

WIDE: Final = np.dtype(np.int64).itemsize
ENOUGH: Final = 30
"""Exchanges that can speak for a stream."""
LIVELY: Final = 3
"""The latest buckets, of which counts still come; the others are kept in as few bytes as hold them."""


def settled(buckets: dict[int, Bucket], window_s: int, bucket_s: int) -> dict[int, Bucket]:
    """Keep the buckets of the window, which ends with the latest: it follows the events' own time, not ours.

    Parameters
    ----------
    buckets : start in seconds -> bucket
    window_s : of event time that is kept
    bucket_s : seconds a bucket
    """
    latest = max(buckets)
    lively = latest - LIVELY * bucket_s
    wide = [begins for begins, one in buckets.items() if begins <= lively and one.kept.itemsize == WIDE]
    if not wide and min(buckets) > latest - window_s:
        return buckets
    small = {
        begins: replace(buckets[begins], kept=_small(buckets[begins].kept), raw=_small(buckets[begins].raw))
        for begins in wide
    }
    return {begins: small.get(begins, one) for begins, one in buckets.items() if begins > latest - window_s}


def _small(counts: Counts) -> Counts:
    small: Counts = counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
    return small


@dataclass(frozen=True, slots=True)
class After:
    """What a stream did since a moment: kept counts, raw numbers of the whole, modes, marks, who `__other__` is."""

    kept: Ints
    raw: Ints
    modes: dict[str, int]
    others: dict[str, dict[str, int]]
    marks: dict[str, dict[str, int]]


def after(stream: Stream, since_s: int, bucket_s: int) -> After | None:
    """Add up the buckets from the one that holds a moment on; None if there are none."""
    buckets = [stream.buckets[begins] for begins in sorted(stream.buckets) if begins > since_s - bucket_s]
    if not buckets:
        return None
    # A change rarely begins with a bucket: once the buckets behind the first can speak for themselves, it is left out.
    if sum(events(bucket.kept) for bucket in buckets[1:]) >= ENOUGH:
        buckets = buckets[1:]
    modes: dict[str, int] = {}
    others: dict[str, dict[str, int]] = {}
    marks: dict[str, dict[str, int]] = {}
    for bucket in buckets:
        add(modes, bucket.modes)
        for kept, found in ((bucket.others, others), (bucket.marks, marks)):
            for place, names in kept.items():
                add(found.setdefault(place, {}), names)
    return After(
        np.sum([b.kept for b in buckets], axis=0, dtype=np.int64),
        np.sum([b.raw for b in buckets], axis=0, dtype=np.int64),
        modes,
        others,
        marks,
    )


def events(kept: Counts) -> int:
    """Count the exchanges of kept counts: the events of the first rate, which every exchange has."""
    return int(kept[:RATE_CELLS].sum())


def add(into: dict[str, int], counts: Mapping[str, int]) -> None:
    """Add counts to counts, in place."""
    for name, n in counts.items():
        into[name] = into.get(name, 0) + n


def frequent(names: dict[str, int], most: int) -> dict[str, int]:
    """Keep the names that are most frequent."""
    if len(names) <= most:
        return names
    return dict(sorted(names.items(), key=lambda item: (-item[1], item[0]))[:most])

"""A config -> a service whose every place is taken: all slices, all names, a full window of history; and its bytes."""

from typing import Final, NamedTuple

import numpy as np

from schemas.signals import CATEGORIES
from schemas.tallies import FIXED
from streams.watch.alphabet import dimension_of, segments, slice_count, width
from streams.watch.detector import Detector
from streams.watch.layout import detector
from streams.watch.plan import Plan
from streams.watch.state import Alphabet, Baseline, Bucket, Ints, State, Stream
from streams.watch.store import Written, writes
from streams.watch.window import settled

LEARNED: Final = 10_000
SECOND: Final = 1_795_478_400


def alphabet(plan: Plan) -> Alphabet:
    """Fill every place: all slices that a dimension may have, and all names of a category."""
    watch, dimensions = plan.config.watch, tuple(plan.config.measure.slices)
    return Alphabet(
        dimensions,
        tuple(tuple(f"slice-{i}" for i in range(watch.slices_per_dimension)) for _ in dimensions),
        tuple(tuple(f"name-{i}" for i in range(watch.names_per_signal)) for _ in CATEGORIES),
        watch.names_per_signal,
    )


def counts(known: Alphabet, events: int, rng: np.random.Generator) -> Ints:
    """Draw events: (slices, cells). Each dimension's slices sum to the whole, signal by signal."""
    tally = np.zeros((slice_count(known), width(known)), np.int64)
    fields = dimension_of(known)
    for signal, where in segments(known):
        cells = where.stop - where.start
        if signal.kind == "number":
            shape = np.exp(-(((np.arange(cells) - cells / 2) / 12) ** 2))
        elif signal.kind == "rate":
            shape = np.array([0.9, 0.1, 0.0])
        else:
            shape = 1.0 / (1 + np.arange(cells))
        shape[-1] = 0.0  # all of it is observed
        tally[0, where] = rng.multinomial(events, shape / shape.sum())
        for field in known.dimensions:
            rows = slice(fields.index(field), fields.index(field) + fields.count(field))
            of_slice = rng.dirichlet(np.ones(fields.count(field)))
            tally[rows, where] = rng.multinomial(tally[0, where], of_slice).T
    return tally


def baseline(plan: Plan, rng: np.random.Generator) -> Baseline:
    """Learn a service of one release."""
    known = alphabet(plan)
    return Baseline(1, known, LEARNED, counts(known, LEARNED, rng), {}, ("release-0",), SECOND, 1000)


class Sizes(NamedTuple):
    """Bytes of a service in its topic.

    Attributes
    ----------
    hot : of the record that is written again and again
    baseline, bucket, buckets : of those that are written once: the baseline, the largest bucket, all of them
    """

    hot: int
    baseline: int
    bucket: int
    buckets: int

    @property
    def all(self) -> int:
        """Add up what a restart reads."""
        return self.hot + self.baseline + self.buckets


def sizes(plan: Plan, releases: int, events: int, rng: np.random.Generator) -> Sizes:
    """Write a service's state as a checkpoint would, with a full window of history of each release.

    Parameters
    ----------
    releases : that serve at the same time
    events : of each, in a bucket
    """
    learned = baseline(plan, rng)
    watching, bucket_s = detector(learned, plan, "service"), plan.config.measure.bucket_s
    streams = {}
    for name in (f"release-{i}" for i in range(releases)):
        begins = SECOND - bucket_s * np.arange(plan.config.watch.window_buckets)
        buckets = {at_s: _bucket(watching, learned, events, rng) for at_s in begins.tolist()}
        evidence = rng.random(len(watching.accumulators.bets), np.float32)
        streams[name] = Stream(name, SECOND, SECOND, evidence, buckets=settled(buckets, plan.window_s, bucket_s))
    state = State(
        service="service",
        offset=0,
        second=SECOND,
        total=np.full(FIXED, events),
        naming=None,
        baseline=learned,
        streams=streams,
    )
    written, _ = writes({"service": state}, ["service"], Written())
    of_baseline, *of_buckets = sorted((len(key) + len(value) for key, value in written.cold), reverse=True)
    hot = sum(len(key) + len(value) for key, value in written.hot)
    return Sizes(hot, of_baseline, max(of_buckets), sum(of_buckets))


def _bucket(watching: Detector, learned: Baseline, events: int, rng: np.random.Generator) -> Bucket:
    tally = counts(learned.alphabet, events, rng)
    numbers = [tally[0, where] for signal, where in segments(learned.alphabet) if signal.kind == "number"]
    return Bucket(watching.kept_of(tally), np.stack(numbers))

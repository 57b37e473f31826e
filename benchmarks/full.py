"""A config -> a service whose every slice is taken and whose every signal is observed; and how many bytes it is."""

from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from benchmarks.flushes import SERVICE, Maker
from benchmarks.nulls import Seconds
from benchmarks.watched import BEGIN_S
from detectors.limits.season import HOURS
from schemas.cells import CELLS
from schemas.signals import NUMBERS, RATES
from streams.watch.baseline import Derived, Growth, Taken, Waiting
from streams.watch.clock import begin_ms
from streams.watch.layout import detector
from streams.watch.packed import packed
from streams.watch.plan import Plan
from streams.watch.stage import Record, reading, step
from streams.watch.state import State
from streams.watch.store import GROWTH, Written, writes

RATE: Final = 0.1
A_WEEK: Final = 1_000_000
"""Exchanges."""
_OCTAVES: Final = (np.arange(CELLS) - 100) / 8
SHAPE: Final = np.where(np.arange(CELLS) < CELLS - 1, np.exp(-(_OCTAVES**2)), 0.0)
"""Of every number: some three octaves wide, none of it missing."""


def sent(seconds: int, parts: int, events: int, rng: np.random.Generator) -> Seconds:
    """Draw so many events a second, over parts of one size, with every rate and number observed."""
    of = rng.multinomial(events, np.full(parts, 1 / parts), seconds)
    yes = rng.binomial(of[..., None], RATE, (seconds, parts, len(RATES)))
    each = np.broadcast_to(of[..., None], (seconds, parts, len(NUMBERS)))
    return Seconds(of, yes, rng.multinomial(each, SHAPE / SHAPE.sum()))


def service(plan: Plan, events: int, rng: np.random.Generator, releases: int = 1, buckets: int = 1) -> State:
    """Let a service be learned, and send events into its buckets; the second of the last is not yet decided.

    Parameters
    ----------
    plan : of the config. Each dimension has as many names as may have slices of their own
    events : of each release, in each bucket
    releases, buckets : how many
    """
    parts, bucket_s = plan.config.watch.slices_per_dimension, plan.config.measure.bucket_s
    names = tuple(signal.name for signal in NUMBERS)
    maker = Maker(plan.config.measure.slices, names, releases, parts, everything=True)
    half = -(-plan.baseline_events(SERVICE) // 2 // releases)  # the first half says which names there are
    states: dict[str, State] = {}
    at_s, offset, n = BEGIN_S, 0, 0
    for size, flushes in ((half, 2), (events, buckets)):
        when = at_s + bucket_s * np.arange(flushes)
        of_each = [sent(flushes, parts, size, rng) for _ in range(releases)]
        for second, flush in zip(when.tolist(), maker.flushes(of_each, when, offset), strict=True):
            changed, _ = step(plan, 0, states, Record(n, begin_ms(second), b""), reading(flush))
            states |= changed
            offset, n, at_s = flush.end, n + 1, second + bucket_s
    return states[SERVICE]


def aged(plan: Plan, state: State, weeks: int, rng: np.random.Generator) -> State:
    """Let so many quiet weeks pass, a million exchanges each: what a baseline took in, and two days that wait.

    Parameters
    ----------
    state : of a service that was learned
    """
    assert state.baseline is not None
    first = detector(state.baseline, plan, state.service)
    expected = A_WEEK / HOURS / state.baseline.events * np.concatenate([
        np.tile(first.usual[first.whole], HOURS), first.usual * HOURS
    ])  # fmt: skip
    learned = rng.poisson(expected * weeks)
    hours, sums, days = learned[: -first.kept_size], learned[-first.kept_size :], 0b1111111
    day = packed(np.where(np.arange(len(learned)) < 24 * len(first.whole), rng.poisson(expected), 0))
    week = rng.poisson(expected[-first.kept_size :])
    growth = Growth(
        0, week // HOURS, Waiting(0, day, day), Taken(packed(hours), days, sums, 0, week),
        Derived(weeks, packed(hours), days, sums),
    )  # fmt: skip
    return replace(state, growth=growth)


class Sizes(NamedTuple):
    """Bytes of a service in its topic.

    Attributes
    ----------
    hot : of the record that is written again and again
    baseline : of the first version, which is written once
    growth : of what it took in since, once a day, and what waits for it, once an hour
    bucket, buckets : of history, each written once: the largest, all of it
    """

    hot: int
    baseline: int
    growth: int
    bucket: int
    buckets: int

    @property
    def all(self) -> int:
        """Add up what a restart reads."""
        return self.hot + self.baseline + self.growth + self.buckets


def sizes(state: State) -> Sizes:
    """Write a service's state as a checkpoint would, and count."""
    written, _ = writes({state.service: state}, [state.service], Written())
    cold = {key: len(key) + len(value) for key, value in written.cold}
    buckets = [size for key, size in cold.items() if b"bucket" in key]
    growth = sum(size for key, size in cold.items() if key.split(b"\0")[1].decode() in GROWTH)
    hot = sum(len(key) + len(value) for key, value in written.hot)
    return Sizes(hot, sum(cold.values()) - sum(buckets) - growth, growth, max(buckets), sum(buckets))

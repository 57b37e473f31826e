"""A config -> a service whose every slice is taken and whose every signal is observed; and how many bytes it is."""

from typing import Final, NamedTuple

import numpy as np

from benchmarks.flushes import SERVICE, Maker
from benchmarks.nulls import Seconds
from benchmarks.watched import BEGIN_S
from schemas.cells import CELLS
from schemas.signals import NUMBERS, RATES
from streams.watch.clock import begin_ms
from streams.watch.plan import Plan
from streams.watch.stage import Record, reading, step
from streams.watch.state import State
from streams.watch.store import Written, writes

RATE: Final = 0.1
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


def sizes(state: State) -> Sizes:
    """Write a service's state as a checkpoint would, and count."""
    written, _ = writes({state.service: state}, [state.service], Written())
    cold = {key: len(key) + len(value) for key, value in written.cold}
    buckets = [size for key, size in cold.items() if b"bucket" in key]
    hot = sum(len(key) + len(value) for key, value in written.hot)
    return Sizes(hot, sum(cold.values()) - sum(buckets), max(buckets), sum(buckets))

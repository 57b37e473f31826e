"""What arrives before a service is watched -> its baseline: names from the first half, counts from the second."""

import numpy as np
from msgspec.structs import replace

from schemas.tallies import OTHER
from streams.watch.alphabet import Placed, choose, events_of, names_of, place, slice_count, width
from streams.watch.plan import Plan
from streams.watch.state import Baseline, Counting, Naming, Part, State

MOST_NAMES = 4096
"""Names of a field that are counted while learning; what comes later is `__other__`."""


def learn(plan: Plan, state: State, part: Part) -> State:
    """Learn from a part.

    The alphabet and the counts over it must come from different events: names are in an alphabet because they were
    seen, so their counts in the same events say too much, and `__unseen__` is empty there by construction.

    Parameters
    ----------
    plan : how many exchanges to learn from
    state : of a service that has no baseline yet
    part : what is new; a part is never split between the halves, so the halves end at flushes
    """
    half = max(plan.baseline_events(state.service) // 2, 1)
    if state.naming is not None:
        naming = _named(state.naming, part, plan.config.measure.slices)
        if naming.events < half:
            return replace(state, naming=naming)
        watch = plan.config.watch
        alphabet = choose(
            naming.names, tuple(plan.config.measure.slices), watch.slices_per_dimension, watch.names_per_signal
        )
        tally = np.zeros((slice_count(alphabet), width(alphabet)), np.int64)
        return replace(state, naming=None, counting=Counting(alphabet, state.second, 0, tally))
    assert state.counting is not None
    counting = state.counting
    placed = place(counting.alphabet, part)
    counting = Counting(
        counting.alphabet,
        counting.began,
        counting.events + events_of(part),
        counting.tally + spread(placed, counting.tally.shape),
        _add_modes(counting.modes, placed),
    )
    if counting.events < half:
        return replace(state, counting=counting)
    baseline = Baseline(
        version=1,
        alphabet=counting.alphabet,
        events=counting.events,
        tally=counting.tally,
        modes=counting.modes,
        learned_at=state.second,
        span_s=max(state.second - counting.began, 1),
    )
    return replace(state, counting=None, baseline=baseline)


def spread(placed: Placed, shape: tuple[int, ...]) -> np.ndarray:
    """Lay placed counts out as (slices, cells)."""
    flat = np.bincount(placed.slice * shape[1] + placed.cell, placed.count, minlength=shape[0] * shape[1])
    return flat.astype(np.int64).reshape(shape)


def _named(naming: Naming, part: Part, dimensions: tuple[str, ...]) -> Naming:
    names = dict(naming.names)
    for field, found in names_of(part, tuple(dimensions)).items():
        held = dict(names.get(field, {}))
        for name, n in found.items():
            key = name if name in held or len(held) < MOST_NAMES else OTHER
            held[key] = held.get(key, 0) + n
        names[field] = held
    return Naming(naming.events + events_of(part), names)


def _add_modes(modes: dict[str, int], placed: Placed) -> dict[str, int]:
    total = dict(modes)
    for (_, _, mode), n in placed.modes.items():
        total[mode] = total.get(mode, 0) + n
    return total

"""What arrives before a service is watched -> its baseline: names from the first half, counts from the second."""

from typing import Final

import numpy as np
from msgspec.structs import replace

from schemas.tallies import OTHER
from streams.watch.alphabet import choose, segments, slice_count, width
from streams.watch.merge import counted
from streams.watch.parts import of_release
from streams.watch.place import Placed, events_of, names_of, place
from streams.watch.plan import Plan
from streams.watch.state import Baseline, Counting, Ints, Naming, Part, State

MOST_RELEASES: Final = 32


def learn(plan: Plan, state: State, part: Part) -> State:
    """Learn from a finished block.

    The alphabet and the counts over it must come from different events: names are in an alphabet because they were
    seen, so their counts in the same events say too much, and `__unseen__` is empty there by construction.

    Parameters
    ----------
    plan : how many exchanges to learn from
    state : of a service that has no baseline yet, or learns one anew
    part : all that the block said of it; a block is never split between the halves
    """
    if state.learns_from:
        part = of_release(part, state.learns_from)
    half = max(plan.baseline_events(state.service) // 2, 1)
    if state.naming is not None:
        naming, beyond = _named(state.naming, part, plan.config.limits.learned_names)
        if beyond:
            state = replace(state, beyond=counted(state.beyond, "learned_names", beyond))
        if naming.events < half:
            return replace(state, naming=naming)
        watch, dimensions = plan.config.watch, tuple(plan.config.measure.slices)
        alphabet = choose(
            naming.names, dimensions, watch.slices_per_dimension, watch.names_per_signal, plan.config.limits.known_names
        )
        tally = np.zeros((slice_count(alphabet), width(alphabet)), np.int64)
        return replace(state, naming=None, counting=Counting(alphabet, state.second, 0, tally))
    assert state.counting is not None
    counting = _counted(state.counting, part)
    if counting.events < half:
        return replace(state, counting=counting)
    baseline = Baseline(
        version=state.baseline.version + 1 if state.baseline else 1,
        alphabet=counting.alphabet,
        events=counting.events,
        tally=counting.tally,
        modes=counting.modes,
        releases=counting.releases,
        learned_at=state.second,
        span_s=max(state.second - counting.began, 1),
    )
    if state.baseline is not None and state.relearns:
        baseline = replace(baseline, tally=_mixed(state.baseline, baseline.tally, state.relearns))
    return replace(state, counting=None, baseline=baseline, relearns=(), learns_from="")


def relearned(state: State, signals: tuple[str, ...], release: str) -> State:
    """Begin to learn anew; the old baseline, if there is one, goes on watching until then.

    Parameters
    ----------
    signals : what to learn, in the alphabet that there is; all signals, and a new alphabet, if empty
    release : whose traffic teaches; all traffic, if empty
    """
    if signals and state.baseline is not None:
        known = state.baseline
        counting = Counting(known.alphabet, state.second, 0, np.zeros_like(known.tally))
        return replace(state, naming=None, counting=counting, relearns=signals, learns_from=release)
    return replace(state, naming=Naming(), counting=None, relearns=(), learns_from=release)


def _mixed(known: Baseline, tally: Ints, signals: tuple[str, ...]) -> Ints:
    """Put the new counts of some signals in the place of the old."""
    mixed = known.tally.copy()
    for signal, where in segments(known.alphabet):
        if signal.name in signals:
            mixed[:, where] = tally[:, where]
    return mixed


def spread(placed: Placed, shape: tuple[int, ...]) -> Ints:
    """Lay placed counts out as (slices, cells); the whole stream is slice 0."""
    whole, known = placed.whole[placed.row], placed.slice[placed.row] >= 0
    flat = np.concatenate([placed.cell[whole], (placed.slice[placed.row] * shape[1] + placed.cell)[known]])
    counts = np.concatenate([placed.count[whole], placed.count[known]])
    return np.bincount(flat, counts, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)


def _named(naming: Naming, part: Part, most: int) -> tuple[Naming, int]:
    """Count names, and the events of those that are too many."""
    names, beyond = dict(naming.names), 0
    for field, found in names_of(part).items():
        held = dict(names.get(field, {}))
        for name, n in found.items():
            key = name if name in held or len(held) < most else OTHER
            beyond += n if key != name else 0
            held[key] = held.get(key, 0) + n
        names[field] = held
    return Naming(naming.events + events_of(part), names), beyond


def _counted(counting: Counting, part: Part) -> Counting:
    placed = place(counting.alphabet, part)
    modes = dict(counting.modes)
    for (_, mode), n in placed.modes.items():
        modes[mode] = modes.get(mode, 0) + n
    served = dict.fromkeys((*counting.releases, *(part.names[i] for i in np.unique(placed.release).tolist())))
    return Counting(
        counting.alphabet,
        counting.began,
        counting.events + events_of(part),
        counting.tally + spread(placed, counting.tally.shape),
        modes,
        tuple(served)[:MOST_RELEASES],
    )

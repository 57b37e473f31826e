"""What arrives before a service is watched -> its baseline: names from the first half, counts from the second."""

from typing import Final

import numpy as np
from msgspec.structs import replace

from schemas.tallies import OTHER
from streams.watch.alphabet import choose, counts_as, renewed, signals_of, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Alphabet, Baseline, Counting, Naming
from streams.watch.merge import counted
from streams.watch.parts import of_release
from streams.watch.place import events_of, names_of, place, spread
from streams.watch.plan import Plan
from streams.watch.state import Part, State
from streams.watch.window import add, frequent

MOST_RELEASES: Final = 32
MOST_MARKS: Final = 128


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
        counting = _begun(_alphabet(plan, state, naming), state.second)
        return replace(state, naming=None, counting=counting)
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
        marks=counting.marks,
        releases=counting.releases,
        learned_at=state.second,
        span_s=max(state.second - counting.began, 1),
        anew=_anew(state, counting.alphabet),
        carried=tuple(sorted(state.carried)),
    )
    if state.baseline is not None and state.relearns:
        baseline = replace(baseline, tally=_mixed(state.baseline, baseline, state.relearns))
    return replace(state, counting=None, baseline=baseline, relearns=(), learns_from="")


def relearned(plan: Plan, state: State, signals: tuple[str, ...], release: str) -> State:
    """Begin to learn anew; the old baseline, if there is one, goes on watching until then.

    Parameters
    ----------
    signals : what to learn, in the alphabet that there is but for their own names; all signals, and a new alphabet, if
        empty
    release : whose traffic teaches; all traffic, if empty
    """
    if not signals or state.baseline is None:
        return replace(state, naming=Naming(), counting=None, relearns=(), learns_from=release)
    state = replace(state, naming=None, counting=None, relearns=signals, learns_from=release)
    if any(signal.kind == "category" for signal in plan.known if signal.name in signals):
        return replace(state, naming=Naming())
    return replace(state, counting=_begun(_alphabet(plan, state, Naming()), state.second))


def caught_up(plan: Plan, state: State) -> State:
    """Begin to learn a user's own signals that the baseline, or what is being learned, does not know.

    The baseline goes on watching all others meanwhile. Signals that are no longer declared need nothing: nothing is
    counted of them, so that no bet on them moves.
    """
    learning = state.naming is not None or state.counting is not None
    if (state.baseline is None or learning) and not state.relearns:  # all is being learned
        if state.counting is None or not _lacking(plan, state.counting.alphabet):
            return state
        return relearned(plan, state, (), state.learns_from)
    assert state.baseline is not None
    signals = tuple(dict.fromkeys((*state.relearns, *_lacking(plan, state.baseline.alphabet))))
    if signals == state.relearns and (state.counting is None or not _lacking(plan, state.counting.alphabet)):
        return state
    return relearned(plan, state, signals, state.learns_from)


def _anew(state: State, alphabet: Alphabet) -> tuple[str, ...]:
    """Name the signals that were learned before, and now, or once since then, again."""
    if state.baseline is None:
        return ()
    again = state.relearns or [signal.name for signal in signals_of(alphabet)]
    return tuple(dict.fromkeys((*state.baseline.anew, *again)))


def _lacking(plan: Plan, alphabet: Alphabet) -> tuple[str, ...]:
    """Name the user's own signals of which an alphabet counts something else, or nothing."""
    held = {one.name: counts_as(one) for one in alphabet.own}
    return tuple(one.name for one in plan.own if held.get(one.name) != counts_as(one))


def _alphabet(plan: Plan, state: State, naming: Naming) -> Alphabet:
    """Freeze the alphabet to count in."""
    watch, limits = plan.config.watch, plan.config.limits
    if state.relearns and state.baseline is not None:
        return renewed(state.baseline.alphabet, naming.names, state.relearns, plan.own, limits.known_names)
    return choose(
        naming.names, tuple(plan.config.measure.slices), watch.slices_per_dimension, watch.names_per_signal,
        limits.known_names, plan.own,
    )  # fmt: skip


def _begun(alphabet: Alphabet, second: int) -> Counting:
    return Counting(alphabet, second, 0, np.zeros(tally_row(alphabet).size, np.int64))


def _mixed(known: Baseline, new: Baseline, signals: tuple[str, ...]) -> Ints:
    """Put the old counts of all but some signals in the place of the new."""
    mixed = new.tally.copy()
    held = {segment.signal.name: segment for segment in tally_row(known.alphabet).segments}
    for segment in tally_row(new.alphabet).segments:
        if segment.signal.name not in signals:
            segment.put(mixed, held[segment.signal.name].of(known.tally))
    return mixed


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
    marks = {column: dict(names) for column, names in counting.marks.items()}
    for (_, column, name), n in placed.marks.items():
        add(marks.setdefault(column, {}), {name: n})
    served = dict.fromkeys((*counting.releases, *(part.names[i] for i in np.unique(placed.release).tolist())))
    return Counting(
        counting.alphabet,
        counting.began,
        counting.events + events_of(part),
        counting.tally + spread(counting.alphabet, placed),
        modes,
        tuple(served)[:MOST_RELEASES],
        {column: frequent(names, MOST_MARKS) for column, names in marks.items()},
    )

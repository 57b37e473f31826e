"""A service whose every slice is taken is one that could be."""

import numpy as np

from benchmarks.cost import updates
from benchmarks.full import aged, sent, service, sizes
from schemas.config import Config
from schemas.taxonomy import Taxonomy
from streams.watch.alphabet import slice_count
from streams.watch.derived import watching
from streams.watch.layout import detector
from streams.watch.plan import Plan

PLAN = Plan.of(Config(), Taxonomy.load_default())
EVENTS = 100


def test_every_event_lies_in_one_part_and_says_all_that_is_asked() -> None:
    said = sent(5, parts=8, events=EVENTS, rng=np.random.default_rng(1))
    assert (said.events.sum(axis=1) == EVENTS).all()
    assert (said.yes <= said.events[..., None]).all()
    assert (said.numbers.sum(axis=3) == said.events[..., None]).all()


def test_it_is_learned_from_as_much_as_the_config_says_and_all_slices_are_there() -> None:
    state, asked = service(PLAN, EVENTS, np.random.default_rng(1)), PLAN.config
    assert state.baseline is not None
    assert state.baseline.events == asked.watch.baseline_events / 2
    watching = detector(state.baseline, PLAN, state.service)
    assert slice_count(state.baseline.alphabet) == 1 + len(asked.measure.slices) * (
        asked.watch.slices_per_dimension + 1
    )
    [stream] = state.streams.values()
    assert stream.pending is not None  # a second that waits to be decided
    sliced = sum(table.slices > 1 for table in watching.tables)
    assert updates(watching, 3) == len(watching.tables) + 3 * sliced


def test_a_state_of_more_releases_is_larger_by_their_evidence_and_history() -> None:
    one, two = (service(PLAN, EVENTS, np.random.default_rng(1), releases, buckets=4) for releases in (1, 2))
    [stream] = one.streams.values()
    assert len(two.streams) == 2
    assert sizes(two).hot - sizes(one).hot > stream.evidence.nbytes
    assert sizes(two).buckets > 1.9 * sizes(one).buckets  # counts are drawn anew
    assert sizes(one).all == sizes(one).hot + sizes(one).baseline + sizes(one).buckets


def test_what_was_taken_in_is_state_as_well_and_nothing_else_grows_by_it() -> None:
    young = service(PLAN, EVENTS, np.random.default_rng(1))
    old = aged(PLAN, young, weeks=8, rng=np.random.default_rng(2))
    assert sizes(young).growth == 0
    assert sizes(old).growth > 50_000
    assert sizes(old).baseline == sizes(young).baseline
    assert watching(PLAN, old).bets == watching(PLAN, young).bets

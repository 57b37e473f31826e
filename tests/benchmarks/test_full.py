"""A service whose every place is taken is one that could be."""

import numpy as np

from benchmarks.cost import begin, updates
from benchmarks.full import alphabet, counts, sizes
from schemas.config import Config
from schemas.signals import CATALOGUE
from schemas.taxonomy import Taxonomy
from streams.watch.alphabet import dimension_of, segments, slice_count
from streams.watch.plan import Plan

PLAN = Plan.of(Config(), Taxonomy.load_default())


def test_the_slices_of_each_dimension_sum_to_the_whole() -> None:
    known = alphabet(PLAN)
    tally, fields = counts(known, 1_000, np.random.default_rng(1)), dimension_of(known)
    for field in known.dimensions:
        assert (tally[[one == field for one in fields]].sum(axis=0) == tally[0]).all()
    for _, where in segments(known):
        assert tally[0, where].sum() == 1_000


def test_every_slice_that_a_dimension_may_have_is_there() -> None:
    asked = PLAN.config
    assert slice_count(alphabet(PLAN)) == 1 + len(asked.measure.slices) * (asked.watch.slices_per_dimension + 1)


def test_a_state_of_more_releases_is_larger_by_their_evidence_and_history() -> None:
    one, two = (sizes(PLAN, releases, 100, np.random.default_rng(1)) for releases in (1, 2))
    evidence = begin(PLAN, "service", 100, np.random.default_rng(1)).stream.evidence.nbytes
    assert two.hot - one.hot > evidence
    assert two.buckets > 1.9 * one.buckets  # counts are drawn anew
    assert one.all == one.hot + one.baseline + one.buckets


def test_an_event_updates_the_whole_of_every_signal_and_a_slice_in_each_dimension_of_some() -> None:
    watching = begin(PLAN, "service", 100, np.random.default_rng(1)).detector
    sliced = sum(table.slices > 1 for table in watching.tables)
    assert updates(watching, 3) == len(CATALOGUE) + 3 * sliced

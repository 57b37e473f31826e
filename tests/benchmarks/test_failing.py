"""What services are said to do is what WATCH gets to know, and what it tells of it."""

import numpy as np
import pytest

from benchmarks.diversity import SPREAD, TRUSTING, TWICE, USUAL
from benchmarks.failing import RATE, TRAFFIC, Process, flush, watch
from benchmarks.flushes import ALL, BUCKET_S, SERVICE
from detectors.describe.hill import hill
from schemas.config import parse
from schemas.signals import FAILURE_MODE, NO, YES
from schemas.tallies import layout
from schemas.taxonomy import Taxonomy
from streams.watch.parts import parts
from streams.watch.plan import Plan

DIMENSIONS = ("workflow", "intent", "model_served")


def plan() -> Plan:
    return Plan.of(parse(TRUSTING), Taxonomy.load_default())


def test_a_flush_says_what_was_served_and_how_it_failed() -> None:
    served, failed = USUAL.draw(5_000, np.random.default_rng(1))
    part = parts(flush(DIMENSIONS, 10 * BUCKET_S, 7, served, failed))[SERVICE]
    column = layout().fixed + layout().columns.index(FAILURE_MODE) * len(part.names)
    rows = np.repeat(np.arange(len(part.groups)), part.groups[:, 4])
    for i, (start, _, dimension, name, _) in enumerate(part.groups.tolist()):
        told = dict(zip(part.cells[rows == i].tolist(), part.counts[rows == i].tolist(), strict=True))
        assert start == 10 * BUCKET_S
        slice_ = part.names[name]
        which = range(len(TRAFFIC)) if slice_ == ALL else [int(slice_.removeprefix("workflow-"))]
        assert (slice_ == ALL) is (dimension > 0)
        assert told.pop(NO, 0) + told.get(YES, 0) == served[list(which)].sum()
        assert told.pop(YES, 0) == failed[list(which)].sum()
        modes = {part.names[cell - column]: n for cell, n in told.items()}
        expected = failed[which[0]] if dimension == 0 else ()
        assert modes == {f"X.MODE_{m:02}": n for m, n in enumerate(expected) if n}


def test_a_flush_covers_as_many_events_as_were_served() -> None:
    served, failed = USUAL.draw(500, np.random.default_rng(2))
    one = flush(DIMENSIONS, 0, 7, served, failed)
    assert (one.anchor, one.end - one.anchor) == (7, served.sum())


def test_the_processes_differ_in_what_they_are_said_to() -> None:
    """Of three million exchanges 90,000 fail, give or take four standard deviations of 300."""
    chance = np.random.default_rng(3)
    for process in (USUAL, Process(TWICE), USUAL._replace(where=3)):
        served, failed = process.draw(3_000_000, chance)
        assert abs(failed.sum() - RATE * served.sum()) < 4 * 300
        alone = (failed.sum(axis=1) > 0).tolist()
        assert alone == [process.where in (None, i) for i in range(len(TRAFFIC))]
        effective = hill(failed.sum(axis=0), 1).value
        assert effective == pytest.approx(8 if process.shares is TWICE else 4, rel=0.02)


def test_a_spread_is_told_and_more_of_the_same_is_not() -> None:
    assert "failure_diversity" in watch(plan(), USUAL, Process(TWICE), 10_000, 1, until="failure_diversity")
    moved = watch(plan(), USUAL, USUAL._replace(where=3), 10_000, 1, until="failure_concentration")
    assert "failure_concentration" in moved
    assert not watch(plan(), USUAL, USUAL, 10_000, 1).keys() & set(SPREAD)

"""All bets of a service asked in one go say what each signal's own table says."""

from typing import Any

import numpy as np
import pytest

from detectors.arrays import Counts, Floats
from detectors.bets import rate
from detectors.bets.table import Bets
from schemas.config import parse
from schemas.taxonomy import Taxonomy
from streams.watch import layout
from streams.watch.alphabet import tally_row
from streams.watch.baseline import Baseline
from streams.watch.detector import Detector
from streams.watch.plan import Plan
from streams.watch.size import fullest
from tests.watch.tallies import kept_of

PLAN = Plan.of(
    parse("""
    watch: {slices_per_dimension: 2, names_per_signal: 3}
    signals:
    - {name: escaped, source: attribute, kind: rate, sliced: true, consequence: harm}
    - {name: score, source: evaluator, kind: number, sliced: true}
    - {name: tier, source: attribute, kind: category}
    """),
    Taxonomy.load_default(),
)


def learned() -> Baseline:
    alphabet = fullest(PLAN)
    tally = np.random.default_rng(7).integers(0, 40, tally_row(alphabet).size)
    return Baseline(1, alphabet, 10_000, tally, {}, ("1",), 0, 3600)


def by_table(found: Detector, kept: Counts) -> Floats:
    """Ask each table what each of its cells wins, the long way."""
    grown = np.zeros(found.bets)
    for table in found.tables:
        for s in range(table.slices):
            for bet in range(len(table.table.weights)):
                won = found.growth_of(table.first + s, bet, [kept])
                grown[table.first_bet + s * len(table.table.weights) + bet] = won[0]
    return grown


def test_all_bets_are_asked_and_say_what_their_tables_say() -> None:
    """To the bit: a second that is split anywhere must add up to the same."""
    found = layout.detector(learned(), PLAN, "s")
    kept = np.random.default_rng(1).integers(0, 9, found.kept_size)
    assert [table.signal.kind for table in found.apart] == ["calibration"]
    assert found.growth(kept).tolist() == by_table(found, kept).tolist()


def test_what_arrives_is_folded_into_as_many_counters_as_are_watched() -> None:
    baseline = learned()
    found = layout.detector(baseline, PLAN, "s")
    kept = kept_of(found, baseline.tally)
    assert kept.sum() == baseline.tally.sum()
    assert {table.signal.name for table in found.tables} == {signal.name for signal in PLAN.known}
    for table in found.tables:
        cells = next(one for one in tally_row(baseline.alphabet).segments if one.signal.name == table.signal.name)
        assert table.kept.of(kept).sum(axis=1).tolist() == cells.of(baseline.tally).sum(axis=1).tolist()


def test_bets_that_look_in_a_way_of_their_own_are_asked_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here those on rates, as if nobody knew how they look."""

    class Plain(Bets):
        def growth(self, counts: Counts) -> Floats:
            return tables[id(self)].growth(counts)

        def matrix(self) -> Floats:
            return tables[id(self)].matrix()

        def values(self, s: int) -> Floats:
            return tables[id(self)].values(s)

    tables: dict[int, Bets] = {}
    make, kept = rate.table, np.random.default_rng(1).integers(0, 9, layout.detector(learned(), PLAN, "s").kept_size)

    def hidden(*what: Any, **how: Any) -> Plain:
        one = make(*what, **how)
        plain = Plain(
            weights=one.weights, side=one.side, direction=one.direction, feature=one.feature, of=one.of,
            lower=one.lower, upper=one.upper,
        )  # fmt: skip
        tables[id(plain)] = one
        return plain

    monkeypatch.setattr(rate, "table", hidden)
    found = layout.detector(learned(), PLAN, "s")
    assert {table.signal.kind for table in found.apart} == {"rate", "calibration"}
    assert found.growth(kept).tolist() == by_table(found, kept).tolist()

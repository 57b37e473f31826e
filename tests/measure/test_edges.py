"""Targets of KPIs: what lies above is counted exactly, wherever the target is, and nobody else notices."""

from typing import Any

import numpy as np
import orjson
import pytest

from schemas.config import Config, parse
from schemas.kpi_edges import MOST_EDGES, edge_name
from schemas.strict import ConfigError
from schemas.tallies import Flush, decode, layout, unpack
from schemas.taxonomy import Taxonomy
from streams.measure import stage as measure
from streams.watch import plan as watch
from streams.watch.measured import layout_of

TAXONOMY = Taxonomy.load_default()
KPI = """
        - name: {name}
          layer: performance
          rank: primary
          measures: {measures}
          window: 1m
          direction: lower_is_better
          target: 5
          bands: {{yellow: {{value: 10}}, red: {{value: 20}}}}
"""
SET = """
topics: {tallies_partitions: 1}
measure: {slices: [workflow]}
signals:
  - {name: score, source: attribute, kind: number, sliced: true}
  - {name: tier, source: attribute, kind: category}
releases:
  kpi_sets:
    - use_case: a bot
      services: [bot]
      owners: {accountable: me}
      kill_switch: {kpi: k0}
      kpis:
"""


def config(*measures: str, slo: float | None = None) -> Config:
    """Make a set of KPIs; of the last one, `slo` milliseconds are good."""
    promised = f"          slo: {{target_percent: 95, good_up_to: {slo}}}\n" if slo else ""
    return parse(SET + "".join(KPI.format(name=f"k{i}", measures=one) for i, one in enumerate(measures)) + promised)


def above(signal: str, target: float) -> str:
    return f"{{stat: share_above, signal: {signal}, above: {target}}}"


def flush(config: Config, events: list[dict[str, Any]]) -> tuple[bytes, Flush]:
    plan = measure.Plan.of(config, TAXONOMY)
    usual = {"type": "exchange", "service": "bot", "release": "v1", "at": 7_000_000}
    records = [
        measure.Record(i, 7_000_000, orjson.dumps({"id": f"{i}", **usual, **event})) for i, event in enumerate(events)
    ]
    block, _ = measure.feed(plan, measure.begin(plan.source, 0, 0), records)
    (message,) = measure.flushes(plan, block, final=True)
    found = decode(message.value)
    assert isinstance(found, Flush)
    return message.value, found


def rates(said: Flush, name: str) -> dict[str, list[int]]:
    """Read a rate, of each slice."""
    cells = layout_of(said.own)
    begins = next(at for one, at in zip(cells.signals, cells.begins, strict=True) if one.name == name)
    cell, count, at = unpack(said.cells), unpack(said.counts), 0
    found: dict[str, list[int]] = {}
    for group in unpack(said.groups, 6).tolist():
        mine = slice(at, at + group[5])
        found[said.names[group[4]]] = [int(count[mine][cell[mine] == begins + i].sum()) for i in range(3)]
        at += group[5]
    return found


def test_what_is_just_at_the_target_is_not_above_it_and_what_lies_in_its_cell_is_told_apart() -> None:
    """1500 ms lies within the cell from 1448 to 1579; 1024 ms is an edge, and by cells it would be above itself."""
    events = [{"workflow": "a", "latency_ms": ms} for ms in (1023.9, 1024, 1499, 1500, 1500.1, 1578, 9000)]
    _, said = flush(config(above("latency", 1500), above("latency", 1024)), [*events, {"workflow": "b"}])
    assert rates(said, "latency>1500") == {"a": [4, 3, 0], "b": [0, 0, 1]}
    assert rates(said, "latency>1024") == {"a": [2, 5, 0], "b": [0, 0, 1]}


def test_a_target_is_in_the_unit_of_its_signal_and_zero_and_what_lies_off_the_scale_are_targets_too() -> None:
    events = [{"cost_usd": 0.03, "retries": 0, "attributes": {"score": 0.30000001}},
              {"cost_usd": 0.0300001, "retries": 1, "attributes": {"score": 0.3}}]  # fmt: skip
    _, said = flush(
        config(above("cost", 0.03), above("retries", 0), above("score", 0.3), above("retries", 1e9)), events
    )
    names = ("cost>0.03", "retries>0", "score>0.3", "retries>1000000000")
    assert [rates(said, name)[""] for name in names] == [[1, 1, 0], [1, 1, 0], [1, 1, 0], [2, 0, 0]]


def test_a_user_s_own_signals_lie_where_they_are_told_to_lie() -> None:
    """An own number comes after all rates without names, so the target's rate lies before it; a flush says so."""
    plain, edged = config("{stat: mean, signal: score}"), config(above("latency", 1500))
    events = [{"latency_ms": 1600, "attributes": {"score": 0.5, "tier": "gold"}}]
    for one in (plain, edged):
        _, said = flush(one, events)
        cells, found = layout_of(said.own), unpack(said.cells).tolist()
        begins = next(at for known, at in zip(cells.signals, cells.begins, strict=True) if known.name == "score")
        assert sum(begins <= cell < begins + 234 for cell in found) == 1
        column = cells.columns.index("tier")
        assert cells.fixed + column * len(said.names) + said.names.index("gold") in found


def test_without_such_a_kpi_no_byte_changes() -> None:
    events = [{"workflow": "a", "latency_ms": 1600, "attributes": {"score": 0.5}}]
    bare = parse(SET[: SET.index("releases:")])
    held = config("{stat: quantile, signal: latency, percentile: 95}")
    assert flush(bare, events)[0] == flush(held, events)[0]
    assert flush(bare, events)[1].digest != flush(config(above("latency", 1500)), events)[1].digest


def test_nobody_bets_on_it_and_no_budget_is_divided_by_it() -> None:
    bare = watch.Plan.of(config("{stat: mean, signal: latency}"), TAXONOMY)
    edged = watch.Plan.of(config(above("latency", 1500)), TAXONOMY)
    assert (edged.signals, edged.own, edged.known) == (bare.signals, bare.own, bare.known)
    assert edged.pages("bot") == bare.pages("bot")
    assert edged.tickets("bot") == bare.tickets("bot")


def test_the_same_target_is_counted_once_and_no_more_than_some_are() -> None:
    twice = config(above("latency", 1500), above("latency", 1500.0), above("latency", 1501))
    assert [edge.signal().name for edge in twice.edges()] == ["latency>1500", "latency>1501"]
    with pytest.raises(ConfigError, match=f"{MOST_EDGES + 1} different targets, and at most {MOST_EDGES} are counted"):
        config(*(above("latency", 1000 + i) for i in range(MOST_EDGES + 1)))


def test_what_an_error_budget_calls_good_up_to_is_a_target_too() -> None:
    """And where it is the target of a share as well, it is counted once."""
    edges = config(above("latency", 1500), "{stat: quantile, signal: latency, percentile: 95}", slo=1500).edges()
    assert [edge.signal().name for edge in edges] == ["latency>1500"]
    edges = config("{stat: quantile, signal: latency, percentile: 95}", slo=1200).edges()
    assert [edge.signal().name for edge in edges] == ["latency>1200"]


def test_its_name_is_none_that_a_user_can_give() -> None:
    name = edge_name("latency", 1500)
    with pytest.raises(ConfigError, match="letters, digits, dots, dashes and underscores"):
        parse(f"signals: [{{name: '{name}', source: attribute, kind: rate}}]")


def test_cells_of_the_catalogue_stay_where_they_are() -> None:
    edges = config(above("latency", 1500)).edges()
    assert np.array_equal(layout(tuple(edge.signal() for edge in edges)).begins[:-1], layout().begins)

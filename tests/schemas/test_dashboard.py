"""The dashboard shows every metric once, asks only for what there is, as PromQL has it, and is the same each time."""

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest

from schemas.docs.dashboard import ROWS, dashboard
from schemas.docs.grafana import Panel, Query
from schemas.metrics import BY_NAME, GIVEN
from schemas.signals import CATALOGUE, OF_ALL, Side

MADE: dict[str, Any] = json.loads(dashboard())
PANELS: list[dict[str, Any]] = [panel for panel in MADE["panels"] if panel["type"] != "row"]
TITLES = [panel["title"] for panel in PANELS]
QUERIES = [query for row in ROWS.values() for panel in row for query in panel.queries]
SELECTOR = re.compile(r"(\w+){([^}]*)}")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
STANDS_FOR = {"$__rate_interval": "5m", "$__range": "1d", "$instance": ".*"}
"""What Grafana writes in the place of its own words."""

VALUES = {
    "tier": ["page", "ticket", "record"],
    "signal": [*(one.name for one in CATALOGUE), *OF_ALL, "own", "__other__"],
    "of": ["all", "largest"],
}
"""Values of the labels by which a metric may be shared out."""


def asked(panel: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """The metrics that a panel asks for, with matchers; a histogram's by its own name."""
    for target in panel["targets"]:
        for name, matchers in SELECTOR.findall(target["expr"]):
            yield name.removesuffix("_bucket"), MATCHER.findall(matchers)


def takes(matchers: list[tuple[str, str, str]], labels: dict[str, str]) -> bool:
    for label, how, value in matchers:
        if label in labels:
            same = bool(re.fullmatch(value, labels[label])) if "~" in how else value == labels[label]
            if same == how.startswith("!"):
                return False
    return True


def series(name: str) -> list[dict[str, str]]:
    """Of a metric, the series that panels could share."""
    made: list[dict[str, str]] = [{}]
    for label in BY_NAME[name].labels.keys() & VALUES.keys():
        tiers = ["page", "ticket"] if name == "barograph_budget_promised_total" else VALUES[label]
        made = [one | {label: value} for one in made for value in tiers]
    return made


@pytest.mark.parametrize("name", BY_NAME)
def test_every_metric_is_in_exactly_one_panel(name: str) -> None:
    """What several panels share between them, tiers and signals, is in one of them each."""
    for one in series(name):
        shown = [
            panel["title"]
            for panel in PANELS
            if any(metric == name and takes(matchers, one) for metric, matchers in asked(panel))
        ]
        assert len(shown) == 1, (one, shown)


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_panel_asks_for_metrics_and_labels_that_there_are(panel: dict[str, Any]) -> None:
    found = list(asked(panel))
    assert len(found) == len(panel["targets"])
    for (name, matchers), target in zip(found, panel["targets"], strict=True):
        own = set(BY_NAME[name].labels) if name in BY_NAME else {"job"}
        assert name in BY_NAME or name in GIVEN
        told_apart = {label for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(", ")}
        assert {label for label, _, _ in matchers} <= own | {"instance"}
        assert told_apart <= own | {"instance", "le"}
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) == told_apart - {"le"}
        assert ("instance", "=~", "$instance") in matchers


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.metric} {query.asks} {query.only}")
def test_counters_are_asked_how_they_grow_and_gauges_how_they_stand(query: Query) -> None:
    kind = BY_NAME[query.metric].kind if query.metric in BY_NAME else "counter" if "_total" in query.metric else "gauge"
    grows = query.asks in ("second", "step", "range", "week")
    assert (query.quantile is not None) == (kind == "histogram")
    assert kind != "counter" or (grows and query.join == "sum")
    assert kind != "gauge" or not grows
    if kind == "histogram":
        assert re.fullmatch(r"histogram_quantile\(0\.\d+, sum by \([^)]*\ble\) \(.*_bucket{.*\)\) > 0", query.expr())


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_what_is_over_a_range_is_one_figure_and_what_is_over_time_a_line(panel: dict[str, Any]) -> None:
    over_time = panel["type"] in ("timeseries", "state-timeline")
    for target in panel["targets"]:
        assert (target["range"], target["instant"]) == (over_time, not over_time)
        assert not (over_time and ("$__range" in target["expr"] or "[1w]" in target["expr"]))


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_panel_speaks_in_the_words_of_the_table(panel: dict[str, Any]) -> None:
    for name, _ in asked(panel):
        words = [BY_NAME[name].words, BY_NAME[name].action] if name in BY_NAME else [GIVEN[name]]
        assert all(said in panel["description"] for said in words)


@pytest.mark.parametrize(
    ("metric", "asks", "unit"),
    [
        ("barograph_lag_seconds", "now", "s"),
        ("barograph_state_bytes", "now", "bytes"),
        ("barograph_flush_bytes_total", "second", "binBps"),
        ("barograph_events_total", "second", "cps"),
        ("barograph_findings_total", "step", "short"),
        ("barograph_lag_records", "now", "short"),
        ("process_cpu_seconds_total", "second", "percentunit"),
        ("process_start_time_seconds", "starts", "short"),
    ],
)
def test_a_unit_is_what_the_name_ends_with_and_what_is_asked(metric: str, asks: Any, unit: str) -> None:
    assert Query(metric, asks).unit() == unit
    assert Query("barograph_checkpoint_seconds", "second", quantile=0.5).unit() == "s"
    for panel in PANELS:
        for target, query in zip(panel["targets"], _of(panel).queries, strict=True):
            assert target["expr"] == query.expr()
            assert panel["fieldConfig"]["defaults"]["unit"] == query.unit()


def _of(made: dict[str, Any]) -> Panel:
    return next(panel for row in ROWS.values() for panel in row if panel.title == made["title"])


@pytest.mark.parametrize("side", get_args(Side))
def test_what_changed_has_the_names_and_the_order_of_the_catalogue(side: str) -> None:
    [panel] = [panel for panel in PANELS if panel["title"] == f"What changed: {side}"]
    known = [one for one in CATALOGUE if one.side == side]
    assert [re.findall(r'signal="(\w+)"', target["expr"]) for target in panel["targets"]] == [
        [one.name] for one in known
    ]
    assert [target["legendFormat"] for target in panel["targets"]] == [one.words + ": {{direction}}" for one in known]


def test_titles_and_ids_are_its_own_and_nothing_lies_over_another() -> None:
    everything = MADE["panels"]
    assert (
        len({panel["id"] for panel in everything}) == len({panel["title"] for panel in everything}) == len(everything)
    )
    for panel in PANELS:
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for one, other in combinations((panel["gridPos"] for panel in everything), 2):
        assert (
            one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        )  # fmt: skip
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in everything)


def test_all_goes_by_the_chosen_source_and_worker() -> None:
    source, worker = MADE["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert worker["name"] == "instance"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert worker["datasource"] == chosen
    for panel in PANELS:
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [chosen] * (
            1 + len(panel["targets"])
        )


def test_nothing_in_it_is_of_one_grafana_or_of_one_day() -> None:
    """That it is otherwise the same each time is asked where the file is compared with what is made."""
    assert dashboard() == dashboard()
    assert not MADE.keys() & {"id", "version", "iteration", "gnetId", "__inputs"}
    assert MADE["uid"] == "barograph", "by which a later import finds the former"


def test_promtool_takes_every_expression(promtool: str, tmp_path: Path) -> None:
    """As recording rules, with what Grafana would write in the place of its variables."""
    rules = list[dict[str, str]]()
    for target in (target for panel in PANELS for target in panel["targets"]):
        expr = target["expr"]
        for word, value in STANDS_FOR.items():
            expr = expr.replace(word, value)
        assert "$" not in expr
        rules.append({"record": f"panel:{len(rules)}", "expr": expr})
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", "rules.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout

"""A question about a metric -> PromQL, and panels of a Grafana dashboard: its unit and words are the metric's own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal
from zlib import crc32

import msgspec
from msgspec import Struct

from schemas.metrics import BY_NAME, GIVEN

Json = dict[str, Any]

Asks = Literal["now", "second", "step", "range", "week", "starts"]
"""What is asked: a gauge as it is, or a histogram of all since the start; a counter by the second, by the step of the
graph, over the range that is looked at, or over a week; how often a gauge changed over the range."""

Shape = Literal["lines", "bars", "figures", "states", "names"]
"""Lines and states over time; bars of what is counted, one on the other; one figure each; names of what there is."""

_PROMETHEUS: Final = {"type": "prometheus", "uid": "${datasource}"}
_BAR: Final = "5m"
"""The shortest bar. $__rate_interval is one scrape longer: beside this hardly anything, so little is counted twice."""
_TALL: Final = 8
_WIDE: Final = 24
_ASKED: Final[dict[Asks, str]] = {
    "now": "{}",
    "second": "rate({}[$__rate_interval])",
    "step": "increase({}[$__rate_interval])",
    "range": "increase({}[$__range])",
    "week": "increase({}[1w])",
    "starts": "changes({}[$__range])",
}
_OVER_TIME: Final = ("lines", "bars", "states")

_TYPES: Final[dict[Shape, str]] = {
    "lines": "timeseries", "bars": "timeseries", "figures": "bargauge", "states": "state-timeline", "names": "stat",
}  # fmt: skip
_LEGEND: Final = {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"], "showLegend": True}
_LAST: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Final[dict[Shape, Json]] = {
    "lines": {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "bars": {"legend": _LEGEND | {"calcs": ["sum"]}, "tooltip": {"mode": "multi", "sort": "desc"}},
    "figures": {"orientation": "horizontal", "displayMode": "basic", "reduceOptions": _LAST},
    "states": {"showValue": "never", "legend": _LEGEND | {"displayMode": "list", "calcs": []}},
    "names": {"textMode": "name", "colorMode": "none", "graphMode": "none", "reduceOptions": _LAST},
}
_DRAWN: Final[dict[Shape, Json]] = {
    "lines": {"custom": {"drawStyle": "line", "fillOpacity": 10, "showPoints": "never"}},
    "bars": {
        "decimals": 0,
        "custom": {"drawStyle": "bars", "fillOpacity": 80, "stacking": {"mode": "normal", "group": "A"}},
    },
    "states": {
        "mappings": [
            {"type": "value", "options": {
                "0": {"text": "no", "color": "red", "index": 0}, "1": {"text": "yes", "color": "green", "index": 1},
            }}
        ]
    },
}  # fmt: skip


class Query(Struct, frozen=True):
    """One question about one metric.

    Attributes
    ----------
    by : labels that are told apart, with commas between
    legend : what the answer is called; Grafana puts a label's value for its name in two braces
    only : which of the metric's series, as PromQL has it
    join : how those of several workers become one
    quantile : of a histogram
    moved : whether only what is above zero is shown, and no quantile of nothing
    """

    metric: str
    asks: Asks
    by: str = ""
    legend: str = ""
    only: str = ""
    join: Literal["sum", "max", "min"] = "sum"
    quantile: float | None = None
    moved: bool = False

    def expr(self) -> str:
        """Say it in PromQL.

        Examples
        --------
        >>> Query("barograph_late_events_total", "second").expr()
        'sum(rate(barograph_late_events_total{instance=~"$instance"}[$__rate_interval]))'
        """
        job = 'job="barograph"' if self.metric in GIVEN else ""
        which = ",".join(filter(None, (self.only, job, 'instance=~"$instance"')))
        bucket = "_bucket" if self.quantile else ""
        asked = _ASKED[self.asks].format(f"{self.metric}{bucket}{{{which}}}")
        by = ", ".join(filter(None, (self.by, "le" if self.quantile else "")))
        joined = f"{self.join} by ({by}) ({asked})" if by else f"{self.join}({asked})"
        answer = f"histogram_quantile({self.quantile}, {joined})" if self.quantile else joined
        return answer + " > 0" if self.moved else answer

    def unit(self) -> str:
        """Name Grafana's unit for the answer: names of metrics end with what they are counted in."""
        of = self.metric.removesuffix("_total")
        if self.asks == "starts":
            return "short"
        if self.asks == "second" and not self.quantile:
            return "binBps" if of.endswith("_bytes") else "percentunit" if of.endswith("_seconds") else "cps"
        return "bytes" if of.endswith("_bytes") else "s" if of.endswith("_seconds") else "short"

    def called(self) -> str:
        """Say what the answer is called: as is said, else by its labels, else by its metric."""
        labels = " ".join(f"{{{{{label}}}}}" for label in self.by.split(", ") if label)
        named = self.legend or labels or self.metric.removeprefix("barograph_").removesuffix("_total").replace("_", " ")
        return f"{named} p{100 * self.quantile:g}".strip() if self.quantile else named


class Panel(Struct, frozen=True):
    """One picture; nothing where nothing came, or as `empty` says."""

    title: str
    queries: tuple[Query, ...]
    shape: Shape = "lines"
    width: int = 8
    empty: str = ""

    def json(self, x: int, y: int) -> Json:
        """Write it as Grafana has it, at this place."""
        units = {query.unit() for query in self.queries}
        assert len(units) == 1, "a panel has one scale"
        drawn: Json = {"unit": units.pop(), "min": 0, "color": {"mode": "palette-classic"}}
        made = _framed(self.title, _TYPES[self.shape], x, y, self.width, _TALL) | {
            "description": _words(query.metric for query in self.queries),
            "datasource": _PROMETHEUS,
            "targets": [self._target(i, query) for i, query in enumerate(self.queries)],
            "options": _OPTIONS[self.shape],
            "fieldConfig": {"defaults": drawn | _DRAWN.get(self.shape, {}), "overrides": []},
        }
        if self.empty:
            made["fieldConfig"]["defaults"] |= {"noValue": self.empty, "decimals": 0}
        if self.shape == "bars":
            made["interval"] = _BAR
        return made

    def _target(self, i: int, query: Query) -> Json:
        over_time = self.shape in _OVER_TIME
        return {
            "refId": f"Q{i}", "datasource": _PROMETHEUS, "expr": query.expr(), "legendFormat": query.called(),
            "range": over_time, "instant": not over_time,
        }  # fmt: skip


def written(rows: Mapping[str, Sequence[Panel]], said: str) -> str:
    """Write a dashboard of rows, by title, of panels; `said` describes it."""
    panels, y = list[Json](), 0
    for title, row in rows.items():
        panels.append(_framed(title, "row", 0, y, _WIDE, 1) | {"collapsed": False, "panels": []})
        x, y = 0, y + 1
        for panel in row:
            if x + panel.width > _WIDE:
                x, y = 0, y + _TALL
            panels.append(panel.json(x, y))
            x += panel.width
        y += _TALL
    made = {
        "uid": "barograph", "title": "Barograph", "description": said, "tags": ["barograph"], "editable": True,
        "schemaVersion": 38, "time": {"from": "now-24h", "to": "now"}, "refresh": "1m", "timezone": "browser",
        "graphTooltip": 1, "templating": {"list": _variables()}, "panels": panels,
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def _framed(title: str, kind: str, x: int, y: int, width: int, height: int) -> Json:
    """Begin a panel. Its id is made of its title, so that links to it outlive panels that are put before it."""
    place = {"x": x, "y": y, "w": width, "h": height}
    return {"id": crc32(title.encode()) % 1_000_000, "title": title, "type": kind, "gridPos": place}


def _words(metrics: Iterable[str]) -> str:
    """Say what metrics are, and what to do about them, in their table's words."""
    table = {name: f"{one.words} To do: {one.action}." for name, one in BY_NAME.items()} | GIVEN
    return "\n\n".join(f"`{name}`: {table[name]}" for name in dict.fromkeys(metrics))


def _variables() -> list[Json]:
    """Let people choose a source of data, and workers: all is whichever there were, also before the range."""
    query = "label_values(barograph_info, instance)"
    return [
        {"name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus", "refresh": 1},
        {
            "name": "instance", "label": "worker", "type": "query", "datasource": _PROMETHEUS, "definition": query,
            "query": {"query": query, "refId": "instance"}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]},
        },
    ]  # fmt: skip

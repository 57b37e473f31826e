"""The alert rules are Prometheus', speak of metrics that there are, fire when they should, and lead to what to do."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.metrics import BY_NAME, GIVEN

TOP = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((TOP / "deploy/alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
TESTED = ("alerts.test.yaml", "alerts.weeks.test.yaml")
TESTS: list[dict[str, Any]] = [
    test for name in TESTED for test in yaml.safe_load((TOP / "deploy" / name).read_text())["tests"]
]
NAMES = [rule["alert"] for rule in RULES]
PROMETHEUS_OWN = {"up"}


@pytest.mark.parametrize("words", [("check", "rules", "alerts.yaml"), ("test", "rules", *TESTED)])
def test_promtool_finds_nothing_wrong(promtool: str, words: tuple[str, ...]) -> None:
    done = subprocess.run([promtool, *words], cwd=TOP / "deploy", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_is_seen_to_fire_and_to_be_silent(name: str) -> None:
    asked = [one for test in TESTS for one in test["alert_rule_test"] if one["alertname"] == name]
    assert {bool(one["exp_alerts"]) for one in asked} == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_speaks_of_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    expr = re.sub(r'"[^"]*"', "", rule["expr"])
    asked = set(re.findall(r"\b(?:barograph|process)_[a-z_]+|\bup\b", expr))
    known = BY_NAME.keys() | GIVEN.keys() | PROMETHEUS_OWN
    known |= {
        f"{one.name}_{part}"
        for one in BY_NAME.values()
        if one.kind == "histogram"
        for part in ("bucket", "sum", "count")
    }
    assert asked
    assert asked <= known
    labels = {label for one in BY_NAME.values() for label in one.labels} | {"job", "instance", "le"}
    used = set(re.findall(r"(\w+)=", " ".join(re.findall(r"{([^}]*)}", expr)))) | {
        label.strip() for by in re.findall(r"by \(([^)]*)\)", expr) for label in by.split(",")
    } | set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))  # fmt: skip
    assert used <= labels


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_how_grave_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    said = rule["annotations"]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert said["summary"]
    assert said["description"].endswith(".")
    page, anchor = said["runbook_url"].split("#")
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(TOP / page)


def test_whatever_the_metrics_send_to_the_runbook_is_there() -> None:
    there = anchors(TOP / "docs/operations.md")
    for metric in BY_NAME.values():
        for anchor in re.findall(r"operations\.md#([a-z0-9-]+)", metric.action):
            assert anchor in there, metric.name


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as every reader of Markdown makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", head.lower()).replace(" ", "-") for head in heads}

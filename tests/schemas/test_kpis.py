"""Sets of KPIs named for their verdict: `*.good.yml` load, `*.bad.yml` are refused with what their comments say."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.config import parse as config_of
from schemas.kpi_measures import FIGURES, Stat
from schemas.kpi_sets import PRESETS, load, parse, preset
from schemas.kpis import Interval, Kpi, KpiSet
from schemas.strict import ConfigError

ROOT = Path(__file__).parents[2]
TESTDATA = Path(__file__).parent / "testdata_kpis"
BAD = sorted(TESTDATA.glob("*.bad.yml"))
GOOD = TESTDATA / "everything.good.yml"


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.split(".")[0])
def test_a_bad_set_is_refused_in_one_sentence_that_names_what_is_wrong(path: Path) -> None:
    expected = [line.removeprefix("# says: ") for line in path.read_text().splitlines() if line.startswith("# says: ")]
    assert expected
    with pytest.raises(ConfigError) as refused:
        load(path)
    for part in expected:
        assert part in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_set_survives_being_written_down() -> None:
    found = load(GOOD)
    assert parse(msgspec.yaml.encode(found).decode()) == found


def test_everything_good_sets_each_setting_to_something_else_than_its_default() -> None:
    found = load(GOOD)
    kpi = found.kpis[0]
    assert kpi.slo is not None
    parts = (
        found,
        found.owners,
        found.kill_switch,
        kpi,
        kpi.bands,
        kpi.bands.clear,
        kpi.interval,
        kpi.lineage,
        kpi.slo,
    )
    for part in parts:
        for field, value in zip(msgspec.structs.fields(part), msgspec.structs.astuple(part), strict=True):
            assert value != field.default, field.name


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the KPIs `.*none.yaml`: no such file"):
        load(tmp_path / "none.yaml")


def test_a_set_may_use_what_the_config_adds() -> None:
    """An own signal, another slice, a mode of one's own: each refused without that config."""
    config = config_of("""
        signals: [{name: basket, source: attribute, kind: number}]
        measure: {slices: [persona]}
        failures: {modes: [{id: X.LOW, words: low, severity: sev-2, tier: T0, counts: failure,
          rules: [{attributes.low: {one_of: [true]}}],
          examples: {takes: [{status: ok, attributes: {low: true}}], leaves: [{status: ok}]}}]}
        """)
    for was, now in {
        "by: workflow": "by: persona",
        "signal: latency": "signal: basket",
        "{stat: quantile, signal: latency, percentile: 95}": "{stat: share, signal: failure_mode, names: [X.LOW]}",
    }.items():
        text = GOOD.read_text().replace("    slice: refunds\n", "").replace(was, now)
        if was != "by: workflow":
            text = text.replace("    by: workflow\n", "")
        if "share" in now:
            text = (
                text.replace("target: 1500", "target: 1")
                .replace("value: 3000", "value: 5")
                .replace(", good_up_to: 1200", "")
            )
        with pytest.raises(ConfigError):
            parse(text)
        assert isinstance(parse(text, config), KpiSet)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_primary_and_secondary_kpis_and_what_kills_is_sev_1_and_asks(name: str) -> None:
    found = preset(name)
    assert {kpi.rank for kpi in found.kpis} == {"primary", "secondary"}
    kills = found.kpi(found.kill_switch.kpi)
    assert kills.rank == "primary"
    assert kills.bands.red.severity == "sev-1"
    assert found.kill_switch.mode == "require_approval"


def test_the_presets_show_every_figure_and_every_layer() -> None:
    every = [kpi for name in PRESETS for kpi in preset(name).kpis]
    assert {kpi.measures.stat for kpi in every} == set(get_args(Stat)) == set(FIGURES)
    assert {kpi.layer for kpi in every} == {"capability", "quality", "performance", "reliability", "governance"}


def test_every_shipped_preset_is_named() -> None:
    assert sorted(path.stem for path in (ROOT / "schemas/presets").iterdir()) == sorted(PRESETS)


def test_what_is_shipped_holds_its_own_json_schema() -> None:
    schema = Draft202012Validator(json.loads((ROOT / "docs/schemas/kpis.json").read_bytes()))
    for path in (GOOD, *(ROOT / "schemas/presets").iterdir()):
        schema.validate(yaml.safe_load(_undated(path)))


def _undated(path: Path) -> str:
    """Quote dates, which YAML reads as such and `schemas.strict` leaves as they are written."""
    return re.sub(r"(\d{4}-\d\d-\d\d)", r'"\1"', path.read_text())


def test_a_fingerprint_tells_sets_apart() -> None:
    found = load(GOOD)
    other = msgspec.structs.replace(found, use_case="another")
    assert found.fingerprint() == load(GOOD).fingerprint() != other.fingerprint()


@pytest.mark.parametrize(
    ("direction", "target", "begins", "clears"),
    [
        ("lower_is_better", 1500.0, 1725.0, 1725.0 - 0.2 * 225),
        ("higher_is_better", 80.0, 68.0, 68.0 + 0.2 * 12),
    ],
)
def test_a_band_begins_on_the_bad_side_and_is_left_a_fifth_of_the_way_back(
    direction: str, target: float, begins: float, clears: float
) -> None:
    kpi = preset("support-bot").kpi("latency_p95")
    turned: Kpi = msgspec.structs.replace(kpi, direction=direction, target=target, interval=Interval())
    assert turned.begins("yellow") == begins
    assert turned.clears("yellow") == pytest.approx(clears)

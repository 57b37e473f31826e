"""Policies named for their verdict: `*.good.yml` load, `*.bad.yml` are refused with what their comments say."""

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from schemas.kpi_sets import PRESETS, preset
from schemas.policy import Escalation, Phase, Policy, Rules, decides, default, load, parse
from schemas.strict import ConfigError

ROOT = Path(__file__).parents[2]
TESTDATA = Path(__file__).parent / "testdata_policy"
BAD = sorted(TESTDATA.glob("*.bad.yml"))
GOOD = TESTDATA / "everything.good.yml"
BOT = preset("support-bot")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.split(".")[0])
def test_a_bad_policy_is_refused_in_one_sentence_that_names_what_is_wrong(path: Path) -> None:
    expected = [line.removeprefix("# says: ") for line in path.read_text().splitlines() if line.startswith("# says: ")]
    assert expected
    with pytest.raises(ConfigError) as refused:
        load(path, [BOT])
    for part in expected:
        assert part in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_policy_survives_being_written_down() -> None:
    found = load(GOOD, [BOT])
    assert parse(msgspec.yaml.encode(found).decode(), [BOT]) == found


def test_everything_good_sets_each_setting_to_something_else_than_its_default() -> None:
    found = load(GOOD, [BOT])
    for part in (found, found.canary):
        for field, value in zip(msgspec.structs.fields(part), msgspec.structs.astuple(part), strict=True):
            assert value not in (field.default, {}), field.name
    assert found.canary.escalate == (Escalation(kpi="policy_violations", to="risk officer", at="yellow"),)


def test_what_is_written_holds_the_json_schema() -> None:
    schema = Draft202012Validator(json.loads((ROOT / "docs/schemas/policy.json").read_bytes()))
    schema.validate(yaml.safe_load(GOOD.read_text()))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the policy `.*none.yaml`: no such file"):
        load(tmp_path / "none.yaml", [BOT])


def test_each_service_must_have_each_kpi() -> None:
    agent = preset("workflow-agent")
    with pytest.raises(ConfigError, match="no KPI `resolved` of `workflow-agent`"):
        parse("services: [support-bot, workflow-agent]\nlive: {block: [resolved]}", [BOT, agent])


@pytest.mark.parametrize("phase", get_args(Phase))
@pytest.mark.parametrize("name", PRESETS)
def test_by_default_primary_kpis_and_the_kill_switch_decide_and_must_have_data(name: str, phase: Phase) -> None:
    found = preset(name)
    says = decides(default(found), phase, found)
    primary = {kpi.name for kpi in found.kpis if kpi.rank == "primary"}
    assert says.must_have == says.block | says.roll_back == primary
    assert not says.block & says.roll_back
    assert (found.kill_switch.kpi in says.roll_back) == (phase != "offline")


def policy(**said: tuple[str, ...]) -> Policy:
    return Policy(services=BOT.services, canary=Rules(**said))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "block", "roll_back"),
    [
        ({"block": ("latency_p95",)}, {"latency_p95"}, {"policy_violations", "resolved"}),
        ({"block": ("resolved",)}, {"resolved"}, {"policy_violations"}),
        ({"roll_back": ("repeat_contact",)}, {"resolved"}, {"repeat_contact", "policy_violations"}),
        ({"block": ("policy_violations",), "roll_back": ()}, {"policy_violations"}, set()),
        ({"block": (), "roll_back": ()}, set(), {"policy_violations"}),
    ],
)
def test_what_is_not_said_is_as_the_set_says_and_the_kill_switch_always_decides(
    said: dict[str, tuple[str, ...]], block: set[str], roll_back: set[str]
) -> None:
    says = decides(policy(**said), "canary", BOT)
    assert (set(says.block), set(says.roll_back)) == (block, roll_back)


def test_a_kill_switch_that_does_not_roll_back_blocks() -> None:
    """Whatever its band would do by itself."""
    paused = replace(BOT, kill_switch=replace(BOT.kill_switch, action="pause_rollout"))
    says = decides(policy(), "canary", paused)
    assert says.roll_back == {"resolved"}
    assert says.block == {"policy_violations", "repeat_contact"}


def test_a_fingerprint_tells_policies_apart() -> None:
    found = load(GOOD, [BOT])
    assert found.fingerprint() == load(GOOD, [BOT]).fingerprint() != default(BOT).fingerprint()

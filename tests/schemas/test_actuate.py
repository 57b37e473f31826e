"""The config of an actuator promises: what it cannot mean is refused, with the path and the choices."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.actuate import KINDS, load, parse, show
from schemas.strict import ConfigError

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy/actuate.yaml"
FLAG = "{service: bot, ref: model, flagd: {file: f.json}}"
OBJECT = "{service: bot, ref: %s, kubernetes: {api: apps/v1, plural: deployments%s}}"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{}", ["missing required field `targets`", "at the top"]),
        ("targets: []", ["`targets`"]),
        (f"{{targets: [{FLAG}], polcy: {{}}}}", ["did you mean `policy`?", "again_s"]),
        ("targets: [{service: bot, ref: m, flagd: {flie: f}}]", ["targets[0].flagd", "did you mean `file`?"]),
        ("targets: [{service: bot, ref: m, webhook: {}}]", ["missing required field `url`", "`targets[0].webhook`"]),
        ("targets: [{service: bot, ref: m}]", ["one of flagd, webhook, kubernetes", "`targets[0]`"]),
        ("targets: [{service: bot, ref: m, flagd: {file: f}, webhook: {url: u}}]", ["flagd and webhook: keep one"]),
        (f"targets: [{FLAG}, {FLAG}]", ["`bot` has two targets in production", "`targets[1]`"]),
        (f"targets: [{OBJECT % ('model', '')}]", ["expected `namespace/name`", "`targets[0].ref`"]),
        (f"targets: [{OBJECT % ('a/b/c', '')}]", ["expected `namespace/name`"]),
        (f"targets: [{OBJECT % ('a/b', ', field: [status, release]')}]", ["within `spec`", "[0].kubernetes.field`"]),
        (f"{{policy: {{mode: maybe}}, targets: [{FLAG}]}}", ["dry_run", "require_approval", "`policy.mode`"]),
        (f"{{again_s: 0, targets: [{FLAG}]}}", ["`again_s`"]),
        (f"{{kafka: {{security: {{protocol: SASL_SSL}}}}, targets: [{FLAG}]}}", ["needs a mechanism"]),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(text: str, named: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert "\n" not in str(refused.value)
    for part in named:
        assert part in str(refused.value)


def test_one_service_may_have_a_target_in_each_environment() -> None:
    other = FLAG.replace("{service", "{env: staging, service")
    assert [one.asked.env for one in parse(f"targets: [{FLAG}, {other}]").targets] == ["production", "staging"]


def test_the_shipped_example_loads_shows_every_kind_and_reads_back() -> None:
    found = load(SHIPPED)
    assert [one.kind for one in found.targets] == list(KINDS)
    assert parse(show(found)) == found
    assert found.policy.mode == "require_approval"


def test_the_shipped_example_holds_the_json_schema() -> None:
    schema = Draft202012Validator(json.loads((ROOT / "docs/schemas/actuate.json").read_bytes()))
    schema.validate(yaml.safe_load(SHIPPED.read_text()))


def test_it_reaches_the_same_broker_as_a_worker_would() -> None:
    found = parse(f"{{name: a, kafka: {{group: eu}}, topics: {{prefix: eu.}}, targets: [{FLAG}]}}")
    config = found.config()
    assert (config.kafka, config.topics.prefix, config.worker.name) == (found.kafka, "eu.", "a")

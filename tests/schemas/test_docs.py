"""The generated documents are current, valid by their own standards, and say of an event what the decoder does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.config import parse, show
from schemas.docs.__main__ import main, stale
from schemas.docs.words import SPOKEN, WORDS
from schemas.taxonomy import Taxonomy, example
from schemas.topics import TOPICS
from streams.demo.story import SEED, story

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = {path.stem: json.loads(path.read_bytes()) for path in sorted((DOCS / "examples").glob("*.json"))}
EVENTS = ("exchange", "request", "response", "outcome", "evaluation")
FACTS = ("release", "sign_off", "acknowledge", "maintain", "rebaseline", "approve")
WORD_OF = (
    {"rejected": "rejected", "incident": "incidents", "changereport": "changes", "failurereport": "failures"}
    | {
        "rollback": "rollbacks",
        "rollbackresult": "rollback_results",
        "verdict": "verdicts",
        "answer": "answers",
        "scorecard": "scorecards",
    }
    | dict.fromkeys(EVENTS, "events")
    | dict.fromkeys(FACTS, "control")
)

ASYNCAPI: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())


def validator(word: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((DOCS / "schemas" / f"{word}.json").read_bytes()))


EVENT = validator("events")


def decodes(word: str, value: object) -> bool:
    try:
        msgspec.json.decode(json.dumps(value), type=WORDS[word])
    except msgspec.ValidationError:
        return False
    return True


def test_the_documents_are_current() -> None:
    assert stale(ROOT) == [], "run `python -m schemas.docs`"


def test_a_stale_a_missing_and_a_left_over_document_are_named_and_put_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    (tmp_path / "docs/config.md").write_text("old")
    (tmp_path / "docs/topics.md").unlink()
    (tmp_path / "deploy/dashboard.json").write_text("{}")
    (tmp_path / "docs/schemas/gone.json").write_text("{}")
    assert main(["--check", str(tmp_path)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[0] for line in said] == [
        str(tmp_path / name)
        for name in ("deploy/dashboard.json", "docs/config.md", "docs/schemas/gone.json", "docs/topics.md")
    ]
    (tmp_path / "docs/schemas/gone.json").unlink()
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0


@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_a_valid_json_schema(word: str) -> None:
    Draft202012Validator.check_schema(validator(word).schema)


def test_every_message_has_an_example() -> None:
    assert set(EXAMPLES) == set(WORD_OF)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_what_it_says_by_schema_and_by_decoder(name: str) -> None:
    validator(WORD_OF[name]).validate(EXAMPLES[name])
    assert decodes(WORD_OF[name], EXAMPLES[name])
    assert EXAMPLES[name].get("type", name) == name


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_shows_no_field_that_its_message_does_not_have(name: str) -> None:
    parts = json.loads((DOCS / "schemas" / f"{WORD_OF[name]}.json").read_bytes())["$defs"]
    of = {part["properties"].get("type", {}).get("enum", [title.lower()])[0]: part for title, part in parts.items()}
    assert set(EXAMPLES[name]) <= set(of[name]["properties"])


def shipped() -> Iterator[dict[str, Any]]:
    """Every example of the taxonomy, as an event."""
    for mode in Taxonomy.load_default().modes:
        for said in (*mode.examples.takes, *mode.examples.leaves):
            event = json.loads(msgspec.json.encode(example(said)))
            yield {name: value for name, value in event.items() if value is not None}


def test_every_example_of_the_taxonomy_is_an_event() -> None:
    for event in shipped():
        EVENT.validate(event)


def test_what_the_demo_sends_is_an_event() -> None:
    for beat in list(story(SEED))[::97]:
        EVENT.validate(json.loads(json.dumps(beat.event | {"at": 0})))


WRONG: dict[str, dict[str, Any]] = {
    "no service": {"service": None},
    "an empty service": {"service": ""},
    "an endless id": {"id": "x" * 257},
    "an unknown type": {"type": "exchang"},
    "a status of its own": {"status": "fine"},
    "a latency in words": {"latency_ms": "fast"},
    "a negative latency": {"latency_ms": -1},
    "half a token": {"output_tokens": 0.5},
    "certainty beyond one": {"confidence": 1.5},
    "yes in words": {"answered": "yes"},
    "a tool without a name": {"tools": [{"ok": True}]},
    "a negative time": {"at": -1},
    "nested attributes": {"attributes": {"a": {"b": 1}}},
}


@pytest.mark.parametrize("how", WRONG)
def test_schema_and_decoder_refuse_the_same_bad_event(how: str) -> None:
    event = EXAMPLES["exchange"] | WRONG[how]
    assert not EVENT.is_valid(event)
    assert not decodes("events", event)


@pytest.mark.parametrize("field", ["type", "service", "release", "at", "id"])
def test_what_is_required_is_required_by_schema_and_decoder(field: str) -> None:
    event = {name: value for name, value in EXAMPLES["exchange"].items() if name != field}
    assert not EVENT.is_valid(event)
    assert not decodes("events", event)


broken = st.floats(-1, 3).filter(lambda x: not x.is_integer())  # JSON Schema calls 1.0 an integer, the decoder may not
values: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers(-5, 10) | broken | st.text(max_size=3) | st.just([]) | st.just({})
)


@given(
    st.sampled_from(EVENTS).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(sorted(EXAMPLES[name])), values)
    )
)
def test_schema_and_decoder_agree_whatever_a_field_holds(change: tuple[str, str, Any]) -> None:
    name, field, value = change
    event = EXAMPLES[name] | {field: value}
    assert EVENT.is_valid(event) == decodes("events", event)


def test_the_schema_of_configs_accepts_the_good_and_refuses_unknown_keys() -> None:
    configs = validator("config")
    for path in sorted((ROOT / "tests/schemas/testdata").glob("*.good.yml")):
        configs.validate(json.loads(msgspec.json.encode(yaml.safe_load(show(parse(path.read_text()))))))
    for text in ("wacth: {}", "watch: {false_pages_per_wek: 2}", "watch: {false_pages_per_week: 0}"):
        assert not configs.is_valid(yaml.safe_load(text))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolve(reference: str) -> Any:
    root, *steps = reference.split("/")
    assert root == "#"
    node: Any = ASYNCAPI
    for step in steps:
        node = node[step]
    return node


def test_the_asyncapi_document_says_what_version_3_requires() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].startswith("#/channels/")


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    found = list(references(ASYNCAPI))
    assert found
    for reference in found:
        assert isinstance(resolve(reference), dict)


def test_every_topic_is_a_channel_with_messages_and_an_operation() -> None:
    assert {role: channel["address"] for role, channel in ASYNCAPI["channels"].items()} == {
        t.role: t.name for t in TOPICS
    }
    worked = {operation["channel"]["$ref"] for operation in ASYNCAPI["operations"].values()}
    for role, channel in ASYNCAPI["channels"].items():
        assert channel["messages"]
        assert f"#/channels/{role}" in worked
        for message in channel["messages"].values():
            told = resolve(message["$ref"])
            assert ("payload" in told) == (role in SPOKEN)


def test_every_part_of_the_asyncapi_document_is_used() -> None:
    used = set(references(ASYNCAPI))
    for kind, parts in ASYNCAPI["components"].items():
        assert {f"#/components/{kind}/{name}" for name in parts} <= used


def test_a_payload_in_the_asyncapi_document_is_the_example_beside_it() -> None:
    for name, message in ASYNCAPI["components"]["messages"].items():
        if "payload" in message:
            assert [one["payload"] for one in message["examples"]] == [EXAMPLES[name]]


def test_the_example_of_own_modes_is_a_config_that_loads() -> None:
    text = (ROOT / "schemas/docs/own_modes.yaml").read_text()
    assert text in (DOCS / "taxonomy.md").read_text()
    config = parse(text)
    assert Taxonomy.of_config(config).of("X.LOW_BASKET") is not None
    assert config.bounded().find("shop", "refunds").tools == ("search", "refund")

"""The words -> JSON Schemas and an AsyncAPI document."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from schemas.actuate import Actuate
from schemas.answers import Answer
from schemas.config import Config
from schemas.control import Control
from schemas.docs.docstrings import attributes, summary
from schemas.events import Event
from schemas.failures import FailureReport
from schemas.incidents import ChangeReport, Incident
from schemas.kpis import KpiSet
from schemas.policy import Policy
from schemas.rejected import Rejected
from schemas.rollbacks import Rollback, RollbackResult
from schemas.scorecards import Scorecard
from schemas.topics import TOPICS, Topic
from schemas.verdicts import Verdict

Json = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
WORDS: Final[dict[str, Any]] = {
    "events": Event,
    "control": Control,
    "rejected": Rejected,
    "incidents": Incident,
    "changes": ChangeReport,
    "failures": FailureReport,
    "rollbacks": Rollback,
    "rollback_results": RollbackResult,
    "config": Config,
    "kpis": KpiSet,
    "policy": Policy,
    "actuate": Actuate,
    "verdicts": Verdict,
    "answers": Answer,
    "scorecards": Scorecard,
}
"""File of a JSON Schema -> the type that it describes."""

SPOKEN: Final = {
    "events": "events", "control": "control", "rejected": "rejected",
    "incidents": "incidents", "incidents_state": "incidents", "incidents_shadow": "incidents",
    "changes": "changes", "failures": "failures", "verdicts": "verdicts",
    "scorecards": "scorecards",
    "rollbacks": "rollbacks", "rollback_results": "rollback_results",
}  # fmt: skip
"""Role of a topic -> the words on it. Topics that are not here are Barograph's own."""

_CLOUDEVENTS: Final = ("specversion", "type", "source", "id", "time", "subject", "severitytext", "severitynumber")
_OURS: Final = ("MEASURE", "WATCH", "GATHER", "`actuate`")


def json_schemas() -> dict[str, str]:
    """Make a JSON Schema (Draft 2020-12) of every word: path -> text."""
    made = {}
    for name in WORDS:
        root, parts = _components(name, "#/$defs/{name}")
        schema = {"$schema": DIALECT, "title": f"Barograph: {name}"} | root | {"$defs": parts}
        made[f"schemas/{name}.json"] = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"
    return made


def asyncapi(examples: Path) -> str:
    """Make the AsyncAPI 3 document: every topic, who writes and reads it, and what each message looks like.

    Parameters
    ----------
    examples : folder with a ``<type>.json`` for each type of event and of control fact
    """
    messages: dict[str, Json] = {}
    schemas: dict[str, Json] = {}
    channels: dict[str, Json] = {}
    operations: dict[str, Json] = {}
    for topic in TOPICS:
        names = [topic.role]
        if word := SPOKEN.get(topic.role):
            root, parts = _components(word, "#/components/schemas/{name}")
            schemas |= parts
            tops = [ref["$ref"].rpartition("/")[2] for ref in root.get("anyOf", [root])]
            names = [_tag(parts[top]) for top in tops]
            for name, top in zip(names, tops, strict=True):
                messages[name] = _message(topic, top, examples / f"{name}.json")
        else:
            messages[topic.role] = {
                "title": topic.role,
                "summary": topic.value,
                "description": "Barograph's own, and no interface: it changes with any release.",
                "contentType": "application/json" if topic.value.startswith("JSON") else "application/vnd.msgpack",
            }
        channels[topic.role] = _channel(topic, names)
        for does, who in (("send", topic.writer), ("receive", topic.reader)):
            if who.startswith(_OURS):
                operations[f"{topic.role}.{does}"] = {
                    "action": does,
                    "channel": {"$ref": f"#/channels/{topic.role}"},
                    "summary": f"By {who}",
                }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Barograph",
            "version": "1",
            "description": "What Barograph reads from Kafka and what it writes there. Names of topics are those "
            "without a `topics.prefix`. Fields of events that are not named here are ignored.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }
    return "# Made by `python -m schemas.docs` from schemas/; change it there.\n" + yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, width=120
    )


def _components(word: str, ref: str) -> tuple[Json, dict[str, Json]]:
    """Make a word's schema, with what the docstrings say of types and fields."""
    types = {part.__name__: part for part in _structs(WORDS[word])}
    (root,), parts = msgspec.json.schema_components([WORDS[word]], ref_template=ref)
    root.pop("discriminator", None)  # a keyword of OpenAPI; each type already says its `type`
    for name, part in parts.items():
        part["description"] = summary(types[name])
        for field, meaning in attributes(types[name]).items():
            if meaning and field in part["properties"]:
                part["properties"][field] = {"description": meaning} | part["properties"][field]
    return root, parts


def _structs(word: Any) -> Iterable[type]:
    """Find every struct within a type."""
    seen: set[type] = set()
    rest = [msgspec.inspect.type_info(word)]
    while rest:
        kind = rest.pop()
        if isinstance(kind, msgspec.inspect.StructType):
            if kind.cls in seen:
                continue
            seen.add(kind.cls)
            rest += [field.type for field in kind.fields]
        for name in ("type", "item_type", "value_type"):
            if isinstance(inner := getattr(kind, name, None), msgspec.inspect.Type):
                rest.append(inner)
        rest += getattr(kind, "types", ())
    return seen


def _tag(schema: Json) -> str:
    """Give what a message is called: its `type`, or, where there is but one type, the type's name."""
    kinds = schema["properties"].get("type", {}).get("enum")
    return str(kinds[0]) if kinds else str(schema["title"]).lower()


def _message(topic: Topic, top: str, example: Path) -> Json:
    message: Json = {
        "title": top,
        "payload": {"$ref": f"#/components/schemas/{top}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}},
    }
    if top == Incident.__name__:
        names = [f"ce_{name}" for name in _CLOUDEVENTS]
        message["headers"] = {
            "type": "object",
            "description": "CloudEvents 1.0, binary mode. `ce_shadow` is there, and `true`, of what is in shadow.",
            "properties": {name: {"type": "string"} for name in [*names, "ce_shadow"]},
            "required": names,
        }
    if example.exists():
        message["examples"] = [{"payload": msgspec.json.decode(example.read_bytes())}]
    return message


def _channel(topic: Topic, messages: Iterable[str]) -> Json:
    settings: Json = {"cleanup.policy": [topic.cleanup], "max.message.bytes": topic.max_message_bytes}
    if topic.retention_s is not None:
        settings["retention.ms"] = topic.retention_s * 1000
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Written by {topic.writer}; read by {topic.reader}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topicConfiguration": settings, "bindingVersion": "0.5.0"}},
    }

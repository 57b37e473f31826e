"""A YAML text and a type -> a value of that type, or the one sentence that says what is wrong with the text."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import inspect

T = TypeVar("T")


class ConfigError(Exception):
    """The config cannot be used; the message names the path, what is there, and what could be."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml, five times as fast
    """Leaves a time as it is written, with its zone, for whoever needs it to read; but refuses one that cannot be."""


def _as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    loader.construct_yaml_timestamp(node)
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def read(text: str, kind: type[T]) -> T:
    """Read a YAML text that must hold exactly one value of a type.

    Stricter than YAML: a key that stands twice, and a second document, are refused, since one of the two would be
    ignored in silence. An empty text is an empty mapping.

    Parameters
    ----------
    text : YAML
    kind : a msgspec struct with ``forbid_unknown_fields``

    Raises
    ------
    ConfigError
        With the path of what is wrong, what is there, and the choices there are.

    Examples
    --------
    >>> class Place(msgspec.Struct, forbid_unknown_fields=True):
    ...     host: str = "localhost"
    ...     port: int = 80
    >>> read("port: 8080", Place)
    Place(host='localhost', port=8080)
    >>> read("prt: 8080", Place)
    Traceback (most recent call last):
    schemas.strict.ConfigError: unknown key `prt` at the top; did you mean `port`? Keys there: host, port
    >>> read("port: eighty", Place)
    Traceback (most recent call last):
    schemas.strict.ConfigError: expected a whole number, got 'eighty' - at `port`
    """
    try:
        documents = _composed(text)
        if len(documents) > 1:
            line = documents[1].start_mark.line + 1
            raise ConfigError(f"two documents in one file, the second from line {line} on; keep one - at the top")
        for document in documents:
            _refuse_repeats(document, "", set())
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe loader, where it is C's as well
    except (yaml.YAMLError, ValueError) as wrong:  # a ValueError is a date that only looks like one
        raise ConfigError(_not_yaml(wrong)) from None
    except RecursionError:
        raise ConfigError("not YAML that anybody wrote: nested too deeply") from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        got = "a list" if isinstance(value, list) else repr(value)
        raise ConfigError(f"expected `key: value` lines, got {got} - at the top")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as wrong:
        raise ConfigError(_explain(str(wrong), value, kind)) from None


def text_of(path: Path, what: str) -> str:
    """Read the text of a file.

    Parameters
    ----------
    what : what the file is, for the message

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except OSError as wrong:
        raise ConfigError(f"cannot read the {what} `{path}`: {(wrong.strerror or str(wrong)).lower()}") from None
    except UnicodeDecodeError as wrong:
        raise ConfigError(f"cannot read the {what} `{path}`: byte {wrong.start} is not UTF-8") from None


def nearest(name: str, known: Collection[str], most: int = 1) -> str:
    """Ask whether another name was meant, or one of several; nothing if none is alike.

    Examples
    --------
    >>> nearest("resolve", ["resolved", "refused"]), nearest("x", ["resolved"])
    ('did you mean `resolved`? ', '')
    """
    near = get_close_matches(name, known, n=most)
    return f"did you mean {' or '.join(f'`{one}`' for one in near)}? " if near else ""


def _composed(text: str) -> list[yaml.Node]:
    try:
        return list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError:
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))  # says better what is wrong


def _not_yaml(wrong: Exception) -> str:
    if isinstance(wrong, yaml.MarkedYAMLError) and (mark := wrong.problem_mark):
        return f"not YAML: {wrong.problem} - in line {mark.line + 1}, column {mark.column + 1}"
    return f"not YAML: {' '.join(str(wrong).split())}"


def _refuse_repeats(node: yaml.Node, path: str, seen: set[int]) -> None:
    """Refuse a mapping that has a key twice; YAML itself would keep the last and say nothing."""
    if id(node) in seen:  # an alias may point back at what holds it
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            _refuse_repeats(item, f"{path}[{i}]", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigError(
                    f"key `{key.value}` is there twice, in line {lines[key.value]} and in line {line} - {_at(path)}"
                )
            if isinstance(key, yaml.ScalarNode):
                lines[key.value] = line
            _refuse_repeats(value, f"{path}.{key.value}" if path else str(key.value), seen)


_SAID = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<key>.*)`$", re.DOTALL)
_NOT_TEXT = re.compile(r"^Expected `str`.* - at `key` in `\$\.?(?P<path>[^`]*)`$")
_KINDS = re.compile(r"`([a-z |]+)`")
_SECRET = re.compile("password|token")
"""Settings of which what is there is not repeated: it may be the secret itself, put into the wrong place."""
_WORDS = {
    "object": "a mapping", "array": "a list", "str": "text", "float": "a number", "int": "a whole number",
    "bool": "true or false", "null": "nothing",
}  # fmt: skip


def _explain(said: str, value: Any, kind: type) -> str:
    """Say in our words what msgspec said, with what is there and what could be."""
    if keys := _NOT_TEXT.match(said):
        return f"every key must be text; put quotes around it - {_at(keys['path'])}"
    parts = _SAID.match(said)
    assert parts
    what, path = parts["what"], parts["path"] or ""
    meant = _follow(inspect.type_info(kind), path)
    belongs = _bare(meant)
    if unknown := _UNKNOWN.match(what):
        names = [field.encode_name for field in belongs.fields] if isinstance(belongs, inspect.StructType) else []
        near = get_close_matches(unknown["key"], names, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else "."
        return f"unknown key `{unknown['key']}` {_at(path)}{hint} Keys there: {', '.join(sorted(names))}"
    if what.startswith("Object missing"):
        return f"{what.removeprefix('Object ')} - {_at(path)}"
    expected = what.partition(", got")[0].removeprefix("Expected ")
    if isinstance(belongs, inspect.LiteralType):
        expected = f"one of {', '.join(map(str, belongs.values))}"
        if isinstance(meant, inspect.Metadata) and (why := (meant.extra_json_schema or {}).get("description")):
            expected += f" ({why})"
    elif isinstance(meant, inspect.Metadata) and "matching regex" in what:
        expected = (meant.extra_json_schema or {}).get("description", expected)
    expected = _KINDS.sub(lambda kinds: " or ".join(_WORDS.get(k, k) for k in kinds[1].split(" | ")), expected)
    there = _pick(value, path)
    got = "nothing" if there is None else "something else" if _SECRET.search(path) else repr(there)
    return f"expected {expected}, got {got if len(got) <= 60 else got[:57] + '...'} - {_at(path)}"


def _at(path: str) -> str:
    return f"at `{path}`" if path else "at the top"


def _steps(path: str) -> list[str]:
    """``services[0].name`` -> ``services``, ``[0]``, ``name``."""
    return re.findall(r"\[[^]]*\]|[^.\[]+", path)


def _follow(kind: inspect.Type, path: str) -> inspect.Type | None:
    """Find the type that belongs at a path, as it is annotated."""
    meant: inspect.Type | None = kind
    for step in _steps(path):
        match _bare(meant):
            case inspect.StructType(fields=fields):
                meant = next((field.type for field in fields if field.encode_name == step), None)
            case inspect.VarTupleType(item_type=inner) | inspect.DictType(value_type=inner):
                meant = inner
            case _:
                return None
    return meant


def _bare(kind: inspect.Type | None) -> inspect.Type | None:
    """Take off what is only said about a type: that it may be null as well, how it is described."""
    while isinstance(kind, inspect.UnionType | inspect.Metadata):
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        else:
            kind = next((part for part in kind.types if not isinstance(part, inspect.NoneType)), None)
    return kind


def _pick(value: Any, path: str) -> Any:
    """Find what stands at a path; where msgspec hides a key (``[...]``), the mapping around it."""
    for step in _steps(path):
        if step == "[...]":
            return value
        value = value[int(step[1:-1])] if step.startswith("[") else value[step]
    return value

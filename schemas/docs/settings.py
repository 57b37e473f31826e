"""A section of a config -> what can be set in it, in tables."""

import msgspec
from msgspec import inspect

from schemas.docs.docstrings import attributes, summary
from schemas.docs.markdown import table, word
from schemas.taxonomy import Mode


def section(title: str, kind: type) -> list[str]:
    """Describe a section's settings, and then the sections within it."""
    info, meanings, rows, within = inspect.type_info(kind), attributes(kind), [], []
    assert isinstance(info, inspect.StructType)
    for one in info.fields:
        name = one.encode_name
        if (maybe := _maybe(one.type)) is not None:
            within += section(f"{title}.{name}".lstrip("."), maybe)
            rows.append((f"`{name}`", "-", "a section, or none", meanings[name]))
        elif isinstance(one.type, inspect.StructType):
            within += section(f"{title}.{name}".lstrip("."), one.type.cls)
            rows.append((f"`{name}`", "(required)" if one.required else "-", "a section", meanings[name]))
        elif isinstance(one.type, inspect.Metadata | inspect.VarTupleType) and (listed := _listed(one.type)):
            if listed is not Mode:  # taxonomy.md tells of these
                within += section(f"{title}.{name}[]".lstrip("."), listed)
            default = "(required)" if one.required else "shipped" if one.default else "-"
            rows.append((f"`{name}`", default, "a list", meanings[name]))
        else:
            rows.append((f"`{name}`", _default(one), _allowed(one.type), meanings[name]))
    settings = table(("setting", "default", "allowed", "meaning"), rows)
    return [f"## {title or 'The file'}\n\n{summary(kind)}\n\n{settings}", *within]


def _maybe(kind: inspect.Type) -> type | None:
    """Name the struct of a section that may be left out whole; None if it is no such section."""
    some = kind.types if isinstance(kind, inspect.UnionType) else ()
    return next((one.cls for one in some if isinstance(one, inspect.StructType)), None)


def _listed(kind: inspect.Type) -> type | None:
    """Name the struct that a setting is a list of; None if it is none."""
    inner = kind.type if isinstance(kind, inspect.Metadata) else kind
    item = inner.item_type if isinstance(inner, inspect.VarTupleType) else None
    return item.cls if isinstance(item, inspect.StructType) else None


def _default(field: inspect.Field) -> str:
    if field.required:
        return "(required)"
    return "-" if field.default in (None, "") or field.default_factory is not msgspec.NODEFAULT else word(field.default)


def _allowed(kind: inspect.Type) -> str:
    """Say in words what a setting can be."""
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return str((extra or {}).get("description") or _allowed(inner))
        case inspect.UnionType(types=types):
            return " or ".join(_allowed(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.BoolType():
            return "`true`, `false`"
        case inspect.DictType(key_type=key, value_type=value):
            return f"{_allowed(key)} -> {_allowed(value)}"
        case inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values)
        case inspect.VarTupleType(item_type=inner, min_length=least, max_length=most):
            named = "names of signals" if inner == inspect.StrType() else "names"
            each = named if isinstance(inner, inspect.StrType) else _allowed(inner)
            return f"{_bounds('', least, most)} of {each}".strip() if least or most else f"any of {each}"
        case inspect.IntType() | inspect.FloatType():
            noun = "whole number" if isinstance(kind, inspect.IntType) else "number"
            return _bounds(noun, kind.ge, kind.le, kind.gt) + (f", below {kind.lt:g}" if kind.lt is not None else "")
        case _:
            return "text"


def _bounds(noun: str, least: float | None, most: float | None, above: float | None = None) -> str:
    said = [f"above {above:g}"] if above is not None else []
    said += [f"at least {least:,}"] if least is not None and most is None else []
    said += [f"at most {most:,}"] if most is not None and least is None else []
    said += [f"{least:,} to {most:,}"] if most is not None and least is not None else []
    return ", ".join([noun, *said]) if noun else ", ".join(said)

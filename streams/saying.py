"""A command line -> a control fact, in the very words of `schemas.control`."""

import argparse
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from schemas.control import Acknowledge, Approve, Control, Maintain, Rebaseline, Release, SignOff
from schemas.strict import ConfigError
from schemas.topics import BY_ROLE
from streams.measure.control import words
from streams.measure.decode import Record

HELP: Final[dict[type[Control], str]] = {
    Release: "a release began a phase of its life",
    SignOff: "a role agreed to a release, or did not",
    Acknowledge: "a person took an incident",
    Maintain: "a service is worked on: nobody is paged for it until then",
    Rebaseline: "what is now is the new normal: learn it",
    Approve: "a person let a proposed rollback go ahead",
}
assert set(HELP) == set(get_args(Control))


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Give a command one subcommand for each kind of fact, with an option for each of its fields."""
    kinds = command.add_subparsers(metavar="FACT", required=True, dest="fact")
    for kind, says in HELP.items():
        info = inspect.type_info(kind)
        assert isinstance(info, inspect.StructType)
        made = kinds.add_parser(str(info.tag).replace("_", "-"), help=says, description=f"{says[0].upper()}{says[1:]}.")
        made.set_defaults(kind=kind)
        made.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="as before FACT")
        for field in info.fields:
            if field.name != "at":
                made.add_argument(f"--{field.name}", required=field.required, **_option(field.type))


def fact(args: argparse.Namespace, now_ms: int) -> bytes:
    """Make the fact, as it will stand in `ai.control`.

    Parameters
    ----------
    args : as parsed by what `add_arguments` added
    now_ms : when it is said, in milliseconds since 1970

    Raises
    ------
    ConfigError
        If MEASURE would set it aside: for the same reason, in the same words.
    """
    said = {field: getattr(args, field) for field in args.kind.__struct_fields__ if field != "at"}
    known = {field: value for field, value in said.items() if value not in (None, [])}
    info = inspect.type_info(args.kind)
    assert isinstance(info, inspect.StructType)
    value = msgspec.json.encode({"type": info.tag, "at": now_ms, **known})
    [word] = words(BY_ROLE["control"].name, 0, "", 1, [Record(0, now_ms, value)])
    if word.role == "rejected":
        wrong = msgspec.json.decode(word.message.value)
        raise ConfigError(f"{wrong['said']} - at `--{wrong['field'].removeprefix('$.')}`")
    return value


def _option(kind: inspect.Type) -> dict[str, Any]:
    """Say how argparse is to read a field."""
    match kind:
        case inspect.UnionType():
            parts = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
            return _option(parts[0]) if len(parts) == 1 else {"metavar": "TIME"}
        case inspect.LiteralType():
            return {"choices": list(kind.values)}
        case inspect.IntType():
            return {"type": int, "metavar": "N"}
        case inspect.BoolType():
            return {"action": argparse.BooleanOptionalAction, "default": True}
        case inspect.VarTupleType():
            return {"nargs": "+", "metavar": "NAME"}
    return {"metavar": "TEXT"}

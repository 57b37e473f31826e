"""The path of a field -> what it can hold, and who reads it of an event."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from types import UnionType
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from schemas.events import Outcome, Response

Reader = Callable[[Any], Any]

OUTCOME: Final = "outcome"
ATTRIBUTES: Final = "attributes"
TEXT: Final = "text"
"""What the elements of a list of plain texts have in place of fields."""


def _types(of: type[Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(of)}


def _inner(annotation: Any) -> type[Struct] | None:
    """Find the struct that a field is, if it is one."""
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Struct)), None)


_SERVED: Final = _types(Response)
_JUDGED: Final = _types(Outcome)
ELEMENTS: Final[Mapping[str, type]] = {
    name: get_args(of)[0] for name, of in _SERVED.items() if get_args(of)[1:] == (...,)
}
"""Fields that are lists, with what they are lists of. Nothing sent is an empty list there, not None."""

FIELDS: Final[Mapping[str, Any]] = (
    {name: of for name, of in _SERVED.items() if name != ATTRIBUTES}
    | {
        f"{name}.{inner}": kind
        for name, of in _SERVED.items()
        if (one := _inner(of))
        for inner, kind in _types(one).items()
    }
    | {f"{OUTCOME}.{name}": of for name, of in _JUDGED.items()}
)
"""Every path but a user's own `attributes.NAME`, with what it can hold."""

WITHIN: Final[Mapping[str, Mapping[str, Any]]] = {
    name: _types(of) if issubclass(of, Struct) else {TEXT: str} for name, of in ELEMENTS.items()
}
"""Fields of the elements of each list."""


def type_of(path: str) -> Any | None:
    """Say what a path can hold; None if there is no such path.

    Examples
    --------
    >>> type_of("attributes.basket"), type_of("outcome.resolved"), type_of("retrieval.m")
    (bool | float | str | None, bool | None, None)
    """
    if path.startswith(f"{ATTRIBUTES}.") and len(path) > len(ATTRIBUTES) + 1:
        return bool | float | str | None
    return FIELDS.get(path)


def root(path: str) -> str:
    """Name the field of the event in which a path begins.

    Examples
    --------
    >>> root("retrieval.n"), root("attributes.a.b"), root("outcome.resolved")
    ('retrieval', 'attributes', 'resolved')
    """
    first, _, rest = path.partition(".")
    return rest if first == OUTCOME else first


def reader(path: str) -> Reader:
    """Make the reader of a path: event -> what stands there, None if nothing does.

    Examples
    --------
    >>> from schemas.events import Retrieval
    >>> found = Response(service="s", release="r", at=0, id="1", retrieval=Retrieval(n=3), attributes={"a.b": 1})
    >>> [reader(path)(found) for path in ("retrieval.n", "retrieval.coverage", "attributes.a.b", "embedding.cell")]
    [3, None, 1, None]
    """
    first, _, rest = path.partition(".")
    if not rest or first == OUTCOME:
        return attrgetter(rest or first)
    outer = attrgetter(first)
    if first == ATTRIBUTES:
        return lambda event: None if (said := outer(event)) is None else said.get(rest)
    inner = attrgetter(rest)
    return lambda event: None if (said := outer(event)) is None else inner(said)


def element_reader(field: str) -> Reader:
    """Make the reader of a field of a list's elements."""
    return (lambda element: element) if field == TEXT else attrgetter(field)

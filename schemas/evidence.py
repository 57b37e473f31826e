"""A mode's rules -> the paths of which an event must carry one, so that the mode could be seen at all.

A path is that of a field; of a list's elements (``tools.ok``); of elements by their name (``evals:correctness``: of an
evaluator whose name stands under that alias); or of a bound that the config sets and of what it is for
(``bounds.latency_ms``). Whoever sends none of a mode's paths has not none of these failures: nobody knows.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, Final

from schemas.matchers import LEAST, LONGEST_NAME, MOST, Aliases, Matcher, plain, screened
from schemas.paths import ELEMENTS, FIELDS, OUTCOME, TEXT, WITHIN, element_reader, reader, type_of
from schemas.questions import NO_TERMS, Terms
from schemas.strict import ConfigError

BOUNDS: Final = {bound: path for path, bound in (MOST | LEAST).items()} | {"tools": "tools", "tables": "sql"}
"""Bounds, with the field that each is for."""


def derived(rule: Mapping[str, Matcher]) -> tuple[str, ...]:
    """Name the paths of which a rule needs one: of the first field that must be there.

    Examples
    --------
    >>> derived({"evals": Matcher(any={"name": Matcher(alias="correctness"), "value": Matcher(below=0.5)})})
    ('evals:correctness',)
    >>> derived({"latency_ms": Matcher(over_budget=True)}), derived({"tools": Matcher(repeats=3)})
    (('bounds.latency_ms',), ('tools.args_hash',))
    """
    field = screened(rule)
    assert field, "a rule needs a field"
    match rule[field]:
        case Matcher(any=dict() as asked):
            inner = screened(asked)
            assert inner, "a rule needs a field of an element"
            if inner == "name" and (named := asked[inner].one_of_aliases):
                return tuple(f"{field}:{alias}" for alias in named)
            return (field,) if inner == TEXT else (f"{field}.{inner}",)
        case Matcher(repeats=int()):
            return (f"{field}.args_hash",)
        case Matcher(not_allowed=True):
            return ("bounds.tools",)
        case Matcher(over_budget=True) | Matcher(under_budget=True):
            return (f"bounds.{(MOST | LEAST)[field]}",)
        case _:
            return (field,)


def check(path: str, aliases: Aliases, at: str) -> None:
    """Refuse a path that nothing can carry.

    Raises
    ------
    ConfigError
        With the path and the choices there are.
    """
    name, by_name, alias = path.partition(":")
    field, _, inner = path.partition(".")
    if by_name:
        known = name in ELEMENTS and "name" in WITHIN[name] and alias in aliases
    else:
        known = type_of(path) is not None or inner in WITHIN.get(field, ()) or (field == "bounds" and inner in BOUNDS)
    if not known:
        choices = [*FIELDS, *(f"bounds.{bound}" for bound in BOUNDS), "evals:ALIAS"]
        raise ConfigError(f"nothing can carry `{path}` - at `{at}`; fields: {', '.join(sorted(choices))}")


def of_outcome(path: str) -> bool:
    """Whether outcomes carry it; else exchanges do."""
    return path.startswith(f"{OUTCOME}.")


def carrier(path: str, aliases: Aliases, terms: Terms = NO_TERMS) -> Callable[[Any], bool]:
    """Make the question whether an event carries a path.

    Examples
    --------
    >>> from schemas.events import Response, Tool
    >>> ran = Response(service="s", release="r", at=0, id="1", tools=(Tool("search", ok=True),), steps=3)
    >>> [carrier(path, {})(ran) for path in ("tools", "tools.ok", "tools.known", "steps", "bounds.steps")]
    [True, True, False, True, False]
    """
    name, by_name, alias = path.partition(":")
    field, _, inner = path.partition(".")
    if by_name:
        read, words = reader(name), aliases[alias]
        return lambda event: any(len(one.name) <= LONGEST_NAME and plain(one.name) in words for one in read(event))
    if field == "bounds":
        bound, carried = inner, carrier(BOUNDS[inner], aliases)
        find = terms.bounded.find
        return lambda event: carried(event) and getattr(find(event.service, event.workflow), bound) is not None
    if field in ELEMENTS and inner:
        read, said = reader(field), element_reader(inner)
        return lambda event: any(said(one) is not None for one in read(event))
    read = reader(path)
    return lambda event: read(event) not in (None, ())


def paths(rules: Iterable[Mapping[str, Matcher]], said: tuple[str, ...]) -> tuple[str, ...]:
    """Give the paths of a mode: those that it names itself, or else those of its rules."""
    return said or tuple(dict.fromkeys(chain.from_iterable(map(derived, rules))))

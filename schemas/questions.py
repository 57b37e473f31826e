"""A field and a matcher -> a question that an event answers with yes or no."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from schemas.bounds import UNBOUNDED, Bounded
from schemas.matchers import LEAST, LONGEST_NAME, MOST, Aliases, Matcher, plain
from schemas.paths import ATTRIBUTES, Reader, element_reader, reader
from schemas.statements import unsafe

Question = Callable[[Any], bool]


@dataclass(frozen=True)
class Terms:
    """By what events are judged beside the rules: what a config says of services.

    Attributes
    ----------
    bounded : what exchanges may take and use
    sql_dialect : how statements are read, by sqlglot's name; empty for what all have in common
    """

    bounded: Bounded = UNBOUNDED
    sql_dialect: str = ""


NO_TERMS: Final = Terms()


def all_of(rule: Mapping[str, Matcher], aliases: Aliases, terms: Terms = NO_TERMS) -> Question:
    """Make the question of a whole rule: all that it asks must hold.

    Examples
    --------
    >>> from schemas.events import Response
    >>> slow = all_of({"latency_ms": Matcher(at_least_field="deadline_ms")}, {})
    >>> slow(Response(service="s", release="r", at=0, id="1", latency_ms=900.0, deadline_ms=800.0))
    True
    """
    return _all([question(field, matcher, aliases, terms) for field, matcher in rule.items()])


def question(field: str, matcher: Matcher, aliases: Aliases, terms: Terms = NO_TERMS) -> Question:
    """Make the question that a matcher asks of a field.

    Parameters
    ----------
    field, matcher : as `check` lets them through
    aliases : alias -> its words, as `plain` reads them
    """
    match matcher:
        case Matcher(at_least_field=str() as other):
            one, two = reader(field), reader(other)
            return lambda event: (a := one(event)) is not None and (b := two(event)) is not None and a >= b
        case Matcher(other_language_than=str() as other):
            one, two = reader(field), reader(other)
            return lambda event: (
                (a := one(event)) is not None and (b := two(event)) is not None and _language(a) != _language(b)
            )
        case Matcher(any=dict() as asked):
            return _some(reader(field), elements(asked, aliases), matcher.times or 1)
        case Matcher(repeats=int() as times):
            return lambda exchange: len(exchange.tools) >= times and _repeated(exchange.tools, times)
        case Matcher(not_allowed=True):
            return _not_allowed(terms.bounded)
        case Matcher(over_budget=True) | Matcher(under_budget=True):
            return _beyond(field, terms.bounded)
        case Matcher(unsafe=tuple() as kinds):
            return _unsafe(frozenset(kinds), terms)
        case _:
            return of_value(reader(field), matcher, aliases, mixed=field.startswith(f"{ATTRIBUTES}."))


def elements(asked: Mapping[str, Matcher], aliases: Aliases) -> Question:
    """Make the question that is asked of one element of a list."""
    return _all([of_value(element_reader(field), inner, aliases) for field, inner in asked.items()])


def _all(asked: list[Question]) -> Question:
    if len(asked) == 1:
        return asked[0]
    if len(asked) == 2:
        one, two = asked
        return lambda event: one(event) and two(event)
    return lambda event: all(holds(event) for holds in asked)


def of_value(read: Reader, matcher: Matcher, aliases: Aliases, mixed: bool = False) -> Question:
    """Make the question that is asked of one value.

    Parameters
    ----------
    read : whatever the question is then asked of -> the value
    mixed : whether it can be of any type; what is of another one than is asked counts as not there
    """
    match matcher:
        case Matcher(one_of=tuple() as values):
            return lambda event: read(event) in values
        case Matcher(absent=bool() as absent):
            return lambda event: (read(event) in (None, ())) is absent
        case Matcher(regex=str() as pattern):
            found, text = re.compile(pattern).search, _texts(read) if mixed else read
            return lambda event: (said := text(event)) is not None and found(said) is not None
        case Matcher(alias=str() | tuple()):
            words, text = _words(matcher.one_of_aliases, aliases), _texts(read) if mixed else read
            return lambda event: (
                (said := text(event)) is not None and len(said) <= LONGEST_NAME and plain(said) in words
            )
        case Matcher(not_alias=tuple() as several):
            words, text = _words(several, aliases), _texts(read) if mixed else read
            return lambda event: (
                (said := text(event)) is not None and (len(said) > LONGEST_NAME or plain(said) not in words)
            )
        case Matcher(unless_at_least=float() as least):
            number = _numbers(read) if mixed else read
            return lambda event: (said := number(event)) is None or said < least
        case _:
            return _between(_numbers(read) if mixed else read, matcher)


def _words(several: Iterable[str], aliases: Aliases) -> frozenset[str]:
    return frozenset(chain.from_iterable(aliases[alias] for alias in several))


def _between(read: Reader, matcher: Matcher) -> Question:
    low = next((end for end in (matcher.at_least, matcher.above) if end is not None), -float("inf"))
    high = next((end for end in (matcher.at_most, matcher.below) if end is not None), float("inf"))
    if matcher.above is None and matcher.below is None:
        return lambda event: (number := read(event)) is not None and low <= number <= high
    if matcher.above is None:
        return lambda event: (number := read(event)) is not None and low <= number < high
    if matcher.below is None:
        return lambda event: (number := read(event)) is not None and low < number <= high
    return lambda event: (number := read(event)) is not None and low < number < high


def _texts(read: Reader) -> Reader:
    return lambda event: said if isinstance(said := read(event), str) else None


def _numbers(read: Reader) -> Reader:
    return lambda event: said if type(said := read(event)) in (int, float) else None


def _some(read: Reader, holds: Question, times: int) -> Question:
    if times == 1:
        return lambda event: any(holds(one) for one in read(event))
    return lambda event: sum(holds(one) for one in read(event)) >= times


def _repeated(tools: tuple[Any, ...], times: int) -> bool:
    if len({tool.args_hash for tool in tools}) > len(tools) - times + 1:  # most often: each call is another
        return False
    calls: dict[tuple[str, str], int] = {}
    for tool in tools:
        if tool.args_hash is not None:
            call = tool.name, tool.args_hash
            calls[call] = calls.get(call, 0) + 1
    return max(calls.values(), default=0) >= times


def _not_allowed(bounded: Bounded) -> Question:
    def asks(exchange: Any) -> bool:
        if not exchange.tools:
            return False
        allowed = bounded.find(exchange.service, exchange.workflow).tools
        return allowed is not None and any(tool.name not in allowed for tool in exchange.tools)

    return asks


def _beyond(field: str, bounded: Bounded) -> Question:
    """Ask whether a number is beyond its budget, on the side that hurts."""
    read, bound = reader(field), attrgetter((MOST | LEAST)[field])
    sign = 1 if field in MOST else -1

    def asks(exchange: Any) -> bool:
        if (said := read(exchange)) is None:
            return False
        allowed = bound(bounded.find(exchange.service, exchange.workflow))
        return allowed is not None and sign * said > sign * allowed

    return asks


def _unsafe(kinds: frozenset[str], terms: Terms) -> Question:
    bounded, dialect = terms.bounded, terms.sql_dialect

    def asks(exchange: Any) -> bool:
        if (sql := exchange.sql) is None:
            return False
        tables = bounded.find(exchange.service, exchange.workflow).tables
        return not kinds.isdisjoint(unsafe(sql, tables, dialect))

    return asks


def _language(tag: str) -> str:
    """``en-GB`` -> ``en``: the primary subtag of a BCP 47 tag (or of a POSIX locale), without case."""
    return tag.replace("_", "-").partition("-")[0].lower()

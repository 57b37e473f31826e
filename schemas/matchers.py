"""A field of an exchange and a matcher -> a question that the exchange answers with yes or no."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.events import Exchange, Response
from schemas.strict import ConfigError

Question = Callable[[Exchange | Response], bool]
Aliases = Mapping[str, frozenset[str]]

FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Response)}
LISTS: Final = frozenset(name for name, field in FIELDS.items() if field.default == ())
"""Fields that are an empty list, not None, where nothing was sent."""

LONGEST_NAME: Final = 256
"""Characters of a name of an error; what is longer is none, and is not kept in `plain`'s cache."""


class Matcher(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a rule asks of one field. Exactly one kind is given; `at_least` and `at_most` together are one, a range.

    Attributes
    ----------
    one_of : values; null stands for a field that was not sent
    regex : a pattern that is found anywhere in the text
    alias : a name of the alias table; holds for every vendor's word in it, as `plain` reads it
    at_least, at_most : bounds of a number, both included
    absent : true where nothing was sent (an empty list is nothing), false where something was
    at_least_field : another field that this one reaches or passes; both must be there
    other_language_than : another field that names another language (``en`` and ``en-GB`` are one); both must be there
    """

    one_of: tuple[str | int | bool | None, ...] | None = None
    regex: str | None = None
    alias: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    absent: bool | None = None
    at_least_field: str | None = None
    other_language_than: str | None = None

    @property
    def needs_presence(self) -> bool:
        """Whether the field must have been sent for this to hold."""
        return not (self.absent or (self.one_of and None in self.one_of))


@lru_cache(4096)
def plain(name: str) -> str:
    """Reduce a vendor's name for an error to what all spellings of it share.

    The last part of a dotted name, without case, punctuation and a trailing "Error" or "Exception".

    Examples
    --------
    >>> {plain(name) for name in ("openai.RateLimitError", "rate_limit_error", "RateLimitException", "rate-limit")}
    {'ratelimit'}
    """
    letters = re.sub("[^a-z0-9]", "", re.split("[.:/]", name)[-1].lower())
    return letters.removesuffix("error").removesuffix("exception")


def question(field: str, matcher: Matcher, aliases: Aliases) -> Question:
    """Make the question that a matcher asks of a field.

    Parameters
    ----------
    field, matcher : as `check` lets them through
    aliases : alias -> its vendors' names, as `plain` reads them

    Examples
    --------
    >>> slow = question("latency_ms", Matcher(at_least_field="deadline_ms"), {})
    >>> slow(Response(service="s", release="r", at=0, id="1", latency_ms=900.0, deadline_ms=800.0))
    True
    """
    read: Callable[[Any], Any] = attrgetter(field)
    match matcher:
        case Matcher(one_of=tuple() as values):
            return lambda exchange: read(exchange) in values
        case Matcher(regex=str() as pattern):
            found = re.compile(pattern).search
            return lambda exchange: (text := read(exchange)) is not None and found(text) is not None
        case Matcher(alias=str() as alias):
            words = aliases[alias]
            return lambda exchange: (
                (text := read(exchange)) is not None and len(text) <= LONGEST_NAME and plain(text) in words
            )
        case Matcher(absent=bool() as absent):
            return lambda exchange: (read(exchange) in (None, ())) is absent
        case Matcher(at_least_field=str() as other):
            both: Callable[[Any], tuple[Any, Any]] = attrgetter(field, other)
            return lambda exchange: None not in (pair := both(exchange)) and pair[0] >= pair[1]
        case Matcher(other_language_than=str() as other):
            both = attrgetter(field, other)
            return lambda exchange: None not in (pair := both(exchange)) and _language(pair[0]) != _language(pair[1])
        case _:
            low = -float("inf") if matcher.at_least is None else matcher.at_least
            high = float("inf") if matcher.at_most is None else matcher.at_most
            return lambda exchange: (number := read(exchange)) is not None and low <= number <= high


def _language(tag: str) -> str:
    """``en-GB`` -> ``en``: the primary subtag of a BCP 47 tag (or of a POSIX locale), without case."""
    return tag.replace("_", "-").partition("-")[0].lower()


def check(field: str, matcher: Matcher, aliases: Aliases, path: str) -> None:
    """Refuse a matcher that could never hold, or that asks what its field cannot answer.

    Raises
    ------
    ConfigError
        With the path and the choices there are.
    """
    given = [name for name in matcher.__struct_fields__ if getattr(matcher, name) is not None]
    if len(given) != 1 and given != ["at_least", "at_most"]:
        raise ConfigError(
            f"expected one matcher, got {' and '.join(given) or 'none'} - at `{path}`; "
            f"matchers: {', '.join(matcher.__struct_fields__)}"
        )
    for name in (field, matcher.at_least_field, matcher.other_language_than):
        if name is not None and name not in FIELDS:
            raise ConfigError(f"no field `{name}` - at `{path}`; fields: {', '.join(sorted(FIELDS))}")
    for value, of in _samples(field, matcher):
        _fits(value, of, path)
    _check_values(matcher, aliases, path)


def _samples(field: str, matcher: Matcher) -> Iterator[tuple[object, str]]:
    """Give values that a field must be able to hold for the matcher to make sense, with the field."""
    yield from ((value, field) for value in matcher.one_of or () if value is not None)
    if matcher.at_least is not None or matcher.at_most is not None:
        yield 0, field
    if matcher.regex is not None or matcher.alias is not None:
        yield "", field
    if matcher.at_least_field is not None:
        yield from ((0, field), (0, matcher.at_least_field))
    if matcher.other_language_than is not None:
        yield from (("", field), ("", matcher.other_language_than))


def _fits(value: object, field: str, path: str) -> None:
    try:
        msgspec.convert(value, FIELDS[field].type)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{value!r} is nothing that `{field}` can be: {wrong} - at `{path}`") from None


def _check_values(matcher: Matcher, aliases: Aliases, path: str) -> None:
    if matcher.one_of == ():
        raise ConfigError(f"expected at least one value - at `{path}.one_of`")
    if matcher.at_least is not None and matcher.at_most is not None and matcher.at_least > matcher.at_most:
        raise ConfigError(f"at_least {matcher.at_least:g} lies above at_most {matcher.at_most:g} - at `{path}`")
    if matcher.alias is not None and matcher.alias not in aliases:
        raise ConfigError(f"no alias `{matcher.alias}` - at `{path}.alias`; aliases: {', '.join(sorted(aliases))}")
    if matcher.regex is not None:
        try:
            re.compile(matcher.regex)
        except re.error as wrong:
            raise ConfigError(f"no regular expression, {wrong} - at `{path}.regex`") from None

"""What a rule asks of a field -> the same, checked: it could hold, and its field can answer."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.paths import ELEMENTS, FIELDS, WITHIN, type_of
from schemas.statements import KINDS
from schemas.strict import ConfigError

Aliases = Mapping[str, frozenset[str]]

LONGEST_NAME: Final = 256
"""Characters of a name; what is longer is none, and is not kept in any cache."""

MOST: Final = {
    "latency_ms": "latency_ms", "ttft_ms": "ttft_ms", "output_tokens": "output_tokens", "steps": "steps",
    "retrieval.newest_age_days": "document_age_days",
}  # fmt: skip
"""Paths that have a budget that they may not pass, with its name in `schemas.bounds.Bounds`."""

LEAST: Final = {"retrieval.top_score": "top_score"}
"""Paths that have one that they must reach."""

RANGE: Final = ("at_least", "above", "at_most", "below")
OF_VALUE: Final = {"one_of", "regex", "alias", "not_alias", "unless_at_least", "absent", *RANGE}
"""Matchers that ask of nothing but the field's own value."""


class Matcher(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a rule asks of one field: exactly one thing; of a range two ends may be given, and `times` goes with `any`.

    Attributes
    ----------
    one_of : values; null stands for a field that was not sent
    regex : a pattern that is found anywhere in the text
    alias : a name of the alias table, or several; holds for every word there, however it is spelled
    not_alias : names of the alias table; holds for a text that stands under none of them
    at_least, at_most : ends of a range of numbers, themselves included
    above, below : ends of a range, themselves not included
    unless_at_least : holds unless the number is there and reaches this
    absent : true where nothing was sent (an empty list is nothing), false where something was
    at_least_field : another field that this one reaches or passes; both must be there
    other_language_than : another field that names another language (``en`` and ``en-GB`` are one); both must be there
    any : of a list: what must hold of one and the same element, field by field. An element of `missing_fields` or
        `prohibited` has one field, `text`
    times : of how many elements `any` must hold, at least
    repeats : of `tools`: one tool was called at least so many times with the same arguments (`args_hash`)
    over_budget : true: more than `services[].allows` says
    under_budget : true: less than `services[].allows` says
    not_allowed : of `tools`, true: one is called that is not among those of `services[].allows.tools`
    unsafe : of `sql`: the statement is one of these, see decision 0049
    """

    one_of: tuple[str | int | bool | None, ...] | None = None
    regex: str | None = None
    alias: str | tuple[str, ...] | None = None
    not_alias: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    unless_at_least: float | None = None
    absent: bool | None = None
    at_least_field: str | None = None
    other_language_than: str | None = None
    any: dict[str, "Matcher"] | None = None
    times: int | None = None
    repeats: int | None = None
    over_budget: bool | None = None
    under_budget: bool | None = None
    not_allowed: bool | None = None
    unsafe: tuple[str, ...] | None = None

    @property
    def needs_presence(self) -> bool:
        """Whether the field must have been sent for this to hold."""
        absent = self.absent or self.unless_at_least is not None or (self.one_of and None in self.one_of)
        return not absent

    @property
    def given(self) -> list[str]:
        """Names of what is asked."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]

    @property
    def one_of_aliases(self) -> tuple[str, ...]:
        """Names of aliases of which one must hold."""
        return (self.alias,) if isinstance(self.alias, str) else self.alias or ()

    @property
    def asked(self) -> frozenset[str]:
        """Names of all aliases that are asked."""
        return frozenset((*self.one_of_aliases, *(self.not_alias or ())))


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


def screened(rule: Mapping[str, Matcher]) -> str | None:
    """Name the first field that a rule needs to be there: what events are screened by; None if it needs none.

    Examples
    --------
    >>> screened({"finish_reason": Matcher(absent=True), "status": Matcher(one_of=("ok",))})
    'status'
    """
    return next((field for field, matcher in rule.items() if matcher.needs_presence), None)


def check(field: str, matcher: Matcher, aliases: Aliases, path: str, within: str = "") -> None:
    """Refuse a matcher that could never hold, or that asks what its field cannot answer.

    Parameters
    ----------
    path : where it stands
    within : the list of whose elements `field` is one

    Raises
    ------
    ConfigError
        With the path and the choices there are.
    """
    given = matcher.given
    ends = [name for name in given if name in RANGE]
    if given != ["any", "times"] and (given != ends if ends else len(given) != 1 or given == ["times"]):
        raise ConfigError(
            f"expected one matcher, got {' and '.join(given) or 'none'} - at `{path}`; "
            f"matchers: {', '.join(matcher.__struct_fields__)}"
        )
    for name in (field, matcher.at_least_field, matcher.other_language_than):
        if name is not None and _type(name, within) is None:
            known = [*WITHIN[within]] if within else [*FIELDS, "attributes.NAME"]
            raise ConfigError(f"no field `{name}` - at `{path}`; fields: {', '.join(sorted(known))}")
    for value, of in _samples(field, matcher):
        _fits(value, of, within, path)
    _check_values(matcher, aliases, path)
    _check_place(field, matcher, path, within)
    if matcher.any is not None:
        _check_elements(field, matcher, aliases, path)


def _type(name: str, within: str) -> Any | None:
    return WITHIN[within].get(name) if within else type_of(name)


def _samples(field: str, matcher: Matcher) -> Iterator[tuple[object, str]]:
    """Give values that a field must be able to hold for the matcher to make sense, with the field."""
    yield from ((value, field) for value in matcher.one_of or () if value is not None)
    if any(getattr(matcher, name) is not None for name in (*RANGE, "unless_at_least")):
        yield 0, field
    if matcher.regex is not None or matcher.asked:
        yield "", field
    if matcher.at_least_field is not None:
        yield from ((0, field), (0, matcher.at_least_field))
    if matcher.other_language_than is not None:
        yield from (("", field), ("", matcher.other_language_than))


def _fits(value: object, field: str, within: str, path: str) -> None:
    of = _type(field, within)
    if value == "" and type(value) is str and str in getattr(of, "__args__", (of,)):
        return  # a name is a text of which the empty one alone is none
    try:
        msgspec.convert(value, of)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{value!r} is nothing that `{field}` can be: {wrong} - at `{path}`") from None


def _check_values(matcher: Matcher, aliases: Aliases, path: str) -> None:
    if () in (matcher.one_of, matcher.alias, matcher.not_alias, matcher.unsafe):
        raise ConfigError(f"expected at least one value - at `{path}.{matcher.given[0]}`")
    if len(ends := [name for name in matcher.given if name in RANGE]) > 1:
        _check_range(matcher, ends, path)
    for alias in sorted(matcher.asked - set(aliases)):
        raise ConfigError(f"no alias `{alias}` - at `{path}.alias`; aliases: {', '.join(sorted(aliases))}")
    if matcher.regex is not None:
        try:
            re.compile(matcher.regex)
        except re.error as wrong:
            raise ConfigError(f"no regular expression, {wrong} - at `{path}.regex`") from None
    for kind in matcher.unsafe or ():
        if kind not in KINDS:
            raise ConfigError(f"no statement is `{kind}` - at `{path}.unsafe`; they are: {', '.join(KINDS)}")
    for name in ("over_budget", "under_budget", "not_allowed"):
        if getattr(matcher, name) is False:
            raise ConfigError(f"expected true, got False - at `{path}.{name}`")
    for name, least in (("times", 1), ("repeats", 2)):
        if (value := getattr(matcher, name)) is not None and value < least:
            raise ConfigError(f"expected at least {least}, got {value} - at `{path}.{name}`")


def _check_range(matcher: Matcher, ends: list[str], path: str) -> None:
    for one, other in (("at_least", "above"), ("at_most", "below")):
        if one in ends and other in ends:
            raise ConfigError(f"{one} and {other} are the same end of a range - at `{path}`")
    low, high = ends
    least, most = getattr(matcher, low), getattr(matcher, high)
    if least > most or (least == most and ends != ["at_least", "at_most"]):
        how = "lies above" if least > most else "leaves nothing below"
        raise ConfigError(f"{low} {least:g} {how} {high} {most:g} - at `{path}`")


def _check_place(field: str, matcher: Matcher, path: str, within: str) -> None:
    """Refuse a matcher that asks what only other fields have."""
    of: dict[str, tuple[str, ...]] = {
        "any": tuple(ELEMENTS), "repeats": ("tools",), "not_allowed": ("tools",), "unsafe": ("sql",),
        "over_budget": tuple(MOST), "under_budget": tuple(LEAST),
    }  # fmt: skip
    for name, fields in of.items():
        if getattr(matcher, name) is not None and (within or field not in fields):
            raise ConfigError(f"`{field}` cannot be asked `{name}` - at `{path}`; that is for: {', '.join(fields)}")


def _check_elements(field: str, matcher: Matcher, aliases: Aliases, path: str) -> None:
    asked = matcher.any or {}
    for name, inner in asked.items():
        check(name, inner, aliases, f"{path}.any.{name}", within=field)
    if screened(asked) is None:
        raise ConfigError(f"of an element at least one field must be needed - at `{path}.any`")

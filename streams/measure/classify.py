"""Exchanges -> those that may have failed, and the ways in which they did."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import Any

from schemas.events import Exchange, Response
from schemas.matchers import LISTS, Matcher
from schemas.taxonomy import Rule, Taxonomy

Served = Sequence[Exchange | Response]


@dataclass(frozen=True)
class Classifier:
    """A taxonomy, made ready for traffic of which nearly all is fine.

    Attributes
    ----------
    suspects : exchanges -> the indexes of those that any rule could take
        The one part that every event passes. Whoever is not named here matches no rule.
    """

    taxonomy: Taxonomy
    suspects: Callable[[Served], list[int]]
    failing: tuple[Rule, ...]

    def modes(self, exchange: Exchange | Response) -> tuple[str, ...]:
        """Name all modes that an exchange is in: gravest first, then in the taxonomy's order; empty if in none.

        Examples
        --------
        >>> classifier = compile(Taxonomy.load_default())
        >>> late = Exchange(service="s", release="r", at=0, id="1", status="error", http_status=429, latency_ms=9.0,
        ...                 deadline_ms=8.0, error_type="insufficient_quota")
        >>> classifier.modes(late)
        ('AVL.QUOTA', 'AVL.RATE_LIMIT', 'AVL.TIMEOUT')
        """
        return tuple(dict.fromkeys(rule.mode.id for rule in self.taxonomy.matching(exchange)))

    def failure(self, exchange: Exchange | Response) -> str | None:
        """Name the gravest mode that counts as a failure; None if the exchange did its job, however badly."""
        for rule in self.failing:
            if rule.holds(exchange):
                return rule.mode.id
        return None


def compile(taxonomy: Taxonomy) -> Classifier:
    """Make a classifier of a taxonomy."""
    failing = [rule for rule in taxonomy.rules if rule.mode.counts == "failure"]
    failing.sort(key=lambda rule: rule.mode.last_resort)  # stable: the last resort is asked last
    return Classifier(taxonomy, _screen(taxonomy.rules), tuple(failing))


def _screen(rules: Iterable[Rule]) -> Callable[[Served], list[int]]:
    """Write the one comprehension that looks at the fewest fields that could tell.

    A rule holds only if each of its matchers does; so one of them, the first that needs its field to be there, is
    necessary, and the screen is the "or" over these. It is source that is compiled, as in `dataclasses`: a chain of
    calls costs five times as much, and every event pays. Field names come from our own structs, values by reference.
    """
    keys: dict[str, list[Matcher]] = {}
    for rule in rules:
        field, matcher = next(
            (field, matcher) for field, matcher in rule.mode.rules[rule.nth].items() if matcher.needs_presence
        )
        keys.setdefault(field, []).append(matcher)
    values: dict[str, Any] = {}
    tests = [test for field, matchers in keys.items() for test in _tests(field, matchers, values)]
    source = " or ".join(tests) or "False"
    screen: Callable[[Served], list[int]] = eval(
        f"lambda served: [i for i, e in enumerate(served) if {source}]", values
    )
    return screen


def _tests(field: str, matchers: Sequence[Matcher], values: dict[str, Any]) -> list[str]:
    """Write the tests of ``e.<field>`` of which one is true wherever one of the matchers holds."""
    there = f"e.{field}" if field in LISTS else f"e.{field} is not None"
    if any(matcher.regex or matcher.alias or matcher.absent is False for matcher in matchers):
        return [there]
    tests = []
    for matcher in matchers:
        if other := matcher.at_least_field:
            tests.append(f"e.{other} is not None and {there} and e.{field} >= e.{other}")
        if other := matcher.other_language_than:
            tests.append(f"e.{other} is not None and {there} and e.{field} != e.{other}")
    listed = frozenset(value for matcher in matchers for value in matcher.one_of or ())
    ranges = [matcher for matcher in matchers if matcher.at_least is not None or matcher.at_most is not None]
    if ranges:  # one span over ranges and listed values: the rules themselves look closer
        numbers = [float(value) for value in listed if value is not None]
        low = min([*numbers, *(-inf if m.at_least is None else m.at_least for m in ranges)])
        high = max([*numbers, *(inf if m.at_most is None else m.at_most for m in ranges)])
        tests.append(f"{there}{_bound(low, '<=', field)}{_bound(high, '>=', field)}")
    elif len(listed) == 1:
        (values[f"{field}_value"],) = listed
        tests.append(f"e.{field} == {field}_value")
    elif listed:
        values[f"{field}_values"] = listed
        tests.append(f"e.{field} in {field}_values")
    return tests


def _bound(number: float, within: str, field: str) -> str:
    """Write one end of a range, if it has any; as a whole number where it is one, for fields are compared faster so."""
    return "" if isinf(number) else f" and {int(number) if number.is_integer() else number} {within} e.{field}"

"""Rules -> the one loop over events that finds those which any rule could take."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, isinf
from typing import Any, Final

from schemas.matchers import LEAST, LONGEST_NAME, MOST, RANGE, Aliases, Matcher, screened
from schemas.paths import ATTRIBUTES, ELEMENTS, OUTCOME
from schemas.questions import Question, Terms, of_value, question
from schemas.taxonomy import Rule

Screen = Callable[[Sequence[Any]], list[int]]

_KEPT: Final = 4096
"""Different texts that are remembered of each field: names are few, and who sends more pays for it."""

_LOOP: Final = """
def screen(events):
    found = []
    for i, e in enumerate(events):
        if {}:
            found.append(i)
    return found
"""
_SORTER: Final = """
def sort(e):
    found = []
{}    return found
"""
_ELEMENTS: Final = """
def element(elements):
    for x in elements:
        if {}:
            return True
    return False
"""


class Remembered(dict[Any, Any]):
    """What was answered about a value, so that it is asked once."""

    def __init__(self, ask: Callable[[Any], Any]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, value: Any) -> Any:
        answer = self._ask(value)
        if len(self) < _KEPT and not (isinstance(value, str) and len(value) > LONGEST_NAME):
            self[value] = answer
        return answer


def screen(rules: Iterable[Rule], aliases: Aliases, terms: Terms, also: Iterable[str] = ()) -> Screen:
    """Write the one loop that looks at the fewest fields that could tell.

    A rule holds only if each of its matchers does; so one of them, the first that needs its field to be there, is
    necessary, and the screen is the "or" over these. Of a list it is some element that could tell, found by its name
    where the rule says one. It is source that is compiled, as in `dataclasses`: a chain of calls costs five times as
    much, and every event pays. Field names come from our own structs, values and a user's words go in by reference.

    Parameters
    ----------
    also : further tests of an event ``e``
    """
    asked: dict[str, list[Matcher]] = {}
    for rule in rules:
        asked.setdefault(rule.screened, []).append(rule.asks[rule.screened])
    writer = _Writer(aliases, terms)
    source = " or ".join([*writer.tests(asked), *also]) or "False"
    return writer.compiled(_LOOP.format(source), "screen")  # type: ignore[no-any-return]


def sorter(rules: Sequence[Rule], aliases: Aliases, terms: Terms) -> Callable[[Any], list[int]]:
    """Write the function that says which rules are worth asking of an event: first by field, then one by one.

    Parameters
    ----------
    rules : in the order in which they are asked

    Returns
    -------
    event -> indexes of rules, not in order; whoever is not named does not hold
    """
    asked: dict[str, list[int]] = {}
    for i, rule in enumerate(rules):
        asked.setdefault(rule.screened, []).append(i)
    writer, lines = _Writer(aliases, terms), []
    for path, indexes in asked.items():
        if tests := writer.tests({path: [rules[i].asks[path] for i in indexes]}):
            lines.append(f"    if {' or '.join(tests)}:\n")
            for i in indexes:
                own = " or ".join(writer.tests({path: [rules[i].asks[path]]})) or "False"
                lines.append(f"        if {own}:\n            found.append({i})\n")
    return writer.compiled(_SORTER.format("".join(lines)), "sort")  # type: ignore[no-any-return]


class _Writer:
    """Writes tests, and keeps what they refer to."""

    def __init__(self, aliases: Aliases, terms: Terms) -> None:
        self._aliases, self._terms = aliases, terms
        self._values: dict[str, Any] = {}

    def compiled(self, source: str, name: str) -> Any:
        space = dict(self._values)
        exec(source, space)
        return space[name]

    def tests(self, asked: Mapping[str, Sequence[Matcher]]) -> list[str]:
        """Write a test for each field of an event in which the paths begin."""
        tests: list[str] = []
        within: dict[str, list[str]] = {}
        for path, matchers in asked.items():
            first, _, inner = path.partition(".")
            if path in ELEMENTS:
                tests += self._of_list(path, matchers)
            elif first == ATTRIBUTES:
                holds = [self._refer(question(path, one, self._aliases, self._terms)) for one in matchers]
                within.setdefault(first, []).extend(f"{one}(e)" for one in holds)
            elif inner and first != OUTCOME:
                within.setdefault(first, []).extend(self._of_field(path, f"x.{inner}", matchers))
            else:
                tests += self._of_field(path, f"e.{inner or first}", matchers)
        for first, inside in within.items():
            if inside:
                tests.append(f"(x := e.{first}) is not None and ({' or '.join(inside)})")
        return tests

    def _refer(self, value: Any) -> str:
        """Give a value a name that tests can use."""
        name = f"v{len(self._values)}"
        self._values[name] = value
        return name

    def _of_field(self, path: str, x: str, matchers: Sequence[Matcher]) -> list[str]:
        """Write tests of which one is true wherever one of the matchers holds, those by the bounds among them."""
        simple, tests = [], []
        for one in matchers:
            if one.over_budget or one.under_budget:
                tests += self._of_budget(path, x, one)
            elif one.unsafe or one.at_least_field or one.other_language_than:
                tests += self._of_several(path, x, one)
            else:
                simple.append(one)
        return [*self._of_value(x, simple), *tests] if simple else tests

    def _of_budget(self, path: str, x: str, matcher: Matcher) -> list[str]:
        said = self._terms.bounded.said((MOST | LEAST)[path])
        if not said:
            return []
        holds = self._refer(question(path, matcher, self._aliases, self._terms))
        beyond = f"{x} > {self._refer(min(said))}" if path in MOST else f"{x} < {self._refer(max(said))}"
        return [f"{x} is not None and {beyond} and {holds}(e)"]

    def _of_several(self, path: str, x: str, matcher: Matcher) -> list[str]:
        other = matcher.at_least_field or matcher.other_language_than
        if other and "." not in f"{path}{other}".removeprefix(f"{OUTCOME}."):
            than = ">=" if matcher.at_least_field else "!="
            return [f"e.{other} is not None and {x} is not None and {x} {than} e.{other}"]
        return [f"{x} is not None and {self._refer(question(path, matcher, self._aliases, self._terms))}(e)"]

    def _of_value(self, x: str, matchers: Sequence[Matcher]) -> list[str]:
        """Write tests of one value: of a text by what is remembered of it, of a number by one span over all ranges."""
        if any(one.absent is False for one in matchers):
            return [f"{x} is not None"]
        if any(one.asked or one.regex is not None for one in matchers):
            holds = [of_value(lambda text: text, one, self._aliases) for one in matchers]
            return [f"{self._refer(Remembered(lambda text: any(one(text) for one in holds)))}[{x}]"]
        tests = [f"{x} is None" for one in matchers if one.absent][:1]
        tests += [
            f"({x} is None or {x} < {self._refer(one.unless_at_least)})" for one in matchers
            if one.unless_at_least is not None
        ]  # fmt: skip
        listed = frozenset(value for one in matchers for value in one.one_of or ())
        ranges = [one for one in matchers if any(getattr(one, end) is not None for end in RANGE)]
        if ranges:
            numbers = [float(value) for value in listed if value is not None]
            low, high = min([*numbers, *map(_low, ranges)]), max([*numbers, *map(_high, ranges)])
            tests.append(f"{x} is not None{_bound(low, '<=', x)}{_bound(high, '>=', x)}")
        elif len(listed) == 1 and isinstance(value := next(iter(listed)), bool):
            tests.append(f"{x} is {value}")
        elif listed:
            tests.append(f"{x} == {self._refer(value)}" if len(listed) == 1 else f"{x} in {self._refer(listed)}")
        return tests

    def _of_list(self, field: str, matchers: Sequence[Matcher]) -> list[str]:
        if ELEMENTS[field] is str or any(one.absent is False for one in matchers):
            return [f"e.{field}"]  # texts are rare there, so that one is enough to look
        tests = []
        if several := [one.any for one in matchers if one.any]:
            tests.append(f"{self._of_elements(several)}(x)")
        for one in matchers:
            holds = self._refer(question(field, one, self._aliases, self._terms)) if one.any is None else ""
            if one.repeats is not None:
                tests.append(f"len(x) >= {int(one.repeats)} and {holds}(e)")
            elif one.not_allowed and (bounded := self._bounded("tools")):
                tests.append(f"e.service in {self._refer(bounded)} and {holds}(e)")
        return [f"(x := e.{field}) and ({' or '.join(tests)})"] if tests else []

    def _bounded(self, bound: str) -> frozenset[str]:
        """Name the services of which a bound is set."""
        of = self._terms.bounded.of
        return frozenset(service for (service, _), said in of.items() if getattr(said, bound) is not None)

    def _of_elements(self, several: Sequence[Mapping[str, Matcher]]) -> str:
        """Write the function that looks for an element that could tell."""
        named = [asked for asked in several if "name" in asked and asked["name"].needs_presence]
        others: dict[str, list[Matcher]] = {}
        for asked in several:
            if asked not in named:
                inner = screened(asked)
                assert inner, "a matcher that was checked"
                others.setdefault(inner, []).append(asked[inner])
        tests = [test for inner, matchers in others.items() for test in self._of_value(f"x.{inner}", matchers)]
        if len(several) == 1 and not named:  # of one alone all can be asked at once
            (asked,) = several
            fields = (self._of_value(f"x.{inner}", [one]) for inner, one in asked.items())
            tests = [" and ".join(f"({' or '.join(field)})" for field in fields if field)]
        if named:
            tests.append(f"(holds := {self._refer(self._by_name(named))}[x.name]) is not None and holds(x)")
        return self._refer(self.compiled(_ELEMENTS.format(" or ".join(tests)), "element"))

    def _by_name(self, several: Sequence[Mapping[str, Matcher]]) -> Remembered:
        """Say of a name which function looks at what else an element must have; None if no rule means it."""
        means = [of_value(lambda name: name, asked["name"], self._aliases) for asked in several]
        written: dict[tuple[int, ...], Question | None] = {(): None}

        def look(name: str) -> Question | None:
            meant = tuple(i for i, holds in enumerate(means) if holds(name))
            if meant not in written:
                written[meant] = self._rest([several[i] for i in meant])
            return written[meant]

        return Remembered(look)

    def _rest(self, several: Sequence[Mapping[str, Matcher]]) -> Question:
        rules = []
        for asked in several:
            parts = [self._of_value(f"x.{inner}", [one]) for inner, one in asked.items() if inner != "name"]
            rules.append(" and ".join(f"({' or '.join(part)})" for part in parts if part) or "True")
        return self.compiled(f"holds = lambda x: {' or '.join(rules)}", "holds")  # type: ignore[no-any-return]


def _low(matcher: Matcher) -> float:
    return next((end for end in (matcher.at_least, matcher.above) if end is not None), -inf)


def _high(matcher: Matcher) -> float:
    return next((end for end in (matcher.at_most, matcher.below) if end is not None), inf)


def _bound(number: float, within: str, x: str) -> str:
    """Write one end of a range, if it has any; as a whole number where it is one, for fields are compared faster so."""
    return "" if isinf(number) else f" and {int(number) if number.is_integer() else number} {within} {x}"

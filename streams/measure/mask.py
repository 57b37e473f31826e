"""What was read of a chunk of exchanges -> those worth asking how they failed, and by which rules."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.matchers import LEAST, MOST, RANGE, Aliases, Matcher, screened
from schemas.paths import ELEMENTS
from schemas.questions import Terms, of_value
from schemas.signals import NO, YES, Signal
from schemas.taxonomy import Rule
from streams.measure.derive import ODD, ODD_GUARDRAIL, ODD_TOOL
from streams.measure.screen import Remembered, Screen, screen, sorter

Sort = Callable[[Any], list[int]]
_NO_CELL: Final = 255


@dataclass(frozen=True, eq=False)
class Mask:
    """Tests of which one holds wherever a rule could: of what was read anyway, and of the few fields that were not.

    What is read for the signals lies close already, and is looked at a chunk at a time; so most rules cost nothing by
    themselves. Which test held says which rules are worth asking; whoever is not named matches none.

    Attributes
    ----------
    cells : (rates,) of each rate the cell that could tell, 255 where none could
    low, high : (numbers,) ends of what could tell of each number; where nothing could, `low` is infinite
    by_rate, by_number : the rules that each of them tells of, by their place among all
    by_list : rate that tells of a list's elements -> an exchange -> the rules that are worth asking
    names : (column, text -> whether it could tell, the rules) of the names
    rest : the screen over all else
    nothing : whether there are no rules
    sort : one that this found -> the rules that are worth asking
    """

    cells: NDArray[np.uint8]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    by_rate: tuple[tuple[int, ...], ...]
    by_number: tuple[tuple[int, ...], ...]
    by_list: Mapping[int, Sort]
    names: tuple[tuple[int, Remembered, tuple[int, ...]], ...]
    rest: Screen
    sort: Sort
    nothing: bool

    def suspects(
        self, served: Sequence[Any], flags: bytes, numbers: bytes, names: Sequence[str]
    ) -> dict[int, list[int]]:
        """Find the exchanges that any rule could take.

        Parameters
        ----------
        served : the exchanges of the chunk
        flags, numbers, names : what was read of them, an exchange behind the other

        Returns
        -------
        Place in the chunk -> rules that are worth asking.
        """
        if not served or self.nothing:
            return {}
        n, found = len(served), defaultdict[int, list[int]](list)
        rates = np.frombuffer(flags, np.uint8).reshape(n, -1)
        values = np.frombuffer(numbers).reshape(n, -1)
        # Where something tells there is little; to ask each row whether any of it does costs four times as much.
        for place in np.flatnonzero((rates == self.cells) | (rates >= ODD)).tolist():
            i, column = divmod(place, rates.shape[1])
            found[i] += self.by_list[column](served[i]) if column in self.by_list else self.by_rate[column]
        for place in np.flatnonzero((values >= self.low) & (values <= self.high)).tolist():
            i, column = divmod(place, values.shape[1])
            found[i] += self.by_number[column]
        for i in self.rest(served):
            found[i] += self.sort(served[i])
        for column, tells, rules in self.names:
            said = names[column :: len(names) // n]
            telling = {name for name in set(said) if tells[name]}
            if telling:
                for i, name in enumerate(said):
                    if name in telling:
                        found[i] += rules
        return found


class _Columns:
    """What is read of exchanges, by its path."""

    def __init__(self, rates: Sequence[Signal], numbers: Sequence[Signal], named: Sequence[str]) -> None:
        self.rates = {signal.field: i for i, signal in enumerate(rates) if signal.source == "exchange"}
        self.numbers = {signal.field: i for i, signal in enumerate(numbers) if signal.source == "exchange"}
        self.named = {field: i for i, field in enumerate(named)}


def mask(
    rules: Sequence[Rule], rates: Sequence[Signal], numbers: Sequence[Signal], named: Sequence[str], aliases: Aliases,
    terms: Terms,
) -> Mask:  # fmt: skip
    """Choose for each rule what it is found by.

    Parameters
    ----------
    rules : over exchanges
    rates, numbers, named : what is read of them, in the order of the columns
    """
    read = _Columns(rates, numbers, named)
    cells, of_rate = np.full(len(rates), _NO_CELL, np.uint8), [list[int]() for _ in rates]
    low, high, of_number = np.full(len(numbers), inf), np.full(len(numbers), -inf), [list[int]() for _ in numbers]
    texts: dict[int, list[int]] = {}
    rest: list[int] = []
    for place, rule in enumerate(rules):
        path, matcher = rule.screened, rule.asks[rule.screened]
        told, span = _by_rate(path, matcher, read), _by_number(path, matcher, terms)
        if told is not None and cells[told[0]] in (_NO_CELL, told[1]):
            cells[told[0]] = told[1]
            of_rate[told[0]].append(place)
        elif span is not None and span[0] in read.numbers:
            i = read.numbers[span[0]]
            low[i], high[i] = min(low[i], span[1]), max(high[i], span[2])
            of_number[i].append(place)
        elif path in read.named and (matcher.asked or matcher.regex is not None or _words(matcher)):
            texts.setdefault(read.named[path], []).append(place)
        else:
            rest.append(place)

    def sort(places: Sequence[int]) -> Sort:
        own = sorter([rules[place] for place in places], aliases, terms)
        return lambda event: [places[i] for i in own(event)]

    lists = {rate: sort(places) for rate, places in enumerate(of_rate) if _of_list(rules, places)}
    return Mask(
        cells, low, high, tuple(map(tuple, of_rate)), tuple(map(tuple, of_number)), lists,
        tuple((column, _told([rules[i].asks[rules[i].screened] for i in places], aliases), tuple(places))
              for column, places in sorted(texts.items())),
screen([rules[place] for place in rest], aliases, terms), sort(rest), not rules,
    )  # fmt: skip


def _of_list(rules: Sequence[Rule], places: Sequence[int]) -> bool:
    return any(rules[place].screened in ELEMENTS and ELEMENTS[rules[place].screened] is not str for place in places)


def _told(matchers: Sequence[Matcher], aliases: Aliases) -> Remembered:
    holds = [of_value(lambda name: name, matcher, aliases) for matcher in matchers]
    return Remembered(lambda name: bool(name) and any(one(name) for one in holds))


def _words(matcher: Matcher) -> bool:
    return bool(matcher.one_of) and all(isinstance(value, str) for value in matcher.one_of or ())


def _by_rate(path: str, matcher: Matcher, read: _Columns) -> tuple[int, int] | None:
    """Say which cell of which rate is there wherever a matcher holds; of what is odd that is any cell above them."""
    if path == "tools" and (matcher.repeats or (matcher.any and screened(matcher.any) in ODD_TOOL)):
        return read.rates["tool_error"], YES
    if path == "guardrails" and matcher.any and screened(matcher.any) in ODD_GUARDRAIL:
        return read.rates["guardrail_fired"], YES
    if path not in read.rates:
        return None
    if ELEMENTS.get(path) is str:  # a list of texts: whether it has any
        return read.rates[path], YES
    if matcher.one_of in ((True,), (False,)):
        return read.rates[path], YES if matcher.one_of == (True,) else NO
    return None


def _by_number(path: str, matcher: Matcher, terms: Terms) -> tuple[str, float, float] | None:
    """Say which number lies between which ends wherever a matcher holds."""
    if matcher.over_budget or matcher.under_budget:
        said = terms.bounded.said((MOST | LEAST)[path])
        if not said:
            return path, inf, -inf
        return (path, min(said), inf) if path in MOST else (path, -inf, max(said))
    if matcher.one_of and all(type(value) in (int, float) for value in matcher.one_of):
        values = [float(value) for value in matcher.one_of if isinstance(value, int | float)]
        return path, min(values), max(values)
    if any(getattr(matcher, end) is not None for end in RANGE):
        least, most = (matcher.at_least, matcher.above), (matcher.at_most, matcher.below)
        return (
            path,
            max((end for end in least if end is not None), default=-inf),
            min((end for end in most if end is not None), default=inf),
        )
    return None

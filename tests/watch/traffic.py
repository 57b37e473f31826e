"""Words for what services send: shares that are kept exactly, quantiles of a number, a mix of names."""

import math
from collections.abc import Iterator
from copy import copy
from itertools import repeat
from random import Random
from statistics import NormalDist
from typing import Any, NamedTuple

BLOCK = 100


class Values(NamedTuple):
    """What a field says, over and over: each round of values comes in another order."""

    each: tuple[Any, ...]

    def forever(self, seed: str) -> Iterator[Any]:
        return repeat(self.each[0]) if len(self.each) == 1 else _Rounds(self.each, Random(seed))


class _Rounds:
    """Round after round of values; a copy goes on from the same place by itself."""

    def __init__(self, each: tuple[Any, ...], chance: Random) -> None:
        self.each, self.chance, self.left = each, chance, list[Any]()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.left:
            self.left = self.chance.sample(self.each, len(self.each))[::-1]
        return self.left.pop()

    def __copy__(self) -> "_Rounds":
        other = _Rounds(self.each, copy(self.chance))
        other.left = [*self.left]
        return other


def rate(yes: int, of: int = BLOCK) -> Values:
    """`yes` of every `of` exchanges, exactly."""
    return Values(tuple(i < yes for i in range(of)))


def luck(share: float, seed: int) -> Values:
    """Yes with a chance, each time anew."""
    chance = Random(seed)
    return Values(tuple(chance.random() < share for _ in range(5000)))


def around(median: int, times: float = 1.5) -> Values:
    """A log-normal number; one standard deviation is a factor `times`. The quantiles of every hundred are exact."""
    normal = NormalDist(math.log(median), math.log(times))
    return Values(tuple(round(math.exp(normal.inv_cdf((i + 0.5) / BLOCK))) for i in range(BLOCK)))


def mix(**names: int) -> Values:
    """Names, each so many times in their sum."""
    return Values(tuple(name.replace("_", "-") for name, n in names.items() for _ in range(n)))


def one(value: Any) -> Values:
    """Always the same."""
    return Values((value,))


def some(share: Values, value: Any, otherwise: Any = None) -> Values:
    """`value` where a rate says yes. Fields that go together are a dict of them."""
    return Values(tuple(value if yes else otherwise for yes in share.each))

"""A null and a seed -> what services send in which nothing ever changes, second by second.

Each signal keeps its long-run mean for ever. What differs is how events hang together around it: not at all, by the
session that they belong to, by the hour of the day or of the week. A *part* is a part of the traffic, of which a flush
makes slices.
"""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.cells import CELLS, cells
from schemas.signals import NUMBERS, RATES

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Rng: TypeAlias = np.random.Generator

PARTS: Final = 2
EVENTS: Final = 20
"""A flush, and the sessions that are open at a time."""
SESSION: Final = 6.0
"""Events of a session on average."""
SWING: Final = 0.6
DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
BETWEEN: Final = (0.02, 0.3)
MEDIANS: Final = (100.0, 5000.0)
"""Rates, and medians of numbers, are drawn between these, evenly on a logarithmic scale."""
TAIL: Final = 0.01
"""Part of the values that a Pareto distribution with no variance makes."""
TAIL_INDEX: Final = 1.1


class Seconds(NamedTuple):
    """What was sent in some seconds.

    Attributes
    ----------
    events : (T, P) by second and part
    yes : (T, P, R) of each rate of the catalogue; (T, P, 0) where no rate is observed
    numbers : (T, P, N, cells) by the numbers that are observed; N may be 0
    """

    events: Ints
    yes: Ints
    numbers: Ints


class Source(Protocol):
    """A service of a null."""

    def take(self, at_s: Ints) -> Seconds:
        """Say what it sends at the next so many seconds of its life."""
        ...

    def raw(self, n: int) -> Floats:
        """Give n events of one signal, as a detector that sees one event after the other gets them."""
        ...


@dataclass(frozen=True)
class Null:
    """A kind of traffic in which nothing changes.

    Attributes
    ----------
    every_s : seconds from one flush to the next
    numbers : those that are observed, by name
    trace : recorded values of these numbers, one row an event
    """

    name: str
    every_s: int = 1
    events: int = EVENTS
    clumping: float = 0.0
    period_s: int = 0
    numbers: tuple[str, ...] = ()
    trace: Floats | None = None

    def begin(self, kind: Rng, rng: Rng) -> Source:
        """Begin to send events.

        Parameters
        ----------
        kind : says what the service is like: its rates, its medians, its phase
        rng : says what it sends
        """
        if self.numbers:
            return _Numbers(self, _between(kind, MEDIANS, len(self.numbers)), rng)
        rates = _between(kind, BETWEEN, len(RATES))
        if self.clumping:
            return _Sessions(self, rates, rng)
        return _Rates(self, rates, kind.uniform(), rng)


class _Rates:
    """Yes and no, each by itself; its chance follows the season, if there is one."""

    def __init__(self, null: Null, rates: Floats, phase: float, rng: Rng) -> None:
        self._null, self._rates, self._phase, self._rng = null, rates, phase, rng

    def take(self, at_s: Ints) -> Seconds:
        rng, null = self._rng, self._null
        if null.events < PARTS:
            first = rng.integers(0, PARTS, len(at_s))
            events = null.events * (first[:, None] == np.arange(PARTS)).astype(np.int64)
        else:
            events = np.full((len(at_s), PARTS), null.events // PARTS, np.int64)
        yes = rng.binomial(events[..., None], self._chances(at_s)[:, None, :])
        return Seconds(events, yes, _none(len(at_s)))

    def raw(self, n: int) -> Floats:
        seconds = -(-n // self._null.events)
        chance = np.repeat(self._chances(self._null.every_s * np.arange(seconds))[:, 0], self._null.events)[:n]
        return (self._rng.random(n) < chance).astype(np.float64)

    def _chances(self, at_s: Ints) -> Floats:
        if not self._null.period_s:
            return np.broadcast_to(self._rates, (len(at_s), len(self._rates)))
        season = 1 + SWING * np.sin(2 * np.pi * (at_s / self._null.period_s + self._phase))
        return season[:, None] * self._rates


class _Sessions:
    """Sessions that take turns; each has a chance of yes of its own, drawn from a Beta distribution.

    Their lengths are geometric, so a slot's next event begins another session with the same chance, whatever was
    before: that is all that there is to remember. With the correlation rho of two events of a session, a sum over many
    events has ``1 + rho (E[length^2] / E[length] - 1) = 1 + 10 rho`` times the variance that it had if they came
    singly: the variance inflation factor.
    """

    def __init__(self, null: Null, rates: Floats, rng: Rng) -> None:
        self._null, self._rates, self._rng = null, rates, rng
        rho = null.clumping
        self._alpha, self._beta = rates * (1 - rho) / rho, (1 - rates) * (1 - rho) / rho
        self._chance = self._drawn(null.events)

    def take(self, at_s: Ints) -> Seconds:
        slots, n = self._null.events, len(at_s)
        yes = (self._rng.random((n, slots, len(self._rates))) < self._chances(n)).reshape(
            n, PARTS, -1, len(self._rates)
        )
        return Seconds(np.full((n, PARTS), slots // PARTS, np.int64), yes.sum(axis=2), _none(n))

    def raw(self, n: int) -> Floats:
        slots = self._null.events
        chance = self._chances(-(-n // slots))[..., 0].ravel()[:n]
        return (self._rng.random(n) < chance).astype(np.float64)

    def _chances(self, n: int) -> Floats:
        """Follow the slots over n turns: (n, slots, R)."""
        new = self._rng.random((n, self._null.events)) < 1 / SESSION
        chance = np.empty((n + 1, *self._chance.shape))
        chance[0] = self._chance
        chance[1:][new] = self._drawn(int(new.sum()))
        turn = np.where(np.concatenate([np.ones((1, new.shape[1]), np.bool_), new]), np.arange(n + 1)[:, None], 0)
        chance = np.take_along_axis(chance, np.maximum.accumulate(turn, axis=0)[..., None], axis=0)
        self._chance = chance[-1]
        return chance[1:]

    def _drawn(self, n: int) -> Floats:
        return self._rng.beta(self._alpha, self._beta, (n, len(self._rates)))


class _Numbers:
    """Values with heavy tails, or rows of a trace: all of them once, in an order drawn by chance, and again."""

    def __init__(self, null: Null, median: Floats, rng: Rng) -> None:
        self._null, self._median, self._rng = null, median, rng
        self._left: Floats = np.empty((0, len(null.numbers)))

    def take(self, at_s: Ints) -> Seconds:
        n, each, width = len(at_s), self._null.events // PARTS, len(self._null.numbers)
        found = cells(self._values(n * PARTS * each)).astype(np.int64).reshape(n * PARTS, each, width)
        row = np.arange(n * PARTS)[:, None, None] * width + np.arange(width)
        tally = np.bincount((row * CELLS + found).ravel(), minlength=n * PARTS * width * CELLS)
        return Seconds(
            np.full((n, PARTS), each, np.int64),
            np.zeros((n, PARTS, 0), np.int64),
            tally.reshape(n, PARTS, width, CELLS),
        )

    def raw(self, n: int) -> Floats:
        return self._values(n)[:, 0]

    def _values(self, n: int) -> Floats:
        trace, rng = self._null.trace, self._rng
        if trace is None:
            size = (n, len(self._median))
            usual = rng.lognormal(0.0, 0.8, size)
            tail = 1 + rng.pareto(TAIL_INDEX, size)
            return self._median * np.where(rng.random(size) < TAIL, tail, usual)
        while len(self._left) < n:
            self._left = np.concatenate([self._left, rng.permutation(trace)])
        values, self._left = self._left[:n], self._left[n:]
        return values


def _between(rng: Rng, ends: tuple[float, float], n: int) -> Floats:
    return np.exp(rng.uniform(math.log(ends[0]), math.log(ends[1]), n))


def _none(seconds: int) -> Ints:
    return np.zeros((seconds, PARTS, 0, CELLS), np.int64)


OFTEN_S: Final = 20
"""So that the two and a half hours for which nobody is paged are affordable."""
SYNTHETIC: Final = (
    Null("independent events", every_s=OFTEN_S),
    Null("heavy tails", every_s=OFTEN_S, numbers=tuple(signal.name for signal in NUMBERS)),
    Null("sessions, VIF 4", every_s=OFTEN_S, clumping=0.3),
    Null("sessions, VIF 8", every_s=OFTEN_S, clumping=0.7),
    Null("daily season +-60 %", every_s=60, period_s=DAY_S),
    Null("daily season +-60 %, for weeks", every_s=300, period_s=DAY_S),
    Null("weekly season +-60 %, for weeks", every_s=600, period_s=WEEK_S),
    Null("one event a minute", every_s=60, events=1),
)
"""Nulls that are drawn. What is told of seasons is some days (learned within four hours) and some weeks (learned within
a day or two), at a minute, or five or ten, a flush."""


def traces(folder: Path) -> Iterator[Null]:
    """Read the recorded traces that lie in a folder: rows of input and output tokens.

    Parameters
    ----------
    folder : with ``azure_llm_2023_*.csv`` or ``mooncake_*.jsonl``
    """
    names = ("input_tokens", "output_tokens")
    for path in sorted(folder.glob("azure_llm_*.csv")):
        with path.open(newline="") as lines:
            rows = [(row["ContextTokens"], row["GeneratedTokens"]) for row in csv.DictReader(lines)]
        yield Null(f"trace {path.stem}, permuted", numbers=names, trace=np.array(rows, np.float64))
    for path in sorted(folder.glob("mooncake_*.jsonl")):
        with path.open() as lines:
            said = [(row["input_length"], row["output_length"]) for row in map(json.loads, lines)]
        yield Null(f"trace {path.stem}, permuted", numbers=names, trace=np.array(said, np.float64))

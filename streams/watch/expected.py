"""A baseline -> how soon its monitors find a change that lasts, and the smallest change that they ever find."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from detectors import delay
from schemas.incidents import Notify
from schemas.signals import NO, YES, Kind, Signal
from streams.watch.alphabet import BEYOND, categories_of, own_names, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline, Derived, Growth
from streams.watch.derived import watching
from streams.watch.detector import Detector
from streams.watch.looks import Floats, Table
from streams.watch.plan import Plan
from streams.watch.quiet import of_the_whole
from streams.watch.state import State

SHIFTS: Final = (1.5, 2.0, 4.0)
"""How many times as much, as often or as rare: the sizes of change that delays are told of."""
_USUAL_NAME: Final = 0.25
"""A name that is shown moving has at most this share, if there is one: four times as much is then still a share."""
_TOLD: Final[tuple[Kind, ...]] = ("rate", "number", "category")
"""Kinds of which delays are told. Of calibration a multiple says nothing."""

After = tuple[float | None, ...]


class Expected(Struct, frozen=True, kw_only=True):
    """What is to be expected of the monitors of one signal, on the whole stream of a release.

    Attributes
    ----------
    moves : the answer, or the name, whose share moves; empty of a number
    before : its share among what was observed; None of a number
    toward : 1 for `SHIFTS` times as often or as much, -1 for so many times as rare or as small: the bad way, if one is
    page : seconds until a page of each of `SHIFTS`, None for never; none at all if the signal cannot page, or if no
        multiple of what moves is anything else: of what was never seen, of a number that was always zero
    ticket : the same of a ticket, or of a record where it hurts nobody
    down, up : the share of what moves, or the ratio of the number, below and above which it is found at all, however
        long it lasts; None where nothing is
    unseen : the share of new names above which these are found; of categories
    """

    signal: str
    kind: Kind
    moves: str = ""
    before: float | None = None
    toward: int = 1
    page: After = ()
    ticket: After = ()
    down: float | None = None
    up: float | None = None
    unseen: float | None = None


class _Move(NamedTuple):
    """What moves of a signal, and the shares of its cells after each of `SHIFTS`: none if a multiple is the same."""

    what: str
    before: float | None
    toward: int
    after: tuple[Floats, ...]
    cell: int = 0


def expected(
    baseline: Baseline, plan: Plan, service: str, per_second: float, derived: Derived | None = None, second: int = 0
) -> Iterator[Expected]:
    """Say what is to be expected of every signal that is watched and was observed.

    Parameters
    ----------
    baseline : of the service, or of one like it
    plan : shares and levels of the service's monitors
    service : whose
    per_second : exchanges a second; how many outcomes that makes is told by the baseline
    derived : what it learned since then, if anything
    second : in the hour of the week that is asked about

    Notes
    -----
    It is asked of the very bets that watch: their limits, their parts of the budget, page and ticket apart. Delays are
    averages (`detectors.delay`: within some 15 %), from the change until the evidence is there; that is looked at once
    a second.
    """
    bare = of_the_whole_stream(baseline)
    growth = Growth(0, derived=of_the_whole(derived, baseline, bare)) if derived else None
    found = watching(plan, State(service=service, second=second, baseline=bare, growth=growth))
    baseline = bare
    watched = {signal.name for signal in plan.signals}
    segments = {segment.signal.name: segment for segment in tally_row(baseline.alphabet).segments}
    names = {one.name: own_names(baseline.alphabet, i) for i, one in enumerate(categories_of(baseline.alphabet))}
    for table in found.tables:
        counts = baseline.tally[segments[table.signal.name].at(0)]
        if table.signal.name in watched and table.signal.kind in _TOLD and counts[:-1].any():
            move = _move(table.signal, counts, names.get(table.signal.name, ()))
            here = per_second * int(counts.sum()) / baseline.events
            yield _expected(found, table, counts, move, here)


def of_the_whole_stream(baseline: Baseline) -> Baseline:
    """Leave slices out: to bet on them as well takes most of the time, and changes nothing of the whole stream."""
    if not baseline.alphabet.dimensions:
        return baseline
    alphabet = replace(baseline.alphabet, dimensions=(), slices=())
    tally = np.zeros((row := tally_row(alphabet)).size, np.int64)
    for held, kept in zip(tally_row(baseline.alphabet).segments, row.segments, strict=True):
        tally[kept.at(0)] = baseline.tally[held.at(0)]
    return replace(baseline, alphabet=alphabet, tally=tally)


def _expected(found: Detector, table: Table, counts: Ints, move: _Move, per_second: float) -> Expected:
    matrix = table.table.matrix()[0]
    drifts = [matrix @ shares for shares in move.after]

    def soonest(*notices: Notify) -> After:
        each = [_seconds(found, table, notify, drifts, per_second) for notify in notices]
        first = [min(of_shift) for of_shift in zip(*filter(None, each), strict=True)]
        return tuple(None if np.isinf(seconds) else seconds for seconds in first)

    said = Expected(
        signal=table.signal.name, kind=table.signal.kind, moves=move.what, before=move.before, toward=move.toward,
        page=soonest("page"), ticket=soonest("ticket", "record"),
    )  # fmt: skip
    return _smallest(said, table, counts, move)


def _seconds(
    found: Detector, table: Table, notify: Notify, drifts: Sequence[Floats], per_second: float
) -> list[float]:  # fmt: skip
    """Say how many seconds each change takes an accumulator of the whole stream, by what its bets win in an exchange.

    Nothing at all if the signal has no such accumulator.
    """
    gathered = found.accumulators
    places = gathered.find(table.first, notify)
    if not places:
        return []
    own = gathered.of == places[0]
    bets, rate = gathered.bets[own] - table.first_bet, gathered.rate[own]
    # A second takes in a second's budget if anything came in it, however many exchanges these were.
    budget = rate / max(per_second, 1.0)
    return [delay.soonest(drift[bets], budget) / per_second for drift in drifts]


def _move(signal: Signal, counts: Ints, names: tuple[str, ...]) -> _Move:
    match signal.kind:
        case "rate":
            return _of_rate(signal, counts)
        case "category":
            return _of_category(counts, names)
        case _:
            toward = -1 if signal.bad == "down" else 1
            after = [delay.times_number(counts, shift**toward) for shift in SHIFTS]
            return _Move("", None, toward, tuple(after if counts[1:-1].any() else []))


def _of_rate(signal: Signal, counts: Ints) -> _Move:
    """Make the bad answer more frequent, if it is the rarer one; else the good one rarer."""
    rarer = NO if counts[NO] <= counts[YES] else YES
    bad = {"up": YES, "down": NO}.get(signal.bad, rarer)
    before = float(counts[rarer] / counts[:-1].sum())
    toward = 1 if bad == rarer else -1
    after = [delay.times_rate(counts, shift**toward) for shift in SHIFTS]
    return _Move("yes" if rarer == YES else "no", before, toward, tuple(after if before else []))


def _of_category(counts: Ints, names: tuple[str, ...]) -> _Move:
    """Make one name more frequent: the most frequent that leaves room for that, or else the rarest."""
    shares = counts[: len(names)] / counts[:-1].sum()
    seen = np.flatnonzero((shares > 0) & (shares < 1))
    if not len(seen):
        return _Move(names[0] if names else "", float(shares[0]) if names else 0.0, 1, ())
    room = seen[shares[seen] <= _USUAL_NAME]
    cell = int(room[shares[room].argmax()] if len(room) else seen[shares[seen].argmin()])
    after = tuple(delay.times_name(counts, cell, shift) for shift in SHIFTS)
    return _Move(names[cell], float(shares[cell]), 1, after, cell)


def _smallest(said: Expected, table: Table, counts: Ints, move: _Move) -> Expected:
    """Add the smallest change that is found at all."""
    match said.kind:
        case "rate":
            down, up = delay.smallest_share(table.table, 0, "yes")
            if move.what == "no":
                down, up = (None if up is None else 1 - up), (None if down is None else 1 - down)
            return replace(said, down=down, up=up)
        case "category":
            down, up = delay.smallest_share(table.table, 0, f"cell:{move.cell}")
            _, unseen = delay.smallest_share(table.table, 0, f"cell:{len(counts) - BEYOND + 1}")
            return replace(said, down=down, up=up, unseen=unseen)
        case _:
            down, up = delay.smallest_ratio(table.table, 0, counts)
            return replace(said, down=down, up=up)

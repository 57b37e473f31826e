"""What people ask for changes -> how soon that is found, and whether the right intent is named: CLINC150's labels.

``python -m benchmarks.intents DIR [--json] [--quick]``, DIR with ``clinc150.json``, no broker. A hundred of the 150
intents are known, and asked for as people do: the second half as often as the first, the third a third as often. The
other fifty are new. Names come from the first half of 20,000 learned events and counts from the second, as in WATCH,
with as many names of their own as it keeps by default; blocks of 20 events, one false alarm allowed in 100,000.

Then: new intents make up a tenth, or three tenths, of the traffic; one intent is asked for twice as often; or nothing
changes, and the recorded rows come in another order. The bet that won most names the intent. Last, answers fail: those
to new intents, or those to one known; the whole stream's rate of answers tells of it, and the split by intent must name
the slice.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.bounds import TOLD, Bound, tell
from benchmarks.streams import Cells, Runs, draw, finite, folder, tally, watch
from detectors.arrays import Floats, Indices
from detectors.attribution import explain, smallest
from detectors.bets import category, rate
from detectors.bets.table import Bets
from schemas.signals import BY_NAME, CATEGORIES, RATE_CELLS
from schemas.tallies import OTHER, UNSEEN
from schemas.watching import Watch
from streams.watch.alphabet import choose, index, own_names
from streams.watch.baseline import Alphabet

FIELD: Final = "intent"
KNOWN: Final = 100
LEARNED: Final = 20_000
QUIET: Final = 5_000
CHANGED: Final = 20_000
BLOCK: Final = 20
PER_EVENT: Final = 1e-5
LEVEL: Final = 0.05 / 100
DOUBLED: Final = (3, 11)
"""Which intent is doubled, by rank from 0: one of five percent of the traffic, and one of 1.6."""
FAILS: Final = 1
ANSWERED: Final = 0.95
ANSWERED_THEN: Final = 0.4
SEED: Final = 150


class Seen(NamedTuple):
    """What became of one change.

    Attributes
    ----------
    median : events until half of the repetitions had their alarm
    missed : repetitions without one
    named, wrong : share of the alarms that name what changed, and that name something else
    said : the name that is said most
    false : alarms before the change
    events : before the change
    """

    case: str
    median: float
    missed: int
    named: float
    wrong: float
    said: str
    false: int
    events: int


def read(path: Path) -> list[str]:
    """Read the intents, those most often asked for first; out-of-scope queries have none."""
    rows = [label for name, split in json.loads(path.read_text()).items() if "oos" not in name for _, label in split]
    return [name for name, _ in sorted(Counter(rows).items(), key=lambda item: (-item[1], item[0]))]


def mix(intents: int, new: float = 0.0, doubled: int | None = None) -> Floats:
    """Say how often each intent is asked for.

    Examples
    --------
    >>> mix(150).round(3)[:3].tolist(), float(mix(150, new=0.3)[KNOWN:].sum().round(3))
    ([0.193, 0.096, 0.064], 0.3)
    """
    shares = np.zeros(intents)
    shares[:KNOWN] = 1 / np.arange(1, KNOWN + 1)
    shares /= shares.sum()
    if doubled is not None:
        was = shares[doubled]
        shares *= (1 - 2 * was) / (1 - was)
        shares[doubled] = 2 * was
    shares *= 1 - new
    shares[KNOWN:] = new / (intents - KNOWN)
    return shares


class Learned(NamedTuple):
    """One repetition's alphabet, and where it puts each intent.

    Attributes
    ----------
    cells : (I,) cell of each intent, of the category's own cells
    slices : (I,) its slice in the dimension
    names : of the cells
    sliced : names of the slices
    """

    cells: Indices
    slices: Indices
    names: tuple[str, ...]
    sliced: tuple[str, ...]


def learn(intents: list[str], first_half: Cells) -> Learned:
    """Freeze an alphabet, as WATCH does from the first half of what it learns."""
    watch_ = Watch()
    counts = np.bincount(first_half, minlength=len(intents)).tolist()
    names = {FIELD: {name: n for name, n in zip(intents, counts, strict=True) if n}}
    alphabet: Alphabet = choose(names, (FIELD,), watch_.slices_per_dimension, watch_.names_per_signal)
    which = CATEGORIES.index(BY_NAME[FIELD])
    own = own_names(alphabet, which)
    (cells, unseen), (slices, rest) = index(alphabet).cells[which], index(alphabet).slices[FIELD]
    begins = unseen - len(own) - 1  # before it lie the own names, and `__other__`
    return Learned(
        np.array([cells.get(name, unseen) - begins for name in intents]),
        np.array([slices.get(name, rest) - 1 for name in intents]),
        (*own, OTHER, UNSEEN),
        (*alphabet.slices[0], OTHER),
    )


def drawn(before: Floats, after: Floats, repetitions: int, chance: np.random.Generator) -> Cells:
    """Draw what is learned from, what is like it, and what is not."""
    like = draw(before, repetitions, LEARNED + QUIET, chance)
    return np.concatenate([like, draw(after, repetitions, CHANGED, chance)], axis=1)


def moved(case: str, expected: str, intents: list[str], asked: Cells, change: int = LEARNED + QUIET) -> Seen:
    """Let the bets on the category see what is asked for; `expected` is the name that ought to be said."""
    half = LEARNED // 2
    learned = [learn(intents, row[:half]) for row in asked]
    cells = np.stack([one.cells[row] for one, row in zip(learned, asked, strict=True)])
    width = len(learned[0].names) + 1
    bets = category.table(tally(cells[:, half:LEARNED], width), np.full(len(cells), LEVEL))
    runs = watch(bets, cells[:, LEARNED:], change - LEARNED, BLOCK, PER_EVENT)
    said = [_name(one.names, bets, bet) for one, bet in zip(learned, runs.bet.tolist(), strict=True) if bet >= 0]
    return _seen(case, runs, expected, said)


def failing(
    case: str, expected: str, intents: list[str], asked: Cells, chance: np.random.Generator,
    fails: Callable[[Cells], Any],
) -> Seen:  # fmt: skip
    """Let the bets on the rate of answers see what becomes of it, and split the change by intent when they alarm.

    Parameters
    ----------
    fails : which intents are answered less often after the change
    """
    change, half = LEARNED + QUIET, LEARNED // 2
    odds = np.full(asked.shape, ANSWERED)
    odds[:, change:][fails(asked[:, change:])] = ANSWERED_THEN
    answered = (chance.random(asked.shape) < odds).astype(np.uint8)
    bets = rate.table(tally(answered[:, half:LEARNED], RATE_CELLS), np.full(len(asked), LEVEL))
    runs = watch(bets, answered[:, LEARNED:], QUIET, BLOCK, PER_EVENT)
    said = []
    for row, right, delay in zip(asked, answered, runs.delay.tolist(), strict=True):
        if np.isinf(delay):
            continue
        learned = learn(intents, row[:half])
        sides = []
        for part in (slice(half, LEARNED), slice(change, change + int(delay))):
            which = learned.slices[row[part]]
            sides += [np.bincount(which, weights, minlength=len(learned.sliced)).astype(np.float64)
                      for weights in (None, right[part])]  # fmt: skip
        culprit = smallest({FIELD: explain(*sides)})
        said.append("" if culprit is None else learned.sliced[culprit.slice])
    return _seen(case, runs, expected, said)


def _name(names: tuple[str, ...], bets: Bets, bet: int) -> str:
    """Name what a bet says there is more of; less of something is no name of what came."""
    _, _, cell = bets.feature[bet].partition(":")
    return names[int(cell)] if cell and bets.side[bet] > 0 else ""


def _seen(case: str, runs: Runs, expected: str, said: list[str]) -> Seen:
    """Sum up; an empty name is said where nothing is named."""
    most, alarms, named = Counter(said).most_common(1), max(len(said), 1), said.count(expected)
    wrong = sum(bool(name) for name in said) - named
    return Seen(
        case, runs.median, runs.missed, named / alarms, wrong / alarms, most[0][0] if most else "",
        int(runs.false.sum()), runs.events,
    )  # fmt: skip


def permuted(intents: list[str], repetitions: int, chance: np.random.Generator) -> Seen:
    """Put the same recorded rows in another order, again and again: nothing changes."""
    rows = drawn(mix(len(intents)), mix(len(intents)), 1, chance)[0]
    asked = np.stack([chance.permutation(rows) for _ in range(repetitions)])
    return moved("the mix permuted", "", intents, asked, change=asked.shape[1])


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intents")
    parser.add_argument("dir", type=Path, metavar="DIR", help="a folder with clinc150.json")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="20 repetitions")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    path = asked.dir / "clinc150.json"
    folder(asked.dir, "clinc150.json", [path] if path.is_file() else [])
    intents, chance = read(path), np.random.default_rng(SEED)
    repetitions, usual = 20 if asked.quick else asked.repetitions, mix(len(intents))
    seen = [permuted(intents, repetitions, chance)]
    for new in (0.1, 0.3):
        stream = drawn(usual, mix(len(intents), new=new), repetitions, chance)
        seen.append(moved(f"new intents, {100 * new:.0f} % of the traffic", UNSEEN, intents, stream))
    for rank in DOUBLED:
        stream = drawn(usual, mix(len(intents), doubled=rank), repetitions, chance)
        seen.append(moved(f"one of {100 * usual[rank]:.1f} % doubled", intents[rank], intents, stream))
    stream = drawn(usual, mix(len(intents), new=0.1), repetitions, chance)
    seen.append(failing("new intents, 10 %, go unanswered", OTHER, intents, stream, chance, lambda one: one >= KNOWN))
    stream = drawn(usual, usual, repetitions, chance)
    seen.append(failing(f"one of {100 * usual[FAILS]:.1f} % goes unanswered", intents[FAILS], intents, stream, chance,
                        lambda one: one == FAILS))  # fmt: skip
    print(f"{repetitions} repetitions\n")
    print(f"{'':<36}{'median delay':>14}{'missed':>8}{'named right':>13}{'wrong':>8}  said most often")
    for one in seen[1:]:
        named = f"{100 * one.named:>11.0f} %{100 * one.wrong:>6.0f} %  {one.said or '-'}"
        print(f"{one.case:<36}{one.median:>14g}{one.missed:>8}{named}")
    nothing, events = seen[0], sum(one.events for one in seen)
    false = sum(one.false for one in seen)
    table = [
        Bound("alarms of the permuted mix", "0", f"{nothing.false} in {nothing.events:,} events", nothing.false == 0),
        Bound("false alarms before the changes", f"at most {events * PER_EVENT:g}", f"{false} in {events:,} events",
              false <= events * PER_EVENT),
        Bound("changes missed, of all repetitions", "0", str(sum(one.missed for one in seen[1:])),
              not any(one.missed for one in seen[1:])),
        Bound("least share of alarms that name what changed", TOLD, f"{min(one.named for one in seen[1:]):.2f}", True),
    ]  # fmt: skip
    figures = {"alarms_of_permuted": nothing.false, "false": false, "events": events,
               "cases": [one._asdict() | {"median": finite(one.median)} for one in seen[1:]]}  # fmt: skip
    return tell(table, figures, asked.json)


if __name__ == "__main__":
    raise SystemExit(main())

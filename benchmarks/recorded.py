"""A folder of recorded answers -> signals before and after a change of the model, whatever the columns are called.

Reads the csv files of LLMDrift (Chen, Zaharia and Zou, "How is ChatGPT's behavior changing over time?", 2023): the same
prompts, asked of two snapshots of a model. Columns are found by name; a signal whose column is not there is left out.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np

from detectors.arrays import Floats

Row = Mapping[str, str]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "model": ("model", "model_name", "snapshot", "engine"),
    "answer": ("answer", "response", "output", "completion"),
    "reference": ("ref_answer", "reference", "ref", "label", "gold"),
    "tokens": ("answer_token", "answer_tokens", "output_tokens", "completion_tokens"),
    "latency": ("latency", "latency_s"),
}
"""What a column may be called, the likeliest first. Latency is in seconds."""
REFUSES: Final = re.compile(
    r"\b(?:sorry|apologi[sz]e|cannot|can(?:'|\u2019)t|unable to|not able to|not appropriate|as an ai|subjective)\b",
    re.IGNORECASE,
)
FENCE: Final = "```"
_BRACKETED: Final = re.compile(r"[\[(]\s*([^\[\]()]{1,20}?)\s*[\])]")
_WORD: Final = re.compile(r"[A-Za-z]{2,}")
_TRUE: Final = frozenset({"1", "1.0", "true"})
_FALSE: Final = frozenset({"0", "0.0", "false"})


class Signal(NamedTuple):
    """One signal of one model, before and after.

    Attributes
    ----------
    name : file, model, signal
    kind : of its cells
    before, after : a value a row: 0 and 1 for a rate, base units (ms, tokens, characters) for a number
    """

    name: str
    kind: Literal["rate", "number"]
    before: Floats
    after: Floats


def find(header: Collection[str], what: str) -> str | None:
    """Find a column by the names it may have, in any case; None if it is not there.

    Examples
    --------
    >>> find(["Model", "Response", "latency_per_token"], "answer"), find(["latency_per_token"], "latency")
    ('Response', None)
    """
    folded = {name.strip().lower(): name for name in header}
    return next((folded[name] for name in COLUMNS[what] if name in folded), None)


def snapshots(models: Collection[str]) -> list[tuple[str, str, str]]:
    """Pair the snapshots of each model: its name, the earlier one and the next.

    A snapshot is named by what follows the last hyphen: ``gpt-4-0314``.

    Examples
    --------
    >>> snapshots(["openaichat/gpt-4-0613", "openaichat/gpt-4-0314", "else"])
    [('gpt-4', 'openaichat/gpt-4-0314', 'openaichat/gpt-4-0613')]
    """
    of: dict[str, list[str]] = defaultdict(list)
    for name in sorted(models):
        family, hyphen, when = name.rpartition("-")
        if hyphen and when.isdigit():
            of[family].append(name)
    return [
        (family.rpartition("/")[2], earlier, later)
        for family, names in of.items()
        for earlier, later in pairwise(names)
    ]


def chosen(answer: str, choices: Collection[str]) -> str | None:
    r"""Say which of the choices an answer decides for: the last in brackets, or the last word that is one.

    A choice of one letter must stand in brackets: "a matter of taste" does not choose a.

    Examples
    --------
    >>> chosen("[No] \n\nIt is a prime number.", {"yes", "no"}), chosen("So yes.", {"yes", "no"})
    ('no', 'yes')
    >>> chosen("(B). Somewhat", {"a"}) is None
    True
    """
    for pattern in (_BRACKETED, _WORD):
        said = [word for word in map(str.lower, pattern.findall(answer)) if word in choices]
        if said:
            return said[-1]
    return None


def read(path: Path) -> list[Signal]:
    """Read all signals of one file that its columns allow; none, if it has no models or answers."""
    with path.open(newline="", encoding="utf-8") as file:
        rows: list[Row] = list(csv.DictReader(file))
    header = rows[0].keys() if rows else ()
    model, answer = find(header, "model"), find(header, "answer")
    if model is None or answer is None:
        return []
    signals = []
    for family, earlier, later in snapshots({row[model] for row in rows}):
        sides = [[row for row in rows if row[model] == name] for name in (earlier, later)]
        for (name, kind, before), (_, _, after) in zip(*(_measured(side, rows, answer) for side in sides), strict=True):
            signals.append(Signal(f"{path.stem} {family} {name}", kind, before, after))
    return signals


_Measured = tuple[str, Literal["rate", "number"], Floats]


def _measured(side: Sequence[Row], rows: Sequence[Row], answer: str) -> list[_Measured]:
    """Measure every signal on the rows of one snapshot; what there is to measure depends on the whole file."""
    header = rows[0].keys()
    answers = [row[answer] for row in side]
    found: list[_Measured] = [("answer length", "number", np.array([len(text) for text in answers], np.float64))]
    for what, unit in (("tokens", 1.0), ("latency", 1000.0)):
        if (column := find(header, what)) is not None:
            found.append((what, "number", unit * np.array([float(row[column]) for row in side])))
    if (column := find(header, "reference")) is not None:
        choices = {_plain(row[column]) for row in rows}
        right = [chosen(row[answer], choices) == _plain(row[column]) for row in side]
        found.append(("correct", "rate", np.array(right, np.float64)))
    for column in header:
        said = {row[column].strip().lower() for row in rows}
        if said & _TRUE and said & _FALSE and said <= _TRUE | _FALSE:
            yes = [row[column].strip().lower() in _TRUE for row in side]
            found.append((column, "rate", np.array(yes, np.float64)))
    found.append(("refusal words", "rate", np.array([bool(REFUSES.search(text)) for text in answers], np.float64)))
    found.append(("code fence", "rate", np.array([FENCE in text for text in answers], np.float64)))
    return found


def _plain(reference: str) -> str:
    """Take brackets and case off a reference answer."""
    return reference.strip().strip("[]()").lower()

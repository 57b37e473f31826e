"""What was seen, beside its bounds -> a table for people, JSON for programs, and the exit code."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

TOLD: Final = "told"
"""What no bound is set to, and is told because it helps to understand the rest."""


class Bound(NamedTuple):
    """One promise of a benchmark.

    Attributes
    ----------
    what, bound, seen : as a person reads them
    met : whether what was seen lies within the bound
    """

    what: str
    bound: str
    seen: str
    met: bool


def tell(bounds: Sequence[Bound], figures: Mapping[str, Any], as_json: bool) -> int:
    """Print the table and, if asked, the figures as JSON in the last line.

    Returns
    -------
    int
        0 if every bound is met, else 1: what a shell and a CI want to know.

    Examples
    --------
    >>> tell([Bound("events lost", "0", "3", False)], {"lost": 3}, as_json=True)
    <BLANKLINE>
    events lost   0   3   NOT MET
    {"met": false, "lost": 3}
    1
    """
    rows = [(row.what, row.bound, row.seen) for row in bounds]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for texts, row in zip(rows, bounds, strict=True):
        said = (f"{text:{width}}" for text, width in zip(texts, wide, strict=True))
        word = "met" if row.met else "NOT MET"
        print("   ".join((*said, "" if row.bound == TOLD else word)).rstrip())
    met = all(row.met for row in bounds)
    if as_json:
        print(json.dumps({"met": met, **figures}))
    return 0 if met else 1

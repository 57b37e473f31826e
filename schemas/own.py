"""A user's own signals: what a config says of them -> signals like those of the catalogue, or what is wrong."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from schemas.cells import LOWEST
from schemas.signals import BY_NAME, MARKS, OF_ALL, Bad, Consequence, Side, Signal
from schemas.strict import ConfigError

MOST_OWN: Final = 32
"""Each takes room in the state of every service, and a part of its budget."""

NOT_SIGNALS: Final = ("mode", *MARKS, *OF_ALL)
"""Words that stand where a signal's name does, in tallies and incidents."""

POSITIVE: Final = ("yes", "true", "pass", "passed", "ok", "good", "correct")
NEGATIVE: Final = ("no", "false", "fail", "failed", "bad", "incorrect")
"""Labels of evaluators that are a yes or a no, whatever their case."""

_SMALLEST: Final = 0.001


class OwnSignal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal of your own: one of the `attributes` that your services send, or an evaluator's word in `evals`.

    A rate takes true and false (or 1 and 0) from an attribute. From an evaluator it takes its label (yes, true, pass,
    passed, ok, good, correct; no, false, fail, failed, bad, incorrect), and where that is none of these whether its
    value is at least 0.5. A number is a number, or an evaluator's value; a category a text, or an evaluator's label.
    What is of another type is not observed, and counted in `barograph_mistyped_total`. Of several opinions of one
    evaluator the first counts.

    Attributes
    ----------
    name : in incidents, in metrics and in `watch.signals`; none of the catalogue's
    source : where it is found, in `attributes` or in `evals`
    field : the attribute's or the evaluator's name, if it is not `name`
    kind : what it is
    side : what it is about
    bad : the way that hurts; the other is told as well, but never pages
    consequence : what it does to users when it moves that way; harm and process page
    words : what is said of it, as in "accepted baskets 98.1 % -> 23.4 %"; the name, if nothing
    action : what to look at first when it moved
    unit : of a number, as people read it
    smallest : of a number: what lies below it is all alike. Up to 500 million times as much is told apart, 9 % fine
    sliced : whether it is watched in each slice as well, or of the whole only; a category never is. Costs room and
        budget
    """

    name: Annotated[
        str,
        Meta(pattern=r"^[a-zA-Z0-9._-]+$", max_length=64, description="letters, digits, dots, dashes and underscores"),
    ]
    source: Literal["attribute", "evaluator"]
    field: Annotated[str, Meta(max_length=256)] = ""
    kind: Literal["rate", "number", "category"]
    side: Side = "output"
    bad: Bad = "both"
    consequence: Consequence = "experience"
    words: Annotated[str, Meta(max_length=256)] = ""
    action: Annotated[str, Meta(max_length=256)] = "See what else changed at the onset."
    unit: Annotated[str, Meta(max_length=32)] = ""
    smallest: Annotated[float, Meta(ge=1e-9, le=1_000_000)] = _SMALLEST
    sliced: bool = False

    def signal(self) -> Signal:
        """Say it in the catalogue's terms.

        Examples
        --------
        >>> OwnSignal(name="toxicity", source="evaluator", kind="number", bad="up").signal().per_unit
        31.25
        """
        return Signal(
            name=self.name, side=self.side, kind=self.kind, source=self.source, field=self.field or self.name,
            words=self.words or self.name, bad=self.bad, consequence=self.consequence, action=self.action,
            unit=self.unit, per_unit=2.0**LOWEST / self.smallest if self.kind == "number" else 1.0, sliced=self.sliced,
        )  # fmt: skip


def check(own: Sequence[OwnSignal]) -> None:
    """Refuse what no single field can see to be wrong.

    Raises
    ------
    ConfigError
        With the path of what is wrong.
    """
    names = [one.name for one in own]
    for i, one in enumerate(own):
        if one.name in BY_NAME:
            raise ConfigError(f"`{one.name}` is a signal of the catalogue; give yours another name - at `{_at(i)}`")
        if one.name in NOT_SIGNALS:
            raise ConfigError(f"`{one.name}` is a word of Barograph's own; give it another name - at `{_at(i)}`")
        if one.name in names[:i]:
            raise ConfigError(f"`{one.name}` is there twice - at `{_at(i)}`")
        if one.kind == "category" and one.sliced:
            raise ConfigError(f"a category is watched of the whole only - at `signals[{i}].sliced`")
        if one.kind != "number" and (one.unit or one.smallest != _SMALLEST):
            at = "unit" if one.unit else "smallest"
            raise ConfigError(f"only a number has a {at} - at `signals[{i}].{at}`")


def _at(i: int) -> str:
    return f"signals[{i}].name"

"""What signals look at -> their reader: fields, ones within a field, derived from several, or a user's own."""

import re
from collections.abc import Callable, Sequence
from math import nan
from typing import Any, Final, NamedTuple

from schemas.events import Guardrail, Opinion, Tool
from schemas.own import NEGATIVE, POSITIVE
from schemas.signals import NO, UNKNOWN, YES, Signal


class Reader(NamedTuple):
    """Reads several things of each event.

    Attributes
    ----------
    width : how many
    read : events, and whom to tell a signal whose value is of another type -> what they say, an event behind the other:
        of a rate yes or no, of a number that, of a name a text. What was not observed is the empty text, and of rates
        and numbers None, or already `UNKNOWN` and NaN, which stand for it.
    """

    width: int
    read: Callable[[Sequence[Any], Callable[[str], None]], list[Any]]


MOST_TOOLS: Final = 8
"""Calls that a tool path tells; as every text it is cut at 128 characters as well."""

DERIVED: Final = {
    "missing_fields": "e.missing_fields != ()",
    "prohibited": "e.prohibited != ()",
    "tool_error": "failing(e.tools) if e.tools else None",
    "tool_calls": "len(e.tools)",
    "tool_path": f"'>'.join([tool.name for tool in e.tools[:{MOST_TOOLS}]]) if e.tools else None",
    "served_differs": "None if e.model_requested is None or e.model_served is None"
    " else e.model_requested != e.model_served",
    "guardrail_fired": "firing(e.guardrails) if e.guardrails else None",
}
"""Of an exchange `e`; None is not observed. An empty list cannot be told from one that was not sent."""

_OWN: Final = {
    ("attribute", "rate"): "FLAG[v] if (v := (e.attributes or {}).get(FIELD)) in FLAG else wrong(NAME)",
    ("attribute", "number"): "v if type(v := (e.attributes or {}).get(FIELD)) in NUMBERS else wrong(NAME)",
    ("attribute", "category"): "v if type(v := (e.attributes or {}).get(FIELD)) in TEXTS else wrong(NAME)",
    ("evaluator", "rate"): "v if (v := good(o := word(e.evals, FIELD))) is not None or not o.label else wrong(NAME)",
    ("evaluator", "number"): "o.value if (o := word(e.evals, FIELD)).value is not None or not o.label else wrong(NAME)",
    ("evaluator", "category"): "o.label if (o := word(e.evals, FIELD)).label or o.value is None else wrong(NAME)",
}  # fmt: skip
"""By source and kind. What is of another type is told, and not observed."""


ODD: Final = 4
"""Added to the cell of a rate where the looks that were taken for it found something that the rate does not say."""
ODD_TOOL: Final = frozenset({"ok", "error", "known", "authorized", "args_valid"})
ODD_GUARDRAIL: Final = frozenset({"fired", "responded"})
"""Fields of calls, and of guardrails, that are looked at: what is wrong with one makes the rate a yes, or odd."""


def failing(tools: Sequence[Tool]) -> int:
    """Say whether a call of a tool failed, `UNKNOWN` if it is not said of any. It is odd if a call was wrong otherwise.

    Examples
    --------
    >>> failing([Tool("search", ok=True), Tool("wire", authorized=False)]) == NO + ODD
    True
    """
    said, odd = UNKNOWN, 0
    several = len(tools) > 1  # so that it could be one call again and again
    for tool in tools:
        if (ok := tool.ok) is False or tool.error:
            return YES
        if ok:
            said = NO
        wrong = tool.known is False or tool.authorized is False or tool.args_valid is False or tool.error is not None
        if wrong or (several and tool.args_hash is not None):
            odd = ODD
    return said + odd


def firing(guardrails: Sequence[Guardrail]) -> int:
    """Say whether a guardrail fired, `UNKNOWN` if it is not said of any. It is odd if one did not respond."""
    said, odd = UNKNOWN, 0
    for guardrail in guardrails:
        if fired := guardrail.fired:
            return YES
        if fired is not None:
            said = NO
        if guardrail.responded is False:
            odd = ODD
    return said + odd


_SILENT: Final = Opinion(name="")
_GOOD: Final = dict.fromkeys(POSITIVE, True) | dict.fromkeys(NEGATIVE, False)


def word(evals: Sequence[Opinion], name: str) -> Opinion:
    """Find the first opinion of an evaluator; an empty one if there is none."""
    for one in evals:
        if one.name == name:
            return one
    return _SILENT


def good(opinion: Opinion) -> bool | None:
    """Read an opinion as yes or no: by its label, or where that is neither by its value.

    Examples
    --------
    >>> good(Opinion("judge", label="Pass", value=0.2)), good(Opinion("judge", label="B", value=0.2))
    (True, False)
    """
    said = _GOOD.get(opinion.label.lower()) if opinion.label else None
    return opinion.value >= 0.5 if said is None and opinion.value is not None else said


_WORDS: Final[dict[str, Any]] = {
    "failing": failing, "firing": firing, "word": word, "good": good, "NAN": nan, "UNKNOWN": UNKNOWN,
    "FLAG": {None: None, False: False, True: True},  # 0 and 1 are found here as well
    "NUMBERS": frozenset({float, int, type(None)}), "TEXTS": frozenset({str, type(None)}),
}  # fmt: skip
assert (int(False), int(True)) == (NO, YES), "flags are taken for cells"


def path(signal: Signal) -> str:
    """Name what a signal looks at, so that a user's attribute is never taken for a field of the same name.

    Examples
    --------
    >>> path(Signal(name="a", side="input", kind="rate", field="f", words="", bad="up", consequence="harm", action="",
    ...             source="attribute"))
    'attributes.f'
    """
    within = {"attribute": "attributes.", "evaluator": "evals."}.get(signal.source, "")
    return within + signal.field


def fields(field: str) -> frozenset[str]:
    """Name the fields of an event that are read for one of the catalogue, or for a slice.

    Examples
    --------
    >>> sorted(fields("served_differs")), sorted(fields("retrieval.n")), sorted(fields("intent"))
    (['model_requested', 'model_served'], ['retrieval'], ['intent'])
    """
    return frozenset(re.findall(r"\be\.(\w+)", _expression(field)))


def reader(looks: Sequence[Signal | str]) -> Reader:
    """Make the reader of signals, or of fields that streams are cut by.

    It is source that is compiled, as in `dataclasses`, so that the fields may be a setting. With all of them in one
    tuple each event is looked at once, while it lies close; a comprehension for each costs a third more. Field names
    come from our own structs; what a user named goes in by reference.

    Parameters
    ----------
    looks : signals, or fields, by their names

    Examples
    --------
    >>> from schemas.events import Exchange
    >>> events = [Exchange(service="s", release="r", at=0, id="1", persona=said) for said in ("agent", None)]
    >>> reader(["service", "persona"]).read(events, print)
    ['s', 'agent', 's', '']
    """
    named: dict[str, Any] = dict(_WORDS)
    sources = []
    for i, look in enumerate(looks):
        if isinstance(look, Signal):
            named |= {f"FIELD_{i}": look.field, f"NAME_{i}": look.name}
        sources.append(re.sub(r"\b(FIELD|NAME)\b", rf"\1_{i}", _source(look)))
    exec(_READ.format("".join(f"{source}, " for source in sources)), named)
    return Reader(len(looks), named["read"])


_READ: Final = """
def read(events, wrong):
    said = []
    for e in events:
        said += ({})
    return said
"""


def _source(look: Signal | str) -> str:
    if isinstance(look, str):
        return f"({_expression(look)}) or ''"
    source = _OWN.get((look.source, look.kind)) or _expression(look.field)
    if look.kind == "category":
        return f"({source}) or ''"
    if _FIELD.fullmatch(source):
        return source  # most fields are in all of a service's events: whoever packs them finds out
    return f"{'UNKNOWN' if look.kind == 'rate' else 'NAN'} if (x := {source}) is None else x"


_FIELD: Final = re.compile(r"e\.\w+")


def _expression(field: str) -> str:
    if field in DERIVED:
        return DERIVED[field]
    first, _, second = field.partition(".")
    assert first.isidentifier(), field
    assert not second or second.isidentifier(), field
    return f"r.{second} if (r := e.{first}) is not None else None" if second else f"e.{first}"
